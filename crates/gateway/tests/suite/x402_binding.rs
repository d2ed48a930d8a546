//! An x402 authorization pays once, for the request that it was first used for. The chain is scripted.

use crate::support;

use std::sync::Arc;
use std::time::Duration;

use farthing_dialects::x402::{Binding, Requirements, Version};
use farthing_gateway::{Config, Gateway, Running};
use farthing_protocol::base64url;
use farthing_store::Sharing;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use support::client::credential;
use support::x402::{BOTH, CHAIN, PAYER, decoded, encoded, first_version, payment, valid_before, world};
use support::{Answer, Client, Reply, Setup, World};

const USED: &str = "invalid_exact_evm_nonce_already_used";
const ID: &str = "order-0123456789";

/// A payment under a name of the client's.
fn named(mut payment: Value, id: &str) -> Value {
    payment["extensions"]["payment-identifier"]["info"]["id"] = id.into();
    payment
}

/// A payment for a path, not yet used.
async fn paid_for(world: &World, path: &str, nonce: &str) -> Value {
    payment(world, &world.client("").get(path).await, nonce)
}

/// Another gateway over the same books and the same chain.
async fn replica(world: &World) -> Running {
    let config = Config::load(&world.directory.path().join("farthing.toml"), Arc::new(|_: &str| None)).unwrap();
    let script = farthing_rail::simulated::Script::honest();
    let rails = support::rails(script, Arc::clone(&world.memory), Arc::clone(&world.faults), world.clock.clone());
    let rails = support::with_chain(rails, Arc::clone(&world.chain), world.clock.clone());
    Gateway::new(config, rails, world.books.clone()).clock(Arc::new(world.clock.clone())).run().await.unwrap()
}

async fn all(uses: impl Iterator<Item = tokio::task::JoinHandle<Answer>>) -> (usize, Vec<Answer>) {
    let (mut served, mut others) = (0, Vec::new());
    for answer in uses.collect::<Vec<_>>() {
        let answer = answer.await.unwrap();
        if answer.status == StatusCode::OK { served += 1 } else { others.push(answer) }
    }
    (served, others)
}

#[tokio::test]
async fn a_01_a_second_use_never_runs_the_upstream() {
    let world = world(BOTH).await;
    let client = world.client("");
    let payment = paid_for(&world, "/paid/a", "0x01").await;
    assert_eq!(client.get_paying("/paid/a", &payment).await.status, StatusCode::OK);
    client.get_paying("/paid/a", &payment).await.refused_with(USED);
    assert_eq!((world.upstream.hits(), world.chain.taken()), (1, vec![1000]));
}

