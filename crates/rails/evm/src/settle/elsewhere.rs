//! Payments that somebody else was asked to submit: all that counts is what the chain shows.

use farthing_rail::{Claim, Settlement};
use tokio::time::Instant;

use super::ChainSettler;
use super::authorized::{Nonce, Ours};
use super::judgement::Wait;
use super::outcome::{refused_for, unknown};
use crate::Payment;
use crate::rpc::At;

impl ChainSettler {
    /// What became of an authorization that may have been submitted by anybody, from the chain alone:
    /// by what made it single-use, and never by what a submitter says.
    pub(crate) async fn look_elsewhere(&self, claim: &Claim) -> Settlement {
        let payment = match self.read_payment(claim) {
            Ok(payment) => payment,
            Err(settlement) => return unknown(format!("cannot be looked up: {settlement:?}")),
        };
        if let Err(reason) = self.guard().await {
            return unknown(reason);
        }
        match self.nonce_state(&payment, At::Latest).await {
            Ok(Nonce::Spent) => self.find_use(claim, &payment, Ours::Nowhere).await,
            Ok(Nonce::Free) => self.not_used_yet(&payment).await,
            Err(error) => unknown(error.to_string()),
        }
    }

    /// The same for somebody who waits for it: looks again until it is known, or for as long as a
    /// settlement may take.
    pub(crate) async fn await_elsewhere(&self, claim: &Claim) -> Settlement {
        let mut wait = Wait::until(Instant::now() + self.rules.patience);
        loop {
            let settlement = self.look_elsewhere(claim).await;
            if !matches!(settlement, Settlement::Unknown(_)) || !wait.pause().await {
                return settlement;
            }
        }
    }

    /// It may still be used for as long as it is valid, by a block that is not deep yet.
    async fn not_used_yet(&self, payment: &Payment) -> Settlement {
        let deep = match self.deep().await {
            Ok(deep) => deep,
            Err(error) => return unknown(error.to_string()),
        };
        match payment.valid_before().is_some_and(|end| deep.timestamp >= end) {
            true => refused_for(
                farthing_rail::Fault::Expired,
                "the payment expired before anybody settled it; nothing was taken, sign a fresh one",
            ),
            false => unknown("our nodes do not show that the payment was settled"),
        }
    }
}
