//! Money that the payer has signed for and that we move: EIP-3009 and Permit2.

use alloy_primitives::{Address, B256, U256};
use farthing_protocol::ProblemType;
use farthing_rail::{Claim, Fault, Refusal, Rejected, Settlement};

use super::journal::{JournalError, Purpose, Submission};
use super::judgement::{Patience, seconds_of};
use super::outcome::{refused_for, rejected, unable, unknown};
use super::sender::{Order, SendError, Sender};
use super::sponsored::never_sent;
use super::{ChainSettler, capture};
use crate::evm::{calldata, wrapped};
use crate::rpc::answers::{FoundLog, Receipt};
use crate::rpc::{At, LogFilter, RpcError};
use crate::x402::Proxy;
use crate::{Payment, Way};

/// How long an authorization must still be good for when it is sent: most of what the methods ask for
/// may have passed since.
const SHORTEST_VALIDITY: u64 = 5;
/// How far back the use of an authorization is looked for: further than a payment stays unknown.
pub(super) const BLOCKS_BACK: u64 = 9_000;
/// More than a question about a nonce takes.
const GAS_OF_QUESTION: u64 = 200_000;

/// What the token or Permit2 says about a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nonce {
    Free,
    /// Used or cancelled.
    Spent,
}

/// Where our own transactions for a payment are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ours {
    /// There is none, or it took its place in the signer's order and did nothing.
    Nowhere,
    /// One may still be included.
    Waits,
}

impl ChainSettler {
    /// Rehearses the call, then has the signer's desk write it down and send it.
    pub(super) async fn settle_authorized(&self, claim: &Claim, payment: &Payment) -> Settlement {
        let Some(sender) = &self.sender else {
            return unable("an authorization came and no signer is configured to submit it");
        };
        if let Some(settlement) = self.against_authorized(payment, sender) {
            return settlement;
        }
        let Some(call) = calldata::submission(payment) else {
            return refused_for(
                Fault::Signature,
                "the signature is not in a form that the token takes; sign 65 bytes: r, s and v",
            );
        };
        let rehearsal = match self.rehearse(sender.address(), &call, Some(payment)).await {
            Ok(rehearsal) => rehearsal,
            Err(settlement) => return self.unless_spent(claim, payment, settlement).await,
        };
        let is_vault = matches!(payment.way, Way::Called { .. });
        if let Some(settlement) = self.not_worth(claim, payment).filter(|_| !is_vault) {
            return settlement;
        }
        let order = Order {
            purpose: Purpose::Settle(claim.payment),
            to: call.to,
            data: call.data,
            gas: rehearsal.gas,
            valid_before: payment.valid_before(),
            market: rehearsal.market,
        };
        let submitted = match sender.submit(order).await {
            Ok(submitted) => submitted,
            Err(SendError::OnItsWay) => return self.lookup_authorized(claim, payment).await,
            // What is on disk may be sent by the next process.
            Err(error @ (SendError::Journal(_) | SendError::Closed | SendError::Suspended)) => {
                return unknown(error.to_string());
            }
            Err(error) => return unable(error.to_string()),
        };
        match submitted.answer.await {
            Ok(Ok(Some(receipt))) if receipt.is_success => self.include(claim, payment, receipt).await,
            Ok(Ok(None)) => self.await_authorized(claim, payment, submitted.hash).await,
            Ok(Err(error)) if error.may_have_arrived() => self.await_authorized(claim, payment, submitted.hash).await,
            _ => self.lookup_authorized(claim, payment).await,
        }
    }

    /// What can be refused without asking anybody.
    pub(super) fn against_authorized(&self, payment: &Payment, sender: &Sender) -> Option<Settlement> {
        match &payment.way {
            Way::Permit2 { spender, .. } if *spender != sender.address() => {
                let signer = sender.address();
                let detail = format!("the permit names {spender} as its spender; sign one for {signer}");
                return Some(refused_for(Fault::Submitter, detail));
            }
            Way::Proxied { proxy: Proxy::Upto, facilitator, .. } if *facilitator != sender.address() => {
                let signer = sender.address();
                let detail = format!("the permit names {facilitator} as its facilitator; sign one for {signer}");
                return Some(refused_for(Fault::Submitter, detail));
            }
            Way::Authorization { .. } | Way::Permit2 { .. } | Way::Proxied { .. } | Way::Called { .. } => {}
            _ => return None,
        }
        self.too_late(payment)
    }

