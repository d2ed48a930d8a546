use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use tempfile::TempDir;

use super::chain::Chains;
use super::offer::Offer;
use crate::commands::Run as _;
use crate::interop::key_file;
use crate::interop::node::Account;
use crate::interop::peer::Purchase;

/// Our wallet, with an account and a budget of its own.
pub(super) struct Wallet {
    binary: PathBuf,
    home: TempDir,
}

impl Wallet {
    /// Makes a wallet of this account that knows the chains and may pay.
    pub(super) fn create(binary: &Path, account: &Account, chains: &Chains) -> anyhow::Result<Self> {
        let wallet = Self { binary: binary.to_owned(), home: tempfile::tempdir()? };
        let key = key_file::write(wallet.home.path(), &account.key)?;
        wallet.farthing(["wallet", "create", "agent", "--key-file"]).arg(&key).output_text()?;
        let tempo = chains.of(Offer::Pull).rpc();
        wallet.farthing(["wallet", "chain", "add", "tempo-test", "--rpc", tempo]).output_text()?;
        let evm = chains.of(Offer::Authorization).rpc();
        let token = format!("{}:USDC:6:USD:Test USDC:1", chains.usdc());
        wallet.farthing(["wallet", "chain", "add", "evm-test", "--rpc", evm, "--token", &token]).output_text()?;
        wallet.farthing(["policy", "set", "--total", "10 USD", "--per-payment", "0.10 USD"]).output_text()?;
        Ok(wallet)
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

    /// The same, where the wallet would send the transaction itself.
    pub(super) fn push(&self, url: &str) -> anyhow::Result<Purchase> {
        let explained = self.farthing(["policy", "explain", "--json", url]).output_text()?;
        let explained: serde_json::Value = serde_json::from_str(&explained)?;
        ensure!(explained["offers"][0]["sent_first"] == true, "the wallet would pay by pull: {explained}");
        self.buy(url)
    }

    fn farthing<const COUNT: usize>(&self, words: [&str; COUNT]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(words).env("FARTHING_HOME", self.home.path());
        command
    }
}
