//! What the escrow contracts tell of themselves.

use alloy_primitives::B256;
use alloy_sol_types::SolEvent as _;
use farthing_money::Amount;

use super::abi::events as abi;
use crate::log::Log;
use crate::session::{Vault, VaultKind};

impl Vault {
    /// Whether exactly this was added to a channel, in the events of one transaction.
    pub(crate) fn tells_of_top_up(&self, logs: &[Log], channel: &B256, additional: Amount) -> bool {
        let kind = match self.kind {
            VaultKind::Reserve => abi::reserve::TopUp::SIGNATURE_HASH,
            VaultKind::Stream | VaultKind::Evm => abi::channels::TopUp::SIGNATURE_HASH,
        };
        // Of either kind the first word of the data is what was added.
        let added = |log: &Log| log.data.first_chunk::<32>().map(|word| alloy_primitives::U256::from_be_bytes(*word));
        let units = alloy_primitives::U256::from(additional.units());
        logs.iter().any(|log| {
            log.address == self.contract && log.topics.starts_with(&[kind, *channel]) && added(log) == Some(units)
        })
    }
}
