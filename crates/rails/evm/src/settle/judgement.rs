//! From a receipt to an outcome.

use std::time::Duration;

use alloy_primitives::{Address, B256};
use farthing_money::Amount;
use farthing_protocol::Timestamp;
use farthing_rail::{Claim, ProofKey, Settled, Settlement};
use tokio::time::{Instant, sleep};

use super::ChainSettler;
use super::fee::Fee;
use super::outcome::{refused, rejected, unknown};
use super::session::with_captured;
use crate::rpc::{Receipt, RpcError};
use crate::{Payment, Way, log};

/// How soon, and how late, it is looked for an inclusion again.
const SOONEST: Duration = Duration::from_millis(100);
const LATEST: Duration = Duration::from_secs(2);

/// Whether there is time to wait for blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// The payer waits: wait for the blocks that the amount needs.
    Wait,
    /// Say at once how it stands.
    None,
}

impl ChainSettler {
    /// What an inclusion comes to, once it is deep enough for its amount.
    pub(super) async fn judge(
        &self,
        claim: &Claim,
        payment: &Payment,
        receipt: Receipt,
        patience: Patience,
    ) -> Settlement {
        let receipt = match self.deepen(claim, receipt, patience).await {
            Ok(Some(receipt)) => receipt,
            Ok(None) => return unknown("it is included and waits for more blocks"),
            Err(error) => return unknown(error.to_string()),
        };
        if !receipt.is_success {
            let reason = format!("transaction {} reverted in block {}", receipt.hash, receipt.block);
            return rejected(
                reason,
                "the transfer was refused by the token; nothing was taken, pay the fresh challenge",
            );
        }
        let moved = payment.as_moved(&receipt.logs);
        match log::satisfy(&moved, &receipt.logs) {
            Ok(positions) => with_captured(self.settled(&moved, &receipt, &positions).await, &moved, payment),
            Err(unsatisfied) => refused(format!("transaction {} does not pay this: {unsatisfied}", receipt.hash)),
        }
    }

    /// The receipt as it stands once enough blocks are on top of it; nothing while they are not.
    async fn deepen(&self, claim: &Claim, receipt: Receipt, patience: Patience) -> Result<Option<Receipt>, RpcError> {
        let blocks = self.rules.confirmations.of(claim.proof.amount);
        if blocks <= 1 {
            return Ok(Some(receipt));
        }
        let mut wait = Wait::until(Instant::now() + self.rules.patience);
        loop {
            match self.deep_enough(&receipt, blocks).await {
                // Nodes are rarely in step; a moment later they may be.
                Ok(None) | Err(RpcError::Disagreement { .. }) => {}
                answer => return answer,
            }
            if patience == Patience::None || !wait.pause().await {
                return Ok(None);
            }
        }
    }

    async fn deep_enough(&self, receipt: &Receipt, blocks: u64) -> Result<Option<Receipt>, RpcError> {
        let reached = self.endpoints.head().await?.saturating_add(1);
        if reached < receipt.block.saturating_add(blocks) {
            return Ok(None);
        }
        // It may have moved to another block, or out of the chain, while we waited.
        let again = self.endpoints.receipt(receipt.hash).await?;
        Ok(again.filter(|again| reached >= again.block.saturating_add(blocks)))
    }

    async fn settled(&self, payment: &Payment, receipt: &Receipt, positions: &[usize]) -> Settlement {
        let name = self.name_of(receipt.hash);
        let at = match self.timestamp_of(receipt).await {
            Ok(Some(seconds)) => time_of(seconds),
            Ok(None) => return unknown("its block left the chain while it was looked at"),
            Err(error) => return unknown(error.to_string()),
        };
        let fee = self.fee_of(payment, receipt);
        let positions = positions.iter().chain(&fee.positions);
        let consumed = positions.map(|position| ProofKey::new(format!("{name}/{position}"))).collect();
        let (reference, passed_on) = (receipt.hash.to_string(), Amount::ZERO);
        let taken = payment.legs.first().filter(|_| payment.is_up_to());
        let captured = taken.map(|leg| Amount::new(leg.amount.saturating_to()));
        Settlement::Settled(Settled { reference, at, fee: fee.amount, passed_on, consumed, captured })
    }

    /// What it cost us in the payment's own token, as far as a statement shows it.
    fn fee_of(&self, payment: &Payment, receipt: &Receipt) -> Fee {
        let sponsor = self.sponsor.as_ref().map(|sponsor| sponsor.account.address());
        let is_tills = |signer: &Address| payment.legs.first().is_none_or(|leg| leg.recipient == *signer);
        let account = match payment.way {
            Way::Sponsored { .. } => sponsor,
            Way::Called { .. } => self.signer().filter(|signer| sponsor == Some(*signer) || is_tills(signer)),
            _ => None,
        };
        account.map_or_else(Fee::default, |account| Fee::in_receipt(payment.token, account, receipt))
    }

    /// Waits for a transaction to be included. What is wrong with the nodes may pass while it waits.
    pub(super) async fn wait_for(&self, hash: B256) -> Result<Option<Receipt>, RpcError> {
        let mut wait = Wait::until(Instant::now() + self.rules.patience);
        loop {
            let answer = self.endpoints.receipt(hash).await;
            if matches!(answer, Ok(Some(_))) || !wait.pause().await {
                return answer;
            }
        }
    }
}

/// Waiting for blocks: ever less often, until a deadline.
pub(super) struct Wait {
    until: Instant,
    pause: Duration,
}

impl Wait {
    pub(super) fn until(until: Instant) -> Self {
        Self { until, pause: SOONEST }
    }

    /// Pauses; false when there is no time left.
    pub(super) async fn pause(&mut self) -> bool {
        if Instant::now() + self.pause >= self.until {
            return false;
        }
        sleep(self.pause).await;
        self.pause = (self.pause * 3 / 2).min(LATEST);
        true
    }
}

/// A time of the chain.
pub(super) fn time_of(seconds: u64) -> Timestamp {
    Timestamp::from_unix_millis(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000))
}

/// The time of the chain that a clock shows.
pub(super) fn seconds_of(time: Timestamp) -> u64 {
    u64::try_from(time.unix_millis() / 1000).unwrap_or(0)
}
