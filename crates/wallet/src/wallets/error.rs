use farthing_keys::{FileError, VaultError};
use farthing_policy::LevelError;
use farthing_store::StoreError;

use super::{SignedPolicyError, WalletName};
use crate::cards::CardError;
use crate::fleet::JoinError;
use crate::policy::PolicyError;
use crate::sessions::SessionsError;

/// Why something about wallets failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WalletsError {
    /// Not a name.
    #[error("\"{0}\" is not a wallet's name; use 1 to 32 lower-case letters, digits and hyphens, such as agent")]
    Name(String),
    /// No such wallet.
    #[error("there is no wallet {0}; run: farthing wallet create {0}")]
    Absent(WalletName),
    /// It would overwrite a key.
    #[error("the wallet {0} exists already; choose another name")]
    Exists(WalletName),
    /// No such key.
    #[error("the wallet {wallet} has no key {did}; run: farthing key list --wallet {wallet}")]
    NoKey {
        /// The wallet.
        wallet: WalletName,
        /// What was asked for.
        did: String,
    },
    /// The key in use cannot be revoked.
    #[error("{0} is the key in use; make another first with: farthing key create")]
    InUse(String),
    /// Nobody owns the wallets yet.
    #[error("these wallets have no owner yet; make a wallet first with: farthing wallet create agent")]
    NoOwner,
    /// See [`VaultError`].
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// See [`FileError`].
    #[error(transparent)]
    File(#[from] FileError),
    /// See [`PolicyError`].
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// See [`LevelError`].
    #[error(transparent)]
    Levels(LevelError),
    /// Levels of one payment that count in different currencies.
    #[error("the policy counts in {own}, and that of {level} above it in {other}; write both in one currency")]
    Currencies {
        /// The policy's own.
        own: String,
        /// The other.
        other: String,
        /// Whose it is.
        level: String,
    },
    /// A policy on disk that is not followed.
    #[error(transparent)]
    Signed(#[from] SignedPolicyError),
    /// Somebody else than the owner wants to change limits.
    #[error(
        "the owner's key does not open with this passphrase; give the owner's with --owner-passphrase-file or \
         FARTHING_OWNER_PASSPHRASE"
    )]
    NotTheOwner,
    /// The budgets could not be opened.
    #[error("the budgets cannot be opened: {0}")]
    Budgets(#[from] StoreError),
    /// A record of the log that does not read as one.
    #[error("record {record} of the log cannot be read: {why}; check it with: farthing audit verify")]
    Log {
        /// Its number.
        record: u64,
        /// Why.
        why: String,
    },
    /// See [`SessionsError`].
    #[error(transparent)]
    Sessions(#[from] SessionsError),
    /// See [`JoinError`].
    #[error(transparent)]
    Join(#[from] JoinError),
    /// What only the owner's key does, where that key is not.
    #[error("the owner's key is on another machine; run this where the owner is, and every machine follows it")]
    OwnerElsewhere,
    /// The wallets that these would be among have an owner already.
    #[error("the wallets there are owned by {owner}; if that is you, name them with: --owner {owner}")]
    NameOwner {
        /// Their public key.
        owner: String,
    },
    /// The wallets that these would be among have another owner.
    #[error(
        "the wallets there are owned by {owner}, who did not make this one; use another schema, or a key file that \
         they exported"
    )]
    OtherOwner {
        /// Their public key.
        owner: String,
    },
    /// The name stands for other keys among the wallets that these are among.
    #[error(
        "{wallet} stands for the keys of {key} there; import its key file with: farthing wallet import {wallet}, or \
         choose another name"
    )]
    OtherKeys {
        /// The name.
        wallet: WalletName,
        /// The account that it stands for.
        key: String,
    },
    /// See [`CardError`].
    #[error(transparent)]
    Card(#[from] CardError),
}

impl From<LevelError> for WalletsError {
    fn from(error: LevelError) -> Self {
        Self::Levels(error)
    }
}
