use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use tempfile::TempDir;

use super::key_file;
use super::node::Account;
use super::peer::Purchase;
use crate::commands::Run as _;

/// Our wallet, with an account and a budget of its own.
pub(super) struct Wallet {
    binary: PathBuf,
    home: TempDir,
}

impl Wallet {
    /// Makes a wallet of this account that may spend a little.
    pub(super) fn create(binary: &Path, account: &Account) -> anyhow::Result<Self> {
        let wallet = Self { binary: binary.to_owned(), home: tempfile::tempdir()? };
        let key = key_file::write(wallet.home.path(), &account.key)?;
        wallet.farthing(["wallet", "create", "agent", "--key-file"]).arg(&key).output_text()?;
        wallet.farthing(["policy", "set", "--total", "10 USD", "--per-payment", "0.10 USD"]).output_text()?;
        Ok(wallet)
    }

    /// Makes a chain known; more words may name its token.
    pub(super) fn add_chain(&self, name: &str, rpc: &str, more: &[&str]) -> anyhow::Result<()> {
        self.farthing(["wallet", "chain", "add", name, "--rpc", rpc]).args(more).output_text().map(drop)
    }

    /// Buys with `farthing pay`.
    pub(super) fn buy(&self, url: &str) -> anyhow::Result<Purchase> {
        let receipt = self.home.path().join("receipt.json");
        // There is none yet before the first purchase.
        let _ = std::fs::remove_file(&receipt);
        let mut command = self.farthing(["pay", "--receipt"]);
        let output = command.arg(&receipt).arg(url).output().context("cannot start farthing")?;
        if !output.status.success() {
            bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
        }
        let receipt = std::fs::read(&receipt).ok().map(|kept| serde_json::from_slice(&kept)).transpose()?;
        Ok(Purchase { status: 200, body: String::from_utf8(output.stdout)?, receipt })
    }

    /// Buys with `farthing pay --session`; returns what came.
    pub(super) fn draw(&self, url: &str) -> anyhow::Result<String> {
        self.farthing(["pay", "--session", url]).output_text()
    }

    /// Buys with `farthing pay --stream`; returns the lines that came.
    pub(super) fn stream(&self, url: &str) -> anyhow::Result<Vec<String>> {
        let came = self.farthing(["pay", "--stream", url]).output_text()?;
        Ok(came.lines().map(str::to_owned).collect())
    }

    /// Closes every session with `farthing sessions close`.
    pub(super) fn close_sessions(&self) -> anyhow::Result<()> {
        self.farthing(["sessions", "close", "--all"]).output_text().map(drop)
    }

    /// What it would do there.
    pub(super) fn explain(&self, url: &str) -> anyhow::Result<serde_json::Value> {
        Ok(serde_json::from_str(&self.farthing(["policy", "explain", "--json", url]).output_text()?)?)
    }

    fn farthing<const COUNT: usize>(&self, words: [&str; COUNT]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(words).env("FARTHING_HOME", self.home.path());
        command
    }
}
