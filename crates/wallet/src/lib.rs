//! The buyer: keys in a vault, limits that hold, and a client that pays.
//!
//! A [`Wallets`] directory holds wallets, one per agent: encrypted keys, a [`policy`], and the
//! payments under way. [`Wallets::open`] gives a [`Wallet`], and a [`PayingClient`] over it sends
//! requests and pays for them. Between an offer and a signature stands one choke point,
//! [`policy::approve`]: it decides, and it makes the reservation durable before it hands out the
//! approval that signing takes.
//!
//! Time and randomness come in through [`Ambient`]; nothing here reads a clock, the environment or
//! the terminal.

pub mod approvals;
mod audit;
pub mod cards;
pub mod client;
pub mod console;
pub mod exposure;
mod failpoint;
mod fleet;
pub mod issued;
mod outgoing;
pub mod policy;
pub mod reach;
mod runs;
mod sellers;
pub mod sessions;
pub mod subscriptions;
pub mod template;
mod undertaking;
mod wallet;
mod wallets;

pub use approvals::{ApprovalError, Reply};
pub use cards::{Card, CardError, CardTerms, OwnKey};
pub use client::{Outcome, PayError, PayingClient, PayingLayer, PayingMiddleware};
pub use farthing_books::{ApprovalId, ApprovalRecord, ApprovalState};
pub use farthing_keys::{
    Ambient, FileError, NoRandomness, OwnerKey, OwnerPublic, PassphraseSource, Secp256k1Key, Stopped, Token,
    VaultAccount, VaultError, VaultSigner,
};
pub use fleet::JoinError;
pub use policy::Policy;
/// The HTTP client whose requests and responses this crate speaks in.
pub use reqwest;
pub use runs::RunLimit;
pub use sellers::Sellers;
pub use undertaking::{Undertaking, UndertakingError};
pub use wallet::Wallet;
pub use wallets::{KeySummary, SignedPolicyError, Spending, Used, WalletName, WalletSummary, Wallets, WalletsError};
