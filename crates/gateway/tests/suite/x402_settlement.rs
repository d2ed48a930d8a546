//! What the chain or a facilitator says decides, and nothing else does. Both are scripted.

use crate::support;

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use farthing_books::PaymentState;
use farthing_rail::Fault;
use http::{Method, StatusCode};
use serde_json::Value;
use support::chain::Say;
use support::client::leave_when;
use support::x402::{BOTH, encoded, payment, world};
use support::{Reply, World};
use tokio::sync::Notify;

const X402_ONLY: &str = r#"
[[route]]
match = "GET /paid/{name}"
upstream = "UPSTREAM"
price = "0.001 USD"
accept = ["x402/exact"]
"#;

async fn paid_for(world: &World, nonce: &str) -> Value {
    payment(world, &world.client("").get("/paid/a").await, nonce)
}

#[tokio::test]
async fn b_01_a_refused_settlement_gives_nothing_and_says_so() {
    let world = world(BOTH).await;
    let client = world.client("");
    let payment = paid_for(&world, "0x01").await;
    world.chain.says([Say::No(Fault::Balance)]);
    let refused = client.get_paying("/paid/a", &payment).await;
    refused.refused_with("insufficient_funds");
    let outcome = refused.outcome();
    assert_eq!((outcome.success, &*outcome.transaction), (false, ""));
    assert_eq!(outcome.error_reason.as_deref(), Some("insufficient_funds"));
    assert!(refused.challenges().len() == 1, "everything is offered afresh");
    assert_eq!((world.upstream.hits(), world.chain.taken()), (0, vec![]));
    world.verify().await;
}

#[tokio::test]
async fn b_01_a_refused_settlement_of_version_1_is_told_in_version_1() {
    let world = world(BOTH).await;
    let payment = paid_for(&world, "0x01").await;
    world.chain.says([Say::No(Fault::Unmovable)]);
    let refused = world.client("").get_paying_first("/paid/a", &payment).await;
    assert_eq!(refused.status, StatusCode::PAYMENT_REQUIRED);
    let outcome = support::x402::decoded(refused.header("x-payment-response").unwrap());
    assert_eq!((&outcome["success"], &outcome["transaction"]), (&false.into(), &"".into()));
    assert_eq!(refused.json()["error"], "invalid_transaction_state");
    assert!(refused.header("payment-response").is_none());
}

