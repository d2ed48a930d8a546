use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::commands::{Run as _, cargo};
use crate::workspace;

/// pathUSD, in which everything is priced.
pub(super) const TOKEN: &str = "0x20c0000000000000000000000000000000000000";

/// The other dollars there are; an account may pay fees in any.
const OTHER_TOKENS: [&str; 3] = [
    "0x20c0000000000000000000000000000000000001",
    "0x20c0000000000000000000000000000000000002",
    "0x20c0000000000000000000000000000000000003",
];

/// The chain's id: that of Tempo's public test network, which SDKs take for granted.
pub(super) const CHAIN: u64 = 42_431;

/// How long a transaction may take to show.
const PATIENCE: Duration = Duration::from_secs(10);

/// A Tempo chain of one's own with a shim before it; both end when it is dropped.
pub(super) struct Chain {
    addresses: Addresses,
    process: Child,
}

/// What the program prints when it listens.
#[derive(Deserialize)]
struct Addresses {
    node: String,
    shim: String,
    accounts: Vec<Account>,
}

/// An account with money.
#[derive(Clone, Deserialize)]
pub(super) struct Account {
    pub(super) address: String,
    pub(super) key: String,
}

impl Chain {
    pub(super) fn start() -> anyhow::Result<Self> {
        cargo(["build", "--quiet", "--package", "farthing-testing-rpc", "--bin", "tempo-chain"]).run()?;
        let binary = workspace::target()?.join("debug/tempo-chain");
        let mut process = Command::new(binary)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the chain's program")?;
        let mut line = String::new();
        let output = process.stdout.take().context("no standard output")?;
        BufReader::new(output).read_line(&mut line)?;
        let addresses = serde_json::from_str(&line).context("the chain did not start; what it wrote is above")?;
        Ok(Self { addresses, process })
    }

    /// The node itself.
    pub(super) fn node(&self) -> &str {
        &self.addresses.node
    }

    /// The node as the SDKs need it.
    pub(super) fn shim(&self) -> &str {
        &self.addresses.shim
    }

    /// One of the ten accounts.
    pub(super) fn account(&self, index: usize) -> anyhow::Result<&Account> {
        self.addresses.accounts.get(index).context("the chain has ten accounts")
    }

    /// What an address has of [`TOKEN`], in base units.
    pub(super) fn balance(&self, address: &str) -> anyhow::Result<u128> {
        self.balance_of(TOKEN, address)
    }

    /// What an address has of every dollar together, in base units.
    pub(super) fn wealth(&self, address: &str) -> anyhow::Result<u128> {
        let others = OTHER_TOKENS.iter().map(|token| self.balance_of(token, address));
        Ok(self.balance(address)? + others.sum::<anyhow::Result<u128>>()?)
    }

    fn balance_of(&self, token: &str, address: &str) -> anyhow::Result<u128> {
        let data = format!("0x70a08231{:0>64}", address.trim_start_matches("0x"));
        let answer = self.ask("eth_call", &json!([{ "to": token, "data": data }, "latest"]))?;
        let digits = answer.as_str().and_then(|text| text.strip_prefix("0x")).context("no balance")?;
        u128::from_str_radix(digits, 16).with_context(|| format!("{digits} is no balance"))
    }

    /// Waits for a transaction and requires that it went well.
    pub(super) fn require_success(&self, hash: &str) -> anyhow::Result<()> {
        let asked = Instant::now();
        loop {
            let receipt = self.ask("eth_getTransactionReceipt", &json!([hash]))?;
            match receipt["status"].as_str() {
                Some("0x1") => return Ok(()),
                Some(status) => bail!("transaction {hash} has status {status}"),
                None if asked.elapsed() > PATIENCE => bail!("the chain knows no transaction {hash}"),
                None => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    fn ask(&self, method: &str, parameters: &Value) -> anyhow::Result<Value> {
        let asked = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": parameters });
        let mut answer: Value = ureq::post(self.node()).send_json(asked)?.body_mut().read_json()?;
        if let Some(error) = answer.get("error") {
            bail!("{method}: {error}");
        }
        Ok(answer["result"].take())
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        // Both fail only when it is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
