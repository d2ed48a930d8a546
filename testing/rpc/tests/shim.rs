//! The shim before a real node: it answers what the node alone would get wrong.

#![allow(clippy::unwrap_used, missing_docs, reason = "test code, the helpers of tests included")]

use farthing_devnet::{Devnet, Options, RESERVE, Source};
use farthing_testing_rpc::shim::Shim;
use serde_json::{Value, json};

const PATH_USD: &str = "0x20c0000000000000000000000000000000000000";
const STRANGER: &str = "0x0000000000000000000000000000000000005eed";

async fn ask(shim: &Shim, method: &str, parameters: Value) -> Value {
    let asked = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": parameters });
    let response = reqwest::Client::new().post(shim.url()).json(&asked).send().await.unwrap();
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer["id"], 7);
    answer
}

/// A transaction of two transfers of a dollar each.
fn two_dollars(from: &str) -> Value {
    let transfer = json!({ "to": PATH_USD, "data": format!("0xa9059cbb{:0>64}{:064x}", "1234", 1_000_000) });
    json!({ "from": from, "calls": [transfer, transfer] })
}

#[tokio::test]
async fn a_tempo_chain_answers_as_the_sdks_expect() {
    let chain = Devnet::start(Options::tempo(Source::of_this_process().unwrap())).await.unwrap();
    let shim = Shim::start(chain.rpc()).await.unwrap();

    let poor = ask(&shim, "eth_call", json!([two_dollars(STRANGER), "latest"])).await;
    assert_eq!(poor["error"]["code"], 3, "{poor}");
    let alone = chain.node().request::<Value>("eth_call", json!([two_dollars(STRANGER), "latest"])).await;
    assert!(alone.is_ok(), "the node looks at calls by now: the shim need not any more");

    let funded = ask(&shim, "tempo_fundAddress", json!([STRANGER])).await;
    assert_eq!(funded["result"].as_array().unwrap().len(), 4, "{funded}");
    let paid = ask(&shim, "eth_call", json!([two_dollars(STRANGER), "latest"])).await;
    assert!(paid["result"].as_str().unwrap().ends_with('1'), "{paid}");

    let gas = ask(&shim, "eth_estimateGas", json!([two_dollars(STRANGER)])).await;
    let gas = u64::from_str_radix(gas["result"].as_str().unwrap().trim_start_matches("0x"), 16).unwrap();
    assert!((100_000..2_000_000).contains(&gas), "{gas} gas for two transfers");

    let blocks = json!({ "blockStateCalls": [{ "calls": [two_dollars(STRANGER)] }] });
    let simulated = ask(&shim, "tempo_simulateV1", json!([blocks, "latest"])).await;
    assert_eq!(simulated["result"]["blocks"][0]["calls"][0]["status"], "0x1", "{simulated}");

    let filled = ask(&shim, "eth_fillTransaction", json!([two_dollars(STRANGER)])).await;
    assert_eq!(filled["error"]["code"], -32601, "{filled}");
    assert_eq!(ask(&shim, "eth_chainId", json!([])).await["result"], "0xa5bf");
}

/// A channel of 5 base units to the stranger.
fn opening(from: &str) -> Value {
    let word = |address: &str| format!("{:0>64}", address.trim_start_matches("0x"));
    let arguments = [STRANGER, "0", PATH_USD, "5", "5a17", "0"].map(word).concat();
    json!({ "from": from, "calls": [{ "to": RESERVE, "data": format!("0xedc53b00{arguments}") }] })
}

#[tokio::test]
async fn a_channel_can_be_opened_in_the_reserve_as_on_tempo() {
    let chain = Devnet::start(Options::tempo(Source::of_this_process().unwrap())).await.unwrap();
    chain.place_reserve().await.unwrap();
    let shim = Shim::start(chain.rpc()).await.unwrap();
    let payer = chain.accounts()[0].address.to_string();
    let gas = ask(&shim, "eth_estimateGas", json!([opening(&payer)])).await;
    assert!(gas["result"].is_string(), "{gas}");
    let stranger = ask(&shim, "eth_estimateGas", json!([opening(STRANGER)])).await;
    assert_eq!(stranger["error"]["code"], 3, "without tokens: {stranger}");
}
