//! JSON-RPC to a node that must be the one that was started.

use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes, U256};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::error::NodeError;

/// How long the node may take for one answer.
const DEADLINE: Duration = Duration::from_secs(30);
/// How often a receipt is looked for, and how many times.
const LOOK_EVERY: Duration = Duration::from_millis(10);
const LOOKS: u32 = 500;
/// After so many looks nobody else is going to mine the block.
const LOOKS_BEFORE_MINING: u32 = 3;

/// A development node. Every order that changes it outside a transaction is preceded by a look at its chain id.
#[derive(Clone, Debug)]
pub struct Node {
    rpc: String,
    chain_id: u64,
    client: reqwest::Client,
}

impl Node {
    /// The node at this address, which must be on this chain.
    pub fn at(rpc: impl Into<String>, chain_id: u64) -> Self {
        // No connection is kept: the node may be shared by tests that each have a runtime of their own.
        let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).timeout(DEADLINE).build();
        Self { rpc: rpc.into(), chain_id, client: client.unwrap_or_default() }
    }

    /// Its address.
    pub fn rpc(&self) -> &str {
        &self.rpc
    }

    /// The chain it must be on.
    pub fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// One JSON-RPC call.
    ///
    /// # Errors
    ///
    /// [`NodeError`] when there is no answer, when the answer is an error, or when it is not a `T`.
    pub async fn request<T: DeserializeOwned>(&self, method: &str, params: Value) -> Result<T, NodeError> {
        let silent = |source| NodeError::NoAnswer { method: method.to_owned(), source };
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let answer = self.client.post(&self.rpc).json(&call).send().await.map_err(silent)?;
        let mut answer: Value = answer.json().await.map_err(silent)?;
        if let Some(error) = answer.get("error") {
            return Err(NodeError::Refused { method: method.to_owned(), said: error.to_string() });
        }
        let result = answer.get_mut("result").map(Value::take).unwrap_or_default();
        serde_json::from_value(result.clone()).map_err(|_| unexpected(method, &result))
    }

    /// One call that changes the node itself (`anvil_*`, `evm_*`), after a look whether it is ours.
    ///
    /// # Errors
    ///
    /// As [`Node::request`], and [`NodeError::AnotherChain`], and then nothing was changed.
    pub async fn control<T: DeserializeOwned>(&self, method: &str, params: Value) -> Result<T, NodeError> {
        self.check_chain().await?;
        self.request(method, params).await
    }

    /// Fails unless the node is on the chain it must be on.
    ///
    /// # Errors
    ///
    /// [`NodeError::AnotherChain`], or no answer.
    pub async fn check_chain(&self) -> Result<(), NodeError> {
        let found: U256 = self.request("eth_chainId", json!([])).await?;
        if found == U256::from(self.chain_id) {
            return Ok(());
        }
        let found = u64::try_from(found).unwrap_or(u64::MAX);
        Err(NodeError::AnotherChain { rpc: self.rpc.clone(), expected: self.chain_id, found })
    }

    /// The code of a contract, empty where there is none.
    ///
    /// # Errors
    ///
    /// As [`Node::request`].
    pub async fn code(&self, contract: Address) -> Result<Bytes, NodeError> {
        self.request("eth_getCode", json!([contract, "latest"])).await
    }

    /// What a call returns on the last block; a revert is [`NodeError::Refused`].
    ///
    /// # Errors
    ///
    /// As [`Node::request`].
    pub async fn call(&self, to: Address, data: impl Into<Bytes>) -> Result<Bytes, NodeError> {
        self.request("eth_call", json!([{ "to": to, "data": data.into() }, "latest"])).await
    }

    /// Sends a transaction from an account whose key the node has, or that it impersonates, and waits for the receipt.
    /// Without `to` it creates a contract. What would revert is not sent. Mines a block when nobody else does.
    ///
    /// # Errors
    ///
    /// As [`Node::request`], with the data of a revert; [`NodeError::Reverted`]; [`NodeError::NotMined`].
    pub async fn send(&self, from: Address, to: Option<Address>, data: impl Into<Bytes>) -> Result<Value, NodeError> {
        self.check_chain().await?;
        let mut transaction = json!({ "from": from, "data": data.into() });
        if let Some(to) = to {
            transaction["to"] = json!(to);
        }
        // The node would mine a transaction that reverts, and a receipt does not say why.
        self.request::<Bytes>("eth_call", json!([transaction, "latest"])).await?;
        let hash: B256 = self.request("eth_sendTransaction", json!([transaction])).await?;
        for look in 0..LOOKS {
            let receipt: Value = self.request("eth_getTransactionReceipt", json!([hash])).await?;
            match receipt.get("status").and_then(Value::as_str) {
                Some("0x1") => return Ok(receipt),
                Some(_) => return Err(NodeError::Reverted { hash: hash.to_string() }),
                None if look == LOOKS_BEFORE_MINING => self.control("anvil_mine", json!(["0x1"])).await?,
                None => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
        Err(NodeError::NotMined { hash: hash.to_string() })
    }

    /// Creates a contract and returns its address.
    ///
    /// # Errors
    ///
    /// As [`Node::send`].
    pub async fn create(&self, from: Address, code: impl Into<Bytes>) -> Result<Address, NodeError> {
        let receipt = self.send(from, None, code).await?;
        let address = receipt.get("contractAddress").and_then(Value::as_str).and_then(|text| text.parse().ok());
        address.ok_or_else(|| unexpected("eth_getTransactionReceipt", &receipt))
    }
}

pub(crate) fn unexpected(method: &str, said: &Value) -> NodeError {
    NodeError::Unexpected { method: method.to_owned(), said: said.to_string() }
}
