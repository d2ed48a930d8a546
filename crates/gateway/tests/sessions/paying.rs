//! Requests that a session pays for, and what costs nothing.

use std::sync::Arc;
use std::time::Duration;

use farthing_books::SessionState;
use http::{Method, StatusCode};
use serde_json::json;
use tokio::sync::Notify;

use crate::support::client::leave_when;
use crate::support::payer::{Payer, session_challenge};
use crate::support::session::{CHANNEL, PURSE, session_of};
use crate::support::{Reply, Setup};
use crate::{PATH, PRICE, ROUTES, opened, payer, said, settled, world};

#[tokio::test]
async fn one_deposit_pays_for_many_requests_and_the_rest_comes_back() {
    for method in [PURSE, CHANNEL] {
        let world = world().await;
        world.fund("alice", 10_000).await;
        let payer = payer(&world, method, "c1").await;
        let first = payer.get(PATH, &payer.open(2_000, PRICE)).await;
        assert_eq!((first.status, first.text()), (StatusCode::OK, "hit 1, body of 0"), "{method}");
        assert_eq!(said(&first), (20, 20, 1));
        let receipt = first.receipt().unwrap();
        assert_eq!((receipt.reference.as_str(), receipt.method.as_str()), ("c1", method));
        assert_eq!(receipt.extra["intent"], "session");
        assert_eq!(receipt.extra["vault"], "double", "what the method says of every receipt");
        assert_eq!(first.header("cache-control"), Some("private"));
        for request in 2..=10_u128 {
            let answer = payer.get(PATH, &payer.voucher(request * PRICE)).await;
            assert_eq!(said(&answer), (request * PRICE, request * PRICE, request), "{method}");
        }
        assert_eq!(world.upstream.hits(), 10);
        settled(&world, method, 200).await;
        let closed = payer.bring(PATH, &payer.close(200)).await;
        assert_eq!(closed.status, StatusCode::NO_CONTENT, "{method}: {closed:?}");
        assert_eq!(said(&closed), (200, 200, 10));
        let record = world.books.session(session_of(method, "c1")).await.unwrap().unwrap();
        assert_eq!(record.state, SessionState::Closed);
        let over = payer.get(PATH, &payer.voucher(220)).await;
        assert_eq!((over.status, over.problem()), (StatusCode::GONE, "session/channel-finalized"));
        if method == PURSE {
            assert_eq!(world.balance("alice").await, 9_800);
        } else {
            let standing = world.vault.standing_of("c1").unwrap();
            assert_eq!((standing.settled.units(), standing.closed), (200, true));
        }
        world.verify().await;
    }
}

#[tokio::test]
async fn one_challenge_serves_any_request_of_its_route_and_no_other_route() {
    let world = world().await;
    let payer = opened(&world, PURSE, 2_000).await;
    for (total, path) in [(40, "/metered/b?page=2"), (60, "/metered/c")] {
        assert_eq!(payer.get(path, &payer.voucher(total)).await.status, StatusCode::OK, "{path}");
    }
    let voucher = payer.voucher(80);
    let put = payer.client.send(Method::PUT, PATH, &[("authorization", &voucher)], "a body").await;
    assert_eq!(put.text(), "hit 4, body of 6", "a body is paid for like anything else, and unread until then");
    payer.get("/other", &payer.voucher(110)).await.refused("invalid-challenge");
    // The channel itself pays for any route of its issuer's.
    let asked = payer.client.get("/other").await;
    let there = Payer { challenge: session_challenge(&asked, PURSE), ..payer.clone() };
    assert_eq!(there.get("/other", &there.voucher(110)).await.status, StatusCode::OK);
    // An expired challenge raises the total of a session that is there, and opens none.
    world.clock.advance(Duration::from_secs(3_600));
    assert_eq!(payer.get(PATH, &payer.voucher(130)).await.status, StatusCode::OK);
    let fresh = Payer { channel: "c2".to_owned(), ..payer.clone() };
    fresh.get(PATH, &fresh.open(2_000, PRICE)).await.refused("payment-expired");
    settled(&world, PURSE, 130).await;
    world.verify().await;
}

#[tokio::test]
async fn of_requests_at_once_those_that_are_covered_are_served() {
    let world = world().await;
    let payer = opened(&world, PURSE, 2_000).await;
    let voucher = payer.voucher(80);
    let at_once = (0..20).map(|_| payer.get(PATH, &voucher));
    let answers = futures_util::future::join_all(at_once).await;
    let served = answers.iter().filter(|answer| answer.status == StatusCode::OK).count();
    assert_eq!((served, world.upstream.hits()), (3, 4), "60 is signed for and not spent");
    answers.iter().filter(|it| it.status != StatusCode::OK).for_each(|it| it.refused("session/insufficient-balance"));
    settled(&world, PURSE, 80).await;
    world.verify().await;
}

