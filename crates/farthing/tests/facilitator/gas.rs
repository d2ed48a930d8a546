//! What settling costs, who may cause it, and what happens when it cannot be paid.

use std::time::Duration;

use alloy_primitives::{Bytes, U256};
use farthing_testing_rpc::faults::Fault;
use serde_json::json;

use crate::signed::Authorized;
use crate::stage::{SIGNER, Stage};

#[tokio::test]
async fn l_03_without_gas_money_nothing_is_supported_verified_or_settled() {
    let stage = Stage::new("").await;
    let request = Authorized::new(&stage, "gas").await.request();
    let all = stage.gas_money().await;
    stage.chain.set_gas(SIGNER.address, U256::ZERO).await.unwrap();
    let settled = stage.post("/settle", &request).await;
    assert_ne!(settled.body["success"], true, "{settled:?}");
    assert_eq!(stage.get("/supported").await.body["kinds"], json!([]));
    assert_eq!(stage.get("/readyz").await.status, 503);
    assert!(stage.operators("/readyz").await.contains("send it more"));
    let verified = stage.post("/verify", &request).await;
    assert_eq!((verified.status, &verified.body["isValid"]), (503, &json!(false)));
    assert_eq!(stage.post("/settle", &request).await.status, 503);
    stage.chain.set_gas(SIGNER.address, all).await.unwrap();
    until_ready(&stage).await;
    stage.settles(&request).await;
}

#[tokio::test]
async fn l_03_a_node_that_is_away_takes_its_kinds_along_and_brings_them_back() {
    let stage = Stage::new("").await;
    stage.settles(&Authorized::new(&stage, "before").await.request()).await;
    let request = Authorized::new(&stage, "away").await.request();
    for method in ["eth_call", "eth_getBlockByNumber", "eth_getBalance", "eth_maxPriorityFeePerGas", "eth_blockNumber"]
    {
        stage.node.next(method, 1000, Fault::Swallowed);
    }
    let verified = stage.post("/verify", &request).await;
    assert_eq!((verified.status, &verified.body["isValid"]), (503, &json!(false)), "never a refusal: {verified:?}");
    for _ in 0..600 {
        if stage.get("/readyz").await.status == 503 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(stage.get("/supported").await.body["kinds"], json!([]));
    for method in ["eth_call", "eth_getBlockByNumber", "eth_getBalance", "eth_maxPriorityFeePerGas", "eth_blockNumber"]
    {
        stage.node.heal(method);
    }
    until_ready(&stage).await;
    stage.settles(&request).await;
}

async fn until_ready(stage: &Stage) {
    for _ in 0..200 {
        if stage.get("/readyz").await.status == 200 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("never ready again: {}", stage.log());
}

#[tokio::test]
async fn d_05_a_payment_must_be_worth_its_gas() {
    // A development node wants a gwei for each unit of gas: a third of a cent for a payment, at this price.
    let stage = Stage::new("max_gas_price = 1000\ngas_coin = \"30 USD\"").await;
    stage.settles(&Authorized::new(&stage, "worth").await.request()).await;
    let tiny = Authorized::new(&stage, "tiny").await.with(|it| {
        it.message.value = U256::from(1);
        it.requirements["amount"] = json!("1");
    });
    stage.refuses("a millionth of a dollar", &tiny.request(), "invalid_transaction_state").await;
    set_base_fee(&stage, 200_000_000_000).await;
    let dear = Authorized::new(&stage, "dear").await.request();
    let sent = stage.sent().await;
    let told = stage.post("/settle", &dear).await;
    assert_eq!(told.body["errorReason"], "invalid_transaction_state", "by what gas costs now: {told:?}");
    assert_eq!(stage.sent().await, sent);
    stage.refuses("a cent while gas is dear", &dear, "invalid_transaction_state").await;
    set_base_fee(&stage, 1_000_000).await;
    stage.settles(&dear).await;
}

#[tokio::test]
async fn d_11_gas_that_costs_more_than_is_allowed_is_not_paid() {
    let stage = Stage::new("max_gas_price = 2").await;
    set_base_fee(&stage, 50_000_000_000).await;
    let request = Authorized::new(&stage, "spike").await.request();
    let sent = stage.sent().await;
    let told = stage.post("/settle", &request).await;
    assert_ne!(told.body["success"], true, "{told:?}");
    assert_eq!(stage.sent().await, sent);
    assert!(stage.log().contains("the most allowed is 2000000000"), "{}", stage.log());
    set_base_fee(&stage, 1_000_000).await;
    stage.settles(&request).await;
}

async fn set_base_fee(stage: &Stage, wei: u64) {
    let asked = json!([U256::from(wei)]);
    stage.chain.node().request::<serde_json::Value>("anvil_setNextBlockBaseFeePerGas", asked).await.unwrap();
    stage.chain.mine(1).await.unwrap();
}

#[tokio::test]
async fn d_06_a_node_that_is_lost_after_the_broadcast_leaves_no_gap() {
    let stage = Stage::new("").await;
    stage.settles(&Authorized::new(&stage, "before").await.request()).await;
    for (number, fault) in [Fault::Lost, Fault::Swallowed].into_iter().enumerate() {
        let request = Authorized::new(&stage, &format!("lost {number}")).await.request();
        let sent = stage.sent().await;
        for method in ["eth_sendRawTransactionSync", "eth_sendRawTransaction"] {
            stage.node.next(method, 1, fault.clone());
        }
        let mut told = stage.post("/settle", &request).await;
        for method in ["eth_sendRawTransactionSync", "eth_sendRawTransaction"] {
            stage.node.heal(method);
        }
        for _ in 0..100 {
            if told.body["success"] == true {
                break;
            }
            assert_eq!(told.body["errorReason"], "settlement_pending", "{told:?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
            told = stage.post("/settle", &request).await;
        }
        assert_eq!(told.body["success"], true, "{told:?} {}", stage.log());
        assert_eq!(stage.sent().await, sent + 1);
    }
    stage.settles(&Authorized::new(&stage, "after").await.request()).await;
}

#[tokio::test]
async fn d_13_gas_does_not_follow_from_what_a_late_node_estimates() {
    let stage = Stage::new("").await;
    let hash = stage.settles(&Authorized::new(&stage, "limit").await.request()).await;
    let sent: serde_json::Value = stage.chain.node().request("eth_getTransactionByHash", json!([hash])).await.unwrap();
    assert_eq!(sent["gas"], "0x30d40", "a floor of 200 000, whatever a node thinks");
    assert_eq!(stage.node.asked("eth_estimateGas"), 0);
}

#[tokio::test]
async fn d_07_a_flood_of_bad_signatures_asks_no_node() {
    let stage = Stage::new("").await;
    let good = Authorized::new(&stage, "flood").await;
    stage.settles(&good.request()).await;
    let bad = good.request_with(&Bytes::from([[7; 64].as_slice(), &[27]].concat()));
    let before = stage.node.asked("eth_call");
    let begin = std::time::Instant::now();
    let told = futures_util::future::join_all((0..500).map(|_| stage.post("/verify", &bad))).await;
    assert!(told.iter().all(|told| told.body["isValid"] == false));
    assert_eq!(stage.node.asked("eth_call"), before);
    assert!(begin.elapsed() < Duration::from_secs(20));
}
