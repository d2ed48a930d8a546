//! The payer's transaction whose fee we pay.

use alloy_primitives::{B256, TxKind};
use farthing_rail::{Claim, Settlement};
use tempo_primitives::TempoTransaction;

use super::ChainSettler;
use super::chain_settler::Sponsor;
use super::journal::{Purpose, State, Submission};
use super::judgement::Patience;
use super::outcome::{refused, rejected, unable, unknown};
use super::transaction::{never_included, refused_by_node};
use crate::rpc::{RefusedBy, RpcError, SimulatedRequest};
use crate::tempo::{Cosigned, Envelope, cosign};
use crate::{Payment, Way, log};

impl ChainSettler {
    /// Rehearses it, co-signs it, writes it down, and sends it: a payment that would fail must not
    /// cost us its fee.
    pub(super) async fn settle_sponsored(&self, claim: &Claim, payment: &Payment) -> Settlement {
        let Way::Sponsored { raw, valid_before, .. } = &payment.way else { return unknown("not sponsored") };
        let Some(sponsor) = &self.sponsor else {
            return unable("a sponsored transaction came and no signer is configured to pay for it");
        };
        let envelope = match Envelope::parse(raw) {
            Ok(envelope) => envelope,
            Err(error) => return refused(error.to_string()),
        };
        let Ok(_place) = self.sponsoring.acquire().await else { return unable("the settler is closed") };
        if let Err(settlement) = self.rehearse_calls(payment, &envelope).await {
            return settlement;
        }
        let cosigned = match self.cosign(sponsor, &envelope, raw).await {
            Ok(cosigned) => cosigned,
            Err(settlement) => return settlement,
        };
        let submission = Submission {
            purpose: Purpose::Settle(claim.payment),
            chain: self.chain,
            signer: sponsor.account.address(),
            nonce: None,
            hash: cosigned.hash,
            raw: cosigned.raw.into(),
            valid_before: Some(*valid_before),
            state: State::Open,
            at: (self.now)(),
        };
        let raw = submission.raw.clone();
        if let Err(error) = self.journal.append(vec![submission]).await {
            return unable(error.to_string());
        }
        // Writing it down may have taken a while: what is about to expire must not be sent.
        if let Err(refusal) = sponsor.policy.check(&envelope, (self.now)()) {
            return refused(refusal.to_string());
        }
        match self.endpoints.send(&raw).await {
            Ok(Some(receipt)) if receipt.hash == cosigned.hash => self.include(claim, payment, receipt).await,
            Ok(_) => self.await_inclusion(claim, payment, cosigned.hash).await,
            Err(RpcError::Refused { by: RefusedBy::AlreadyKnown, .. }) => {
                self.await_inclusion(claim, payment, cosigned.hash).await
            }
            Err(error) if error.may_have_arrived() => self.lookup_sponsored(claim, payment).await,
            // The payer's part was rehearsed: what is missing is the fee, which is ours.
            Err(error @ RpcError::Refused { by: RefusedBy::InsufficientFunds, .. }) => unable(error.to_string()),
            Err(error) => refused_by_node(&error),
        }
    }

    async fn cosign(&self, sponsor: &Sponsor, envelope: &Envelope, raw: &[u8]) -> Result<Cosigned, Settlement> {
        let policy = &sponsor.policy;
        policy.check(envelope, (self.now)()).map_err(|refusal| refused(refusal.to_string()))?;
        policy.check_fee_token(sponsor.fee_token).map_err(|refusal| unable(refusal.to_string()))?;
        cosign(raw, &sponsor.account, sponsor.fee_token).await.map_err(|error| unable(error.to_string()))
    }

    /// Runs the calls one after the other, as the sender, where the node can.
    async fn rehearse_calls(&self, payment: &Payment, envelope: &Envelope) -> Result<(), Settlement> {
        let from = envelope.sender().account;
        let calls = requests(envelope.transaction(), from);
        match self.endpoints.simulate(&calls).await {
            Ok(outcomes) => {
                if let Some(failed) = outcomes.iter().find(|outcome| !outcome.is_success)
                    && let Some(rehearsed) = self.rehearse_opening(payment, &failed.returned).await
                {
                    return rehearsed;
                }
                if outcomes.len() < calls.len() || outcomes.iter().any(|outcome| !outcome.is_success) {
                    let detail = "the payment's calls fail in a rehearsal, for want of balance or because the token \
                                  refuses; nothing was taken, top up and pay the fresh challenge";
                    return Err(rejected("the rehearsal of the calls failed", detail));
                }
                let logs: Vec<log::Log> = outcomes.into_iter().flat_map(|outcome| outcome.logs).collect();
                log::satisfy(payment, &logs).map(drop).map_err(|unsatisfied| refused(unsatisfied.to_string()))
            }
            // The bounds of the policy are then all that protects the sponsor.
            Err(error) if error.refused_by() == Some(RefusedBy::NoSuchMethod) => Ok(()),
            Err(error) => Err(refused_by_node(&error)),
        }
    }

    /// Looks for the inclusion of what was co-signed; what is not in the journal was never sent.
    pub(super) async fn lookup_sponsored(&self, claim: &Claim, payment: &Payment) -> Settlement {
        let Way::Sponsored { valid_before, .. } = &payment.way else { return unknown("not sponsored") };
        let submissions = match self.journal.of_purpose(self.chain, &Purpose::Settle(claim.payment)).await {
            Ok(submissions) => submissions,
            Err(error) => return unknown(error.to_string()),
        };
        let Some(submission) = submissions.last() else { return never_sent() };
        match self.endpoints.receipt(submission.hash).await {
            Ok(Some(receipt)) => return self.judge(claim, payment, receipt, Patience::None).await,
            Ok(None) => {}
            Err(error) => return unknown(error.to_string()),
        }
        match self.is_past(None, Some(*valid_before)).await {
            Ok(true) => self.settle_absence(claim, payment, submission.hash).await,
            Ok(false) => match self.endpoints.post(&submission.raw).await {
                Ok(()) => unknown(format!("{} was sent again and is not included yet", submission.hash)),
                Err(error) => unknown(format!("{} is not included yet; {error}", submission.hash)),
            },
            Err(error) => unknown(error.to_string()),
        }
    }

    /// Nothing can include it any more: the chain may have moved on between two questions, so it is
    /// asked once more.
    pub(super) async fn settle_absence(&self, claim: &Claim, payment: &Payment, hash: B256) -> Settlement {
        match self.endpoints.receipt(hash).await {
            Ok(None) => never_included(hash),
            Ok(Some(receipt)) => self.judge(claim, payment, receipt, Patience::None).await,
            Err(error) => unknown(error.to_string()),
        }
    }
}

/// The process ended before anything was written down, and so before anything was sent.
pub(super) fn never_sent() -> Settlement {
    rejected(
        "nothing was written down for this payment, so nothing was sent",
        "nothing was sent; pay the fresh challenge",
    )
}

fn requests(transaction: &TempoTransaction, from: alloy_primitives::Address) -> Vec<SimulatedRequest> {
    let request = |call: &tempo_primitives::transaction::Call| match call.to {
        TxKind::Call(to) => Some(SimulatedRequest { from, to, data: call.input.clone() }),
        TxKind::Create => None,
    };
    transaction.calls.iter().filter_map(request).collect()
}