#[tokio::test]
async fn what_a_post_without_a_body_brings_is_served_nothing() {
    let world = world().await;
    let payer = opened(&world, PURSE, 100).await;
    let brought = payer.bring(PATH, &payer.voucher(60)).await;
    assert_eq!((brought.status, said(&brought)), (StatusCode::NO_CONTENT, (60, 20, 1)));
    let added = payer.bring(PATH, &payer.top_up(50, "k1")).await;
    assert_eq!(added.status, StatusCode::NO_CONTENT, "{added:?}");
    assert_eq!(payer.bring(PATH, &payer.top_up(50, "k1")).await.status, StatusCode::NO_CONTENT, "made once");
    assert_eq!(world.balance("alice").await, 10_000 - 150);
    let head = payer.client.send(Method::HEAD, PATH, &[("authorization", &payer.voucher(70))], "").await;
    assert_eq!((head.status, said(&head)), (StatusCode::NO_CONTENT, (70, 20, 1)), "HEAD never runs a GET");
    assert_eq!(world.upstream.hits(), 1);
    // Opening that way opens and buys nothing; an addition buys nothing however it comes.
    let second = Payer { channel: "c2".to_owned(), ..payer.clone() };
    assert_eq!(said(&second.bring(PATH, &second.open(200, 0)).await), (0, 0, 0));
    assert_eq!(second.get(PATH, &second.top_up(50, "k2")).await.status, StatusCode::NO_CONTENT);
    assert_eq!(world.upstream.hits(), 1);
    world.verify().await;
}

#[tokio::test]
async fn nothing_is_charged_for_what_the_upstream_does_not_do() {
    let world = world().await;
    let payer = opened(&world, PURSE, 2_000).await;
    let voucher = payer.voucher(40);
    world.upstream.then([Reply::Status(500), Reply::Status(404), Reply::Status(402)]);
    for status in [500, 404, 502] {
        let failed = payer.get(PATH, &voucher).await;
        assert_eq!(failed.status, status, "{failed:?}");
        assert!(failed.receipt().is_none() && failed.header("www-authenticate").is_none());
    }
    world.upstream.then([Reply::BreakOff]);
    assert!(payer.client.try_send(Method::GET, PATH, &[("authorization", &voucher)], "").await.is_err());
    settled(&world, PURSE, 20).await;
    assert_eq!(said(&payer.get(PATH, &voucher).await), (40, 40, 2), "the same voucher is good for it yet");
    world.verify().await;
}

#[tokio::test]
async fn a_client_that_leaves_pays_for_what_the_upstream_did() {
    let world = world().await;
    let payer = opened(&world, PURSE, 2_000).await;
    let (served, hits, voucher) = (Arc::new(Notify::new()), world.upstream.hits(), payer.voucher(40));
    world.upstream.then([Reply::When(Arc::clone(&served))]);
    leave_when(|| world.upstream.hits() > hits, payer.get(PATH, &voucher)).await;
    served.notify_one();
    settled(&world, PURSE, 40).await;
}

#[tokio::test]
async fn a_request_under_a_name_is_charged_once() {
    let routes = ROUTES.replacen("[route.session]", "idempotency_body = \"1KiB\"\n[route.session]", 1);
    let world = Setup::with_routes(&routes).start().await;
    let payer = opened(&world, PURSE, 2_000).await;
    let voucher = payer.voucher(200);
    let get = |path: &'static str, key: &'static str| {
        let (client, voucher) = (payer.client.clone(), voucher.clone());
        async move { client.send(Method::GET, path, &[("authorization", &voucher), ("idempotency-key", key)], "").await }
    };
    let first = get(PATH, "k1").await;
    assert_eq!((first.text(), said(&first).1), ("hit 2, body of 0", 40));
    let again = get(PATH, "k1").await;
    assert_eq!((again.text(), said(&again).1), ("hit 2, body of 0", 40));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(get("/metered/b", "k1").await.text(), "hit 3, body of 0", "another request has another key");
    // What failed cost nothing and is tried again.
    world.upstream.then([Reply::Status(500), Reply::BreakOff]);
    assert_eq!(get(PATH, "k2").await.status, 500);
    assert_eq!(get(PATH, "k2").await.status, StatusCode::BAD_GATEWAY);
    assert_eq!(said(&get(PATH, "k2").await).1, 80);
    // An answer too large to be kept is not charged twice either.
    world.upstream.then([Reply::Large(4_000)]);
    assert_eq!(get(PATH, "k3").await.body.len(), 4_000);
    assert_eq!(get(PATH, "k3").await.status, StatusCode::CONFLICT);
    // Of many at once one is served.
    world.upstream.then([Reply::Slow(200)]);
    let answers = futures_util::future::join_all((0..8).map(|_| get(PATH, "k4"))).await;
    let count = |status: StatusCode| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(StatusCode::OK), count(StatusCode::CONFLICT)), (1, 7));
    assert_eq!(settled(&world, PURSE, 120).await.units, 6);
    // Nobody else is given what was kept.
    let stranger = payer.says(json!({ "action": "voucher", "cumulativeAmount": "200", "signer": "mallory" }));
    let stolen = [("authorization", stranger.as_str()), ("idempotency-key", "k1")];
    payer.client.send(Method::GET, PATH, &stolen, "").await.refused("session/signer-mismatch");
    world.verify().await;
}
