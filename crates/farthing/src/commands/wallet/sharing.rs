//! Wallets that have their books in common with those of other machines.

use clap::Args;
use farthing_wallet::{OwnerPublic, Wallets};

use super::say;
use crate::commands::password;
use crate::failure::Failure;

/// Where the counters are, when several machines have them in common.
#[derive(Args)]
pub(super) struct Sharing {
    /// Keep what all wallets of this home count, decide and open on this PostgreSQL server, where the wallets of other
    /// machines do, too: postgres://user@host/database?schema=NAME. It is said once, for the home. A password comes
    /// from PGPASSWORD or PGPASSFILE.
    #[arg(long, value_name = "ADDRESS")]
    store: Option<String>,
    /// The public key of whom the wallets there belong to, as farthing owner show says it on their machine. Policies
    /// are followed only with this key's signature.
    #[arg(long, value_name = "KEY", value_parser = owner, requires = "store")]
    owner: Option<OwnerPublic>,
}

fn owner(text: &str) -> Result<OwnerPublic, String> {
    OwnerPublic::from_hex(text).ok_or_else(|| "it is no public key; copy it from farthing owner show".to_owned())
}

impl Sharing {
    /// The wallets as they are named here.
    pub(super) fn among(&self, wallets: Wallets) -> Result<Wallets, Failure> {
        let wallets = match self.owner {
            Some(owner) => wallets.owned_by(owner),
            None => wallets,
        };
        let Some(address) = &self.store else { return Ok(wallets) };
        password::must_not_be_in(address)?;
        wallets.sharing(address, password::add).map_err(say)
    }
}
