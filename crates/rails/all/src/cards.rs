//! The cards of a wallet, at whatever processor.

use std::sync::Arc;

use farthing_rail::Payer;
use farthing_rail_stripe::buyer::{Funding, FundingError, StripePayer};
use farthing_wallet::Wallet;

use crate::now;

/// What pays by the wallet's card through Stripe, where it has one. It is opened when it first pays.
pub fn by_card(wallet: &Wallet) -> Option<Arc<dyn Payer>> {
    let rail = farthing_rail_stripe::METHOD;
    if !wallet.has_funding(rail) {
        return None;
    }
    let kept = wallet.clone();
    let funding = move || {
        let bytes = kept.funding(rail).map_err(|error| error.to_string())?;
        let bytes = bytes.ok_or_else(|| FundingError::Unreadable.to_string())?;
        Funding::from_bytes(&bytes).map_err(|error| error.to_string())
    };
    Some(Arc::new(StripePayer::new(wallet.signer(), Arc::new(funding), Arc::new(now))))
}
