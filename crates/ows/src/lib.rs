//! The Open Wallet Standard: its vaults, keys and policies, and a signer that decodes or refuses.
//!
//! An [`OwsVault`] is a directory of wallets, API keys and policies in the standard's files. An
//! [`OwsSigner`] signs out of one: for the owner, and for whoever holds a key's token, within the key's
//! policies. What is signed is decoded first, and the chain, the recipient, the contract and the amount are
//! taken from the bytes alone. What was decided is written down in a [`Ledger`] before anything is signed,
//! with what it spends; a [`Journal`] is one beside the vault.
//!
//! The files of wallets and keys are [`farthing_keys::KeyFile`] and [`farthing_keys::ApiKeyFile`].

mod asset;
mod chain;
mod decode;
mod error;
mod journal;
mod ledger;
mod policy;
mod presented;
mod signer;
mod vault;

pub use asset::{Asset, NotAnAsset};
pub use chain::Chain;
pub use decode::{Facts, Move};
pub use error::{Denial, OwsError};
pub use journal::Journal;
pub use ledger::{Deciding, Ledger, LedgerError, Outcome, Record};
pub use policy::{Executables, PolicyFile};
pub use presented::Presented;
pub use signer::{Credential, Labels, OwsSigner, Request, Signed};
pub use vault::OwsVault;

/// What this software implements of the standard, in the form that the standard asks for (document 08).
pub const PROFILES: &str = "OWS Storage + Signing + Policy + EVM Chain Profile";
