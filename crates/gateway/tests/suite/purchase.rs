//! One purchase, end to end, and the ways in which it is refused.

use crate::support;

use std::time::Duration;

use farthing_books::PaymentState;
use farthing_protocol::ChallengeId;
use http::{Method, StatusCode};
use serde_json::json;
use support::client::credential;
use support::{PAID, Setup, World};

#[tokio::test]
async fn a_request_is_priced_paid_delivered_and_closed() {
    let world = World::start().await;
    world.fund("alice", 5_000).await;
    let client = world.client("alice");

    let asked = client.get("/paid/report?page=2").await;
    asked.refused("payment-required");
    assert_eq!(world.upstream.hits(), 0);
    assert!(world.payment(&asked).await.is_none(), "asking a price is recorded nowhere");

    let paid = client.get_with("/paid/report?page=2", &client.pay(&asked)).await;
    assert_eq!(paid.status, StatusCode::OK, "{paid:?}");
    assert_eq!(paid.text(), "hit 1, body of 0");
    let receipt = paid.receipt().unwrap();
    assert_eq!(receipt.method.as_str(), "double");
    assert_eq!(receipt.challenge_id.as_ref(), Some(asked.challenge().id()));
    assert_eq!(paid.header("cache-control"), Some("private"));
    assert_eq!(world.upstream.seen(), ["GET /paid/report?page=2"]);

    let record = world.until(&asked, PaymentState::Closed).await;
    assert_eq!(record.reference.as_deref(), Some(&*receipt.reference));
    assert_eq!(world.balance("alice").await, 4_000);
    world.verify().await;
}

#[tokio::test]
async fn every_bad_credential_gets_its_problem_and_a_fresh_challenge() {
    let world = World::start().await;
    world.fund("alice", 5_000).await;
    let client = world.client("alice");
    let asked = client.get("/paid/a").await;
    let good = client.pay(&asked);

    for malformed in ["Payment !!!", "Payment W10", "Payment e30", "Payment"] {
        client.get_with("/paid/a", malformed).await.refused("malformed-credential");
    }
    let challenge = asked.challenge();
    let id = challenge.id().as_str();
    let flipped = ChallengeId::read(&format!("{}{}", if id.starts_with('A') { 'B' } else { 'A' }, &id[1..])).unwrap();
    let forged = credential(challenge.clone().with_id(flipped), json!({ "payer": "alice" }));
    client.get_with("/paid/a", &forged).await.refused("invalid-challenge");
    let bad = credential(challenge.clone(), json!({ "payer": "alice", "proof": "bad" }));
    client.get_with("/paid/a", &bad).await.refused("verification-failed");
    let shapeless = credential(challenge, json!({ "nobody": 1 }));
    client.get_with("/paid/a", &shapeless).await.refused("invalid-payload");

    let twice = client.send(Method::GET, "/paid/a", &[("authorization", &good), ("authorization", &good)], "").await;
    assert_eq!((twice.status, twice.problem()), (StatusCode::BAD_REQUEST, "bad-request"));
    assert!(twice.header("www-authenticate").is_none());

    assert_eq!((world.upstream.hits(), world.balance("alice").await), (0, 5_000));
    assert_eq!(client.get_with("/paid/a", &good).await.status, StatusCode::OK, "none of it used the credential up");
    client.get_with("/paid/a", &good).await.refused("invalid-challenge");
    assert_eq!((world.upstream.hits(), world.balance("alice").await), (1, 4_000));
}

#[tokio::test]
async fn a_credential_is_good_for_its_own_request_only() {
    let world = World::start().await;
    world.fund("alice", 5_000).await;
    let client = world.client("alice");
    let asked = client.get("/paid/a?x=1").await;
    let good = client.pay(&asked);
    for path in ["/paid/b?x=1", "/paid/a", "/paid/a?x=2", "/paid/a?x=1&y", "/paid/a?"] {
        client.get_with(path, &good).await.refused("invalid-challenge");
    }
    let host = client.send(Method::GET, "/paid/a?x=1", &[("authorization", &good), ("host", "other")], "").await;
    host.refused("invalid-challenge");
    let head = client.send(Method::HEAD, "/paid/a?x=1", &[("authorization", &good)], "").await;
    assert_eq!(head.status, StatusCode::PAYMENT_REQUIRED);
    assert_eq!(world.upstream.hits(), 0);
    assert_eq!(
        client.get_with("/paid/%61?x=1", &good).await.status,
        StatusCode::OK,
        "another spelling of the same path"
    );
}

#[tokio::test]
async fn a_body_is_bound_to_its_challenge() {
    let setup = Setup { gateway: "digest_body = \"1KiB\"".to_owned(), ..Setup::with_routes(PAID) };
    let world = setup.start().await;
    world.fund("alice", 5_000).await;
    let client = world.client("alice");
    let asked = client.post("/paid/a", "one").await;
    assert!(asked.challenge().digest().unwrap().matches(b"one"));
    let credential = client.pay(&asked);
    let authorized = [("authorization", &*credential)];
    client.send(Method::POST, "/paid/a", &authorized, "two").await.refused("invalid-challenge");
    client.send(Method::POST, "/paid/a", &authorized, "").await.refused("invalid-challenge");
    assert_eq!((world.upstream.hits(), world.balance("alice").await), (0, 5_000));
    let paid = client.send(Method::POST, "/paid/a", &authorized, "one").await;
    assert_eq!(paid.text(), "hit 1, body of 3");

    // Larger than the limit: not read before it is paid, and the challenge says so.
    let large = "x".repeat(4096);
    let asked = client.post("/paid/a", &large).await;
    assert!(asked.challenge().digest().is_none());
    let credential = client.pay(&asked);
    let authorized = [("authorization", &*credential)];
    client.send(Method::POST, "/paid/a", &authorized, "small").await.refused("invalid-challenge");
    assert_eq!(client.send(Method::POST, "/paid/a", &authorized, large).await.text(), "hit 2, body of 4096");
}

