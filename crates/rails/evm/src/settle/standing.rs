//! Whether a settled payment still stands.

use std::time::Duration;

use alloy_primitives::{B256, U256};
use farthing_money::Amount;
use farthing_rail::{Claim, Settled, Settlement, Standing};

use super::ChainSettler;
use super::judgement::seconds_of;
use crate::rpc::{Receipt, RpcError};
use crate::{Payment, Way, chain, log};

/// How soon, and how late, a payment that is not final is looked at again.
const SOONEST: Duration = Duration::from_secs(1);
const LATEST: Duration = Duration::from_secs(60);
/// What a block takes on a chain that is not on file.
const BLOCK: Duration = Duration::from_secs(2);

/// How an inclusion stands.
enum Inclusion {
    /// It is there, and so many blocks are missing until it can no longer be taken back.
    Stands { missing: u64 },
    /// It is not there, or it is there without effect, and that may change.
    Shaken,
    /// It is there without effect, for good.
    Undone(String),
}

impl ChainSettler {
    /// Asks the chain about the transaction that settled the payment. When a reorganisation took it
    /// out, our own bytes are sent again; reversed is only what can never come back.
    pub(super) async fn confirm(&self, claim: &Claim, settled: &Settled) -> Standing {
        let Ok(payment) = serde_json::from_slice::<Payment>(&claim.proof.kept) else { return provisional() };
        if matches!(payment.way, Way::Proof { .. }) || settled.captured == Some(Amount::ZERO) {
            return Standing::Final;
        }
        let takes_less = payment.is_up_to() || matches!(payment.way, Way::Called { .. });
        let payment = match settled.captured.filter(|_| takes_less) {
            Some(captured) => payment.taking(U256::from(captured.units())),
            None => payment,
        };
        let Ok(hash) = settled.reference.parse::<B256>() else { return provisional() };
        match self.inclusion(&payment, hash).await {
            Ok(Inclusion::Stands { missing: 0 }) => Standing::Final,
            Ok(Inclusion::Stands { missing }) => Standing::Provisional { ask_again: self.time_of_blocks(missing) },
            Err(_) => provisional(),
            Ok(Inclusion::Undone(reason)) => Standing::Reversed { reason },
            Ok(Inclusion::Shaken) => self.recover(claim, &payment, settled, hash).await,
        }
    }

    async fn inclusion(&self, payment: &Payment, hash: B256) -> Result<Inclusion, RpcError> {
        let Some(receipt) = self.endpoints.receipt(hash).await? else { return Ok(Inclusion::Shaken) };
        let head = self.endpoints.head().await?;
        let missing = receipt.block.saturating_add(self.rules.finality).saturating_sub(head);
        if has_effect(payment, &receipt) {
            return Ok(Inclusion::Stands { missing });
        }
        if missing > 0 {
            return Ok(Inclusion::Shaken);
        }
        Ok(Inclusion::Undone(format!("{hash} was included anew in block {}, without effect", receipt.block)))
    }

    fn time_of_blocks(&self, blocks: u64) -> Duration {
        let block = chain::by_id(self.chain).map_or(BLOCK, |chain| chain.block_time);
        block.saturating_mul(u32::try_from(blocks).unwrap_or(u32::MAX)).clamp(SOONEST, LATEST)
    }

    /// The inclusion is gone: brings it back if that is in our hands, and finds out whether it can
    /// come back at all.
    async fn recover(&self, claim: &Claim, payment: &Payment, settled: &Settled, hash: B256) -> Standing {
        tracing::warn!(payment = %claim.payment, %hash, "a settled transaction is no longer in the chain");
        let is_deep = self.deep().await.is_ok_and(|deep| deep.timestamp > seconds_of(settled.at));
        match self.lookup(claim).await {
            // Somebody used the authorization in another transaction.
            Settlement::Settled(anew) if anew.reference != settled.reference => Standing::Moved(anew),
            // Blocks that stay were built without it.
            Settlement::Rejected(rejected) if is_deep || !self.may_return(payment) => {
                Standing::Reversed { reason: format!("{hash} left the chain: {}", rejected.reason) }
            }
            _ => provisional(),
        }
    }

    /// Whether others than we may bring a transaction back.
    fn may_return(&self, payment: &Payment) -> bool {
        !matches!(payment.way, Way::Proof { .. } | Way::Transaction { .. } | Way::Sponsored { .. })
    }
}

fn has_effect(payment: &Payment, receipt: &Receipt) -> bool {
    receipt.is_success && log::satisfy(payment, &receipt.logs).is_ok()
}

fn provisional() -> Standing {
    Standing::Provisional { ask_again: SOONEST }
}
