use alloy_primitives::{Address, Bytes};

use super::access_key::AccessKey;
use crate::{Account, AccountError};

/// Whose money is spent, and by which key.
#[derive(Clone, Debug)]
pub enum PayingKey {
    /// The account's own key.
    Own(Account),
    /// A key that the account has delegated to.
    Delegated(Box<AccessKey>),
}

impl PayingKey {
    /// Whose money is spent.
    pub fn account(&self) -> Address {
        match self {
            Self::Own(account) => account.address(),
            Self::Delegated(key) => key.account(),
        }
    }

    /// The key, when it is not the account's own.
    pub(super) fn delegated(&self) -> Option<&AccessKey> {
        match self {
            Self::Own(_) => None,
            Self::Delegated(key) => Some(key),
        }
    }

    /// Signs the Keccak-256 hash of a message in the account's name.
    pub async fn sign(&self, message: &[u8]) -> Result<Bytes, AccountError> {
        match self {
            Self::Own(account) => account.sign(message).await,
            Self::Delegated(key) => key.sign(message).await,
        }
    }
}
