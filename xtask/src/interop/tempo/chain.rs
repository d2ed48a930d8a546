use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::{Value, json};

use super::offer::Offer;
use crate::commands::{Run as _, cargo};
use crate::workspace;

/// Every dollar of Tempo, in any of which an account may pay fees. Prices are in the first, pathUSD.
pub(super) const TEMPO_TOKENS: [&str; 4] = [
    "0x20c0000000000000000000000000000000000000",
    "0x20c0000000000000000000000000000000000001",
    "0x20c0000000000000000000000000000000000002",
    "0x20c0000000000000000000000000000000000003",
];

/// The Tempo chain's id: that of the public test network, which SDKs take for granted.
pub(super) const TEMPO_CHAIN: u64 = 42_431;

/// The EVM chain's id: nobody's.
pub(super) const EVM_CHAIN: u64 = 31_337;

/// How long a transaction may take to show.
const PATIENCE: Duration = Duration::from_secs(10);

/// A Tempo chain with a shim before it, and an EVM chain; all end when this is dropped.
pub(super) struct Chains {
    tempo: Node,
    evm: Node,
    addresses: Addresses,
    process: Child,
}

/// One chain, asked for what is true.
pub(super) struct Node {
    rpc: String,
    tokens: Vec<String>,
}

/// What the program prints when everything listens.
#[derive(Deserialize)]
struct Addresses {
    tempo: TempoAddresses,
    evm: EvmAddresses,
    accounts: Vec<Account>,
}

#[derive(Deserialize)]
struct TempoAddresses {
    rpc: String,
    shim: String,
}

#[derive(Deserialize)]
struct EvmAddresses {
    rpc: String,
    token: String,
}

/// An account with money on both chains.
#[derive(Clone, Deserialize)]
pub(super) struct Account {
    pub(super) address: String,
    pub(super) key: String,
}

impl Chains {
    pub(super) fn start() -> anyhow::Result<Self> {
        cargo(["build", "--quiet", "--package", "farthing-testing-rpc", "--bin", "chains"]).run()?;
        let binary = workspace::target()?.join("debug/chains");
        let mut process = Command::new(binary)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the chains' program")?;
        let mut line = String::new();
        let output = process.stdout.take().context("no standard output")?;
        BufReader::new(output).read_line(&mut line)?;
        let addresses: Addresses =
            serde_json::from_str(&line).context("the chains did not start; what they wrote is above")?;
        let tokens = TEMPO_TOKENS.map(str::to_owned).to_vec();
        let tempo = Node { rpc: addresses.tempo.rpc.clone(), tokens };
        let evm = Node { rpc: addresses.evm.rpc.clone(), tokens: vec![addresses.evm.token.clone()] };
        Ok(Self { tempo, evm, addresses, process })
    }

    /// The Tempo node as the SDKs need it.
    pub(super) fn shim(&self) -> &str {
        &self.addresses.tempo.shim
    }

    /// The test USDC of the EVM chain, as sellers and buyers are told of it.
    pub(super) fn asset(&self) -> Value {
        let EvmAddresses { rpc, token } = &self.addresses.evm;
        json!({ "rpc": rpc, "chain": EVM_CHAIN, "token": token, "name": "Test USDC", "version": "1" })
    }

    /// The address of the test USDC.
    pub(super) fn usdc(&self) -> &str {
        &self.addresses.evm.token
    }

    /// One of the ten accounts.
    pub(super) fn account(&self, index: usize) -> anyhow::Result<&Account> {
        self.addresses.accounts.get(index).context("the chains have ten accounts")
    }

    /// The chain on which this is paid.
    pub(super) fn of(&self, offer: Offer) -> &Node {
        if offer == Offer::Authorization { &self.evm } else { &self.tempo }
    }
}

impl Node {
    pub(super) fn rpc(&self) -> &str {
        &self.rpc
    }

    /// What an address has of the token that prices are in, in base units.
    pub(super) fn balance(&self, address: &str) -> anyhow::Result<u128> {
        self.balance_of(self.tokens.first().context("a chain has a token")?, address)
    }

    /// What an address has of every token together, in base units.
    pub(super) fn wealth(&self, address: &str) -> anyhow::Result<u128> {
        self.tokens.iter().map(|token| self.balance_of(token, address)).sum()
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
        let mut answer: Value = ureq::post(&self.rpc).send_json(asked)?.body_mut().read_json()?;
        if let Some(error) = answer.get("error") {
            bail!("{method}: {error}");
        }
        Ok(answer["result"].take())
    }
}

impl Drop for Chains {
    fn drop(&mut self) {
        // Both fail only when it is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
