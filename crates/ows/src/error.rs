use std::fmt;

use farthing_keys::{FileError, VaultError};

use crate::LedgerError;

/// Who said no, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The policy; `None` when it was no policy, such as for a key that has none.
    pub policy_id: Option<String>,
    /// The rule within it, by its type.
    pub rule: String,
    /// Why, in words.
    pub reason: String,
}

impl fmt::Display for Denial {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { policy_id, rule, reason } = self;
        match policy_id {
            Some(policy) => write!(formatter, "policy {policy}, {rule}: {reason}"),
            None => write!(formatter, "{rule}: {reason}"),
        }
    }
}

/// Why nothing was signed, with a code of the standard (document 02).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OwsError {
    /// No wallet of this name or id.
    #[error("there is no wallet {0} in this vault; farthing wallet list --vault shows those there are")]
    WalletNotFound(String),
    /// More than one wallet of this name.
    #[error("{count} wallets of this vault are called {name}; name one by its id")]
    WalletAmbiguous {
        /// The name.
        name: String,
        /// How many have it.
        count: usize,
    },
    /// Not an EVM chain, or a transaction of a kind that is not signed here.
    #[error("{0} is not signed for here; only EVM chains are (eip155:...)")]
    ChainNotSupported(String),
    /// Neither the owner's passphrase nor the key's token.
    #[error("the passphrase or the token does not open this wallet")]
    InvalidPassphrase,
    /// What was to be signed cannot be read, or is not what it was said to be.
    #[error("{0}")]
    InvalidInput(String),
    /// Not the name of a chain.
    #[error("\"{0}\" is not the name of a chain (CAIP-2), such as eip155:8453")]
    CaipParse(String),
    /// A policy, or the lack of one.
    #[error("refused by {0}")]
    PolicyDenied(Denial),
    /// No key of this token.
    #[error("no key of this vault has this token; it may have been revoked")]
    ApiKeyNotFound,
    /// The key's end has come.
    #[error("the key {0} has expired; make another")]
    ApiKeyExpired(String),
    /// A file of the vault could not be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// A wallet or a key of the vault could not be used.
    #[error(transparent)]
    Vault(VaultError),
    /// What was spent and decided could not be read or written down, so nothing is signed.
    #[error("nothing was signed: {0}")]
    Ledger(#[from] LedgerError),
}

impl OwsError {
    /// The standard's code. What the standard has none for is `INVALID_INPUT`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::WalletNotFound(_) => "WALLET_NOT_FOUND",
            Self::ChainNotSupported(_) => "CHAIN_NOT_SUPPORTED",
            Self::InvalidPassphrase => "INVALID_PASSPHRASE",
            Self::CaipParse(_) => "CAIP_PARSE_ERROR",
            Self::PolicyDenied(_) => "POLICY_DENIED",
            Self::ApiKeyNotFound => "API_KEY_NOT_FOUND",
            Self::ApiKeyExpired(_) => "API_KEY_EXPIRED",
            _ => "INVALID_INPUT",
        }
    }
}

impl From<VaultError> for OwsError {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::WrongPassphrase | VaultError::WrongToken => Self::InvalidPassphrase,
            other => Self::Vault(other),
        }
    }
}
