use alloy_primitives::{Address, Bytes};
use farthing_money::Amount;
use farthing_protocol::Timestamp;
use serde::{Deserialize, Serialize};

use super::Permission;
use crate::Account;
use crate::tempo::{AccessKey, GrantError, PayingKey, SignedGrant};

/// What an account on Tempo lets another wallet's key spend, as it is handed from one to the other.
/// There is nothing secret in it: it is of use to that key alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegation {
    account: Address,
    grant: SignedGrant,
}

/// Why there is no delegation in a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DelegationError {
    /// Something else.
    #[error("it is not a delegation; make one with: farthing key grant")]
    Form,
    /// See [`GrantError`].
    #[error(transparent)]
    Grant(#[from] GrantError),
    /// Its members say something else than the account signed.
    #[error("its {0} is not what the account signed; make it anew with: farthing key grant")]
    Altered(&'static str),
    /// Nobody signed it.
    #[error("no account signed it; make it anew with: farthing key grant")]
    Unsigned,
}

/// The file. All but `grant` is there for people, and must say the same.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    kind: String,
    chain: u64,
    account: Address,
    key: Address,
    expires: Option<String>,
    grant: Bytes,
}

const KIND: &str = "tempo-access-key";

impl Delegation {
    /// What an account signed.
    pub fn new(grant: SignedGrant) -> Result<Self, DelegationError> {
        Ok(Self { account: grant.signer().ok_or(DelegationError::Unsigned)?, grant })
    }

    /// The text of the file.
    pub fn to_json(&self) -> String {
        let file = File {
            kind: KIND.to_owned(),
            chain: self.chain(),
            account: self.account,
            key: self.key(),
            expires: self.expires().map(Timestamp::to_rfc3339),
            grant: self.grant.to_bytes().into(),
        };
        serde_json::to_string_pretty(&file).unwrap_or_default() + "\n"
    }

    /// Reads the text of a file; what people read in it must be what the account signed.
    pub fn from_json(text: &str) -> Result<Self, DelegationError> {
        let file: File = serde_json::from_str(text).map_err(|_| DelegationError::Form)?;
        let read = Self::new(SignedGrant::from_bytes(&file.grant)?)?;
        let same = [
            ("kind", file.kind == KIND),
            ("chain", file.chain == read.chain()),
            ("account", file.account == read.account),
            ("key", file.key == read.key()),
            ("expires", file.expires == read.expires().map(Timestamp::to_rfc3339)),
        ];
        match same.into_iter().find(|(_, same)| !same) {
            Some((altered, _)) => Err(DelegationError::Altered(altered)),
            None => Ok(read),
        }
    }

    /// The chain it is for (EIP-155).
    pub fn chain(&self) -> u64 {
        self.grant.chain()
    }

    /// Whose money may be spent.
    pub fn account(&self) -> Address {
        self.account
    }

    /// The key that may spend it.
    pub fn key(&self) -> Address {
        self.grant.key()
    }

    /// The same, to be taken back by the account.
    pub fn permission(&self) -> Permission {
        Permission::Key { key: self.key(), grant: Box::new(self.grant.clone()) }
    }

    /// When it ends.
    pub fn expires(&self) -> Option<Timestamp> {
        self.grant.expires()
    }

    /// How much of which token may be spent, in base units; `None` where there is no limit.
    pub fn limits(&self) -> Option<Vec<(Address, Amount)>> {
        self.grant.limits()
    }

    /// Pays out of the account with this key, which must be the one that it is for.
    pub fn paying_key(self, key: Account) -> Result<PayingKey, GrantError> {
        AccessKey::new(self.account, key, self.grant).map(|key| PayingKey::Delegated(Box::new(key)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tempo::testing::{CHAIN, TOKEN, account, at_once, now};
    use crate::tempo::{Grant, Limit};
    use std::time::Duration;

    fn delegation() -> Delegation {
        let limits = vec![Limit { token: TOKEN, amount: Amount::new(5_000_000), period: None }];
        let (root, key) = (account(0x11), account(0x33));
        let expires = now().after(Duration::from_secs(3600));
        let grant = Grant { chain: CHAIN, key: key.address(), expires, limits, recipients: Vec::new() };
        Delegation::new(at_once(grant.sign(&root)).unwrap()).unwrap()
    }

    #[test]
    fn a_delegation_reads_back_and_pays_with_its_own_key_only() {
        let made = delegation();
        let read = Delegation::from_json(&made.to_json()).unwrap();
        assert_eq!(read, made);
        assert_eq!((read.account(), read.key()), (account(0x11).address(), account(0x33).address()));
        assert_eq!(read.limits(), Some(vec![(TOKEN, Amount::new(5_000_000))]));
        assert_eq!(read.clone().paying_key(account(0x33)).unwrap().account(), account(0x11).address());
        assert!(matches!(read.paying_key(account(0x44)), Err(GrantError::Foreign { .. })));
    }

    #[test]
    fn a_file_that_says_something_else_than_was_signed_is_refused() {
        let json: serde_json::Value = serde_json::from_str(&delegation().to_json()).unwrap();
        for (member, value) in [
            ("chain", 1.into()),
            ("account", account(0x44).address().to_string().into()),
            ("key", account(0x44).address().to_string().into()),
            ("expires", "2099-01-01T00:00:00Z".into()),
            ("kind", "other".into()),
        ] {
            let mut changed = json.clone();
            changed[member] = value;
            let refused = Delegation::from_json(&changed.to_string());
            assert_eq!(refused, Err(DelegationError::Altered(member)));
        }
        assert_eq!(Delegation::from_json("{}"), Err(DelegationError::Form));
    }
}
