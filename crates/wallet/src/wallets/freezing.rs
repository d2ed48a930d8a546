//! Stopping wallets, in every process and from now on, and letting them go on.

use std::path::Path;

use farthing_keys::{PassphraseSource, Stop, Stopped, private_file};
use farthing_rail::Reclaim;

use super::{WalletName, Wallets, WalletsError};
use crate::Wallet;
use crate::policy::approve_reclaim;

impl Wallets {
    /// Makes the wallet sign nothing until it is thawed, in every process, on every machine that has it, from now on.
    /// Where others cannot be told, that is an error, and this machine is stopped all the same.
    pub fn freeze(&self, name: &WalletName) -> Result<(), WalletsError> {
        self.key_in_use(name)?;
        self.stop(name.as_str(), &self.path(name, "frozen"))
    }

    /// Lets it sign again, unless everything is frozen.
    pub fn thaw(&self, name: &WalletName) -> Result<(), WalletsError> {
        self.key_in_use(name)?;
        self.let_go_on(name.as_str(), &self.path(name, "frozen"))
    }

    /// Makes every wallet of this home sign nothing, those that are made later included.
    pub fn freeze_all(&self) -> Result<(), WalletsError> {
        self.stop("", &self.home.join("frozen"))
    }

    /// Takes that back. What was frozen by itself stays frozen.
    pub fn thaw_all(&self) -> Result<(), WalletsError> {
        self.let_go_on("", &self.home.join("frozen"))
    }

    /// Stops this machine at once, and the others as soon as they can be told.
    fn stop(&self, name: &str, file: &Path) -> Result<(), WalletsError> {
        private_file::write(file, self.since().as_bytes())?;
        self.fleet.as_ref().map_or(Ok(()), |fleet| fleet.freeze(name, file, &self.since()))
    }

    fn let_go_on(&self, name: &str, file: &Path) -> Result<(), WalletsError> {
        self.fleet.as_ref().map_or(Ok(()), |fleet| fleet.thaw(name))?;
        Ok(private_file::remove(file)?)
    }

    /// A wallet to take back what is its own, although it is frozen: it closes sessions, cancels what it signed,
    /// and pays nothing.
    pub fn open_to_unwind(&self, name: &WalletName, source: PassphraseSource) -> Result<Wallet, WalletsError> {
        // That its owner may have back what is theirs is what lifts the stop.
        Ok(self.open(name, source)?.into_unwinding(&approve_reclaim(Reclaim::Request)))
    }

    /// Who stopped this wallet, if anybody.
    pub fn stopped(&self, name: &WalletName) -> Option<Stopped> {
        self.stops(name).iter().find_map(Stop::look)
    }

    /// What stops a wallet's keys.
    pub(crate) fn stops(&self, name: &WalletName) -> Vec<Stop> {
        vec![
            Stop::while_there(self.home.join("frozen"), Stopped::Everything),
            Stop::while_there(self.path(name, "frozen"), Stopped::Wallet(name.to_string())),
        ]
    }

    pub(crate) fn since(&self) -> String {
        format!("{}\n", self.ambient.now().to_rfc3339())
    }
}
