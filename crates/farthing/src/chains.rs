//! The owner's chains: a file beside the wallets, and the nodes it names.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use farthing_keys::private_file;
use farthing_rail_evm::buyer::{Chains, Delegation, Purse};
use farthing_wallet::{WalletName, Wallets};

use crate::failure::{Failure, OrFail};

/// The chains of this home; none when there is no file.
pub(crate) fn load(home: &Path) -> Result<Chains, Failure> {
    let path = file(home);
    let bytes = match private_file::read(&path) {
        Err(error) if error.is_absent() => return Ok(Chains::default()),
        read => read.map_err(|error| Failure::new(error.to_string()))?,
    };
    let text = String::from_utf8(bytes).map_err(|_| Failure::new(format!("{}: it is not text", path.display())))?;
    Chains::parse(&text).or_fail(&path.display().to_string())
}

/// Writes them; only the owner can read it, since a node's URL may hold a key.
pub(crate) fn save(home: &Path, chains: &Chains) -> Result<(), Failure> {
    let doing = "the chains cannot be kept";
    private_file::home_directory(home).or_fail(doing)?;
    private_file::write(&file(home), chains.to_toml().as_bytes()).or_fail(doing)
}

/// What another account lets a wallet spend. One that has ended still pays nothing on Tempo: the wallet's
/// own money is not taken in its place.
pub(crate) fn delegation(wallets: &Wallets, name: &WalletName) -> Result<Option<Delegation>, Failure> {
    let text = wallets.delegation(name).map_err(|error| Failure::new(error.to_string()))?;
    let Some(text) = text else { return Ok(None) };
    Delegation::from_json(&text).map(Some).or_fail(&format!("the grant of {name}"))
}

/// Asks them.
pub(crate) fn purse(chains: &Chains) -> Result<Arc<Purse>, Failure> {
    Ok(Arc::new(Purse::new(chains, &reqwest::Client::new()).or_fail("a chain cannot be asked")?))
}

fn file(home: &Path) -> PathBuf {
    home.join("chains.toml")
}