/// What the same payment is told that comes while it is being settled: ask again.
fn is_in_doubt(answer: &Answer) -> bool {
    answer.status == StatusCode::SERVICE_UNAVAILABLE
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_02_forty_simultaneous_uses_run_the_upstream_once() {
    let world = world(BOTH).await;
    let client = world.client("");
    let payment = Arc::new(paid_for(&world, "/paid/a", "0x01").await);
    let start = Arc::new(tokio::sync::Barrier::new(40));
    let uses = (0..40).map(|_| {
        let (client, payment, start) = (client.clone(), Arc::clone(&payment), Arc::clone(&start));
        tokio::spawn(async move {
            start.wait().await;
            client.get_paying("/paid/a", &payment).await
        })
    });
    let (served, others) = all(uses).await;
    others.iter().filter(|answer| !is_in_doubt(answer)).for_each(|answer| answer.refused_with(USED));
    assert_eq!((served, world.upstream.hits(), world.chain.taken()), (1, 1, vec![1000]));
    world.verify().await;
}

#[tokio::test]
async fn a_03_a_payment_for_one_resource_pays_for_no_other() {
    let world = world(BOTH).await;
    let client = world.client("");
    let payment = paid_for(&world, "/paid/a", "0x01").await;
    assert_eq!(client.get_paying("/paid/a", &payment).await.status, StatusCode::OK);
    client.get_paying("/paid/b", &payment).await.refused_with(USED);
    assert_eq!((world.upstream.hits(), world.chain.taken()), (1, vec![1000]));
}

#[tokio::test]
async fn a_04_a_payment_for_one_method_pays_for_no_other() {
    let world = world(BOTH).await;
    let client = world.client("");
    let payment = encoded(&paid_for(&world, "/paid/a", "0x01").await);
    let headers = [("payment-signature", &*payment)];
    assert_eq!(client.send(Method::GET, "/paid/a", &headers, "").await.status, StatusCode::OK);
    client.send(Method::POST, "/paid/a", &headers, "").await.refused_with(USED);
    assert_eq!(world.upstream.hits(), 1);
}

#[tokio::test]
async fn a_05_another_body_or_query_is_another_request() {
    let world = world(BOTH).await;
    let client = world.client("");
    let payment = encoded(&paid_for(&world, "/paid/a", "0x01").await);
    let headers = [("payment-signature", &*payment)];
    assert_eq!(client.send(Method::POST, "/paid/a?x=1", &headers, "body A").await.status, StatusCode::OK);
    client.send(Method::POST, "/paid/a?x=1", &headers, "body B").await.refused_with(USED);
    client.send(Method::POST, "/paid/a?x=2", &headers, "body A").await.refused_with(USED);
    assert_eq!(world.upstream.hits(), 1);
}

#[tokio::test]
async fn a_06_what_was_paid_to_one_seller_pays_no_other_behind_the_same_gateway() {
    let route = |host: &str| BOTH.replace("[[route]]", &format!("[[route]]\nhost = \"{host}\""));
    let world = world(&format!("{}{}", route("one.example"), route("two.example"))).await;
    let client = world.client("");
    let ask = async |host: &str, payment: Option<&str>| {
        let mut headers = vec![("host", host)];
        headers.extend(payment.map(|payment| ("payment-signature", payment)));
        client.send(Method::GET, "/paid/a", &headers, "").await
    };
    let asked = ask("one.example", None).await;
    assert_eq!(asked.required().resource.url, "http://one.example/paid/a");
    let payment = encoded(&payment(&world, &asked, "0x01"));
    assert_eq!(ask("one.example", Some(&payment)).await.status, StatusCode::OK);
    ask("two.example", Some(&payment)).await.refused_with(USED);
    assert_eq!(world.upstream.hits(), 1);
}

#[tokio::test]
async fn a_07_a_second_gateway_cannot_serve_from_the_same_books() {
    let world = world(BOTH).await;
    let second = farthing_store::Books::open(&world.directory.path().join("books.db"), Sharing::Exclusive);
    let refused = second.err().expect("the books are taken").to_string();
    assert!(refused.contains("books.db"), "{refused}");
}

#[tokio::test]
async fn a_08_a_payment_stays_used_after_a_restart() {
    let world = world(BOTH).await;
    let payment = paid_for(&world, "/paid/a", "0x01").await;
    let host = world.running.addresses().public.to_string();
    let headers = [("payment-signature", &*encoded(&payment)), ("host", host.as_str())];
    assert_eq!(world.client("").send(Method::GET, "/paid/a", &headers, "").await.status, StatusCode::OK);
    world.until_closed().await;
    let again = replica(&world).await;
    Client::new(again.addresses().public, "").send(Method::GET, "/paid/a", &headers, "").await.refused_with(USED);
    assert_eq!(world.upstream.hits(), 1);
}

#[tokio::test]
async fn a_09_every_encoding_of_one_authorization_is_one_payment() {
    use base64::Engine as _;
    let world = world(BOTH).await;
    let client = world.client("");
    let payment = paid_for(&world, "/paid/a", "0xAB").await;
    assert_eq!(client.get_paying("/paid/a", &payment).await.status, StatusCode::OK);
    let text = payment.to_string();
    let url_safe = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&text);
    let spaced = base64::engine::general_purpose::STANDARD.encode(serde_json::to_string_pretty(&payment).unwrap());
    let mut lower_case = payment.clone();
    lower_case["payload"]["authorization"]["from"] = PAYER.to_lowercase().into();
    let mut unknown_fields = payment.clone();
    unknown_fields["surprise"] = 1.into();
    unknown_fields["payload"]["surprise"] = "2".into();
    unknown_fields["accepted"]["extra"]["surprise"] = true.into();
    for twin in [url_safe, spaced, encoded(&lower_case), encoded(&unknown_fields)] {
        let twin = client.send(Method::GET, "/paid/a", &[("payment-signature", &twin)], "").await;
        twin.refused_with(USED);
    }
    assert_eq!((world.upstream.hits(), world.chain.taken()), (1, vec![1000]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_10_a_11_k_05_one_authorization_in_three_protocols_at_once_is_one_payment() {
    let world = world(BOTH).await;
    let client = world.client("");
    let asked = client.get("/paid/a").await;
    let payment = payment(&world, &asked, "0x01");
    let carriers = [
        ("payment-signature", encoded(&payment)),
        ("x-payment", encoded(&first_version(&payment))),
        ("authorization", credential(asked.challenge_of("evm"), payment["payload"].clone())),
    ];
    let uses = (0..30).map(|turn| {
        let (client, (name, value)) = (client.clone(), carriers[turn % 3].clone());
        tokio::spawn(async move { client.send(Method::GET, "/paid/a", &[(name, &value)], "").await })
    });
    let (served, others) = all(uses).await;
    let refused = |answer: &Answer| answer.status == StatusCode::PAYMENT_REQUIRED || is_in_doubt(answer);
    assert!(others.iter().all(refused), "{others:?}");
    assert_eq!((served, world.upstream.hits(), world.chain.taken()), (1, 1, vec![1000]));
    world.verify().await;
}

#[tokio::test]
async fn a_12_k_10_a_payment_of_an_old_price_is_refused_in_every_protocol() {
    let world = world(BOTH).await;
    let client = world.client("");
    let asked = client.get("/paid/a").await;
    let old = payment(&world, &asked, "0x01");
    let path = world.directory.path().join("farthing.toml");
    let text = std::fs::read_to_string(&path).unwrap().replace("0.001 USD", "0.002 USD");
    std::fs::write(&path, text).unwrap();
    world.running.reloader().reload().await.unwrap();
    let refused = client.get_paying("/paid/a", &old).await;
    refused.refused_with("invalid_payment_requirements");
    assert_eq!(refused.required().accepts[0].amount.to_string(), "2000");
    let challenge = credential(asked.challenge_of("evm"), old["payload"].clone());
    client.get_with("/paid/a", &challenge).await.refused("invalid-challenge");
    client.get_paying_first("/paid/a", &old).await.refused("verification-failed");
    assert_eq!((world.upstream.hits(), world.chain.taken()), (0, vec![]));
}

#[tokio::test]
async fn s_09_price_and_payee_are_the_gateways_own_whatever_a_payment_copies() {
    let world = world(BOTH).await;
    let client = world.client("");
    let payment = paid_for(&world, "/paid/a", "0x01").await;
    for (member, other) in [
        ("scheme", json!("upto")),
        ("network", json!("eip155:8453")),
        ("amount", json!("1")),
        ("asset", json!("0x0000000000000000000000000000000000000001")),
        ("payTo", json!("0x0000000000000000000000000000000000000001")),
        ("maxTimeoutSeconds", json!(600)),
        ("extra", json!({"name": "Other", "version": "2"})),
    ] {
        let mut tampered = payment.clone();
        tampered["accepted"][member] = other;
        client.get_paying("/paid/a", &tampered).await.refused_with("invalid_payment_requirements");
    }
    assert_eq!((world.upstream.hits(), world.chain.taken()), (0, vec![]));
}

#[tokio::test]
async fn s_12_the_four_rows_of_the_payment_identifier() {
    let world =
        Setup { gateway: CHAIN.to_owned(), ..Setup::with_routes(&format!("{BOTH}payment_identifier = \"required\"")) };
    let world = world.start().await;
    let client = world.client("");
    let unnamed = paid_for(&world, "/paid/a", "0x01").await;
    assert_eq!(unnamed["extensions"]["payment-identifier"]["info"]["required"], true);
    let absent = client.get_paying("/paid/a", &unnamed).await;
    assert_eq!((absent.status, absent.problem()), (StatusCode::BAD_REQUEST, "bad-request"));

    let payment = named(unnamed, ID);
    let first = client.get_paying("/paid/a", &payment).await;
    assert_eq!((first.status, first.text()), (StatusCode::OK, "hit 1, body of 0"));
    let again = client.get_paying("/paid/a", &payment).await;
    assert_eq!((again.status, again.text()), (StatusCode::OK, "hit 1, body of 0"));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!((again.outcome(), again.receipt()), (first.outcome(), first.receipt()));

    let other = named(paid_for(&world, "/paid/a", "0x02").await, ID);
    let conflict = client.get_paying("/paid/a", &other).await;
    assert_eq!((conflict.status, conflict.problem()), (StatusCode::CONFLICT, "bad-request"));
    assert_eq!((world.upstream.hits(), world.chain.taken()), (1, vec![1000]));
    world.verify().await;
}

#[tokio::test]
async fn a_13_nobody_meets_the_answer_under_another_payers_identifier() {
    let world = world(BOTH).await;
    let client = world.client("");
    let payment = named(paid_for(&world, "/paid/a", "0x01").await, ID);
    assert_eq!(client.get_paying("/paid/a", &payment).await.text(), "hit 1, body of 0");
    let mut attacker = named(paid_for(&world, "/paid/a", "0x02").await, ID);
    attacker["payload"]["authorization"]["from"] = "0x00000000000000000000000000000000000000aa".into();
    assert_eq!(client.get_paying("/paid/a", &attacker).await.text(), "hit 2, body of 0");
    // The payer's own name with another payload is a mistake that costs nothing.
    let second = named(paid_for(&world, "/paid/a", "0x03").await, ID);
    assert_eq!(client.get_paying("/paid/a", &second).await.status, StatusCode::CONFLICT);
    assert_eq!(world.chain.taken(), [1000, 1000]);
}

#[tokio::test]
async fn h_10_identifiers_outside_their_grammar_are_refused_and_requests_apart() {
    let world = world(BOTH).await;
    let client = world.client("");
    for id in ["a".repeat(15), "a".repeat(129), "a b c d e f g h i".to_owned()] {
        let payment = named(paid_for(&world, "/paid/a", "0x01").await, &id);
        let refused = client.get_paying("/paid/a", &payment).await;
        assert_eq!((refused.status, refused.problem()), (StatusCode::BAD_REQUEST, "bad-request"), "{id}");
    }
    for (path, nonce) in [("/paid/a", "0x02"), ("/paid/b", "0x03")] {
        let payment = named(paid_for(&world, path, nonce).await, ID);
        assert_eq!(client.get_paying(path, &payment).await.status, StatusCode::OK);
    }
    assert_eq!(world.upstream.hits(), 2);
}

#[tokio::test]
async fn s_11_a_changed_echo_is_refused_and_an_absent_one_is_not() {
    let world = world(BOTH).await;
    let client = world.client("");
    let payment = paid_for(&world, "/paid/a", "0x01").await;
    let mut changed = payment.clone();
    changed["extensions"]["payment-identifier"]["info"]["required"] = true.into();
    client.get_paying("/paid/a", &changed).await.refused_with("extension_echo_mismatch");
    let mut absent = payment.clone();
    absent.as_object_mut().unwrap().remove("extensions");
    assert_eq!(client.get_paying("/paid/a", &absent).await.status, StatusCode::OK);
}

/// A payment whose nonce is made from what is bought.
fn bound(world: &World, asked: &Answer, resource: &str) -> Value {
    let salt = [7; 16];
    let mut payment = payment(world, asked, "0x00");
    let accepted = Requirements::read(payment["accepted"].as_object().unwrap(), Version::V2).unwrap();
    let nonce = Binding { method: "GET", resource, digest: None, accepted: &accepted, salt: &salt }.nonce();
    let nonce: String = nonce.iter().map(|byte| format!("{byte:02x}")).collect();
    payment["payload"]["authorization"]["nonce"] = format!("0x{nonce}").into();
    payment["extensions"]["farthing-binding"]["info"]["salt"] = base64url::encode(salt).into();
    payment
}

#[tokio::test]
async fn a_nonce_that_says_what_it_pays_for_is_held_to_it_before_its_first_use() {
    let world = world(BOTH).await;
    let client = world.client("");
    let asked = client.get("/paid/a").await;
    let payment = bound(&world, &asked, &asked.required().resource.url);
    client.get_paying("/paid/b", &payment).await.refused_with("invalid_payment_requirements");
    let headers = [("payment-signature", &*encoded(&payment))];
    client.send(Method::POST, "/paid/a", &headers, "").await.refused_with("invalid_payment_requirements");
    assert_eq!(world.upstream.hits(), 0);
    assert_eq!(client.get_paying("/paid/a", &payment).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_14_k_04_what_says_that_something_was_paid_pays_for_nothing() {
    let world = world(BOTH).await;
    let client = world.client("");
    let payment = paid_for(&world, "/paid/a", "0x01").await;
    let paid = client.get_paying("/paid/a", &payment).await;
    let outcome = paid.header("payment-response").unwrap();
    let refused = client.send(Method::GET, "/paid/b", &[("payment-signature", outcome)], "").await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let receipt = paid.header("payment-receipt").unwrap();
    let refused = client.send(Method::GET, "/paid/b", &[("x-payment", receipt)], "").await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let mut hash = paid_for(&world, "/paid/b", "0x02").await;
    hash["payload"] =
        json!({ "transaction": decoded(outcome)["transaction"], "hash": decoded(outcome)["transaction"] });
    client.get_paying("/paid/b", &hash).await.refused_with("invalid_payload");
    assert_eq!(world.upstream.hits(), 1);
}

#[tokio::test]
async fn s_26_a_lost_response_is_given_again_even_when_the_payment_is_over() {
    let world = world(BOTH).await;
    let client = world.client("");
    let payment = paid_for(&world, "/paid/a", "0x01").await;
    world.upstream.then([Reply::Status(503)]);
    let failed = client.get_paying("/paid/a", &payment).await;
    assert_eq!(failed.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(failed.header("payment-response").is_none() && failed.header("farthing-entitlement").is_some());
    world.clock.advance(Duration::from_secs(300));
    assert!(valid_before(&world) > 0);
    let served = client.get_paying("/paid/a", &payment).await;
    assert_eq!((served.status, served.outcome().success), (StatusCode::OK, true));
    assert_eq!(world.chain.taken(), [1000]);
    // Nothing new is bought with it.
    let late = self::late(&world).await;
    client.get_paying("/paid/b", &late).await.refused_with("invalid_exact_evm_payload_authorization_valid_before");
}

/// A payment that was over before it was used.
async fn late(world: &World) -> Value {
    let mut late = paid_for(world, "/paid/b", "0x09").await;
    late["payload"]["authorization"]["validBefore"] = "1800000000".into();
    late
}
