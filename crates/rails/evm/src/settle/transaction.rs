//! The payer's own signed transaction.

use alloy_primitives::B256;
use farthing_rail::{Claim, Settlement};

use super::ChainSettler;
use super::judgement::Patience;
use super::outcome::{rejected, unknown};
use crate::rpc::{RefusedBy, RpcError};
use crate::{Payment, Way};

impl ChainSettler {
    /// Sends it. The claim in the books is its write-ahead: the bytes are in it.
    pub(super) async fn settle_transaction(&self, claim: &Claim, payment: &Payment) -> Settlement {
        let Way::Transaction { raw, hash, .. } = &payment.way else { return unknown("not a transaction") };
        if let Err(settlement) = self.check_delegated(payment).await {
            return settlement;
        }
        match self.endpoints.send(raw).await {
            Ok(Some(receipt)) if receipt.hash == *hash => self.include(claim, payment, receipt).await,
            Ok(_) => self.await_inclusion(claim, payment, *hash).await,
            Err(RpcError::Refused { by: RefusedBy::AlreadyKnown, .. }) => {
                self.await_inclusion(claim, payment, *hash).await
            }
            Err(error) if error.may_have_arrived() => self.lookup_transaction(claim, payment).await,
            Err(error) => refused_by_node(&error),
        }
    }

    /// Looks for its inclusion; sends the same bytes again while they can still be included.
    pub(super) async fn lookup_transaction(&self, claim: &Claim, payment: &Payment) -> Settlement {
        let Way::Transaction { raw, hash, sender, nonce, valid_before } = &payment.way else {
            return unknown("not a transaction");
        };
        match self.endpoints.receipt(*hash).await {
            Ok(Some(receipt)) => return self.judge(claim, payment, receipt, Patience::None).await,
            Ok(None) => {}
            Err(error) => return unknown(error.to_string()),
        }
        match self.is_past(Some((*sender, *nonce)), *valid_before).await {
            Ok(true) => self.settle_absence(claim, payment, *hash).await,
            Ok(false) => match self.endpoints.post(raw).await {
                Ok(()) => unknown(format!("{hash} was sent again and is not included yet")),
                Err(error) => unknown(format!("{hash} is not included yet; {error}")),
            },
            Err(error) => unknown(error.to_string()),
        }
    }

    /// The receipt that a node gave for a broadcast is one node's word: with a quorum, others are
    /// asked as well.
    pub(super) async fn include(&self, claim: &Claim, payment: &Payment, receipt: crate::rpc::Receipt) -> Settlement {
        if self.endpoints.quorum() == 1 {
            return self.judge(claim, payment, receipt, Patience::Wait).await;
        }
        self.await_inclusion(claim, payment, receipt.hash).await
    }

    pub(super) async fn await_inclusion(&self, claim: &Claim, payment: &Payment, hash: B256) -> Settlement {
        match self.wait_for(hash).await {
            Ok(Some(receipt)) => self.judge(claim, payment, receipt, Patience::Wait).await,
            Ok(None) => unknown(format!("{hash} is sent and not included yet")),
            Err(error) => unknown(error.to_string()),
        }
    }
}

pub(super) fn never_included(hash: B256) -> Settlement {
    rejected(
        format!("{hash} can no longer be included"),
        "the transaction was not included before its time or its nonce passed; nothing was taken, pay the fresh challenge",
    )
}

/// A node read the transaction and does not take it, and no other has seen it.
pub(super) fn refused_by_node(error: &RpcError) -> Settlement {
    let detail = match error.refused_by() {
        Some(RefusedBy::InsufficientFunds) => {
            "the sending account does not have the amount and the fee; nothing was taken, top it up and pay again"
        }
        Some(RefusedBy::Underpriced) => {
            "the transaction offers too little for gas; nothing was taken, sign with a higher fee"
        }
        Some(_) => "the chain does not take this transaction; nothing was taken, sign a fresh one",
        None => "the chain cannot be reached just now; nothing was taken, pay another way",
    };
    rejected(error.to_string(), detail)
}
