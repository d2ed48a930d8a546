//! Payments that somebody else was asked to submit: all that counts is what the chain shows.

use alloy_primitives::U256;
use farthing_rail::{Claim, Settlement};
use tokio::time::Instant;

use super::ChainSettler;
use super::authorized::{Nonce, Ours};
use super::capture::took_nothing;
use super::journal::Purpose;
use super::judgement::{Patience, Wait};
use super::outcome::{refused_for, unknown};
use crate::Payment;
use crate::rpc::{At, RpcError, answers::Receipt};
use crate::x402::proxy;

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
            Ok(Nonce::Spent) if payment.is_up_to() => self.find_capture(claim, &payment).await,
            Ok(Nonce::Spent) => self.find_use(claim, &payment, Ours::Nowhere).await,
            // Whatever its submitter may still do, we asked for nothing.
            Ok(Nonce::Free) if payment.is_up_to() && self.is_let_go(claim).await => self.nothing_taken(),
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

    /// Asks for nothing of a permit that somebody else may submit, and writes that down; unless that somebody
    /// has taken of it already.
    pub(crate) async fn let_go(&self, claim: &Claim) -> Settlement {
        match self.look_elsewhere(claim).await {
            taken @ Settlement::Settled(_) => taken,
            _ => self.take_nothing(claim).await,
        }
    }

    /// Whether it was written down that nothing is asked for.
    pub(crate) async fn is_let_go(&self, claim: &Claim) -> bool {
        let ours = self.journal.of_purpose(self.chain, &Purpose::Settle(claim.payment)).await;
        ours.is_ok_and(|ours| took_nothing(&ours))
    }

    /// How much was taken by a permit of which up to its cap may be, by the transaction of the one account that
    /// can. What that transaction tells the proxy must be what the token shows; a payer who spends the permit's
    /// nonce otherwise, and sends less by itself, has not paid.
    async fn find_capture(&self, claim: &Claim, payment: &Payment) -> Settlement {
        match self.capture_of(payment).await {
            Ok(Some((taken, receipt))) => self.judge(claim, &payment.taking(taken), receipt, Patience::None).await,
            Ok(None) => self.cancelled(claim, payment, Ours::Nowhere).await,
            Err(error) => unknown(error.to_string()),
        }
    }

    async fn capture_of(&self, payment: &Payment) -> Result<Option<(U256, Receipt)>, RpcError> {
        for transaction in self.candidates(payment).await? {
            let input = self.endpoints.input(transaction).await?;
            let Some(taken) = proxy::amount_taken_by(&input, payment) else { continue };
            let Some(receipt) = self.endpoints.receipt(transaction).await? else { continue };
            if Some(receipt.sender) == payment.submitter() {
                return Ok(Some((taken, receipt)));
            }
        }
        Ok(None)
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
