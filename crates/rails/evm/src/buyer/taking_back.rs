//! Taking back what an account signed away or allowed, by a transaction of its own, before anybody uses it.

use std::num::NonZeroU64;

use alloy_consensus::TxEip1559;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use alloy_sol_types::{SolCall as _, sol};
use farthing_protocol::Timestamp;
use farthing_rail::Sent;
use tempo_primitives::transaction::{Call, TEMPO_EXPIRING_NONCE_KEY, TempoTransaction};

use super::purse::{Purse, PurseError, Reached};
use super::{Lapse, ToSend, Trace};
use crate::Account;
use crate::eip712::{message, struct_hash};
use crate::evm::calldata::{self, PERMIT2};
use crate::evm::{GasBounds, transaction};
use crate::rpc::{At, Question, RpcError};
use crate::tempo::{Envelope, GasPrices, KEYCHAIN, KeyState, SignedGrant, gas_limit, signing_message, valid_until};

sol! {
    function cancelAuthorization(address authorizer, bytes32 nonce, uint8 v, bytes32 r, bytes32 s);
    function invalidateUnorderedNonces(uint256 wordPos, uint256 mask);
    function revokeKey(address keyId);
}

/// What an EIP-3009 token asks to be signed before it cancels.
const CANCEL: &str = "CancelAuthorization(address authorizer,bytes32 nonce)";
/// Gas of a revocation on Tempo, beside what any transaction takes.
const REVOKE: u64 = 500_000;
/// No contract needs more gas to answer a question.
const GAS: u64 = 1_000_000;

/// What an account signed away or allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Permission {
    /// An authorization of EIP-3009.
    Authorization {
        /// The token.
        token: Address,
        /// What makes it single-use.
        nonce: B256,
    },
    /// A permit of Permit2.
    Permit {
        /// What makes it single-use.
        nonce: U256,
    },
    /// A key that spends for the account, on Tempo.
    Key {
        /// The key's address.
        key: Address,
        /// What the account signed. One that the chain has not seen yet is brought to it and revoked at once, so
        /// that nobody can bring it later.
        grant: Box<SignedGrant>,
    },
}

impl Permission {
    /// What was signed, if it can be taken back; a transaction ends by itself.
    pub fn of(trace: &Trace) -> Option<Self> {
        match trace {
            Trace::Authorization { token, nonce, .. } => Some(Self::Authorization { token: *token, nonce: *nonce }),
            Trace::Permit2 { nonce, .. } => Some(Self::Permit { nonce: *nonce }),
            _ => None,
        }
    }
}

/// Why something was not taken back.
#[derive(Debug, thiserror::Error)]
enum NotBack {
    #[error(transparent)]
    Chain(#[from] PurseError),
    #[error("{0}")]
    Unsigned(String),
}

impl From<RpcError> for NotBack {
    fn from(error: RpcError) -> Self {
        Self::Chain(error.into())
    }
}

impl Purse {
    /// Takes a permission back and waits, for 20 seconds at most, until the chain shows it. One that is used or
    /// taken back already is [`Sent::Moved`], and nothing is sent. Doing it again does no harm.
    pub async fn take_permission_back(
        &self,
        account: &Account,
        chain: u64,
        permission: &Permission,
        now: Timestamp,
    ) -> Sent {
        let signed = async {
            let reached = self.confirmed(chain).await?;
            if reached.is_over(account.address(), permission).await? {
                return Ok(None);
            }
            match permission {
                Permission::Key { key, grant } => reached.revocation(account, *key, grant, now).await.map(Some),
                _ => reached.cancellation(account, permission).await.map(Some),
            }
        };
        match signed.await {
            Ok(Some(sending)) => self.send_out(&sending).await,
            Ok(None) => Sent::Moved,
            Err(NotBack::Chain(error)) => Sent::Unknown(error.to_string()),
            Err(NotBack::Unsigned(sentence)) => Sent::Never(sentence),
        }
    }
}

impl Reached {
    /// Whether nobody can use it any more, whoever saw to that.
    async fn is_over(&self, account: Address, permission: &Permission) -> Result<bool, NotBack> {
        let (to, data, bit) = match permission {
            Permission::Authorization { token, nonce } => {
                (*token, calldata::authorization_state(account, *nonce), U256::MAX)
            }
            Permission::Permit { nonce } => {
                let (data, bit) = calldata::nonce_bitmap(account, *nonce);
                (PERMIT2, data, bit)
            }
            Permission::Key { key, .. } => (KEYCHAIN, KeyState::question(account, *key), U256::ZERO),
        };
        let answer = self.endpoints().call(to, &data, GAS, At::Latest).await?;
        Ok(match permission {
            Permission::Key { key, .. } => KeyState::read(&answer, *key).is_ok_and(|state| state == KeyState::Revoked),
            _ => calldata::read_word(&answer).is_some_and(|word| !(word & bit).is_zero()),
        })
    }

