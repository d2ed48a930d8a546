//! Keys that may spend for an account: delegated by it, limited and expiring, kept to by the chain.
//!
//! An account signs a [`Grant`] once. Its first payment carries the grant to the chain, which from
//! then on takes the key's signatures for the account's, within the limits.

use std::num::NonZeroU64;
use std::time::Duration;

use alloy_primitives::{Address, Bytes, U256, keccak256};
use alloy_rlp::{Decodable as _, Encodable as _};
use farthing_money::Amount;
use farthing_protocol::Timestamp;
use tempo_primitives::transaction::{
    CallScope, KeyAuthorization, PrimitiveSignature, SelectorRule, SignatureType, SignedKeyAuthorization, TokenLimit,
};

use super::calls::{TRANSFER, TRANSFER_WITH_MEMO};
use crate::buyer::Funds;
use crate::{Account, AccountError};

/// The first byte of a signature that a key makes for an account, and of what it signs.
const KEYCHAIN: u8 = 0x04;

/// What an account allows a key to do: to transfer some tokens, up to a limit each, for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The chain (EIP-155).
    pub chain: u64,
    /// The key's address.
    pub key: Address,
    /// When it ends, to the second.
    pub expires: Timestamp,
    /// What it may spend, fees included. A token that is not here it may not spend at all.
    pub limits: Vec<Limit>,
    /// Whom it may pay; anybody if empty.
    pub recipients: Vec<Address>,
}

/// How much of one token a key may spend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The token's contract.
    pub token: Address,
    /// Base units.
    pub amount: Amount,
    /// After how long the key may spend as much again; never if absent. To the second.
    pub period: Option<Duration>,
}

/// A grant with the account's signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedGrant(SignedKeyAuthorization);

