use std::path::PathBuf;

use crate::{FileError, NoRandomness, Stopped};

/// Why a key could not be made, read or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// See [`FileError`].
    #[error(transparent)]
    File(#[from] FileError),
    /// See [`NoRandomness`].
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// The passphrase is not the one the key was encrypted with, or the file was changed.
    #[error("the passphrase does not open this key; give the one it was created with")]
    WrongPassphrase,
    /// The token is not the one that the copy of the key was encrypted with, or the file was changed.
    #[error("the token does not open this key; give the one that was shown when it was made")]
    WrongToken,
    /// Nothing to open the vault with.
    #[error("the passphrase is empty; give one of at least a character, or none to use a key file")]
    EmptyPassphrase,
    /// There is no key file.
    #[error("{path} is missing, and it opens this vault; restore it, or give the passphrase", path = path.display())]
    NoKeyFile {
        /// Where it should be.
        path: PathBuf,
    },
    /// Not a key file this software can read.
    #[error("the key's file cannot be used: {0}")]
    Format(String),
    /// The file names another public key than it holds.
    #[error("the key's file says it is {stated}, but holds another key; restore it from an export")]
    Mislabelled {
        /// What it says.
        stated: String,
    },
    /// The file holds no key of this curve.
    #[error("the key's file has no account for chains; run: farthing key create --type evm --wallet {0}")]
    NoAccount(String),
    /// The file holds such a key already.
    #[error("{0} has an account for chains already; use another wallet, such as one made with: farthing wallet create")]
    HasAccount(String),
    /// Not a private key, or not a phrase.
    #[error("{0}")]
    Malformed(String),
    /// The program ended while a file was being opened.
    #[error("the program is ending; nothing was signed")]
    Interrupted,
    /// The owner stopped this key. See [`Stopped`].
    #[error(transparent)]
    Stopped(#[from] Stopped),
}
