use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::{Value, json};

/// How long a transaction may take to show.
const PATIENCE: Duration = Duration::from_secs(10);

/// The event of a token that moves.
const TRANSFER: &str = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";

/// One chain, asked for what is true.
pub(in crate::interop) struct Node {
    rpc: String,
    tokens: Vec<String>,
}

/// An account with money.
#[derive(Clone, Deserialize)]
pub(in crate::interop) struct Account {
    pub(in crate::interop) address: String,
    pub(in crate::interop) key: String,
}

impl Node {
    /// The chain behind this URL; prices are in the first of its tokens.
    pub(in crate::interop) fn new(rpc: String, tokens: Vec<String>) -> Self {
        Self { rpc, tokens }
    }

    pub(in crate::interop) fn rpc(&self) -> &str {
        &self.rpc
    }

    /// What an address has of the token that prices are in, in base units.
    pub(in crate::interop) fn balance(&self, address: &str) -> anyhow::Result<u128> {
        self.balance_of(self.tokens.first().context("a chain has a token")?, address)
    }

    /// What an address has of every token together, in base units.
    pub(in crate::interop) fn wealth(&self, address: &str) -> anyhow::Result<u128> {
        self.tokens.iter().map(|token| self.balance_of(token, address)).sum()
    }

    fn balance_of(&self, token: &str, address: &str) -> anyhow::Result<u128> {
        let data = format!("0x70a08231{:0>64}", address.trim_start_matches("0x"));
        number(&self.ask("eth_call", &json!([{ "to": token, "data": data }, "latest"]))?)
    }

    /// Waits for a transaction, requires that it went well, and returns its receipt.
    pub(in crate::interop) fn require_success(&self, hash: &str) -> anyhow::Result<Value> {
        let asked = Instant::now();
        loop {
            let receipt = self.ask("eth_getTransactionReceipt", &json!([hash]))?;
            match receipt["status"].as_str() {
                Some("0x1") => return Ok(receipt),
                Some(status) => bail!("transaction {hash} has status {status}"),
                None if asked.elapsed() > PATIENCE => bail!("the chain knows no transaction {hash}"),
                None => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    /// What an address has of the coin that gas is paid in.
    pub(in crate::interop) fn gas(&self, address: &str) -> anyhow::Result<u128> {
        number(&self.ask("eth_getBalance", &json!([address, "latest"]))?)
    }

    /// The number of the newest block.
    pub(in crate::interop) fn block_number(&self) -> anyhow::Result<u128> {
        number(&self.ask("eth_blockNumber", &json!([]))?)
    }

    /// What was transferred between two addresses after a block, in the token that prices are in: each transfer, in base
    /// units.
    pub(in crate::interop) fn transfers(&self, from: &str, to: &str, after: u128) -> anyhow::Result<Vec<u128>> {
        let topic = |address: &str| format!("0x{:0>64}", address.trim_start_matches("0x").to_lowercase());
        let topics = json!([TRANSFER, topic(from), topic(to)]);
        let filter = json!({ "address": self.tokens.first(), "fromBlock": format!("{after:#x}"), "topics": topics });
        let logs = self.ask("eth_getLogs", &json!([filter]))?;
        let later = |log: &&Value| number(&log["blockNumber"]).is_ok_and(|block| block > after);
        logs.as_array().context("no logs")?.iter().filter(later).map(|log| number(&log["data"])).collect()
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

/// A number as nodes write it.
fn number(answer: &Value) -> anyhow::Result<u128> {
    let digits = answer.as_str().and_then(|text| text.strip_prefix("0x")).context("no number")?;
    u128::from_str_radix(digits, 16).with_context(|| format!("{digits} is no number"))
}