    /// On a chain whose fees are paid in its own coin.
    async fn cancellation(&self, account: &Account, permission: &Permission) -> Result<ToSend, NotBack> {
        let (chain, payer) = (self.id(), account.address());
        let (to, input) = match permission {
            Permission::Authorization { token, nonce } => (*token, self.cancelling(account, *token, *nonce).await?),
            Permission::Permit { nonce } => {
                let mask = U256::from(1) << (*nonce & U256::from(0xff));
                (PERMIT2, invalidateUnorderedNoncesCall { wordPos: *nonce >> 8, mask }.abi_encode().into())
            }
            Permission::Key { .. } => return Err(NotBack::Unsigned("keys are granted on Tempo only".into())),
        };
        let bounds = GasBounds::on(chain);
        let held = self.endpoints().ask(&[Question::balance(payer, At::Latest)]).await.pop();
        let held = held.and_then(Result::ok).as_ref().and_then(quantity).unwrap_or_default();
        if held < bounds.most() {
            return Err(NotBack::Unsigned(format!(
                "{payer} has too little of the coin that pays for gas on chain {chain} to take it back; send it some"
            )));
        }
        let number = self.endpoints().transaction_count(payer, At::Pending).await?;
        let unsigned = TxEip1559 {
            chain_id: chain,
            nonce: number,
            gas_limit: bounds.limit,
            max_fee_per_gas: bounds.max_fee,
            max_priority_fee_per_gas: bounds.priority_fee,
            to: TxKind::Call(to),
            input,
            ..TxEip1559::default()
        };
        let raw = transaction::sign_with(account, unsigned).await.map_err(unsigned_because)?;
        let (hash, lapse) = (keccak256(&raw), Lapse::Nonce { account: payer, number });
        Ok(ToSend { chain, raw, hash, lapse })
    }

    /// The call of the token, with the signature that it asks for.
    async fn cancelling(&self, account: &Account, token: Address, nonce: B256) -> Result<Bytes, NotBack> {
        let known = self.tokens().into_iter().find(|known| known.contract == token);
        let separator = known.and_then(|token| token.separator());
        let separator =
            separator.ok_or_else(|| NotBack::Unsigned(format!("how {token} is signed for is not on file")))?;
        let authorizer = account.address();
        let asked = struct_hash(&keccak256(CANCEL), &[authorizer.into_word(), nonce]);
        let signature = account.sign(&message(&separator, &asked)).await.map_err(unsigned_because)?;
        let read = || {
            let (r, rest) = signature.split_first_chunk::<32>()?;
            let (s, v) = rest.split_first_chunk::<32>()?;
            Some((r.into(), s.into(), v.first()? % 27 + 27))
        };
        let (r, s, v) = read().ok_or_else(|| NotBack::Unsigned("the key made no signature of 65 bytes".into()))?;
        Ok(cancelAuthorizationCall { authorizer, nonce, v, r, s }.abi_encode().into())
    }

    /// On Tempo, whose fees are paid in tokens.
    async fn revocation(
        &self,
        account: &Account,
        key: Address,
        grant: &SignedGrant,
        now: Timestamp,
    ) -> Result<ToSend, NotBack> {
        let chain = self.id();
        let question = KeyState::question(account.address(), key);
        let state = self.endpoints().call(KEYCHAIN, &question, GAS, At::Latest).await?;
        let is_unseen = KeyState::read(&state, key).is_ok_and(|state| state == KeyState::Unknown);
        let brought = is_unseen.then(|| grant.authorization());
        let token = self.tokens().into_iter().next();
        let token = token.ok_or_else(|| NotBack::Unsigned(format!("no token is known on chain {chain}")))?;
        let (prices, until) = (GasPrices::default(), valid_until(now));
        let input = revokeKeyCall { keyId: key }.abi_encode().into();
        let transaction = TempoTransaction {
            chain_id: chain,
            fee_token: Some(token.contract),
            max_priority_fee_per_gas: prices.priority_fee,
            max_fee_per_gas: prices.max_fee,
            gas_limit: gas_limit(0, false, brought.as_ref().map(|_| grant.rules())).saturating_add(REVOKE),
            key_authorization: brought,
            calls: vec![Call { to: TxKind::Call(KEYCHAIN), value: U256::ZERO, input }],
            nonce_key: TEMPO_EXPIRING_NONCE_KEY,
            valid_before: NonZeroU64::new(until),
            ..TempoTransaction::default()
        };
        let signature = account.sign(&signing_message(&transaction)).await.map_err(unsigned_because)?;
        let envelope = Envelope::join(transaction, &signature).map_err(unsigned_because)?;
        let (raw, hash) = (envelope.to_bytes().map_err(unsigned_because)?.into(), envelope.hash());
        Ok(ToSend { chain, raw, hash, lapse: Lapse::At(until) })
    }
}

fn unsigned_because(error: impl std::fmt::Display) -> NotBack {
    NotBack::Unsigned(error.to_string())
}

/// A quantity as nodes write it.
fn quantity(answer: &serde_json::Value) -> Option<U256> {
    answer.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::b256;

    #[test]
    fn what_a_token_asks_to_be_signed_is_what_the_standard_says() {
        let standard = b256!("158b0a9edf7a828aad02f63cd515c68ef2f50ba807396f6d12842833a1597429");
        assert_eq!(keccak256(CANCEL), standard);
    }

    #[test]
    fn what_was_signed_can_be_taken_back_unless_it_is_a_transaction() {
        let (token, payer, nonce) = (Address::repeat_byte(1), Address::repeat_byte(2), B256::repeat_byte(3));
        let authorization = Trace::Authorization { token, payer, nonce, valid_before: 9 };
        assert_eq!(Permission::of(&authorization), Some(Permission::Authorization { token, nonce }));
        let permit = Trace::Permit2 { payer, nonce: U256::from(7), deadline: 9 };
        assert_eq!(Permission::of(&permit), Some(Permission::Permit { nonce: U256::from(7) }));
        let sent = Trace::Transaction { hash: nonce, numbered: None, valid_before: None };
        assert_eq!(Permission::of(&sent), None);
    }
}
