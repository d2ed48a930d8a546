use std::time::Duration;

use farthing_money::{Amount, Asset};
use farthing_rail::ExpectedFee;

use crate::Network;

/// What a seller's half is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The currency, as [`crate::asset_of`] makes it.
    pub asset: Asset,
    /// The seller's id at its acquirer.
    pub recipient: String,
    /// What the seller is called.
    pub merchant_name: String,
    /// Whose cards are taken.
    pub networks: Vec<Network>,
    /// Whether the card's address is wanted.
    pub billing_required: bool,
    /// What a payment is expected to cost.
    pub fee: ExpectedFee,
    /// Less is not charged.
    pub floor: Amount,
    /// How long a challenge lives.
    pub validity: Duration,
}
