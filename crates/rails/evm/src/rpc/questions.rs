use alloy_primitives::{Address, B256, Bytes, U256};
use serde::Serialize;
use serde_json::{Value, json};

/// One JSON-RPC request. Its parameters are kept as they are sent: they are written once and compared often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    pub(super) method: &'static str,
    /// A JSON array.
    pub(super) parameters: String,
}

/// The state of which block a read sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// The newest block.
    Latest,
    /// The newest block and what waits to be included.
    Pending,
    /// The block of this number.
    Number(u64),
    /// This very block: nothing when it is no longer part of the chain (EIP-1898).
    Block(B256),
}

/// Which logs to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFilter {
    /// The contract.
    pub address: Address,
    /// Topics by position; `None` fits anything.
    pub topics: Vec<Option<B256>>,
    /// First block.
    pub from: u64,
    /// Last block, included.
    pub to: u64,
}

/// One call of a simulation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SimulatedRequest {
    /// Who calls.
    pub from: Address,
    /// What is called.
    pub to: Address,
    /// With which data.
    pub data: Bytes,
}

impl At {
    fn json(self) -> Value {
        match self {
            Self::Latest => json!("latest"),
            Self::Pending => json!("pending"),
            Self::Number(number) => json!(format!("{number:#x}")),
            Self::Block(hash) => json!({ "blockHash": hash }),
        }
    }
}

impl Question {
    fn new(method: &'static str, parameters: Value) -> Self {
        Self { method, parameters: parameters.to_string() }
    }

    /// The chain's id.
    pub fn chain_id() -> Self {
        Self::new("eth_chainId", json!([]))
    }

    /// A block's header.
    pub fn block(at: At) -> Self {
        match at {
            At::Block(hash) => Self::new("eth_getBlockByHash", json!([hash, false])),
            at => Self::new("eth_getBlockByNumber", json!([at.json(), false])),
        }
    }

    /// What a transaction did, if it is included.
    pub fn receipt(hash: B256) -> Self {
        Self::new("eth_getTransactionReceipt", json!([hash]))
    }

    /// A transaction, whether it waits or is included.
    pub fn transaction(hash: B256) -> Self {
        Self::new("eth_getTransactionByHash", json!([hash]))
    }

    /// How many transactions an account sent.
    pub fn transaction_count(account: Address, at: At) -> Self {
        Self::new("eth_getTransactionCount", json!([account, at.json()]))
    }

    /// An account's own coin.
    pub fn balance(account: Address, at: At) -> Self {
        Self::new("eth_getBalance", json!([account, at.json()]))
    }

    /// An account's code.
    pub fn code(account: Address, at: At) -> Self {
        Self::new("eth_getCode", json!([account, at.json()]))
    }

    /// What validators ask on top of the base fee just now.
    pub fn priority_fee() -> Self {
        Self::new("eth_maxPriorityFeePerGas", json!([]))
    }

    /// A call without a transaction; `gas` bounds what it may use.
    pub fn call(from: Option<Address>, to: Address, data: &Bytes, gas: u64, at: At) -> Self {
        let from = from.map(|from| format!(r#""from":"{from:#x}","#)).unwrap_or_default();
        let call = format!(r#"{{{from}"to":"{to:#x}","data":"{data:#x}","gas":"{gas:#x}"}}"#);
        Self { method: "eth_call", parameters: format!("[{call},{}]", at.json()) }
    }

    /// Calls one after the other, each seeing what the earlier ones did.
    pub fn simulate(calls: &[SimulatedRequest]) -> Self {
        Self::new("eth_simulateV1", json!([{ "blockStateCalls": [{ "calls": calls }] }, "latest"]))
    }

    /// Logs of a range of blocks.
    pub fn logs(filter: &LogFilter) -> Self {
        let range = (U256::from(filter.from), U256::from(filter.to));
        Self::new(
            "eth_getLogs",
            json!([{
                "address": filter.address,
                "topics": filter.topics,
                "fromBlock": range.0,
                "toBlock": range.1,
            }]),
        )
    }

    /// Hands a transaction over.
    pub(super) fn send(raw: &Bytes) -> Self {
        Self::new("eth_sendRawTransaction", json!([raw]))
    }

    /// Hands a transaction over and waits for its receipt (EIP-7966).
    pub(super) fn send_and_wait(raw: &Bytes) -> Self {
        Self::new("eth_sendRawTransactionSync", json!([raw]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_the_json_that_nodes_read() {
        let (from, to, data) = (Address::repeat_byte(0xAB), Address::ZERO, Bytes::from_static(&[0xA0, 1]));
        let read = |question: Question| serde_json::from_str::<Value>(&question.parameters).unwrap();
        let whole = Question::call(Some(from), to, &data, 255, At::Number(16));
        assert_eq!(read(whole), json!([{ "from": from, "to": to, "data": "0xa001", "gas": "0xff" }, "0x10"]));
        let bare = Question::call(None, to, &Bytes::new(), 0, At::Latest);
        assert_eq!(read(bare), json!([{ "to": to, "data": "0x", "gas": "0x0" }, "latest"]));
    }
}
