//! Why a transfer that a contract refuses is refused, where the chain tells it cheaply.

use alloy_primitives::{Address, U256};
use farthing_protocol::ProblemType;
use farthing_rail::{Fault, Refusal, Rejected};
use serde_json::Value;

use super::ChainSettler;
use crate::evm::calldata::{self, PERMIT2};
use crate::rpc::{At, Question, RpcError, answers};
use crate::{Payment, Way};

/// More than a question about a balance or a nonce takes.
const GAS: u64 = 200_000;

impl ChainSettler {
    /// Finds out in one round trip what a contract has against a payment. `reason` is what the node said.
    pub(super) async fn diagnose(&self, payment: &Payment, reason: String) -> Rejected {
        let Some(asked) = Asked::of(payment) else { return unmovable(reason) };
        let said = self.endpoints.ask_together(asked.questions(payment)).await;
        let word = |place: usize| said.get(place).and_then(read_word);
        let sum = payment.legs.iter().fold(U256::ZERO, |sum, leg| sum.saturating_add(leg.amount));
        if word(0).is_some_and(|word| !(word & asked.bit).is_zero()) {
            return because(Fault::Used, reason, "this authorization was used or cancelled already; sign a fresh one");
        }
        if word(1).is_some_and(|balance| balance < sum) {
            let detail =
                "the token would refuse this transfer, for want of balance; nothing was taken, fill the account";
            return because(Fault::Balance, reason, detail);
        }
        if asked.by_permit2 && word(2).is_some_and(|allowance| allowance < sum) {
            let detail = "Permit2 has no allowance for this amount of the payer's token; nothing was taken, approve it";
            return because(Fault::Allowance, reason, detail);
        }
        unmovable(reason)
    }

    /// Whether the contracts that a payment's money moves by are on the chain: a call of an account without
    /// code succeeds and does nothing.
    pub(super) fn probes(payment: &Payment) -> Vec<Question> {
        let call = |(to, data)| Question::call(None, to, &data, GAS, At::Latest);
        calldata::probes(payment).into_iter().map(call).collect()
    }
}

/// Whether an answer to a probe is one of a contract.
pub(super) fn is_there(answer: &Result<Value, RpcError>) -> bool {
    // What is refused otherwise is refused in the rehearsal itself.
    !answer.as_ref().is_ok_and(|value| answers::bytes(value, "eth_call").is_ok_and(|bytes| bytes.is_empty()))
}

pub(super) fn missing() -> Rejected {
    let detail = "a contract that the money would move by is not on this chain; nothing was taken, pay another way";
    because(Fault::ContractMissing, "a contract has no code".into(), detail)
}

pub(super) fn unmovable(reason: String) -> Rejected {
    let detail = "the token would refuse this transfer, for want of balance or because the authorization is not good \
                  any more; nothing was taken, pay the fresh challenge";
    because(Fault::Unmovable, reason, detail)
}

fn because(fault: Fault, reason: String, detail: &str) -> Rejected {
    Rejected { reason, refusal: Refusal::new(ProblemType::VerificationFailed, detail).because(fault) }
}

fn read_word(answer: &Result<Value, RpcError>) -> Option<U256> {
    calldata::read_word(&answers::bytes(answer.as_ref().ok()?, "eth_call").ok()?)
}

/// What is asked about a payment.
struct Asked {
    payer: Address,
    nonce: (Address, alloy_primitives::Bytes),
    /// Which bit of the answer says that the nonce is gone.
    bit: U256,
    by_permit2: bool,
}

impl Asked {
    fn of(payment: &Payment) -> Option<Self> {
        Some(match &payment.way {
            Way::Authorization { from, nonce, .. } => {
                let question = (payment.token, calldata::authorization_state(*from, *nonce));
                Self { payer: *from, nonce: question, bit: U256::from(1), by_permit2: false }
            }
            Way::Permit2 { owner, nonce, .. } | Way::Proxied { owner, nonce, .. } => {
                let (question, bit) = calldata::nonce_bitmap(*owner, *nonce);
                Self { payer: *owner, nonce: (PERMIT2, question), bit, by_permit2: true }
            }
            _ => return None,
        })
    }

    fn questions(&self, payment: &Payment) -> Vec<Question> {
        let call = |to, data: &_| Question::call(None, to, data, GAS, At::Latest);
        let mut questions =
            vec![call(self.nonce.0, &self.nonce.1), call(payment.token, &calldata::balance_of(self.payer))];
        if self.by_permit2 {
            questions.push(call(payment.token, &calldata::allowance(self.payer, PERMIT2)));
        }
        questions
    }
}
