//! One price in two protocols: offered together, paid in either, answered in the one that was used.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

mod support;

use http::{Method, StatusCode};
use support::client::credential;
use support::x402::{BOTH, PAYER, encoded, first_version, payment, world};

#[tokio::test]
async fn one_402_carries_the_price_in_every_protocol() {
    let world = world(BOTH).await;
    let asked = world.client("").get("/paid/a?token=secret").await;
    asked.refused("payment-required");
    let challenge = asked.challenge_of("evm");
    assert_eq!(challenge.request().decode().unwrap()["amount"], "1000");
    let required = asked.required();
    assert_eq!(required.accepts.len(), 1);
    assert_eq!(required.accepts[0].amount.to_string(), "1000");
    assert_eq!(required.resource.url, format!("http://{}/paid/a", world.running.addresses().public));
    assert_eq!(required.error, None);
    let first = asked.json();
    assert_eq!((&first["x402Version"], &first["accepts"][0]["maxAmountRequired"]), (&1.into(), &"1000".into()));
    assert_eq!(first["accepts"][0]["network"], "base-sepolia");
    assert_eq!(asked.header("vary"), Some("Accept-Payment, Authorization, Payment-Signature, X-Payment"));
}

#[tokio::test]
async fn a_payment_of_version_2_is_answered_in_version_2() {
    let world = world(BOTH).await;
    let client = world.client("");
    let asked = client.get("/paid/a").await;
    let paid = client.get_paying("/paid/a", &payment(&world, &asked, "0x01")).await;
    assert_eq!((paid.status, paid.text()), (StatusCode::OK, "hit 1, body of 0"), "{paid:?}");
    let outcome = paid.outcome();
    assert!(outcome.success && outcome.transaction.starts_with("0x"), "{outcome:?}");
    assert_eq!((&*outcome.network, outcome.payer.as_deref()), ("eip155:84532", Some(PAYER)));
    assert_eq!(outcome.amount, None);
    assert_eq!(paid.receipt().unwrap().method.as_str(), "x402");
    assert!(paid.header("x-payment-response").is_none());
    assert_eq!(paid.header("cache-control"), Some("private, no-store"));
    assert_eq!(world.chain.taken(), [1000]);
    world.verify().await;
}

#[tokio::test]
async fn a_payment_of_version_1_is_answered_in_version_1() {
    let world = world(BOTH).await;
    let client = world.client("");
    let asked = client.get("/paid/a").await;
    let paid = client.get_paying_first("/paid/a", &payment(&world, &asked, "0x01")).await;
    assert_eq!(paid.status, StatusCode::OK, "{paid:?}");
    let outcome = support::x402::decoded(paid.header("x-payment-response").unwrap());
    assert_eq!((&outcome["success"], &outcome["network"]), (&true.into(), &"base-sepolia".into()));
    assert!(paid.header("payment-response").is_none());
}

#[tokio::test]
async fn a_challenge_is_answered_with_a_receipt_alone() {
    let world = world(BOTH).await;
    let client = world.client("");
    let asked = client.get("/paid/a").await;
    let payload = payment(&world, &asked, "0x01")["payload"].clone();
    let paid = client.get_with("/paid/a", &credential(asked.challenge_of("evm"), payload)).await;
    assert_eq!(paid.status, StatusCode::OK, "{paid:?}");
    assert_eq!(paid.receipt().unwrap().method.as_str(), "evm");
    assert!(paid.header("payment-response").is_none() && paid.header("x-payment-response").is_none());
}

#[tokio::test]
async fn version_1_is_taken_only_where_the_route_says_so() {
    let world = world(&BOTH.replace("x402_v1 = true", "")).await;
    let client = world.client("");
    let asked = client.get("/paid/a").await;
    assert!(asked.json().get("x402Version").is_none());
    client.get_paying_first("/paid/a", &payment(&world, &asked, "0x01")).await.refused_with("invalid_x402_version");
    assert_eq!(world.chain.taken(), []);
}

#[tokio::test]
async fn k_01_more_than_one_credential_is_refused_before_any_check() {
    let world = world(BOTH).await;
    let client = world.client("");
    let asked = client.get("/paid/a").await;
    let payment = payment(&world, &asked, "0x01");
    let (second, first) = (encoded(&payment), encoded(&first_version(&payment)));
    let challenge = credential(asked.challenge_of("evm"), payment["payload"].clone());
    let carriers = [
        ("authorization", challenge.as_str()),
        ("payment-signature", &second),
        ("x-payment", &first),
        ("x-atxp-payment", "{}"),
    ];
    for (index, one) in carriers.iter().enumerate() {
        for other in carriers.iter().skip(index) {
            if one.0 == "x-atxp-payment" {
                continue;
            }
            let refused = client.send(Method::GET, "/paid/a", &[*one, *other], "").await;
            assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{one:?} {other:?}");
            assert_eq!(refused.problem(), "bad-request");
        }
    }
    assert_eq!(world.chain.verified.load(std::sync::atomic::Ordering::SeqCst), 0);
    assert_eq!((world.upstream.hits(), world.chain.taken()), (0, vec![]));
}
