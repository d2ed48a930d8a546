//! The owner's chains: a file beside the wallets.

use std::path::{Path, PathBuf};

use farthing_keys::{FileError, private_file};
use farthing_rail_evm::buyer::{Chains, ChainsError, Delegation, DelegationError};
use farthing_wallet::{Wallet, WalletName, Wallets, WalletsError};

/// Why the chains or a grant could not be read or kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChainsFileError {
    /// See [`FileError`].
    #[error(transparent)]
    File(#[from] FileError),
    /// The file holds something else.
    #[error("{}: it is not text; write it anew with: farthing wallet chain add", .0.display())]
    NotText(PathBuf),
    /// Its text names no chains.
    #[error("{}: {error}", .path.display())]
    Chains {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: ChainsError,
    },
    /// See [`WalletsError`].
    #[error(transparent)]
    Wallets(#[from] WalletsError),
    /// What another account lets the wallet spend cannot be read.
    #[error("the grant of {wallet}: {error}")]
    Grant {
        /// The wallet.
        wallet: WalletName,
        /// What is wrong with it.
        error: DelegationError,
    },
}

/// The chains of this home; none when there is no file.
pub fn load(home: &Path) -> Result<Chains, ChainsFileError> {
    let path = file(home);
    let bytes = match private_file::read(&path) {
        Err(error) if error.is_absent() => return Ok(Chains::default()),
        read => read?,
    };
    let text = String::from_utf8(bytes).map_err(|_| ChainsFileError::NotText(path.clone()))?;
    Chains::parse(&text).map_err(|error| ChainsFileError::Chains { path, error })
}

/// Writes them; only the owner can read it, since a node's URL may hold a key.
pub fn save(home: &Path, chains: &Chains) -> Result<(), ChainsFileError> {
    private_file::home_directory(home)?;
    Ok(private_file::write(&file(home), chains.to_toml().as_bytes())?)
}

/// What another account lets an open wallet spend, or the card that it was opened by. One that has ended still pays nothing on Tempo: the wallet's
/// own money is not taken in its place.
pub fn delegation(wallets: &Wallets, wallet: &Wallet) -> Result<Option<Delegation>, ChainsFileError> {
    let Some(text) = wallets.delegation_of(wallet)? else { return Ok(None) };
    let read = Delegation::from_json(&text);
    read.map(Some).map_err(|error| ChainsFileError::Grant { wallet: wallet.name().clone(), error })
}

fn file(home: &Path) -> PathBuf {
    home.join("chains.toml")
}
