use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::assistant::Heard;
use crate::commands::Run as _;
use crate::gateway::{Gateway, free_address};
use crate::interop::service::Service;

/// What opens the wallet, and what opens the tools over HTTP: neither may be in anything that an assistant hears.
const PASSPHRASE: &str = "nobody hears this passphrase";
pub(super) const TOKEN: &str = "nobody-hears-this-token-either";

/// Under which a payment is sent inside a message.
const CREDENTIAL: &str = "org.paymentauth/credential";

/// A wallet with a limit and money at a gateway, and the command that offers its tools.
pub(super) struct Desk {
    binary: PathBuf,
    home: TempDir,
}

impl Desk {
    pub(super) fn with_limit(binary: &Path, gateway: &Gateway, total: &str) -> anyhow::Result<Self> {
        Self::with(binary, gateway, &format!("total = \"{total}\"\nper_payment = \"0.001 USD\"\n"))
    }

    /// The same, whose policy asks a person before every payment.
    pub(super) fn that_asks(binary: &Path, gateway: &Gateway) -> anyhow::Result<Self> {
        Self::with(binary, gateway, "total = \"1 USD\"\n[ask]\namount_above = \"0.0001 USD\"\ndeadline = \"10m\"\n")
    }

    fn with(binary: &Path, gateway: &Gateway, policy: &str) -> anyhow::Result<Self> {
        let desk = Self { binary: binary.to_owned(), home: tempfile::tempdir()? };
        desk.farthing(&["wallet", "create", "agent"]).output_text()?;
        let file = desk.home.path().join("policy.toml");
        std::fs::write(&file, policy)?;
        desk.farthing(&["policy", "set", "--file", &file.display().to_string()]).output_text()?;
        let shown: Value = serde_json::from_str(&desk.farthing(&["wallet", "show", "agent", "--json"]).output_text()?)?;
        gateway.grant(shown["did"].as_str().context("a wallet has a did")?, "1 USD")?;
        Ok(desk)
    }

    /// The words that start the tools. What is sold to them is on this machine.
    pub(super) fn command(&self, more: &[&str]) -> Vec<String> {
        self.words(&[&["mcp", "--allow-private", "127.0.0.1"], more].concat())
    }

    /// The words by which a person allows what a call waits for.
    pub(super) fn allows(&self) -> Vec<String> {
        self.words(&["approvals", "allow", "{approval}"])
    }

    fn words(&self, words: &[&str]) -> Vec<String> {
        let binary = self.binary.display().to_string();
        [binary.as_str()].iter().chain(words).map(|word| (*word).to_owned()).collect()
    }

    /// How much was spent in total, as the wallet says it.
    pub(super) fn spent(&self) -> anyhow::Result<String> {
        let shown = self.farthing(&["wallet", "show", "agent", "--json"]).output_text()?;
        let shown: Value = serde_json::from_str(&shown)?;
        let spent = shown.pointer("/accounts/0/spent").and_then(Value::as_str);
        spent.map(str::to_owned).with_context(|| format!("a wallet says what was spent: {shown}"))
    }

    /// The variables that they need.
    pub(super) fn environment(&self) -> Value {
        json!({
            "FARTHING_HOME": self.home.path(),
            "FARTHING_PASSPHRASE": PASSPHRASE,
            "FARTHING_MCP_TOKEN": TOKEN,
            "RUST_LOG": "trace",
        })
    }

    /// The tools, served over HTTP.
    pub(super) fn listen(&self) -> anyhow::Result<Service> {
        let address = free_address()?;
        let mut served = Service::start(
            "rmcp",
            self.farthing(&["mcp", "--allow-private", "127.0.0.1", "--listen", &address]),
            address,
        )?;
        served.wait_until("/mcp", 401)?;
        Ok(served)
    }

    /// That neither an assistant heard nor a log at its finest has what opens anything, and no payment.
    pub(super) fn kept_its_secrets(&self, heard: &Heard) -> anyhow::Result<()> {
        let all = format!("{:?}{:?}{}", heard.results, heard.asked, heard.log);
        ensure!(!all.contains(CREDENTIAL), "a payment was written down");
        let key = std::fs::read_to_string(self.home.path().join("wallets/agent/wallet.json"))?;
        let key: Value = serde_json::from_str(&key)?;
        let sealed = key["crypto"]["ciphertext"].as_str().context("a key file is sealed")?;
        for secret in [PASSPHRASE, TOKEN, sealed] {
            ensure!(!all.contains(secret), "an assistant heard a secret");
        }
        Ok(())
    }

    fn farthing(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(words).env("FARTHING_HOME", self.home.path());
        command.env("FARTHING_PASSPHRASE", PASSPHRASE).env("FARTHING_MCP_TOKEN", TOKEN);
        command
    }
}