/// Why a grant cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GrantError {
    /// No end, or none within the range of the chain's clock.
    #[error("an access key must expire; give it a time to come")]
    NeverExpires,
    /// The account's key.
    #[error("the account did not sign the grant: {0}")]
    Account(#[from] AccountError),
    /// Bytes that hold no grant.
    #[error("the grant cannot be read: {0}")]
    Unreadable(alloy_rlp::Error),
    /// A grant by another account, or for another key.
    #[error("the grant is not from account {account} to key {key}; let the account grant it anew")]
    Foreign {
        /// The account that should have granted.
        account: Address,
        /// The key that should have been granted.
        key: Address,
    },
    /// A signature that cannot be read.
    #[error("the grant's signature cannot be read: {0}")]
    Signature(&'static str),
}

impl Grant {
    /// Signs it with the account's own key.
    pub async fn sign(&self, account: &Account) -> Result<SignedGrant, GrantError> {
        let authorization = self.authorization()?;
        let mut message = Vec::with_capacity(256);
        authorization.encode(&mut message);
        let signature = account.sign(&message).await?;
        let signature = PrimitiveSignature::from_bytes(&signature).map_err(GrantError::Signature)?;
        Ok(SignedGrant(authorization.into_signed(signature)))
    }

    fn authorization(&self) -> Result<KeyAuthorization, GrantError> {
        let expires = u64::try_from(self.expires.unix_millis().div_euclid(1000)).unwrap_or_default();
        let expiry = Some(NonZeroU64::new(expires).ok_or(GrantError::NeverExpires)?);
        let limit = |limit: &Limit| TokenLimit {
            token: limit.token,
            limit: U256::from(limit.amount.units()),
            period: limit.period.map_or(0, |period| period.as_secs()),
        };
        let rule = |selector| SelectorRule { selector, recipients: self.recipients.clone() };
        let scope = |limit: &Limit| CallScope {
            target: limit.token,
            selector_rules: vec![rule(TRANSFER), rule(TRANSFER_WITH_MEMO)],
        };
        Ok(KeyAuthorization {
            expiry,
            limits: Some(self.limits.iter().map(limit).collect()),
            allowed_calls: Some(self.limits.iter().map(scope).collect()),
            ..KeyAuthorization::unrestricted(self.chain, SignatureType::Secp256k1, self.key)
        })
    }
}

impl SignedGrant {
    /// For keeping.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(384);
        self.0.encode(&mut bytes);
        bytes
    }

    /// As it was kept.
    pub fn from_bytes(mut bytes: &[u8]) -> Result<Self, GrantError> {
        let grant = SignedKeyAuthorization::decode(&mut bytes).map_err(GrantError::Unreadable)?;
        if bytes.is_empty() { Ok(Self(grant)) } else { Err(GrantError::Unreadable(alloy_rlp::Error::UnexpectedLength)) }
    }

    /// The chain it is for.
    pub fn chain(&self) -> u64 {
        self.0.chain_id
    }

    /// The key it is for.
    pub fn key(&self) -> Address {
        self.0.key_id
    }

    /// The account that signed it.
    pub fn signer(&self) -> Option<Address> {
        self.0.recover_signer().ok()
    }

    /// When it ends; `None` for one that never does, which only other software makes.
    pub fn expires(&self) -> Option<Timestamp> {
        let millis = self.0.expiry?.get().checked_mul(1000)?;
        i64::try_from(millis).ok().map(Timestamp::from_unix_millis)
    }

    /// What the key may spend of which token, in base units; `None` where it is without a limit.
    pub fn limits(&self) -> Option<Vec<(Address, Amount)>> {
        let limits = self.0.limits.as_ref()?.iter();
        Some(limits.map(|limit| (limit.token, Amount::new(limit.limit.saturating_to()))).collect())
    }

    /// Whether the key may say anything to a contract.
    pub(crate) fn lets_call(&self, contract: Address) -> bool {
        let all = |scope: &CallScope| scope.target == contract && scope.selector_rules.is_empty();
        self.0.allowed_calls.as_ref().is_none_or(|scopes| scopes.iter().any(all))
    }

    /// How many places of the chain's storage it fills, about.
    pub(crate) fn rules(&self) -> u64 {
        let limits = self.0.limits.as_ref().map_or(0, Vec::len);
        let rules = self
            .0
            .allowed_calls
            .iter()
            .flatten()
            .map(|scope| 1 + scope.selector_rules.iter().map(|rule| 1 + rule.recipients.len()).sum::<usize>());
        u64::try_from(limits + rules.sum::<usize>()).unwrap_or(u64::MAX)
    }

    pub(crate) fn authorization(&self) -> SignedKeyAuthorization {
        self.0.clone()
    }
}

/// A key and the account it spends for.
#[derive(Clone, Debug)]
pub struct AccessKey {
    account: Address,
    key: Account,
    grant: Option<SignedGrant>,
    is_on_chain: bool,
}

impl AccessKey {
    /// A key that the chain knows already: it pays without a grant, and quotes without the cost of
    /// one.
    pub fn on_chain(account: Address, key: Account) -> Self {
        Self { account, key, grant: None, is_on_chain: true }
    }

    /// The key that this account has granted. A payment brings the grant to the chain, if it is not
    /// there yet.
    pub fn new(account: Address, key: Account, grant: SignedGrant) -> Result<Self, GrantError> {
        let is_own = grant.0.key_id == key.address() && grant.0.recover_signer().is_ok_and(|signer| signer == account);
        if !is_own {
            return Err(GrantError::Foreign { account, key: key.address() });
        }
        Ok(Self { account, key, grant: Some(grant), is_on_chain: false })
    }

    /// The same key, after the chain has said that it knows it.
    #[must_use]
    pub fn known_to_chain(self) -> Self {
        Self { is_on_chain: true, ..self }
    }

    /// The grant that a payment on this chain may have to bring; none once the chain knows the key.
    pub(crate) fn grant_to_bring(&self, chain: u64) -> Option<&SignedGrant> {
        self.grant.as_ref().filter(|grant| !self.is_on_chain && grant.chain() == chain)
    }

    /// Whether a chain says that it knows the key.
    pub(crate) async fn is_known(&self, chain: u64, funds: Option<&dyn Funds>) -> bool {
        match funds {
            Some(funds) => funds.has_access_key(chain, self.account, self.address()).await == Some(true),
            None => false,
        }
    }

