//! What happens to a payment when something goes wrong, or comes twice.

use crate::support;

use std::sync::Arc;
use std::time::Duration;

use farthing_books::PaymentState;
use farthing_rail::simulated::{Behaviour, Script};
use http::{Method, StatusCode};
use support::client::leave_when;
use support::{Answer, Client, PAID, Reply, Setup, World};
use tokio::sync::Notify;

const KEY: (&str, &str) = ("idempotency-key", "order-1");

async fn with_key(client: &Client, credential: &str) -> Answer {
    client.send(Method::GET, "/paid/a", &[("authorization", credential), KEY], "").await
}

#[tokio::test]
async fn one_hundred_uses_in_a_row_are_one() {
    let world = World::start().await;
    world.fund("alice", 500_000).await;
    let client = world.client("alice");
    let credential = client.pay(&client.get("/paid/a").await);
    assert_eq!(client.get_with("/paid/a", &credential).await.status, StatusCode::OK);
    for _ in 1..100 {
        client.get_with("/paid/a", &credential).await.refused("invalid-challenge");
    }
    assert_eq!((world.upstream.hits(), world.balance("alice").await), (1, 499_000));
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_hundred_uses_at_once_are_one() {
    let world = World::start().await;
    world.fund("alice", 500_000).await;
    let client = world.client("alice");
    let credential = client.pay(&client.get("/paid/a").await);
    let uses = (0..100).map(|_| {
        let (client, credential) = (client.clone(), credential.clone());
        tokio::spawn(async move { client.get_with("/paid/a", &credential).await })
    });
    let mut served = 0;
    for answer in uses.collect::<Vec<_>>() {
        let answer = answer.await.unwrap();
        if answer.status == StatusCode::OK { served += 1 } else { answer.refused("invalid-challenge") }
    }
    assert_eq!((served, world.upstream.hits(), world.balance("alice").await), (1, 1, 499_000));
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_one_idempotency_key_everybody_gets_the_one_answer() {
    let world = World::start().await;
    world.fund("alice", 500_000).await;
    let client = world.client("alice");
    let credential = client.pay(&client.get("/paid/a").await);
    world.upstream.then([Reply::Slow(200)]);
    let uses = (0..50).map(|_| {
        let (client, credential) = (client.clone(), credential.clone());
        tokio::spawn(async move { with_key(&client, &credential).await })
    });
    for answer in uses.collect::<Vec<_>>() {
        let answer = answer.await.unwrap();
        match answer.status {
            StatusCode::OK => assert_eq!(answer.text(), "hit 1, body of 0"),
            StatusCode::CONFLICT => assert_eq!(answer.header("retry-after"), Some("1")),
            _ => panic!("{answer:?}"),
        }
    }
    let again = with_key(&client, &credential).await;
    assert_eq!((again.status, again.text()), (StatusCode::OK, "hit 1, body of 0"));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert!(again.receipt().is_some());
    assert_eq!((world.upstream.hits(), world.balance("alice").await), (1, 499_000));

    // Without the key it is a replay; under the key with another credential it is a mistake that costs nothing.
    client.get_with("/paid/a", &credential).await.refused("invalid-challenge");
    let other = client.pay(&client.get("/paid/a").await);
    let mistaken = with_key(&client, &other).await;
    assert_eq!((mistaken.status, mistaken.problem()), (StatusCode::CONFLICT, "bad-request"));
    assert_eq!((world.upstream.hits(), world.balance("alice").await), (1, 499_000));

    // The key is this payer's own.
    world.fund("bob", 1_000).await;
    let bob = world.client("bob");
    let credential = bob.pay(&bob.get("/paid/a").await);
    assert_eq!(with_key(&bob, &credential).await.text(), "hit 2, body of 0");
}

#[tokio::test]
async fn a_stored_answer_outlives_its_challenge_and_a_large_one_is_not_kept() {
    let world = Setup::with_routes(&format!("{PAID}idempotency_body = \"1KiB\"")).start().await;
    world.fund("alice", 5_000).await;
    let client = world.client("alice");
    let credential = client.pay(&client.get("/paid/a").await);
    assert_eq!(with_key(&client, &credential).await.status, StatusCode::OK);
    world.clock.advance(Duration::from_secs(3600));
    assert_eq!(with_key(&client, &credential).await.header("idempotent-replayed"), Some("true"));

    world.upstream.then([Reply::Large(100_000)]);
    let large = client.get("/paid/b").await;
    let credential = client.pay(&large);
    let headers = [("authorization", &*credential), ("idempotency-key", "order-2")];
    let paid = client.send(Method::GET, "/paid/b", &headers, "").await;
    assert_eq!((paid.status, paid.body.len()), (StatusCode::OK, 100_000));
    world.until(&large, PaymentState::Closed).await;
    client.send(Method::GET, "/paid/b", &headers, "").await.refused("invalid-challenge");
    assert_eq!(world.upstream.hits(), 2);
}

#[tokio::test]
async fn a_failed_upstream_is_owed_and_delivered_without_a_second_charge() {
    let world = World::start().await;
    world.fund("alice", 5_000).await;
    let client = world.client("alice");
    let asked = client.get("/paid/a").await;
    let credential = client.pay(&asked);
    world.upstream.then([Reply::Status(503), Reply::Status(404), Reply::Status(402), Reply::BreakOff]);
    for status in [503, 404, 502] {
        let failed = client.get_with("/paid/a", &credential).await;
        assert_eq!(failed.status.as_u16(), status);
        assert!(failed.receipt().is_none() && failed.challenges().is_empty());
        assert!(failed.header("retry-after").is_some());
        assert!(failed.header("farthing-entitlement").unwrap().contains("will not be charged again"));
        assert_eq!(world.payment(&asked).await.unwrap().state, PaymentState::Entitled);
    }
    let broken = client.try_send(Method::GET, "/paid/a", &[("authorization", &credential)], "").await;
    assert!(broken.is_err(), "{broken:?}");
    world.until(&asked, PaymentState::Entitled).await;
    // Also after the challenge has expired.
    world.clock.advance(Duration::from_secs(600));
    let served = client.get_with("/paid/a", &credential).await;
    assert_eq!((served.status, served.text()), (StatusCode::OK, "hit 5, body of 0"));
    assert!(served.receipt().is_some());
    world.until(&asked, PaymentState::Closed).await;
    client.get_with("/paid/a", &credential).await.refused("invalid-challenge");
    assert_eq!(world.balance("alice").await, 4_000);
    world.verify().await;
}

#[tokio::test]
async fn an_unreachable_upstream_is_owed_too() {
    let routes = PAID.replace("UPSTREAM", "http://127.0.0.1:1");
    let world = Setup::with_routes(&routes).start().await;
    world.fund("alice", 5_000).await;
    let client = world.client("alice");
    let asked = client.get("/paid/a").await;
    let failed = client.get_with("/paid/a", &client.pay(&asked)).await;
    assert_eq!(failed.status, StatusCode::BAD_GATEWAY);
    assert!(failed.header("farthing-entitlement").is_some());
    assert_eq!(world.payment(&asked).await.unwrap().state, PaymentState::Entitled);
}

#[tokio::test]
async fn a_slow_upstream_is_a_time_out_that_is_owed() {
    let world = Setup::with_routes(&format!("{PAID}timeout = \"200ms\"")).start().await;
    world.fund("alice", 5_000).await;
    let client = world.client("alice");
    let asked = client.get("/paid/a").await;
    world.upstream.then([Reply::Slow(2_000)]);
    assert_eq!(client.get_with("/paid/a", &client.pay(&asked)).await.status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(world.payment(&asked).await.unwrap().state, PaymentState::Entitled);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entitlement_has_one_winner() {
    let world = World::start().await;
    world.fund("alice", 5_000).await;
    let client = world.client("alice");
    let asked = client.get("/paid/a").await;
    let credential = client.pay(&asked);
    world.upstream.then([Reply::Status(500)]);
    assert_eq!(client.get_with("/paid/a", &credential).await.status, StatusCode::INTERNAL_SERVER_ERROR);
    world.upstream.then([Reply::Slow(100)]);
    let uses = (0..20).map(|_| {
        let (client, credential) = (client.clone(), credential.clone());
        tokio::spawn(async move { client.get_with("/paid/a", &credential).await })
    });
    let mut served = 0;
    for answer in uses.collect::<Vec<_>>() {
        served += usize::from(answer.await.unwrap().status == StatusCode::OK);
    }
    assert_eq!((served, world.upstream.hits(), world.balance("alice").await), (1, 2, 4_000));
}

#[tokio::test]
async fn an_entitlement_past_its_deadline_is_paid_back() {
    let world = Setup::with_routes(&format!("{PAID}entitlement = \"10m\"")).start().await;
    world.fund("alice", 5_000).await;
    let client = world.client("alice");
    let asked = client.get("/paid/a").await;
    let credential = client.pay(&asked);
    world.upstream.then([Reply::Status(500)]);
    client.get_with("/paid/a", &credential).await;
    assert_eq!(world.balance("alice").await, 4_000);
    world.clock.advance(Duration::from_secs(601));
    world.until(&asked, PaymentState::Refunded).await;
    assert_eq!(world.balance("alice").await, 5_000);
    client.get_with("/paid/a", &credential).await.refused("invalid-challenge");
    assert_eq!(world.upstream.hits(), 1);
    world.verify().await;
}

#[tokio::test]
async fn a_client_that_leaves_is_owed_its_delivery() {
    let world = World::start().await;
    world.fund("alice", 5_000).await;
    let client = world.client("alice");
    let asked = client.get("/paid/a").await;
    let credential = client.pay(&asked);
    let served = Arc::new(Notify::new());
    world.upstream.then([Reply::When(Arc::clone(&served))]);
    leave_when(|| world.upstream.hits() == 1, client.get_with("/paid/a", &credential)).await;
    served.notify_one();
    world.until(&asked, PaymentState::Entitled).await;
    assert_eq!(client.get_with("/paid/a", &credential).await.status, StatusCode::OK);
    assert_eq!(world.balance("alice").await, 4_000);
}

async fn external(behaviours: &[Behaviour]) -> (World, Client) {
    let routes = PAID.replace("\"double/charge\", ", "");
    let setup = Setup { script: Script::cycle(behaviours.to_vec()), ..Setup::with_routes(&routes) };
    let world = setup.start().await;
    let client = world.client("nobody");
    (world, client)
}

#[tokio::test]
async fn an_external_payment_settles() {
    let (world, client) = external(&[Behaviour::Settle]).await;
    let paid = client.buy("/paid/a").await;
    assert_eq!(paid.status, StatusCode::OK);
    assert!(paid.receipt().unwrap().reference.starts_with("simulated-pay_"));
    assert_eq!(world.memory.takings().len(), 1);
    world.verify().await;
}

#[tokio::test]
async fn a_receipt_says_what_its_method_adds_also_when_it_is_given_again() {
    let (_world, client) = external(&[Behaviour::Settle]).await;
    let credential = client.pay(&client.get("/paid/a").await);
    let first = with_key(&client, &credential).await.receipt().unwrap();
    assert_eq!(first.extra["network"], "simulated");
    assert_eq!(with_key(&client, &credential).await.receipt().unwrap(), first);
}

#[tokio::test]
async fn a_rejected_settlement_is_final_and_costs_nothing() {
    let (world, client) = external(&[Behaviour::Refuse]).await;
    let credential = client.pay(&client.get("/paid/a").await);
    client.get_with("/paid/a", &credential).await.refused("verification-failed");
    client.get_with("/paid/a", &credential).await.refused("verification-failed");
    assert_eq!((world.memory.takings().len(), world.upstream.hits()), (0, 0));
}

#[tokio::test]
async fn an_unknown_settlement_asks_for_the_same_credential_and_never_for_a_second_payment() {
    let (world, client) = external(&[Behaviour::LoseMemory]).await;
    let asked = client.get("/paid/a").await;
    let credential = client.pay(&asked);
    let mut answer = client.get_with("/paid/a", &credential).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    while answer.status == StatusCode::SERVICE_UNAVAILABLE {
        assert!(answer.header("retry-after").is_some());
        assert!(answer.challenges().is_empty(), "no second price");
        assert!(answer.text().contains("same credential"));
        world.clock.advance(Duration::from_secs(400));
        tokio::time::sleep(Duration::from_millis(20)).await;
        answer = client.get_with("/paid/a", &credential).await;
    }
    assert_eq!((answer.status, world.upstream.hits()), (StatusCode::OK, 1));
    assert_eq!(world.memory.takings().len(), 1);
    world.verify().await;
}

#[tokio::test]
async fn a_rail_that_answers_too_late_is_unknown_and_not_failed() {
    let routes = PAID.replace("\"double/charge\", ", "") + "settle_timeout = \"50ms\"";
    let setup = Setup { script: Script::cycle(vec![Behaviour::AnswerLate]), ..Setup::with_routes(&routes) };
    let world = setup.start().await;
    let client = world.client("nobody");
    let asked = client.get("/paid/a").await;
    let credential = client.pay(&asked);
    assert_eq!(client.get_with("/paid/a", &credential).await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(client.get_with("/paid/a", &credential).await.status, StatusCode::OK);
    assert_eq!((world.memory.takings().len(), world.upstream.hits()), (1, 1));
}

#[tokio::test]
async fn the_resolver_finds_out_by_itself_and_pays_back_what_nobody_fetches() {
    let (world, client) = external(&[Behaviour::TimeOutAfterTaking]).await;
    let asked = client.get("/paid/a").await;
    client.get_with("/paid/a", &client.pay(&asked)).await;
    world.clock.advance(Duration::from_secs(10));
    world.until(&asked, PaymentState::Entitled).await;
    world.clock.advance(Duration::from_secs(4000));
    let record = world.until(&asked, PaymentState::Refunded).await;
    assert_eq!(world.memory.refunded(record.id), record.amount);
    assert_eq!(world.upstream.hits(), 0);
    world.verify().await;
}

#[tokio::test]
async fn a_receipt_stands_on_success_only_and_keeps_caches_out() {
    let world = World::start().await;
    world.fund("alice", 50_000).await;
    let client = world.client("alice");
    world.upstream.then([Reply::Headers(vec![("cache-control", "public, max-age=60"), ("payment-receipt", "forged")])]);
    let paid = client.buy("/paid/a").await;
    assert_eq!(paid.header("cache-control"), Some("private, max-age=60"));
    assert!(paid.receipt().is_some());
    world.upstream.then([Reply::Status(304)]);
    let asked = client.get("/paid/b").await;
    let unchanged = client.get_with("/paid/b", &client.pay(&asked)).await;
    assert_eq!(unchanged.status, StatusCode::NOT_MODIFIED);
    assert!(unchanged.receipt().is_none());
    world.until(&asked, PaymentState::Closed).await;
}
