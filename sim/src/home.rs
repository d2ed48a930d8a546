//! The wallets of a thread of runs, made once: opening a vault takes a fifth of a second, a run a hundredth of that.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use farthing_protocol::Timestamp;
use farthing_wallet::{Ambient, PassphraseSource, Wallet, WalletName, Wallets};
use tempfile::TempDir;

use crate::Broken;
use crate::dice::Dice;
use crate::logs::Logs;
use crate::scenario::Cap;
use crate::secrets::Secrets;
use crate::seller::SECRET;

/// Where files are in memory, so that what a wallet forces to disk costs a run nothing.
const IN_MEMORY: &str = "/dev/shm";

/// How many bytes a key has, at least.
const KEY_LENGTH: usize = 32;

/// A directory of wallets, one for each cap, with the same keys on every machine.
pub struct Home {
    directory: TempDir,
    secrets: Secrets,
    logs: Logs,
    wallets: Vec<(Cap, Wallet)>,
}

impl Home {
    /// Makes the wallets and opens their keys.
    pub fn new() -> Result<Self, Broken> {
        let broken = |error: &dyn std::fmt::Display| Broken(format!("no wallet can be made: {error}"));
        let shared = Path::new(IN_MEMORY);
        let directory = if shared.is_dir() { tempfile::tempdir_in(shared) } else { tempfile::tempdir() };
        let directory = directory.map_err(|error| broken(&error))?;
        let (dice, drawn) = (Dice::of(0), Arc::<Mutex<Secrets>>::default());
        let keys = Arc::clone(&drawn);
        let ambient = Ambient::new(|| Timestamp::from_unix_millis(1_799_000_000_000));
        let ambient = ambient.with_randomness(move |bytes| {
            dice.fill(bytes);
            // Keys and passphrases are made of nothing else; what is drawn for salts is shown to nobody either.
            if bytes.len() >= KEY_LENGTH {
                keys.lock().unwrap_or_else(PoisonError::into_inner).add_key("a wallet's key", bytes);
            }
        });
        let source = PassphraseSource::KeyFile;
        let home = Wallets::at(directory.path(), ambient).map_err(|error| broken(&error))?;
        let mut wallets = Vec::new();
        for cap in [Cap::Tight, Cap::Wide] {
            let name: WalletName = cap.wallet().parse().map_err(|error| broken(&error))?;
            let whole = cap.millionths();
            let total = format!("total = \"0.{whole:06} USD\"").replace("0.1000000", "1");
            let policy = format!("{total}\nsession_deposit = \"0.0025 USD\"\n");
            let policy = policy.parse().map_err(|error| broken(&error))?;
            home.create(&name, &source).map_err(|error| broken(&error))?;
            home.set_policy(&name, &policy, &source).map_err(|error| broken(&error))?;
            let wallet = home.open(&name, source.clone()).map_err(|error| broken(&error))?;
            // Signing opens the keys, here and not on a thread of a run.
            farthing_rail::Signer::sign(wallet.signer().as_ref(), b"open").map_err(|error| broken(&error))?;
            wallets.push((cap, wallet));
        }
        let mut secrets = drawn.lock().unwrap_or_else(PoisonError::into_inner).clone();
        secrets.add("the gateways' secret", SECRET.as_bytes());
        Ok(Self { directory, secrets, logs: Logs::new(), wallets })
    }

    /// The wallet with this cap, as if nothing had ever been paid out of it.
    pub fn fresh(&self, cap: Cap) -> Result<&Wallet, Broken> {
        let broken = |error: &dyn std::fmt::Display| Broken(format!("the wallet cannot be made new: {error}"));
        let outgoing = self.directory.path().join("wallets").join(cap.wallet()).join("outgoing");
        for entry in fs::read_dir(outgoing).map_err(|error| broken(&error))? {
            fs::remove_file(entry.map_err(|error| broken(&error))?.path()).map_err(|error| broken(&error))?;
        }
        self.forget_sessions().map_err(|error| broken(&error))?;
        let wallet = self.wallets.iter().find(|(of, _)| *of == cap).map(|(_, wallet)| wallet);
        wallet.ok_or_else(|| broken(&"there is none of this cap"))
    }

    fn forget_sessions(&self) -> std::io::Result<()> {
        for name in ["sessions.db", "sessions.db-wal", "sessions.db-shm", "sessions.opening"] {
            let path = self.directory.path().join(name);
            if path.exists() {
                fs::remove_file(path)?;
            }
        }
        let owners = self.directory.path().join("sessions");
        if owners.exists() { fs::remove_dir_all(owners) } else { Ok(()) }
    }

    /// What nobody may see who is not meant to.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Where the programs of a run log to.
    pub fn logs(&self) -> &Logs {
        &self.logs
    }
}
