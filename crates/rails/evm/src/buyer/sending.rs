use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes};
use farthing_rail::Sent;
use serde::{Deserialize, Serialize};
use tokio::time::{sleep, timeout};

use super::Purse;
use crate::rpc::{At, Endpoints, RefusedBy, RpcError};

/// How long a payer waits until its transaction is included.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a node is asked for a transaction that one has refused: it may have had it already.
const AFTER_REFUSAL: Duration = Duration::from_secs(2);
/// How often the chain is asked.
const PACE: Duration = Duration::from_millis(200);
/// Nodes are not in step: so many seconds after its end, no node will still include a transaction.
const MARGIN: u64 = 15;
/// So often in a row a transaction must be seen to be impossible: one node may lag behind another.
const SIGHTINGS: u32 = 3;

/// A transaction that its payer signed and sends itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToSend {
    /// Where (EIP-155).
    pub chain: u64,
    /// Signed.
    pub raw: Bytes,
    /// The hash under which it will be included.
    pub hash: B256,
    /// From when on it cannot be included.
    pub lapse: Lapse,
}

/// What makes a transaction impossible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lapse {
    /// The time of a block, in Unix seconds: it is only valid before.
    At(u64),
    /// Another transaction of this account with the same number.
    Nonce {
        /// The sender.
        account: Address,
        /// The number.
        number: u64,
    },
}

impl Purse {
    /// See [`super::Funds::send`].
    pub(super) async fn send_out(&self, sending: &ToSend) -> Sent {
        let endpoints = match self.confirmed(sending.chain).await {
            Ok(reached) => reached.endpoints(),
            Err(error) => return Sent::Unknown(format!("it may be sent, or not yet: {error}")),
        };
        let (chain, hash) = (sending.chain, sending.hash);
        timeout(PATIENCE, until_included(endpoints, sending)).await.unwrap_or_else(|_| {
            let waited = PATIENCE.as_secs();
            Sent::Unknown(format!("chain {chain} did not show transaction {hash} within {waited} seconds"))
        })
    }
}

/// Sends until a node has it and the chain shows it, or can never show it.
async fn until_included(endpoints: &Endpoints, sending: &ToSend) -> Sent {
    let (chain, hash) = (sending.chain, sending.hash);
    let mut handed_over = false;
    let mut impossible = 0;
    loop {
        // Asked before the receipt: what is included in between is then still found.
        let lapsed = has_lapsed(endpoints, sending).await;
        match endpoints.receipt(hash).await {
            Ok(Some(receipt)) if receipt.is_success => return Sent::Moved,
            Ok(Some(_)) => return Sent::Never(format!("transaction {hash} failed on chain {chain}")),
            Ok(None) if lapsed => impossible += 1,
            _ => impossible = 0,
        }
        if impossible >= SIGHTINGS {
            return Sent::Never(format!("chain {chain} did not include transaction {hash} in time and never will"));
        }
        if !handed_over && !lapsed {
            match endpoints.post(&sending.raw).await {
                Err(RpcError::NotSent { .. }) => {}
                Err(error) if refused(&error) => return after_refusal(endpoints, sending, &error).await,
                _ => handed_over = true,
            }
        }
        sleep(PACE).await;
    }
}

/// A node that refuses it says nothing of what another has, or an earlier call gave it.
async fn after_refusal(endpoints: &Endpoints, sending: &ToSend, refusal: &RpcError) -> Sent {
    sleep(AFTER_REFUSAL).await;
    match endpoints.receipt(sending.hash).await {
        Ok(Some(receipt)) if receipt.is_success => Sent::Moved,
        Ok(Some(_)) => Sent::Never(format!("transaction {} failed on chain {}", sending.hash, sending.chain)),
        _ => Sent::Unknown(refusal.to_string()),
    }
}

fn refused(error: &RpcError) -> bool {
    !error.may_have_arrived() && error.refused_by() != Some(RefusedBy::Busy)
}

/// Whether a transaction that is not included by now cannot be any more; what cannot be told is not so.
async fn has_lapsed(endpoints: &Endpoints, sending: &ToSend) -> bool {
    match sending.lapse {
        Lapse::At(ends) => {
            let newest = endpoints.block(At::Latest).await.ok().flatten();
            newest.is_some_and(|block| block.timestamp >= ends.saturating_add(MARGIN))
        }
        Lapse::Nonce { account, number } => {
            endpoints.transaction_count(account, At::Latest).await.is_ok_and(|count| count > number)
        }
    }
}
