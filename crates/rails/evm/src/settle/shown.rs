//! A transaction that the payer says to have sent.

use alloy_primitives::B256;
use farthing_rail::{Claim, Settlement};
use tokio::time::Instant;

use super::ChainSettler;
use super::judgement::{Patience, Wait};
use super::outcome::{refused, unknown};
use crate::rpc::{At, Receipt, RpcError};
use crate::{Payment, Way};

impl ChainSettler {
    /// Waits a while for the chain to show it.
    pub(super) async fn settle_shown(&self, claim: &Claim, payment: &Payment, hash: B256) -> Settlement {
        let mut wait = Wait::until(Instant::now() + self.rules.patience);
        loop {
            let settlement = self.look_for_shown(claim, payment, hash).await;
            if !matches!(settlement, Settlement::Unknown(_)) || !wait.pause().await {
                return settlement;
            }
        }
    }

    /// What the chain shows of it. A transaction that no node has heard of a good while after it was
    /// claimed is refused: should it come nevertheless, the statement shows it as money that belongs
    /// to no payment.
    pub(super) async fn look_for_shown(&self, claim: &Claim, payment: &Payment, hash: B256) -> Settlement {
        match self.journal.of_hash(self.chain, hash).await {
            Ok(None) => {}
            Ok(Some(_)) => return refused("this transaction was sent by the seller; show one of your own"),
            Err(error) => return unknown(error.to_string()),
        }
        match self.endpoints.receipt(hash).await {
            Ok(Some(receipt)) => self.judge_shown(claim, payment, receipt).await,
            Ok(None) => self.unseen(claim, hash).await,
            Err(error) => unknown(error.to_string()),
        }
    }

    async fn judge_shown(&self, claim: &Claim, payment: &Payment, receipt: Receipt) -> Settlement {
        let Way::Shown { not_before, .. } = &payment.way else { return unknown("not shown") };
        match self.timestamp_of(&receipt).await {
            Ok(Some(timestamp)) if timestamp >= *not_before => {
                self.judge(claim, payment, receipt, Patience::None).await
            }
            Ok(Some(_)) => refused("this transaction is older than the challenge; pay the fresh challenge anew"),
            Ok(None) => unknown("its block left the chain while it was looked at"),
            Err(error) => unknown(error.to_string()),
        }
    }

    async fn unseen(&self, claim: &Claim, hash: B256) -> Settlement {
        match self.endpoints.knows(hash).await {
            Ok(true) => unknown(format!("{hash} waits to be included")),
            Ok(false) if (self.now)() <= claim.claimed_at.after(self.rules.unseen) => {
                unknown(format!("no node has heard of {hash} yet"))
            }
            Ok(false) => {
                refused(format!("the chain does not show the transaction {hash}; check the chain it was sent on"))
            }
            Err(error) => unknown(error.to_string()),
        }
    }

    /// When the block of a receipt was made.
    pub(super) async fn timestamp_of(&self, receipt: &Receipt) -> Result<Option<u64>, RpcError> {
        match receipt.timestamp {
            Some(timestamp) => Ok(Some(timestamp)),
            None => Ok(self.endpoints.block(At::Block(receipt.block_hash)).await?.map(|block| block.timestamp)),
        }
    }
}
