//! A payer's own transaction that a delegated key signed.
//!
//! The chain includes it even when the key may not spend as much, and takes its fee. Neither the key
//! nor its owner may know what is left of a limit that several agents share, so the chain is asked.

use alloy_primitives::{Address, U256};
use farthing_rail::Settlement;
use serde_json::Value;

use super::ChainSettler;
use super::judgement::seconds_of;
use super::outcome::refused;
use crate::rpc::{At, Question, RpcError, answers};
use crate::tempo::{Envelope, KEYCHAIN, KeyState, read_remaining, remaining};
use crate::{Payment, Way};

/// More than such a question takes; Tempo counts a quarter of a million before that.
const GAS: u64 = 1_000_000;

/// Whose key signed.
#[derive(Clone, Copy)]
struct Delegated {
    account: Address,
    key: Address,
}

impl ChainSettler {
    /// Refuses what the key may certainly not spend, in one round trip before the broadcast. What a
    /// node does not say is left to the chain, and so is a transaction that some node has already.
    pub(super) async fn check_delegated(&self, payment: &Payment) -> Result<(), Settlement> {
        let Way::Transaction { raw, hash, .. } = &payment.way else { return Ok(()) };
        let Some(delegated) = delegated(raw, payment.legs.len()) else { return Ok(()) };
        let Delegated { account, key } = delegated;
        let call = |data| Question::call(None, KEYCHAIN, &data, GAS, At::Latest);
        let questions = vec![
            call(KeyState::question(account, key)),
            call(remaining(account, key, payment.token)),
            Question::transaction(*hash),
        ];
        let said = self.endpoints.ask_together(questions).await;
        let [state, left, known] = said.as_slice() else { return Ok(()) };
        if !known.as_ref().is_ok_and(Value::is_null) {
            return Ok(());
        }
        let sum = payment.legs.iter().fold(U256::ZERO, |sum, leg| sum.saturating_add(leg.amount));
        let left = bytes(left).and_then(|left| read_remaining(&left, seconds_of((self.now)())));
        match bytes(state).and_then(|state| KeyState::read(&state, key).ok()) {
            Some(KeyState::Granted { is_limited: true, .. }) => match left {
                Some(left) if left < sum => Err(refused(format!(
                    "the key {key} may spend {left} more base units and the payment is {sum}; nothing was taken, have \
                     {account} raise the limit, or sign with another key"
                ))),
                _ => Ok(()),
            },
            Some(KeyState::Revoked) => {
                Err(refused(format!("{account} has revoked the key {key}; nothing was taken, sign with another key")))
            }
            // A key that is unknown may be known a block later, and nodes include nothing of it.
            _ => Ok(()),
        }
    }
}

/// The key, where one signed that the chain must know already, for these transfers alone: a swap
/// before them is counted in another token.
fn delegated(raw: &[u8], legs: usize) -> Option<Delegated> {
    let envelope = Envelope::parse(raw).ok()?;
    let (transaction, sender) = (envelope.transaction(), envelope.sender());
    let key =
        sender.access_key.filter(|_| transaction.key_authorization.is_none() && transaction.calls.len() == legs)?;
    Some(Delegated { account: sender.account, key })
}

fn bytes(answer: &Result<Value, RpcError>) -> Option<alloy_primitives::Bytes> {
    answers::bytes(answer.as_ref().ok()?, "eth_call").ok()
}
