//! The wallets of a thread of runs, made once: opening a vault takes a fifth of a second, a run a hundredth of that.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use farthing_protocol::Timestamp;
use farthing_wallet::{Ambient, PassphraseSource, VaultSigner, Wallet, WalletName, Wallets};
use tempfile::TempDir;

use crate::Broken;
use crate::dice::Dice;
use crate::scenario::Cap;

/// Where files are in memory, so that what a wallet forces to disk costs a run nothing.
const IN_MEMORY: &str = "/dev/shm";

/// A directory of wallets, one for each cap, with the same keys on every machine.
pub struct Home {
    directory: TempDir,
    wallets: Vec<(Cap, Wallet)>,
}

impl Home {
    /// Makes the wallets and opens their keys.
    pub fn new() -> Result<Self, Broken> {
        let broken = |error: &dyn std::fmt::Display| Broken(format!("no wallet can be made: {error}"));
        let shared = Path::new(IN_MEMORY);
        let directory = if shared.is_dir() { tempfile::tempdir_in(shared) } else { tempfile::tempdir() };
        let directory = directory.map_err(|error| broken(&error))?;
        let dice = Dice::of(0);
        let ambient = Ambient::new(|| Timestamp::from_unix_millis(1_799_000_000_000));
        let ambient = ambient.with_randomness(move |bytes| dice.fill(bytes));
        let source = PassphraseSource::KeyFile;
        let home = Wallets::at(directory.path(), ambient).map_err(|error| broken(&error))?;
        let mut wallets = Vec::new();
        for cap in [Cap::Tight, Cap::Wide] {
            let name: WalletName = cap.wallet().parse().map_err(|error| broken(&error))?;
            let whole = cap.millionths();
            let policy = format!("total = \"0.{whole:06} USD\"").replace("0.1000000", "1");
            let policy = policy.parse().map_err(|error| broken(&error))?;
            home.create(&name, &source).map_err(|error| broken(&error))?;
            home.set_policy(&name, &policy, &source).map_err(|error| broken(&error))?;
            let wallet = home.open(&name, source.clone()).map_err(|error| broken(&error))?;
            // Signing opens the keys, here and not on a thread of a run.
            farthing_rail::Signer::sign(wallet.signer().as_ref(), b"open").map_err(|error| broken(&error))?;
            wallets.push((cap, wallet));
        }
        Ok(Self { directory, wallets })
    }

    /// The wallet with this cap, as if nothing had ever been paid out of it.
    pub fn fresh(&self, cap: Cap) -> Result<&Wallet, Broken> {
        let broken = |error: &dyn std::fmt::Display| Broken(format!("the wallet cannot be made new: {error}"));
        let outgoing = self.directory.path().join("wallets").join(cap.wallet()).join("outgoing");
        for entry in fs::read_dir(outgoing).map_err(|error| broken(&error))? {
            fs::remove_file(entry.map_err(|error| broken(&error))?.path()).map_err(|error| broken(&error))?;
        }
        let wallet = self.wallets.iter().find(|(of, _)| *of == cap).map(|(_, wallet)| wallet);
        wallet.ok_or_else(|| broken(&"there is none of this cap"))
    }

    /// A key of somebody else than the wallet with this cap.
    pub fn other_key(&self, cap: Cap) -> Result<Arc<VaultSigner>, Broken> {
        let other = self.wallets.iter().find(|(of, _)| *of != cap).map(|(_, wallet)| wallet.signer());
        other.ok_or_else(|| Broken("there is one wallet only".to_owned()))
    }
}