    /// The account it spends for.
    pub fn account(&self) -> Address {
        self.account
    }

    /// Its own address.
    pub fn address(&self) -> Address {
        self.key.address()
    }

    /// What signs.
    pub(super) fn key(&self) -> &Account {
        &self.key
    }

    /// What the account allows, where it is at hand.
    pub fn grant(&self) -> Option<&SignedGrant> {
        self.grant.as_ref()
    }

    /// Signs the Keccak-256 hash of a message in the account's name: the key signs over that hash
    /// and the account, so that the signature is no other account's.
    pub async fn sign(&self, message: &[u8]) -> Result<Bytes, AccountError> {
        let digest = keccak256(message);
        let bound = [&[KEYCHAIN], digest.as_slice(), self.account.as_slice()].concat();
        let signature = self.key.sign(&bound).await?;
        Ok([&[KEYCHAIN], self.account.as_slice(), signature.as_ref()].concat().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tempo::testing::{CHAIN, OTHER, SELLER, TOKEN, account, at_once, now, transaction};
    use crate::tempo::{Envelope, Sender, envelope::signing_message};

    fn grant(key: Address) -> Grant {
        let period = Some(Duration::from_secs(86_400));
        let limits = vec![Limit { token: TOKEN, amount: Amount::new(5_000_000), period }];
        Grant { chain: CHAIN, key, expires: now().after(Duration::from_secs(3600)), limits, recipients: vec![SELLER] }
    }

    fn granted() -> (Account, AccessKey) {
        let (root, key) = (account(0x11), account(0x33));
        let grant = at_once(grant(key.address()).sign(&root)).unwrap();
        let access_key = AccessKey::new(root.address(), key, grant).unwrap();
        (root, access_key)
    }

    #[test]
    fn a_grant_is_limited_expiring_and_signed_by_the_account() {
        let (root, access_key) = granted();
        let authorization = access_key.grant().unwrap().authorization();
        assert_eq!(authorization.recover_signer().unwrap(), root.address());
        assert!(!authorization.never_expires() && !authorization.has_unlimited_spending());
        assert!(authorization.has_call_scopes() && !authorization.is_admin());
        assert_eq!(authorization.limits.as_ref().unwrap()[0].period, 86_400);
        assert_eq!(access_key.grant().unwrap().rules(), 1 + 1 + 2 + 2);
        let bytes = access_key.grant().unwrap().to_bytes();
        assert_eq!(SignedGrant::from_bytes(&bytes).as_ref().ok(), access_key.grant());
        assert!(SignedGrant::from_bytes(&[bytes.as_slice(), &[0]].concat()).is_err());
        assert!(SignedGrant::from_bytes(&bytes[1..]).is_err());
    }

    #[test]
    fn a_key_without_an_end_is_not_granted() {
        let endless = Grant { expires: Timestamp::from_unix_millis(0), ..grant(OTHER) };
        assert_eq!(at_once(endless.sign(&account(0x11))), Err(GrantError::NeverExpires));
    }

    #[test]
    fn a_grant_for_others_is_not_used() {
        let (root, key) = (account(0x11), account(0x33));
        let grant = |for_key: Address, by: &Account| at_once(grant(for_key).sign(by)).unwrap();
        let refused = Err(GrantError::Foreign { account: root.address(), key: key.address() });
        let used = |grant| AccessKey::new(root.address(), key.clone(), grant).map(|_| ());
        assert_eq!(used(grant(OTHER, &root)), refused);
        assert_eq!(used(grant(key.address(), &account(0x44))), refused);
        assert_eq!(used(grant(key.address(), &root)), Ok(()));
    }

    #[test]
    fn what_the_key_signs_the_account_sends() {
        let (root, access_key) = granted();
        let transaction = transaction();
        let signature = at_once(access_key.sign(&signing_message(&transaction))).unwrap();
        let envelope = Envelope::join(transaction, &signature).unwrap();
        let sender = Sender { account: root.address(), access_key: Some(access_key.address()) };
        assert_eq!(envelope.sender(), sender);
        assert!(envelope.signature().is_v2_keychain());
    }
}