#[tokio::test]
async fn time_runs_out_exactly_at_expires() {
    let world = World::start().await;
    world.fund("alice", 5_000).await;
    let client = world.client("alice");
    let asked = client.get("/paid/a").await;
    let late = client.get("/paid/a").await;
    world.clock.advance(Duration::from_millis(299_999));
    assert_eq!(client.get_with("/paid/a", &client.pay(&asked)).await.status, StatusCode::OK);
    world.clock.advance(Duration::from_millis(1));
    client.get_with("/paid/a", &client.pay(&late)).await.refused("payment-expired");
    client.get_with("/paid/a", &client.pay(&asked)).await.refused("invalid-challenge");
    assert_eq!(world.upstream.hits(), 1);
}

#[tokio::test]
async fn an_empty_balance_is_told_what_is_missing() {
    let world = World::start().await;
    world.fund("alice", 400).await;
    let client = world.client("alice");
    let asked = client.get("/paid/a").await;
    let poor = client.get_with("/paid/a", &client.pay(&asked)).await;
    poor.refused("payment-insufficient");
    assert!(poor.json()["detail"].as_str().unwrap().contains("add 0.0006 USD"), "{}", poor.text());
    world.fund("alice", 600).await;
    assert_eq!(client.get_with("/paid/a", &client.pay(&asked)).await.status, StatusCode::OK, "nothing was used up");
}

#[tokio::test]
async fn a_proof_pays_once_whatever_challenge_it_is_shown_for() {
    let world = World::start().await;
    world.fund("alice", 5_000).await;
    let client = world.client("alice");
    let proof = json!({ "payer": "alice", "key": "the same" });
    let first = credential(client.get("/paid/a").await.challenge(), proof.clone());
    assert_eq!(client.get_with("/paid/a", &first).await.status, StatusCode::OK);
    let second = credential(client.get("/paid/a").await.challenge(), proof);
    client.get_with("/paid/a", &second).await.refused("invalid-challenge");
    assert_eq!(world.balance("alice").await, 4_000);
}

#[tokio::test]
async fn offers_come_in_the_order_the_client_prefers() {
    let world = World::start().await;
    let client = world.client("alice");
    let methods = async |accept: &'static str| {
        let asked = client.send(Method::GET, "/paid/a", &[("accept-payment", accept)], "").await;
        asked.challenges().iter().map(|it| it.method().as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(methods("*/*").await, ["double", "simulated"]);
    assert_eq!(methods("double/charge;q=0.5, simulated/charge").await, ["simulated", "double"]);
    assert_eq!(methods("simulated/*, double/charge;q=0").await, ["simulated"]);
    assert_eq!(methods("foo/bar").await, ["double", "simulated"]);
    assert_eq!(methods("nonsense").await, ["double", "simulated"]);
    let asked = client.get("/paid/a").await;
    assert_ne!(asked.challenges()[0].id(), client.get("/paid/a").await.challenges()[0].id());
    assert!(asked.challenge().expires().is_some());
}

#[tokio::test]
async fn tricks_cost_what_the_route_they_reach_costs() {
    let routes = format!("{PAID}\n[[route]]\nmatch = \"* /{{*rest}}\"\nupstream = \"UPSTREAM\"\nfree = true\n");
    let world = Setup::with_routes(&routes).start().await;
    let client = world.client("alice");
    assert_eq!(client.get("/free").await.status, StatusCode::OK);
    assert_eq!(world.upstream.hits(), 1);

    let head = client.send(Method::HEAD, "/paid/a", &[], "").await;
    assert_eq!(head.status, StatusCode::PAYMENT_REQUIRED);
    assert!(head.body.is_empty() && !head.challenges().is_empty());
    for (path, status) in [
        ("/%70aid/a", 402),
        ("/paid/%61", 402),
        ("/PAID/a", 404),
        ("/paid/a/", 404),
        ("/paid;x=1/a", 404),
        ("/x/../paid/a", 400),
        ("/x/%2e%2e/paid/a", 400),
        ("//paid/a", 400),
        ("/paid%2Fa", 400),
        ("/./paid/a", 400),
    ] {
        let answer = client.send(Method::GET, path, &[], "").await;
        assert_eq!(answer.status.as_u16(), status, "{path}: {answer:?}");
    }
    assert_eq!(world.upstream.hits(), 1, "nothing paid was reached");
    // Another method is another route; an override header does not reach the upstream (it asserts that).
    let overridden = client.send(Method::PUT, "/paid/a", &[("x-http-method-override", "GET")], "").await;
    assert_eq!(overridden.status, StatusCode::OK);
    assert_eq!(world.upstream.seen().last().unwrap(), "PUT /paid/a");
}

#[tokio::test]
async fn what_is_not_configured_is_not_forwarded() {
    let world = World::start().await;
    let client = world.client("alice");
    for (method, path) in [(Method::GET, "/"), (Method::DELETE, "/paid/a"), (Method::OPTIONS, "/paid/a")] {
        let answer = client.send(method, path, &[], "").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert_eq!(answer.json()["type"], "about:blank");
    }
    assert_eq!(world.upstream.hits(), 0);
}
