//! What the facilitator says, and what becomes of the payment.

use std::time::Duration;

use alloy_primitives::U256;
use farthing_rail::{Fault, Settlement};
use farthing_testing_rpc::facilitator::{Line, Scripted};
use serde_json::{Value, json};

use crate::stage::{NETWORK, SECRET, Stage, seller, settled};

fn unknown(settlement: Settlement) -> String {
    match settlement {
        Settlement::Unknown(unknown) => unknown.reason,
        other => panic!("{other:?}"),
    }
}

fn reference(settlement: Settlement) -> String {
    match settlement {
        Settlement::Settled(settled) => settled.reference,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_settled_and_seen_counts_and_the_facilitator_is_asked_once_as_its_protocol_wants_it() {
    let stage = Stage::new(vec![]).await;
    let (before, bought) = (stage.got().await, stage.buy("honest").await);
    let transaction = stage.submit(&bought).await;
    stage.facilitator.settles(vec![Line::Json(200, settled(&transaction))]);
    assert_eq!(reference(stage.seller.settle(&bought.claim).await), transaction);
    assert!(stage.got().await > before);
    let asked = stage.facilitator.asked();
    let [(headers, body)] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(headers["authorization"], SECRET);
    assert_eq!(body["x402Version"], 2);
    assert_eq!(body["paymentPayload"]["accepted"], body["paymentRequirements"]);
    assert_eq!(body["paymentRequirements"]["amount"], "10000");
    assert_eq!(body["paymentRequirements"]["extra"], json!({ "name": "USDC", "version": "2" }));
    assert_eq!(body["paymentPayload"]["payload"]["authorization"]["validAfter"], "0");
    assert!(!format!("{:?}", stage.seller.lookup(&bought.claim).await).contains("secret"));
}

#[tokio::test]
async fn b_01_a_refusal_is_a_refusal_in_the_facilitators_words() {
    let stage = Stage::new(vec![]).await;
    let bought = stage.buy("refused").await;
    let body = json!({ "success": false, "errorReason": "insufficient_funds", "errorMessage": "the jar is \u{7}empty",
        "transaction": "", "network": NETWORK });
    for status in [200, 400, 402, 412] {
        stage.facilitator.settles(vec![Line::Json(status, body.clone())]);
        let Settlement::Rejected(rejected) = stage.seller.settle(&bought.claim).await else { panic!("{status}") };
        assert!(rejected.reason.contains("insufficient_funds") && rejected.reason.contains("the jar is empty"));
        assert_eq!(rejected.refusal.fault, Some(Fault::Balance));
        assert!(!rejected.refusal.detail.contains("jar"), "its words are for the operator");
    }
    stage.facilitator.settles(vec![Line::Json(400, json!({ "error": { "code": "invalid_network" } }))]);
    let Settlement::Rejected(rejected) = stage.seller.settle(&bought.claim).await else { panic!() };
    assert_eq!(rejected.refusal.fault, Some(Fault::Network));
}

#[tokio::test]
async fn b_01_a_refusal_does_not_undo_what_the_chain_shows() {
    let stage = Stage::new(vec![Line::Json(200, json!({ "success": false, "errorReason": "nonce_used" }))]).await;
    let bought = stage.buy("denied").await;
    let transaction = stage.submit(&bought).await;
    assert_eq!(reference(stage.seller.settle(&bought.claim).await), transaction);
}

#[tokio::test]
async fn b_02_s_27_a_time_out_is_unknown_and_what_lands_later_is_found() {
    let stage = Stage::new(vec![Line::Late(Duration::from_secs(60), Box::new(Line::Json(200, settled("0x"))))]).await;
    let bought = stage.buy("late").await;
    let settling = stage.seller.settle(&bought.claim);
    let settlement = tokio::time::timeout(Duration::from_secs(45), settling).await.unwrap();
    assert!(unknown(settlement).contains("did not answer"));
    assert!(matches!(stage.seller.lookup(&bought.claim).await, Settlement::Unknown(_)), "it may still land");
    let transaction = stage.submit(&bought).await;
    assert_eq!(reference(stage.seller.lookup(&bought.claim).await), transaction);
    assert_eq!(stage.facilitator.asked().len(), 1);
}

#[tokio::test]
async fn s_8_nothing_but_true_is_a_success_and_nonsense_is_unknown() {
    let stage = Stage::new(vec![]).await;
    let bought = stage.buy("nonsense").await;
    for line in [
        Line::Json(200, json!({})),
        Line::Json(200, json!({ "success": "true", "transaction": "0x1", "network": NETWORK })),
        Line::Json(200, json!({ "success": 1 })),
        Line::Json(200, json!([])),
        Line::Json(500, json!({ "success": true, "transaction": "0x1", "network": NETWORK })),
        Line::Json(500, json!({ "success": false, "errorReason": "unexpected_error" })),
        Line::Json(503, json!({})),
        Line::Html(200, "<html>welcome</html>"),
        Line::Html(502, "<html>bad gateway</html>"),
        Line::Elsewhere(308, "http://127.0.0.1:1/settle".into()),
        Line::Truncated,
    ] {
        stage.facilitator.settles(vec![line.clone()]);
        let reason = unknown(stage.seller.settle(&bought.claim).await);
        assert!(reason.contains("no answer that counts"), "{line:?} {reason}");
    }
    let transaction = stage.submit(&bought).await;
    stage.facilitator.settles(vec![Line::Truncated]);
    assert_eq!(reference(stage.seller.settle(&bought.claim).await), transaction, "the chain shows it");
}

#[tokio::test]
async fn b_03_a_success_that_our_nodes_do_not_bear_out_is_not_believed() {
    let stage = Stage::new(vec![]).await;
    let bought = stage.buy("claimed").await;
    let alien = stage.another_transaction().await;
    let before = stage.got().await;
    for transaction in [alien.as_str(), "not a hash"] {
        stage.facilitator.settles(vec![Line::Json(200, settled(transaction))]);
        let reason = unknown(stage.seller.settle(&bought.claim).await);
        assert!(reason.contains("do not bear out"), "{reason}");
    }
    assert_eq!(stage.got().await, before);
}

#[tokio::test]
async fn b_03_what_is_said_beside_the_truth_does_not_change_it() {
    let stage = Stage::new(vec![]).await;
    let bought = stage.buy("embellished").await;
    let transaction = stage.submit(&bought).await;
    let with = |member: &str, value: Value| {
        let mut said = settled(&transaction);
        said[member] = value;
        said
    };
    for said in [
        with("network", json!("eip155:1")),
        with("payer", json!("0x0000000000000000000000000000000000000001")),
        with("amount", json!("1")),
        with("transaction", json!(format!("0x{}", "11".repeat(32)))),
    ] {
        stage.facilitator.settles(vec![Line::Json(200, said)]);
        assert_eq!(reference(stage.seller.settle(&bought.claim).await), transaction);
    }
}

#[tokio::test]
async fn b_04_what_is_pending_is_asked_once_more_and_then_left_to_the_chain() {
    let stage = Stage::new(vec![]).await;
    let pending = |status| {
        let body = json!({ "success": false, "errorReason": "settlement_pending", "transaction": "0x1" });
        Line::Json(status, body)
    };
    let bought = stage.buy("pending").await;
    stage.facilitator.settles(vec![pending(200), pending(503)]);
    assert!(unknown(stage.seller.settle(&bought.claim).await).contains("under way"));
    assert_eq!(stage.facilitator.asked().len(), 2);
    let transaction = stage.submit(&bought).await;
    stage.facilitator.settles(vec![pending(503), Line::Json(200, settled(&transaction))]);
    assert_eq!(reference(stage.seller.settle(&bought.claim).await), transaction);
}

#[tokio::test]
async fn b_04_what_is_pending_stays_so_when_the_second_question_is_turned_away() {
    let stage = Stage::new(vec![]).await;
    let bought = stage.buy("turned away").await;
    for status in [401, 404, 429] {
        let pending = json!({ "success": false, "errorReason": "settlement_pending", "transaction": "" });
        let turned_away = Line::Json(status, json!({ "error": "too many requests" }));
        stage.facilitator.settles(vec![Line::Json(503, pending), turned_away]);
        assert!(unknown(stage.seller.settle(&bought.claim).await).contains("under way"), "{status}");
    }
    let transaction = stage.submit(&bought).await;
    assert_eq!(reference(stage.seller.lookup(&bought.claim).await), transaction);
}

#[tokio::test]
async fn l_02_another_facilitator_named_while_one_settles_makes_no_second_transfer() {
    let stage = Stage::new(vec![]).await;
    let bought = stage.buy("moved").await;
    let before = stage.got().await;
    stage.facilitator.settles(vec![Line::Late(Duration::from_secs(1), Box::new(Line::Json(500, json!({}))))]);
    let used = json!({ "success": false, "errorReason": "invalid_exact_evm_nonce_already_used", "transaction": "" });
    let other = Scripted::new(NETWORK, vec![Line::Json(200, used)]).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let anew = seller(folder.path(), &other.url(), &stage.node.url()).unwrap();
    // The first has it under way when the second is named; what was begun is looked up.
    let (begun, found) = tokio::join!(stage.seller.settle(&bought.claim), anew.lookup(&bought.claim));
    unknown(begun);
    unknown(found);
    assert!(other.asked().is_empty(), "a question moves nothing");
    let transaction = stage.submit(&bought).await;
    assert_eq!(reference(anew.lookup(&bought.claim).await), transaction);
    assert_eq!(reference(anew.settle(&bought.claim).await), transaction, "even if it is asked to settle");
    assert_eq!(stage.got().await - before, U256::from(bought.claim.proof.amount.units()));
}

#[tokio::test]
async fn b_14_a_node_that_does_not_answer_leaves_it_unknown() {
    let stage = Stage::new(vec![]).await;
    let bought = stage.buy("unseen").await;
    let transaction = stage.submit(&bought).await;
    stage.facilitator.settles(vec![Line::Json(500, json!({}))]);
    stage.node.next("eth_call", 100, farthing_testing_rpc::faults::Fault::Swallowed);
    unknown(stage.seller.settle(&bought.claim).await);
    stage.node.heal("eth_call");
    assert_eq!(reference(stage.seller.lookup(&bought.claim).await), transaction);
}

#[tokio::test]
async fn a_payment_that_nobody_settles_is_refused_once_it_can_no_longer_be() {
    let stage = Stage::new(vec![Line::Json(500, json!({}))]).await;
    let bought = stage.buy("forgotten").await;
    unknown(stage.seller.settle(&bought.claim).await);
    stage.chain.warp(Duration::from_secs(400)).await.unwrap();
    stage.chain.mine(20).await.unwrap();
    let Settlement::Rejected(rejected) = stage.seller.lookup(&bought.claim).await else { panic!() };
    assert_eq!(rejected.refusal.fault, Some(Fault::Expired));
}

#[tokio::test]
async fn a_facilitator_that_does_not_deal_with_us_or_is_away_has_taken_nothing() {
    let stage = Stage::new(vec![]).await;
    let bought = stage.buy("unwilling").await;
    for status in [401, 403, 404, 429] {
        stage.facilitator.settles(vec![Line::Json(status, json!({ "error": "no" }))]);
        let Settlement::Rejected(rejected) = stage.seller.settle(&bought.claim).await else { panic!("{status}") };
        assert!(rejected.reason.contains(&status.to_string()) && !rejected.reason.contains("secret"));
    }
    let Stage { facilitator, seller, .. } = stage;
    drop(facilitator);
    for _ in 0..50 {
        let Settlement::Rejected(_) = seller.settle(&bought.claim).await else { continue };
        if seller.readiness().is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("a facilitator that is away is not ready");
}
