//! Keys at rest, and whoever signs with them.
//!
//! A [`KeyFile`] is a wallet's keys under a passphrase, in the shape of the Open Wallet Standard's
//! wallet files: an Ed25519 key for prepaid balances and a secp256k1 key for accounts on chains. A
//! [`Vault`] opens it when a key is first needed, and [`VaultSigner`] and [`VaultAccount`] sign with
//! it. An [`ApiKeyFile`] holds a copy of such a key under a [`Token`], for somebody who may sign only what
//! policies allow. A [`LocalSigner`] holds a key that came as it is, or out of a BIP-39 phrase. A
//! [`SocketSigner`] asks another process, such as one that runs a [`KeyServer`]: the key need not be in
//! the process that pays.
//!
//! [`recoverable_from_table`] reads `signer = { .. }` of a configuration.
//!
//! Every secp256k1 signer here is a [`farthing_rail::RecoverableSigner`]: it is handed the message and
//! never a digest.

mod account;
mod ambient;
mod api_key;
mod derivation;
mod envelope;
mod error;
mod file;
mod local;
mod owner;
mod passphrase;
mod phrase;
pub mod private_file;
mod private_keys;
mod recovery;
mod seal;
mod secp256k1_key;
pub mod socket;
mod stop;
mod table;
mod token;
mod vault;

pub use account::Account;
pub use ambient::{Ambient, NoRandomness};
pub use api_key::ApiKeyFile;
pub use envelope::Envelope;
pub use error::VaultError;
pub use file::KeyFile;
pub use local::LocalSigner;
pub use owner::{OwnerFile, OwnerKey, OwnerPublic};
pub use passphrase::PassphraseSource;
pub use phrase::{DEFAULT_PATH, Phrase};
pub use private_file::FileError;
pub use recovery::account_of;
pub use seal::{Broken, Seal};
pub use secp256k1_key::Secp256k1Key;
pub use socket::{KeyServer, SocketSigner};
pub use stop::{Stop, Stopped};
pub use table::{Surroundings, recoverable_from_table};
pub use token::Token;
pub use vault::{Vault, VaultAccount, VaultSigner};
