//! The cards of a wallet, at whatever processor.

use std::sync::Arc;

use farthing_rail::Payer;
use farthing_rail_balance::{TOP_UP, TopUpPayer};
use farthing_rail_card::buyer::{CardPayer, over_https};
use farthing_rail_card::machine_randomness;
use farthing_rail_card::sandbox::SandboxClient;
use farthing_rail_stripe::buyer::{Funding, FundingError, StripePayer, SubscriptionPayer};
use farthing_wallet::Wallet;

use crate::now;

/// What pays by the wallet's card through Stripe, a request or into a balance, where it has one. It is opened when it
/// first pays.
pub fn by_card(wallet: &Wallet) -> Vec<Arc<dyn Payer>> {
    let rail = farthing_rail_stripe::METHOD;
    if !wallet.has_funding(rail) {
        return Vec::new();
    }
    let kept = wallet.clone();
    let funding = move || {
        let bytes = kept.funding(rail).map_err(|error| error.to_string())?;
        let bytes = bytes.ok_or_else(|| FundingError::Unreadable.to_string())?;
        Funding::from_bytes(&bytes).map_err(|error| error.to_string())
    };
    let funding = Arc::new(funding);
    let card = StripePayer::new(wallet.signer(), funding.clone(), Arc::new(now));
    let subscriber = SubscriptionPayer::new(wallet.signer(), funding, Arc::new(now));
    let top_up = TopUpPayer::over(Arc::new(card.clone().under(TOP_UP)), wallet.signer());
    vec![Arc::new(card), Arc::new(top_up), Arc::new(subscriber)]
}

/// What pays with encrypted tokens of a card, where the owner gave the wallet one: the sandbox's, which stands for no
/// card and pays servers on this machine only (`farthing wallet fund --sandbox-card`).
pub fn by_token(wallet: &Wallet) -> Result<Vec<Arc<dyn Payer>>, reqwest::Error> {
    if !wallet.has_funding(farthing_rail_card::METHOD) {
        return Ok(Vec::new());
    }
    let sandbox = Arc::new(SandboxClient::new(machine_randomness()));
    let card = CardPayer::new(wallet.signer(), sandbox, over_https()?, Arc::new(now));
    let top_up = TopUpPayer::over(Arc::new(card.clone().under(TOP_UP)), wallet.signer());
    Ok(vec![Arc::new(card), Arc::new(top_up)])
}