#[tokio::test]
async fn s_13_a_missing_allowance_is_a_412() {
    let world = world(BOTH).await;
    let payment = paid_for(&world, "0x01").await;
    world.chain.says([Say::No(Fault::Allowance)]);
    let refused = world.client("").get_paying("/paid/a", &payment).await;
    assert_eq!(refused.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(refused.error().as_deref(), Some("permit2_allowance_required"));
}

#[tokio::test]
async fn b_02_a_time_out_that_lands_is_no_second_demand_and_is_served_once() {
    let world = world(&format!("{BOTH}settle_timeout = \"50ms\"")).await;
    let client = world.client("");
    let payment = paid_for(&world, "0x01").await;
    world.chain.says([Say::NothingButTook]);
    let unknown = client.get_paying("/paid/a", &payment).await;
    assert_eq!(unknown.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(unknown.header("retry-after").is_some() && unknown.text().contains("same credential"));
    assert!(unknown.header("payment-required").is_none() && unknown.challenges().is_empty());
    let served = client.get_paying("/paid/a", &payment).await;
    assert_eq!((served.status, served.outcome().success), (StatusCode::OK, true));
    assert_eq!((world.upstream.hits(), world.chain.taken()), (1, vec![1000]));
    assert_eq!(world.chain.settles.load(SeqCst), 1);
    world.verify().await;
}

#[tokio::test]
async fn b_02_a_settlement_slower_than_the_route_allows_is_unknown_and_not_failed() {
    let world = world(&format!("{BOTH}settle_timeout = \"50ms\"")).await;
    let client = world.client("");
    let payment = paid_for(&world, "0x01").await;
    world.chain.silent.store(true, SeqCst);
    world.chain.says([Say::Late(10_000)]);
    for _ in 0..3 {
        let unknown = client.get_paying("/paid/a", &payment).await;
        assert_eq!(unknown.status, StatusCode::SERVICE_UNAVAILABLE, "{unknown:?}");
        assert!(unknown.header("payment-required").is_none());
    }
    assert_eq!((world.upstream.hits(), world.chain.settles.load(SeqCst)), (0, 1));
}

#[tokio::test]
async fn b_04_a_pending_settlement_is_asked_about_and_never_served_early() {
    let world = world(BOTH).await;
    let client = world.client("");
    let payment = paid_for(&world, "0x01").await;
    world.chain.silent.store(true, SeqCst);
    world.chain.says([Say::NothingButTook]);
    assert_eq!(client.get_paying("/paid/a", &payment).await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(client.get_paying("/paid/a", &payment).await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(world.upstream.hits(), 0);
    world.chain.silent.store(false, SeqCst);
    assert_eq!(client.get_paying("/paid/a", &payment).await.status, StatusCode::OK);
    assert_eq!((world.upstream.hits(), world.chain.taken()), (1, vec![1000]));
}

#[tokio::test]
async fn b_02_a_settlement_that_never_landed_asks_for_a_fresh_payment() {
    let world = world(BOTH).await;
    let client = world.client("");
    let payment = paid_for(&world, "0x01").await;
    world.chain.says([Say::Nothing]);
    assert_eq!(client.get_paying("/paid/a", &payment).await.status, StatusCode::SERVICE_UNAVAILABLE);
    let refused = client.get_paying("/paid/a", &payment).await;
    assert_eq!(refused.status, StatusCode::PAYMENT_REQUIRED);
    assert_eq!((world.upstream.hits(), world.chain.taken()), (0, vec![]));
}

#[tokio::test]
async fn b_10_what_was_paid_and_not_served_is_owed_and_served_without_a_second_charge() {
    let world = world(BOTH).await;
    let client = world.client("");
    let payment = paid_for(&world, "0x01").await;
    world.upstream.then([Reply::Status(500), Reply::BreakOff]);
    let failed = client.get_paying("/paid/a", &payment).await;
    assert_eq!(failed.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(failed.header("payment-response").is_none() && failed.header("farthing-entitlement").is_some());
    let headers = [("payment-signature", &*encoded(&payment))];
    assert!(client.try_send(Method::GET, "/paid/a", &headers, "").await.is_err());
    world.until_it_is(PaymentState::Entitled).await;
    let served = client.get_paying("/paid/a", &payment).await;
    assert_eq!((served.status, served.outcome().success), (StatusCode::OK, true));
    assert_eq!((world.upstream.hits(), world.chain.taken()), (3, vec![1000]));
}

#[tokio::test]
async fn b_11_a_client_that_leaves_is_owed_its_delivery() {
    let world = world(BOTH).await;
    let client = world.client("");
    let payment = paid_for(&world, "0x01").await;
    let settled = Arc::new(Notify::new());
    world.chain.says([Say::When(Arc::clone(&settled))]);
    leave_when(|| world.chain.settles.load(SeqCst) == 1, client.get_paying("/paid/a", &payment)).await;
    settled.notify_one();
    world.until_it_is(PaymentState::Entitled).await;
    assert_eq!(client.get_paying("/paid/a", &payment).await.status, StatusCode::OK);
    assert_eq!((world.upstream.hits(), world.chain.taken()), (1, vec![1000]));
}

#[tokio::test]
async fn b_12_no_byte_precedes_the_settlement() {
    let world = world(BOTH).await;
    let client = world.client("");
    let payment = paid_for(&world, "0x01").await;
    let settled = Arc::new(Notify::new());
    world.chain.says([Say::When(Arc::clone(&settled))]);
    let asking = tokio::spawn(async move { client.get_paying("/paid/a", &payment).await });
    while world.chain.settles.load(SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(world.upstream.hits(), 0, "the upstream is not asked before the money moved");
    settled.notify_one();
    assert_eq!(asking.await.unwrap().status, StatusCode::OK);
}

#[tokio::test]
async fn k_08_a_rail_that_is_down_is_not_offered_and_the_others_are() {
    let world = world(BOTH).await;
    let client = world.client("");
    let payment = paid_for(&world, "0x01").await;
    world.chain.down.store(true, SeqCst);
    let asked = client.get("/paid/a").await;
    asked.refused("payment-required");
    assert!(asked.header("payment-required").is_none());
    assert!(asked.json().get("accepts").is_none());
    let refused = client.get_paying("/paid/a", &payment).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.header("retry-after").is_some());
    let ready = world.admin().get("/readyz").await;
    assert_eq!(ready.status, StatusCode::OK);
    assert!(ready.text().contains("rail base (x402/exact): the facilitator does not answer"), "{ready:?}");
    world.chain.down.store(false, SeqCst);
    assert_eq!(client.get_paying("/paid/a", &payment).await.status, StatusCode::OK);
}

#[tokio::test]
async fn l_01_l_03_l_08_a_route_that_nothing_can_pay_for_is_a_503_and_never_free() {
    let world = world(X402_ONLY).await;
    let client = world.client("");
    let payment = paid_for(&world, "0x01").await;
    world.chain.down.store(true, SeqCst);
    for headers in [vec![], vec![("payment-signature", encoded(&payment))], vec![("x-payment", "e30=".to_owned())]] {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        for method in [Method::GET, Method::HEAD] {
            let answer = client.send(method, "/paid/a", &headers, "").await;
            let refused = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::BAD_REQUEST];
            assert!(refused.contains(&answer.status), "{answer:?}");
            assert!(answer.header("payment-required").is_none());
        }
    }
    let answer = client.get("/paid/a").await;
    assert_eq!((answer.status, answer.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, Some("10")));
    let ready = world.admin().get("/readyz").await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(ready.text().contains("Nobody can pay for GET /paid/{name}") && ready.text().contains("start it"));
    assert_eq!((world.upstream.hits(), world.chain.taken()), (0, vec![]));
}

#[tokio::test]
async fn what_was_paid_before_a_rail_went_down_is_still_delivered() {
    let world = world(BOTH).await;
    let client = world.client("");
    let payment = paid_for(&world, "0x01").await;
    world.upstream.then([Reply::Status(500)]);
    client.get_paying("/paid/a", &payment).await;
    world.chain.all_down.store(true, SeqCst);
    assert_eq!(client.get_paying("/paid/a", &payment).await.status, StatusCode::OK);
    assert_eq!(client.get("/paid/a").await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn l_05_a_full_disk_serves_nothing_and_charges_once() {
    let world = world(BOTH).await;
    let client = world.client("");
    let payment = paid_for(&world, "0x01").await;
    world.break_books();
    let refused = client.get_paying("/paid/a", &payment).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.header("payment-required").is_none());
    assert_eq!(world.upstream.hits(), 0);
    world.mend_books();
    for _ in 0..100 {
        let answer = client.get_paying("/paid/a", &payment).await;
        if answer.status == StatusCode::OK {
            break;
        }
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!((world.upstream.hits(), world.chain.taken()), (1, vec![1000]));
    world.verify().await;
}