    /// It ends too soon for anybody to bring it into a block.
    pub(super) fn too_late(&self, payment: &Payment) -> Option<Settlement> {
        let now = seconds_of((self.now)());
        let ends_soon = payment.valid_before().is_some_and(|end| end < now.saturating_add(SHORTEST_VALIDITY));
        let detail = "the authorization expires too soon to be sent; sign a fresh one";
        ends_soon.then(|| refused_for(Fault::Expired, detail))
    }

    /// A rehearsal that fails says that the money cannot be moved; not that it has not been moved.
    async fn unless_spent(&self, claim: &Claim, payment: &Payment, settlement: Settlement) -> Settlement {
        match (self.nonce_state(payment, At::Latest).await, settlement) {
            (Ok(Nonce::Spent), _) => self.find_use(claim, payment, Ours::Nowhere).await,
            (Ok(Nonce::Free), Settlement::Rejected(why)) if why.refusal.fault == Some(Fault::Unmovable) => {
                Settlement::Rejected(self.diagnose(payment, why.reason).await)
            }
            (_, settlement) => settlement,
        }
    }

    async fn await_authorized(&self, claim: &Claim, payment: &Payment, hash: B256) -> Settlement {
        match self.wait_for(hash).await {
            Ok(Some(receipt)) if receipt.is_success => self.judge(claim, payment, receipt, Patience::Wait).await,
            Err(error) => unknown(error.to_string()),
            // It reverted, or a replacement was included in its place.
            _ => self.lookup_authorized(claim, payment).await,
        }
    }

    /// What became of it: our submissions first, then the nonce that makes it single-use.
    pub(super) async fn lookup_authorized(&self, claim: &Claim, payment: &Payment) -> Settlement {
        if let Some(sender) = &self.sender
            && let Err(error) = sender.fence().await
        {
            return unknown(error.to_string());
        }
        let ours = match self.journal.of_purpose(self.chain, &Purpose::Settle(claim.payment)).await {
            Ok(ours) => ours,
            Err(error) => return unknown(error.to_string()),
        };
        if capture::took_nothing(&ours) {
            return self.nothing_taken();
        }
        let payment = &capture::as_taken(payment, &ours);
        let mut without_effect = None;
        for submission in &ours {
            match self.endpoints.receipt(submission.hash).await {
                Ok(Some(receipt)) if receipt.is_success => {
                    return self.judge(claim, payment, receipt, Patience::None).await;
                }
                Ok(receipt) => without_effect = without_effect.or(receipt),
                Err(error) => return unknown(error.to_string()),
            }
        }
        let standing = if ours.is_empty() || without_effect.is_some() { Ours::Nowhere } else { Ours::Waits };
        match (self.nonce_state(payment, At::Latest).await, without_effect) {
            (Ok(Nonce::Spent), _) => self.find_use(claim, payment, standing).await,
            // Its place in the signer's order is gone, and with it every other version of it.
            (Ok(Nonce::Free), Some(receipt)) => self.judge(claim, payment, receipt, Patience::None).await,
            (Ok(Nonce::Free), None) => self.lookup_absent(payment, &ours).await,
            (Err(error), _) => unknown(error.to_string()),
        }
    }

    /// None of our submissions is included.
    async fn lookup_absent(&self, payment: &Payment, ours: &[Submission]) -> Settlement {
        match self.is_dead(payment, ours).await {
            Ok(true) if ours.is_empty() => never_sent(),
            Ok(true) => rejected(
                "our transactions can no longer move it",
                "the token refused the transfer; nothing was taken, pay the fresh challenge",
            ),
            Ok(false) => unknown("it is submitted and not included yet"),
            Err(error) => unknown(error.to_string()),
        }
    }

