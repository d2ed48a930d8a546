use alloy_primitives::{Address, B256, Bytes, U64, U256};
use serde::Deserialize;
use serde_json::Value;

use crate::log::Log;

/// A block's header, as far as it is needed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// Seconds since 1970, as its producer says.
    pub timestamp: u64,
    /// What a unit of gas costs at least, in the chain's smallest unit; zero where there is none.
    pub base_fee: u128,
}

/// What a transaction did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The transaction.
    pub hash: B256,
    /// The block that includes it.
    pub block: u64,
    /// That block's hash.
    pub block_hash: B256,
    /// Whether it took effect; a reverted transaction cost gas and did nothing else.
    pub is_success: bool,
    /// Who sent it.
    pub sender: Address,
    /// Who paid its gas, where the chain says (Tempo).
    pub fee_payer: Option<Address>,
    /// What it used.
    pub gas_used: u64,
    /// What a unit of gas cost.
    pub gas_price: u128,
    /// Its logs, in order.
    pub logs: Vec<Log>,
    /// When its block was made, in seconds since 1970, where the node says so here.
    pub timestamp: Option<u64>,
}

/// A log that was found by a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FoundLog {
    pub(crate) block: u64,
    /// Its place among the logs of the block.
    pub(crate) position: u64,
    pub(crate) transaction: B256,
    /// What it says beside its topics.
    pub(crate) data: Bytes,
}

/// What one call of a simulation came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulatedCall {
    /// Whether it took effect.
    pub is_success: bool,
    /// What it returned, or the reason of the revert.
    pub returned: Bytes,
    /// Its logs.
    pub logs: Vec<Log>,
}

/// Not what this method returns.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer to {0} is not what the method returns")]
pub(crate) struct Unreadable(&'static str);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireBlock {
    number: Option<U64>,
    hash: Option<B256>,
    timestamp: U64,
    #[serde(default)]
    base_fee_per_gas: Option<U256>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireReceipt {
    transaction_hash: B256,
    block_number: Option<U64>,
    block_hash: Option<B256>,
    status: U64,
    from: Address,
    #[serde(default)]
    fee_payer: Option<Address>,
    gas_used: U64,
    #[serde(default)]
    effective_gas_price: U256,
    logs: Vec<WireLog>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireLog {
    address: Address,
    topics: Vec<B256>,
    data: Bytes,
    #[serde(default)]
    block_timestamp: Option<U64>,
    #[serde(default)]
    block_number: Option<U64>,
    #[serde(default)]
    log_index: Option<U64>,
    #[serde(default)]
    transaction_hash: Option<B256>,
    #[serde(default)]
    removed: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireSimulatedBlock {
    calls: Vec<WireSimulatedCall>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireSimulatedCall {
    status: U64,
    #[serde(default)]
    return_data: Bytes,
    #[serde(default)]
    logs: Vec<WireLog>,
}

fn parse<T: for<'de> Deserialize<'de>>(value: &Value, method: &'static str) -> Result<T, Unreadable> {
    T::deserialize(value).map_err(|_| Unreadable(method))
}

/// A number; a node that says nothing says zero.
pub(crate) fn number(value: &Value, method: &'static str) -> Result<u64, Unreadable> {
    parse::<U64>(value, method).map(|number| number.to())
}

/// A sum in the chain's smallest unit; larger than any real one is the largest.
pub(crate) fn sum(value: &Value, method: &'static str) -> Result<u128, Unreadable> {
    parse::<U256>(value, method).map(|sum| sum.saturating_to())
}

pub(crate) fn bytes(value: &Value, method: &'static str) -> Result<Bytes, Unreadable> {
    parse(value, method)
}

/// A block, or nothing when the node has none of that name or it is not sealed yet.
pub(crate) fn block(value: &Value) -> Result<Option<Block>, Unreadable> {
    let block: Option<WireBlock> = parse(value, "eth_getBlockByNumber")?;
    Ok(block.and_then(|block| {
        Some(Block {
            number: block.number?.to(),
            hash: block.hash?,
            timestamp: block.timestamp.to(),
            base_fee: block.base_fee_per_gas.unwrap_or_default().saturating_to(),
        })
    }))
}

/// A receipt, or nothing while the transaction is not included.
pub(crate) fn receipt(value: &Value) -> Result<Option<Receipt>, Unreadable> {
    let receipt: Option<WireReceipt> = parse(value, "eth_getTransactionReceipt")?;
    Ok(receipt.and_then(|receipt| {
        Some(Receipt {
            hash: receipt.transaction_hash,
            block: receipt.block_number?.to(),
            block_hash: receipt.block_hash?,
            is_success: receipt.status == U64::from(1),
            sender: receipt.from,
            fee_payer: receipt.fee_payer,
            gas_used: receipt.gas_used.to(),
            gas_price: receipt.effective_gas_price.saturating_to(),
            timestamp: receipt.logs.first().and_then(|log| log.block_timestamp).map(|time| time.to()),
            logs: receipt.logs.into_iter().map(WireLog::into_log).collect(),
        })
    }))
}

pub(crate) fn logs(value: &Value) -> Result<Vec<FoundLog>, Unreadable> {
    let logs: Vec<WireLog> = parse(value, "eth_getLogs")?;
    let found = |log: WireLog| {
        let position = log.log_index.map_or(0, |index| index.to());
        Some(FoundLog { block: log.block_number?.to(), position, transaction: log.transaction_hash?, data: log.data })
    };
    Ok(logs.into_iter().filter(|log| !log.removed).filter_map(found).collect())
}

pub(crate) fn simulated(value: &Value) -> Result<Vec<SimulatedCall>, Unreadable> {
    let blocks: Vec<WireSimulatedBlock> = parse(value, "eth_simulateV1")?;
    let calls = blocks.into_iter().flat_map(|block| block.calls);
    Ok(calls
        .map(|call| SimulatedCall {
            is_success: call.status == U64::from(1),
            returned: call.return_data,
            logs: call.logs.into_iter().map(WireLog::into_log).collect(),
        })
        .collect())
}

impl WireLog {
    fn into_log(self) -> Log {
        Log { address: self.address, topics: self.topics, data: self.data }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_receipt_with_fields_and_types_of_another_chain_is_read() {
        let hash = B256::repeat_byte(7);
        let wire = json!({
            "type": "0x76", "status": "0x1", "transactionHash": hash, "blockHash": hash, "blockNumber": "0x4",
            "gasUsed": "0x10", "effectiveGasPrice": "0x2", "from": Address::ZERO, "feePayer": Address::ZERO,
            "feeToken": Address::ZERO, "blockTimestamp": 1_795_237_829, "somethingNew": {},
            "logs": [{"address": Address::ZERO, "topics": [hash], "data": "0x01", "logIndex": "0x3", "blockTimestamp": "0x9", "removed": false}],
        });
        let read = receipt(&wire).unwrap().unwrap();
        assert!(read.is_success);
        assert_eq!((read.block, read.timestamp, read.gas_used, read.gas_price), (4, Some(9), 16, 2));
        assert_eq!(read.logs[0].topics, [hash]);
    }

    #[test]
    fn what_is_not_included_yet_has_no_receipt() {
        assert_eq!(receipt(&Value::Null), Ok(None));
        assert!(receipt(&json!({"status": "0x1"})).is_err());
        assert_eq!(block(&Value::Null), Ok(None));
    }
}
