//! Machines whose wallets have their books in common: a home for each, and nothing else between them but the server.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::path::{Path, PathBuf};

use farthing_wallet::{PassphraseSource, Wallets};

use crate::double::{AGENT, wallets};

/// Some machines; the owner's key is on the first.
pub(crate) struct Machines {
    folder: tempfile::TempDir,
    /// The address of their books.
    pub(crate) address: String,
}

impl Machines {
    /// So many, all with the wallet `agent`, its keys, and this policy.
    pub(crate) fn new(count: usize, policy: Option<&str>) -> Self {
        Self::at(farthing_testing_postgres::shared().address(), count, policy)
    }

    /// The same at this address.
    pub(crate) fn at(address: String, count: usize, policy: Option<&str>) -> Self {
        let machines = Self { folder: tempfile::tempdir().unwrap(), address };
        let (name, source) = (AGENT.parse().unwrap(), PassphraseSource::KeyFile);
        let first = machines.join(0);
        first.create(&name, &source).unwrap();
        let file = first.export(&name).unwrap();
        for number in 1..count {
            let home = machines.home(number);
            let other = machines.join(number);
            std::fs::copy(machines.home(0).join("vault.key"), home.join("vault.key")).unwrap();
            other.import(&name, &file, &source).unwrap();
        }
        if let Some(policy) = policy {
            machines.set_policy(policy);
        }
        machines
    }

    /// Where the wallets of a machine are.
    pub(crate) fn home(&self, number: usize) -> PathBuf {
        self.folder.path().join(format!("machine-{number}"))
    }

    /// A machine that has its books here, and no wallet yet.
    pub(crate) fn join(&self, number: usize) -> Wallets {
        wallets(&self.home(number)).sharing(&self.address, |address| address).unwrap()
    }

    /// The owner says what may be spent, on the first machine.
    pub(crate) fn set_policy(&self, policy: &str) {
        set_policy(&self.home(0), policy);
    }
}

/// The owner says what may be spent.
pub(crate) fn set_policy(home: &Path, policy: &str) {
    let name = AGENT.parse().unwrap();
    wallets(home).set_policy(&name, &policy.parse().unwrap(), &PassphraseSource::KeyFile).unwrap();
}
