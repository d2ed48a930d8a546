//! What an inclusion cost us in the payment's own token.

use alloy_primitives::{Address, U256, address};
use farthing_money::Amount;

use crate::log;
use crate::rpc::Receipt;

/// Where Tempo's fees go.
pub(super) const FEE_MANAGER: Address = address!("0xfeec000000000000000000000000000000000000");

/// What an account paid for an inclusion. On Tempo a transfer to the fee manager says it; gas in a coin
/// of another kind is not a fee of this asset and counts as none here.
#[derive(Debug, Default)]
pub(super) struct Fee {
    /// Base units of the token.
    pub(super) amount: Amount,
    /// The places of its transfers among the receipt's events.
    pub(super) positions: Vec<usize>,
}

impl Fee {
    /// What this account paid in this token.
    pub(super) fn in_receipt(token: Address, account: Address, receipt: &Receipt) -> Self {
        let transfers = log::transfers(token, &receipt.logs).into_iter();
        let fees = transfers.filter(|(_, moved)| moved.from == account && moved.to == FEE_MANAGER);
        let (positions, amounts): (Vec<usize>, Vec<U256>) =
            fees.map(|(position, moved)| (position, moved.amount)).unzip();
        let sum = amounts.into_iter().fold(U256::ZERO, U256::saturating_add);
        Self { amount: Amount::new(sum.saturating_to()), positions }
    }
}