    /// Whether none of our submissions can move the money any more: there is none, its time passed,
    /// or the nonces of the signer went to something else. The last two in a block that stays.
    async fn is_dead(&self, payment: &Payment, ours: &[Submission]) -> Result<bool, RpcError> {
        if ours.is_empty() {
            return Ok(true);
        }
        let deep = self.deep().await?;
        if payment.valid_before().is_some_and(|end| deep.timestamp >= end) {
            return Ok(true);
        }
        for submission in ours {
            let Some(nonce) = submission.nonce else { return Ok(false) };
            if self.endpoints.transaction_count(submission.signer, At::Number(deep.number)).await? <= nonce {
                return Ok(false);
            }
        }
        Ok(self.nonce_state(payment, At::Number(deep.number)).await? == Nonce::Free)
    }

    /// The nonce is spent and not by what we know of: by a transaction of somebody else that carried
    /// the same authorization, which moved the money to us all the same, or by a cancellation.
    pub(super) async fn find_use(&self, claim: &Claim, payment: &Payment, ours: Ours) -> Settlement {
        match self.use_of(payment).await {
            Ok(Some(hash)) => match self.endpoints.receipt(hash).await {
                Ok(Some(receipt)) => match self.is_forgotten(claim, &receipt).await {
                    Ok(true) => used_in_the_past(&receipt),
                    Ok(false) => self.judge(claim, payment, receipt, Patience::None).await,
                    Err(error) => unknown(error.to_string()),
                },
                Ok(None) => unknown("the transaction that used the authorization left the chain"),
                Err(error) => unknown(error.to_string()),
            },
            Ok(None) => self.cancelled(claim, payment, ours).await,
            Err(error) => unknown(error.to_string()),
        }
    }

    /// Whether the authorization was used before we sent anything for this payment, and for what is not known.
    /// By our own signer: the journal and the books were restored from a backup, and what it paid for was served
    /// in the past that they have lost. By anybody else: where the books are ours they keep it from paying
    /// twice, so that it is the payer's payment all the same; other people's sellers may have served it.
    async fn is_forgotten(&self, claim: &Claim, used_in: &Receipt) -> Result<bool, JournalError> {
        if !self.is_for_others && Some(used_in.sender) != self.signer() {
            return Ok(false);
        }
        Ok(self.journal.of_purpose(self.chain, &Purpose::Settle(claim.payment)).await?.is_empty())
    }

    /// Told as soon as the token itself proves it as deep as a payment of this amount would have to
    /// be, unless a transaction of ours may still come; otherwise once nothing can change it.
    pub(super) async fn cancelled(&self, claim: &Claim, payment: &Payment, ours: Ours) -> Settlement {
        let is_certain = match ours {
            Ours::Nowhere if self.is_cancelled_deeply(claim, payment).await.unwrap_or(false) => Ok(true),
            _ => self.is_spent_for_good(payment).await,
        };
        match is_certain {
            Ok(true) => refused_for(Fault::Used, "the payer has cancelled this authorization; pay the fresh challenge"),
            Ok(false) => unknown("the authorization seems to be cancelled; waiting until that is certain"),
            Err(error) => unknown(error.to_string()),
        }
    }

    /// Whether the token has said in a log that the authorization is cancelled, and enough nodes say
    /// that it was spent that long ago. That no use is found would not do: a node may lag behind.
    async fn is_cancelled_deeply(&self, claim: &Claim, payment: &Payment) -> Result<bool, RpcError> {
        let Some(log) = self.log_of(payment, calldata::AUTHORIZATION_CANCELED).await? else { return Ok(false) };
        let blocks = self.rules.confirmations.of(claim.proof.amount);
        let deep = self.endpoints.head().await?.saturating_add(1).saturating_sub(blocks);
        Ok(log.block <= deep && self.nonce_state(payment, At::Number(deep)).await? == Nonce::Spent)
    }

