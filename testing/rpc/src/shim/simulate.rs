//! What the calls of a transaction would do, one after the other.

use farthing_devnet::reserve_overrides;
use serde_json::{Value, json};

use super::node::{Answer, Node, failure};

/// Added to what the calls need: the signature, an expiring nonce, and calls that meet a later state.
const GAS_TO_SPARE: u64 = 50_000;

/// The code of a reverted call.
const REVERTED: i64 = 3;

/// Whether the transaction in a request has `calls`.
pub(super) fn has_calls(parameters: &[Value]) -> bool {
    parameters.first().is_some_and(|transaction| transaction["calls"].is_array())
}

/// `eth_call`: what the last call returns, or the first revert.
pub(super) async fn call(node: &Node, parameters: &[Value]) -> Answer {
    let outcomes = outcomes(node, parameters).await?;
    Ok(outcomes.last().map_or(json!("0x"), |last| last["returnData"].clone()))
}

/// `eth_estimateGas`: what all calls need together, or the first revert.
pub(super) async fn estimate(node: &Node, parameters: &[Value]) -> Answer {
    let used = outcomes(node, parameters).await?.iter().map(gas).sum::<u64>();
    Ok(json!(format!("{:#x}", used + GAS_TO_SPARE)))
}

/// `tempo_simulateV1`: for each transaction one outcome, that of its calls together.
pub(super) async fn blocks(node: &Node, parameters: &[Value]) -> Answer {
    let asked = parameters.first().unwrap_or(&Value::Null);
    let mut blocks = Vec::new();
    for block in asked["blockStateCalls"].as_array().into_iter().flatten() {
        let mut calls = Vec::new();
        for transaction in block["calls"].as_array().into_iter().flatten() {
            let simulated = simulated(node, transaction, parameters.get(1)).await?;
            calls.push(together(&simulated));
        }
        blocks.push(json!({ "calls": calls }));
    }
    Ok(json!({ "blocks": blocks }))
}

/// The outcome of every call, when none reverted.
async fn outcomes(node: &Node, parameters: &[Value]) -> Result<Vec<Value>, Value> {
    let simulated = simulated(node, parameters.first().unwrap_or(&Value::Null), parameters.get(1)).await?;
    match simulated.iter().find(|outcome| has_failed(outcome)) {
        None => Ok(simulated),
        Some(failed) => {
            let mut error = failure(REVERTED, &format!("execution reverted: {}", failed["error"]["message"]));
            error["data"] = failed["returnData"].clone();
            Err(error)
        }
    }
}

/// Has the node run the calls of a transaction in one block, each on what the one before it left.
async fn simulated(node: &Node, transaction: &Value, block: Option<&Value>) -> Result<Vec<Value>, Value> {
    let calls = calls(transaction);
    if calls.is_empty() {
        return Err(failure(-32602, "a Tempo transaction has at least one call"));
    }
    let mut simulated = json!({ "calls": calls });
    if let Some(overrides) = reserve_overrides(&calls) {
        simulated["stateOverrides"] = overrides;
    }
    let asked = json!({ "blockStateCalls": [simulated], "validation": false });
    let block = block.cloned().unwrap_or(json!("latest"));
    let mut blocks = node.ask("eth_simulateV1", vec![asked, block]).await?;
    match blocks[0]["calls"].take() {
        Value::Array(outcomes) => Ok(outcomes),
        _ => Err(failure(-32603, "the node simulated nothing")),
    }
}

/// The calls of a transaction in their order: a call outside the list comes after it.
fn calls(transaction: &Value) -> Vec<Value> {
    let listed = transaction["calls"].as_array().into_iter().flatten();
    let outside = Some(transaction).filter(|outside| outside["to"].is_string());
    let plain = |call: &Value| {
        let data = [&call["data"], &call["input"]].into_iter().find(|data| data.is_string());
        json!({
            "from": transaction["from"], "to": call["to"], "value": call.get("value").unwrap_or(&json!("0x0")),
            "data": data.unwrap_or(&json!("0x")),
        })
    };
    listed.chain(outside).map(plain).collect()
}

/// The outcomes of a transaction's calls as one: the first failure, or the last success with the gas of all.
fn together(outcomes: &[Value]) -> Value {
    let failed = outcomes.iter().find(|outcome| has_failed(outcome));
    let mut outcome = failed.or(outcomes.last()).cloned().unwrap_or_default();
    outcome["gasUsed"] = json!(format!("{:#x}", outcomes.iter().map(gas).sum::<u64>()));
    outcome
}

fn has_failed(outcome: &Value) -> bool {
    outcome["status"] != "0x1"
}

fn gas(outcome: &Value) -> u64 {
    let digits = outcome["gasUsed"].as_str().and_then(|text| text.strip_prefix("0x")).unwrap_or_default();
    u64::from_str_radix(digits, 16).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_outside_the_list_comes_last() {
        let transaction = json!({
            "from": "0xaa", "to": "0x02", "input": "0x22", "calls": [{ "to": "0x01", "data": "0x11", "value": "0x7" }],
        });
        let calls = calls(&transaction);
        assert_eq!(calls[0], json!({ "from": "0xaa", "to": "0x01", "value": "0x7", "data": "0x11" }));
        assert_eq!(calls[1], json!({ "from": "0xaa", "to": "0x02", "value": "0x0", "data": "0x22" }));
    }

    #[test]
    fn a_transaction_fails_with_its_first_failing_call() {
        let outcome = |status: &str, gas: &str| json!({ "status": status, "gasUsed": gas });
        let all = together(&[outcome("0x1", "0x10"), outcome("0x0", "0x20"), outcome("0x1", "0x1")]);
        assert_eq!(all, outcome("0x0", "0x31"));
    }
}
