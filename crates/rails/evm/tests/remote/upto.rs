//! What was used of what a payer permitted, taken by a facilitator.

use std::time::Duration;

use alloy_primitives::U256;
use farthing_money::Amount;
use farthing_rail::{Fault, Hold, Settled, Settlement, Standing};
use farthing_testing_rpc::facilitator::Line;
use serde_json::json;

use crate::permitted::{CAP, FACILITATOR, Permitted, captures, took};
use crate::stage::NETWORK;

const USED: Amount = Amount::new(300);

#[track_caller]
fn settled(settlement: Settlement) -> Settled {
    match settlement {
        Settlement::Settled(settled) => settled,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn fault(settlement: Settlement) -> Option<Fault> {
    match settlement {
        Settlement::Rejected(rejected) => rejected.refusal.fault,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_was_used_is_asked_for_once_and_counts_as_the_chain_shows_it() {
    let stage = Permitted::new().await;
    let (before, promise) = (stage.got().await, stage.promise("honest").await);
    assert_eq!(stage.seller.hold(&promise.claim).await, Hold::Held);
    assert!(stage.facilitator.asked().is_empty(), "a hold moves nothing and asks our own node");
    let transaction = stage.take(&promise, 300).await;
    stage.facilitator.settles(vec![took(&transaction, 300)]);
    let captured = settled(stage.seller.capture(&promise.claim, USED).await);
    assert_eq!((captured.reference.as_str(), captured.captured), (transaction.as_str(), Some(USED)));
    assert_eq!(stage.got().await, before + U256::from(300));
    let asked = stage.facilitator.asked();
    let [(_, body)] = asked.as_slice() else { panic!("{asked:?}") };
    let (accepted, demanded) = (&body["paymentPayload"]["accepted"], &body["paymentRequirements"]);
    assert_eq!((&accepted["amount"], &demanded["amount"]), (&json!("10000"), &json!("300")));
    assert_eq!(accepted["extra"]["facilitatorAddress"], json!(FACILITATOR.to_checksum(None)));
    assert_eq!(accepted["extra"]["assetTransferMethod"], "permit2");
    let permit = &body["paymentPayload"]["payload"]["permit2Authorization"];
    assert_eq!(permit["witness"]["facilitator"], json!(FACILITATOR.to_checksum(None)));
    assert_eq!(settled(stage.seller.lookup(&promise.claim).await), captured);
    assert!(matches!(stage.seller.confirm(&promise.claim, &captured).await, Standing::Provisional { .. }));
    stage.chain.mine(20).await.unwrap();
    assert_eq!(stage.seller.confirm(&promise.claim, &captured).await, Standing::Final);
}

#[tokio::test]
async fn c_25_what_a_facilitator_takes_beside_what_it_was_asked_is_booked_as_it_was_taken() {
    let stage = Permitted::new().await;
    for (nonce, taken) in [("all", CAP), ("more", 301), ("less", 299), ("mite", 1)] {
        let promise = stage.promise(nonce).await;
        let transaction = stage.take(&promise, taken).await;
        // Whatever it says that it did, or did not do.
        for line in [took(&transaction, 300), Line::Truncated, Line::Json(200, json!({ "success": false }))] {
            stage.facilitator.settles(vec![line]);
            let captured = settled(stage.seller.capture(&promise.claim, USED).await);
            assert_eq!(
                (captured.reference.as_str(), captured.captured),
                (transaction.as_str(), Some(Amount::new(taken)))
            );
        }
    }
}

#[tokio::test]
async fn c_25_no_more_than_the_cap_is_asked_for() {
    let stage = Permitted::new().await;
    let promise = stage.promise("above").await;
    assert_eq!(fault(stage.seller.capture(&promise.claim, Amount::new(CAP + 1)).await), Some(Fault::Amount));
    assert!(stage.facilitator.asked().is_empty());
}

#[tokio::test]
async fn c_25_nothing_used_asks_nobody_and_what_is_taken_all_the_same_is_seen() {
    let stage = Permitted::new().await;
    let promise = stage.promise("nothing").await;
    for _ in 0..2 {
        assert_eq!(settled(stage.seller.capture(&promise.claim, Amount::ZERO).await).captured, Some(Amount::ZERO));
    }
    assert_eq!(settled(stage.seller.capture(&promise.claim, USED).await).captured, Some(Amount::ZERO));
    assert_eq!(settled(stage.seller.lookup(&promise.claim).await).captured, Some(Amount::ZERO));
    assert!(stage.facilitator.asked().is_empty());
    // The permit is good until its deadline: a facilitator that is not honest can still use it.
    stage.take(&promise, 70).await;
    assert_eq!(settled(stage.seller.lookup(&promise.claim).await).captured, Some(Amount::new(70)));
    let early = stage.promise("early").await;
    stage.take(&early, 80).await;
    assert_eq!(settled(stage.seller.capture(&early.claim, Amount::ZERO).await).captured, Some(Amount::new(80)));
}

#[tokio::test]
async fn b_02_what_is_no_plain_answer_is_unknown_and_found_by_the_nonce_until_the_deadline() {
    let stage = Permitted::new().await;
    let (promise, forgotten) = (stage.promise("late").await, stage.promise("forgotten").await);
    for line in [Line::Json(500, json!({})), Line::Html(200, "<html>welcome</html>"), Line::Truncated] {
        stage.facilitator.settles(vec![line]);
        for claim in [&promise.claim, &forgotten.claim] {
            assert!(matches!(stage.seller.capture(claim, USED).await, Settlement::Unknown(_)));
            assert!(matches!(stage.seller.lookup(claim).await, Settlement::Unknown(_)));
        }
    }
    let transaction = stage.take(&promise, 300).await;
    let found = settled(stage.seller.lookup(&promise.claim).await);
    assert_eq!((found.reference, found.captured), (transaction, Some(USED)));
    stage.chain.warp(Duration::from_secs(400)).await.unwrap();
    stage.chain.mine(20).await.unwrap();
    assert_eq!(fault(stage.seller.lookup(&forgotten.claim).await), Some(Fault::Expired));
}

#[tokio::test]
async fn b_01_a_refusal_is_a_refusal() {
    let stage = Permitted::new().await;
    let promise = stage.promise("refused").await;
    let body = json!({ "success": false, "errorReason": "insufficient_funds", "transaction": "", "network": NETWORK });
    stage.facilitator.settles(vec![Line::Json(200, body)]);
    assert_eq!(fault(stage.seller.capture(&promise.claim, USED).await), Some(Fault::Balance));
}

#[tokio::test]
async fn b_03_a_payer_who_spends_the_nonce_otherwise_has_not_paid() {
    let stage = Permitted::new().await;
    let promise = stage.promise("feigned").await;
    stage.send_as_if_taken(&promise, 1).await;
    stage.facilitator.settles(vec![Line::Json(503, json!({}))]);
    assert!(matches!(stage.seller.capture(&promise.claim, USED).await, Settlement::Unknown(_)));
    stage.spend_nonce(&promise).await;
    assert!(matches!(stage.seller.lookup(&promise.claim).await, Settlement::Unknown(_)));
    stage.chain.mine(20).await.unwrap();
    assert_eq!(fault(stage.seller.lookup(&promise.claim).await), Some(Fault::Used));
}

#[tokio::test]
async fn a_hold_is_what_our_node_says_to_the_very_call() {
    let stage = Permitted::new().await;
    let promise = stage.promise("held").await;
    assert_eq!(stage.seller.hold(&promise.claim).await, Hold::Held);
    stage.take(&promise, 1).await;
    let Hold::Rejected(rejected) = stage.seller.hold(&promise.claim).await else { panic!() };
    assert_eq!(rejected.refusal.fault, Some(Fault::Used));
    assert!(stage.facilitator.asked().is_empty());
}

#[tokio::test]
async fn l_08_without_an_account_to_name_nothing_is_offered() {
    let stage = Permitted::new().await;
    let named = stage.offer().to_object()["methodDetails"]["extra"]["facilitatorAddress"].clone();
    assert_eq!(named, json!(FACILITATOR.to_checksum(None)));
    let zero = json!({ "facilitatorAddress": "0x0000000000000000000000000000000000000000" });
    for extra in [json!({}), json!({ "facilitatorAddress": 7 }), json!({ "facilitatorAddress": "0x12" }), zero] {
        let folder = tempfile::tempdir().unwrap();
        stage.facilitator.supports(captures(&extra));
        let sellers = crate::stage::sellers(folder.path(), &stage.facilitator.url(), stage.chain.rpc(), "permit2");
        let upto = sellers.unwrap().pop().unwrap();
        let mut said = String::new();
        for _ in 0..100 {
            said = upto.readiness().unwrap_err().to_string();
            if said.contains("names no facilitatorAddress") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(said.contains("names no facilitatorAddress"), "{extra} {said}");
    }
}
