//! The owner's chains: a file beside the wallets, and the nodes it names.

use std::path::Path;
use std::sync::Arc;

use farthing_rail_evm::buyer::{Chains, Purse};

use crate::failure::{Failure, OrFail};

/// The chains of this home; none when there is no file.
pub(crate) fn load(home: &Path) -> Result<Chains, Failure> {
    farthing_rails::load(home).map_err(|error| Failure::new(error.to_string()))
}

/// Writes them.
pub(crate) fn save(home: &Path, chains: &Chains) -> Result<(), Failure> {
    farthing_rails::save(home, chains).or_fail("the chains cannot be kept")
}

/// Asks them.
pub(crate) fn purse(chains: &Chains) -> Result<Arc<Purse>, Failure> {
    Ok(Arc::new(Purse::new(chains, &reqwest::Client::new()).or_fail("a chain cannot be asked")?))
}