    async fn is_spent_for_good(&self, payment: &Payment) -> Result<bool, RpcError> {
        let deep = self.deep().await?;
        Ok(self.nonce_state(payment, At::Number(deep.number)).await? == Nonce::Spent)
    }

    /// What the token says about an EIP-3009 authorization in its newest log of this kind. Only our
    /// signer can use a permit that names it, so there is none of somebody else's.
    async fn log_of(&self, payment: &Payment, event: B256) -> Result<Option<FoundLog>, RpcError> {
        let Way::Authorization { from, nonce, .. } = &payment.way else { return Ok(None) };
        let head = self.endpoints.head().await?;
        let filter = LogFilter {
            address: payment.token,
            topics: vec![Some(event), Some(from.into_word()), Some(*nonce)],
            from: head.saturating_sub(BLOCKS_BACK),
            to: head,
        };
        Ok(self.endpoints.logs(&filter).await?.pop())
    }

    /// The transaction that used it.
    async fn use_of(&self, payment: &Payment) -> Result<Option<B256>, RpcError> {
        match payment.way {
            Way::Proxied { proxy: Proxy::Exact, .. } => self.proxied_use(payment).await,
            _ => Ok(self.log_of(payment, calldata::AUTHORIZATION_USED).await?.map(|log| log.transaction)),
        }
    }

    pub(super) async fn nonce_state(&self, payment: &Payment, at: At) -> Result<Nonce, RpcError> {
        let (contract, question, bit) = match &payment.way {
            Way::Authorization { from, nonce, .. } => {
                (payment.token, calldata::authorization_state(*from, *nonce), U256::from(1))
            }
            Way::Permit2 { owner, nonce, .. } | Way::Proxied { owner, nonce, .. } => {
                let (question, bit) = calldata::nonce_bitmap(*owner, *nonce);
                (calldata::PERMIT2, question, bit)
            }
            _ => return Ok(Nonce::Free),
        };
        let answer = self.endpoints.call(contract, &question, GAS_OF_QUESTION, at).await?;
        let word = calldata::read_word(&answer).unwrap_or_default();
        Ok(if (word & bit).is_zero() { Nonce::Free } else { Nonce::Spent })
    }
}

/// What the journal does not hold, the books do not hold either.
fn used_in_the_past(used_in: &Receipt) -> Settlement {
    let (hash, sender) = (used_in.hash, used_in.sender);
    let reason = format!("it was used in {hash}, which {sender} sent and our journal does not hold");
    let detail = "this authorization was used before; pay the fresh challenge";
    let refusal = Refusal::new(ProblemType::VerificationFailed, detail).because(Fault::Used);
    Settlement::Rejected(Rejected { reason, refusal })
}

impl Payment {
    /// The contract account whose signature comes wrapped (ERC-6492), as if it were not deployed yet.
    pub(super) fn wrapped_by(&self) -> Option<Address> {
        let (account, signature) = match &self.way {
            Way::Authorization { from, signature, by_contract: true, .. } => (from, signature),
            Way::Permit2 { owner, signature, by_contract: true, .. }
            | Way::Proxied { owner, signature, by_contract: true, .. } => (owner, signature),
            _ => return None,
        };
        wrapped::unwrap(signature).map(|_| *account)
    }

    /// After this time of the chain (seconds) it can no longer be moved.
    pub(super) fn valid_before(&self) -> Option<u64> {
        match &self.way {
            Way::Transaction { valid_before, .. } | Way::Called { valid_before, .. } => *valid_before,
            Way::Sponsored { valid_before, .. } => Some(*valid_before),
            Way::Authorization { valid_before, .. } => Some(valid_before.saturating_to()),
            // The deadline itself still counts.
            Way::Permit2 { deadline, .. } | Way::Proxied { deadline, .. } => {
                Some(deadline.saturating_add(U256::from(1)).saturating_to())
            }
            Way::Proof { .. } | Way::Shown { .. } => None,
        }
    }
}
