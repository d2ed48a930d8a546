//! Whether a settled payment still stands.

use std::time::Duration;

use alloy_primitives::B256;
use farthing_rail::{Claim, Settled, Settlement, Standing};

use super::ChainSettler;
use super::judgement::seconds_of;
use crate::rpc::{At, Receipt, RpcError};
use crate::{Payment, Way, log};

/// How long until a payment that is not final is looked at again.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// How an inclusion stands.
enum Inclusion {
    /// It is there, and this is whether it can no longer be taken back.
    Stands { is_final: bool },
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
        if matches!(payment.way, Way::Proof { .. }) {
            return Standing::Final;
        }
        let Ok(hash) = settled.reference.parse::<B256>() else { return provisional() };
        match self.inclusion(&payment, hash).await {
            Ok(Inclusion::Stands { is_final: true }) => Standing::Final,
            Ok(Inclusion::Stands { is_final: false }) | Err(_) => provisional(),
            Ok(Inclusion::Undone(reason)) => Standing::Reversed { reason },
            Ok(Inclusion::Shaken) => self.recover(claim, &payment, settled, hash).await,
        }
    }

    async fn inclusion(&self, payment: &Payment, hash: B256) -> Result<Inclusion, RpcError> {
        let Some(receipt) = self.endpoints.receipt(hash).await? else { return Ok(Inclusion::Shaken) };
        let head = self.endpoints.block(At::Latest).await?.map_or(0, |head| head.number);
        let is_final = head >= receipt.block.saturating_add(self.rules.finality);
        if has_effect(payment, &receipt) {
            return Ok(Inclusion::Stands { is_final });
        }
        if !is_final {
            return Ok(Inclusion::Shaken);
        }
        Ok(Inclusion::Undone(format!("{hash} was included anew in block {}, without effect", receipt.block)))
    }

    /// The inclusion is gone: brings it back if that is in our hands, and finds out whether it can
    /// come back at all.
    async fn recover(&self, claim: &Claim, payment: &Payment, settled: &Settled, hash: B256) -> Standing {
        tracing::warn!(payment = %claim.payment, %hash, "a settled transaction is no longer in the chain");
        let is_deep = self.deep().await.is_ok_and(|deep| deep.timestamp > seconds_of(settled.at));
        match self.lookup(claim).await {
            // Blocks that stay were built without it.
            Settlement::Rejected(rejected) if is_deep || !self.may_return(payment) => {
                Standing::Reversed { reason: format!("{hash} left the chain: {}", rejected.reason) }
            }
            _ => provisional(),
        }
    }

    /// Whether others than we may bring a transaction back.
    fn may_return(&self, payment: &Payment) -> bool {
        matches!(payment.way, Way::Shown { .. } | Way::Authorization { .. } | Way::Permit2 { .. })
    }
}

fn has_effect(payment: &Payment, receipt: &Receipt) -> bool {
    receipt.is_success && log::satisfy(payment, &receipt.logs).is_ok()
}

fn provisional() -> Standing {
    Standing::Provisional { ask_again: ASK_AGAIN }
}
