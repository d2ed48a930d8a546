//! Many requests on one deposit, over HTTP.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

mod support;

use std::time::Duration;

use farthing_books::{Command, SessionCommand, SessionState};
use farthing_protocol::Challenge;
use http::{Method, StatusCode};
use serde_json::json;
use support::payer::{Payer, number, session_challenge};
use support::session::{CHANNEL, PURSE, Vaulting, session_of};
use support::{Answer, Client, PAID, Reply, Setup, World};

const ROUTES: &str = r#"
[rails.channel]
[rails.purse]
[[route]]
match = "GET,PUT /metered/{name}"
upstream = "UPSTREAM"
price = "0.00002 USD"
unit = "answer"
accept = ["channel/session", "purse/session", "double/charge"]
[route.session]
deposit = "0.002 USD"
least_delta = "0.00001 USD"
[[route]]
match = "GET /other"
upstream = "UPSTREAM"
price = "0.00003 USD"
accept = ["purse/session"]
"#;
const PATH: &str = "/metered/a";
const PRICE: u128 = 20;

async fn world() -> World {
    Setup::with_routes(ROUTES).start().await
}

async fn payer(world: &World, method: &str, channel: &str) -> Payer {
    Payer::asking(world.client("alice"), PATH, method, "alice", channel).await
}

/// A payer with an open channel whose first request is paid.
async fn opened(world: &World, method: &str, deposit: u128) -> Payer {
    world.fund("alice", 10_000).await;
    let payer = payer(world, method, "c1").await;
    assert_eq!(payer.get(PATH, &payer.open(deposit, PRICE)).await.status, StatusCode::OK);
    payer
}

fn said(answer: &Answer) -> (u128, u128, u128) {
    let extra = answer.receipt().unwrap_or_else(|| panic!("no receipt: {answer:?}")).extra;
    (number(&extra, "acceptedCumulative"), number(&extra, "spent"), number(&extra, "units"))
}

/// Waits until everything that went out is written down.
async fn settled(world: &World, method: &str, spent: u128) -> farthing_books::SessionRecord {
    for _ in 0..500 {
        let record = world.books.session(session_of(method, "c1")).await.unwrap().unwrap();
        if record.held.units() == 0 && record.spent.units() == spent {
            return record;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{:?}", world.books.session(session_of(method, "c1")).await)
}

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
async fn the_price_of_a_unit_is_offered_beside_single_payments_and_told_in_the_documents() {
    let world = world().await;
    let asked = world.client("alice").get("/metered/a?q=1").await;
    asked.refused("payment-required");
    let names: Vec<String> =
        asked.challenges().iter().map(|it| format!("{}/{}", it.method().as_str(), it.intent().as_str())).collect();
    assert_eq!(names, ["channel/session", "purse/session", "double/charge"]);
    let request = session_challenge(&asked, PURSE).request().decode().unwrap();
    assert_eq!(
        (&request["amount"], &request["suggestedDeposit"], &request["unitType"]),
        (&json!("20"), &json!("2000"), &json!("answer"))
    );
    let document = world.client("alice").get("/openapi.json").await.json();
    let info = &document["paths"]["/metered/{name}"]["get"]["x-payment-info"];
    let offers = info["offers"].as_array().unwrap();
    assert_eq!(offers.len(), 3);
    assert_eq!((&offers[0]["intent"], &offers[0]["amount"]), (&json!("session"), &json!("20")));
    let strict = ["intent", "method", "amount", "currency", "description"];
    assert!(offers.iter().all(|offer| offer.as_object().unwrap().keys().all(|key| strict.contains(&key.as_str()))));
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
async fn g_04_equal_lower_gap_and_above_are_told_apart() {
    let world = world().await;
    let payer = opened(&world, PURSE, 2_000).await;
    // A gap leaves room, which equal and lower vouchers may be drawn from.
    assert_eq!(said(&payer.get(PATH, &payer.voucher(100)).await), (100, 40, 2));
    assert_eq!(said(&payer.get(PATH, &payer.voucher(100)).await), (100, 60, 3));
    assert_eq!(said(&payer.get(PATH, &payer.voucher(40)).await), (100, 80, 4), "lower is no news and lowers nothing");
    assert_eq!(said(&payer.get(PATH, &payer.voucher(100)).await), (100, 100, 5));
    let spent = payer.get(PATH, &payer.voucher(100)).await;
    spent.refused("session/insufficient-balance");
    let reminded = session_challenge(&spent, PURSE);
    let snapshot = reminded.request().decode().unwrap()["methodDetails"]["sessionSnapshot"].clone();
    let snapshot = snapshot.as_object().unwrap();
    assert_eq!((number(snapshot, "requiredCumulative"), number(snapshot, "spent")), (120, 100));
    assert_eq!(spent.header("payment-session"), Some("c1"));
    assert!(spent.header("payment-session-snapshot").is_some());
    payer.get(PATH, &payer.voucher(105)).await.refused("session/delta-too-small");
    payer.get(PATH, &payer.voucher(2_001)).await.refused("session/amount-exceeds-deposit");
    assert_eq!(world.upstream.hits(), 5);
    // The reminder is no other offer.
    let reminded = Payer { challenge: reminded, ..payer.clone() };
    assert_eq!(said(&reminded.get(PATH, &reminded.voucher(120)).await), (120, 120, 6));
    settled(&world, PURSE, 120).await;
    world.verify().await;
}

#[tokio::test]
async fn g_05_vouchers_of_other_channels_signers_tokens_and_servers_are_refused() {
    let world = world().await;
    let payer = opened(&world, PURSE, 2_000).await;
    let elsewhere = payer.says(json!({ "action": "voucher", "cumulativeAmount": "40", "channelId": "c9" }));
    let elsewhere = payer.get(PATH, &elsewhere).await;
    assert_eq!((elsewhere.status, elsewhere.problem()), (StatusCode::GONE, "session/channel-not-found"));
    let stranger = payer.says(json!({ "action": "voucher", "cumulativeAmount": "40", "signer": "mallory" }));
    let stranger = payer.get(PATH, &stranger).await;
    stranger.refused("session/signer-mismatch");
    assert!(stranger.header("payment-session-snapshot").is_none(), "only the signer is told how a session stands");
    assert!(
        !session_challenge(&stranger, PURSE).request().decode().unwrap()["methodDetails"]
            .as_object()
            .unwrap()
            .contains_key("sessionSnapshot")
    );
    let forged = payer.says(json!({ "action": "voucher", "cumulativeAmount": "40", "signature": "bad" }));
    payer.get(PATH, &forged).await.refused("session/invalid-signature");
    let close = payer.says(json!({ "action": "close", "cumulativeAmount": "20", "signer": "mallory" }));
    payer.bring(PATH, &close).await.refused("session/signer-mismatch");
    let other = payer.clone();
    let changed = other.challenge.clone().with_id(farthing_protocol::ChallengeId::read("A").unwrap());
    let other = Payer { challenge: changed, ..other };
    other.get(PATH, &other.voucher(40)).await.refused("invalid-challenge");
    assert_eq!(world.upstream.hits(), 1);
    assert_eq!(payer.get(PATH, &payer.voucher(40)).await.status, StatusCode::OK, "none of it hurt the channel");
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
    world.upstream.then([Reply::Slow(200)]);
    let voucher = payer.voucher(40);
    let left = tokio::time::timeout(Duration::from_millis(50), payer.get(PATH, &voucher)).await;
    assert!(left.is_err());
    drop(left);
    settled(&world, PURSE, 40).await;
}

#[tokio::test]
async fn a_deposit_whose_fate_is_unknown_is_asked_for_once_and_found() {
    for (unsaid, found) in [(Vaulting::DoneUnsaid, 200), (Vaulting::UndoneUnsaid, 402)] {
        let world = world().await;
        let payer = payer(&world, CHANNEL, "c1").await;
        world.vault.then([unsaid]);
        let open = payer.open(2_000, PRICE);
        let doubtful = payer.get(PATH, &open).await;
        assert_eq!(doubtful.status, StatusCode::SERVICE_UNAVAILABLE, "{doubtful:?}");
        assert!(doubtful.header("www-authenticate").is_none() && doubtful.header("retry-after").is_some());
        assert_eq!(world.upstream.hits(), 0);
        world.clock.advance(Duration::from_secs(2));
        let answer = payer.get(PATH, &open).await;
        assert_eq!(answer.status, found, "{answer:?}");
        assert_eq!(payer.get(PATH, &open).await.status, 402, "what it paid for is spent, or it was never there");
        assert_eq!((world.vault.times("deposit"), world.upstream.hits()), (1, usize::from(found == 200)));
        world.verify().await;
    }
}

#[tokio::test]
async fn a_refused_deposit_opens_nothing() {
    let world = world().await;
    let payer = payer(&world, CHANNEL, "c1").await;
    world.vault.then([Vaulting::Refuse]);
    let open = payer.open(2_000, PRICE);
    payer.get(PATH, &open).await.refused("verification-failed");
    payer.get(PATH, &open).await.refused("verification-failed");
    assert_eq!((world.vault.times("deposit"), world.upstream.hits()), (1, 0));
    // A balance that does not hold it is told so, and nothing is remembered.
    let poor = Payer::asking(world.client("bob"), PATH, PURSE, "bob", "c3").await;
    poor.get(PATH, &poor.open(2_000, PRICE)).await.refused("payment-insufficient");
    world.fund("bob", 2_000).await;
    assert_eq!(poor.get(PATH, &poor.open(2_000, PRICE)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_deposit_goes_on_without_its_payer() {
    let world = world().await;
    let payer = payer(&world, CHANNEL, "c1").await;
    world.vault.then([Vaulting::Hang]);
    let open = payer.open(2_000, PRICE);
    let left = tokio::time::timeout(Duration::from_millis(100), payer.get(PATH, &open)).await;
    assert!(left.is_err());
    let busy = payer.get(PATH, &open).await;
    assert_eq!(busy.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(world.vault.times("deposit"), 1, "nobody asks twice");
    let early = payer.get(PATH, &payer.voucher(40)).await;
    assert_eq!(early.status, StatusCode::SERVICE_UNAVAILABLE, "its deposit is not there yet");
}

#[tokio::test]
async fn while_the_escrow_is_away_nothing_is_opened_and_what_is_open_goes_on() {
    let world = world().await;
    let payer = opened(&world, CHANNEL, 2_000).await;
    world.vault.away(true);
    let asked = payer.client.get(PATH).await;
    let offered: Vec<Challenge> = asked.challenges();
    assert!(offered.iter().all(|it| it.method().as_str() != CHANNEL), "no offer that cannot be taken");
    let other = Payer { channel: "c2".to_owned(), ..payer.clone() };
    assert_eq!(other.get(PATH, &other.open(2_000, PRICE)).await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(payer.bring(PATH, &payer.top_up(10, "k")).await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(payer.get(PATH, &payer.voucher(40)).await.status, StatusCode::OK, "what is signed for is there");
}

#[tokio::test]
async fn while_the_store_is_away_nothing_is_served() {
    let world = world().await;
    let payer = opened(&world, PURSE, 2_000).await;
    settled(&world, PURSE, 20).await;
    world.break_sessions();
    for credential in [payer.voucher(40), payer.voucher(40), payer.close(20)] {
        let refused = payer.get(PATH, &credential).await;
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "{refused:?}");
    }
    let fresh = Payer { channel: "c2".to_owned(), ..payer.clone() };
    assert_eq!(world.upstream.hits(), 1);
    world.mend_sessions();
    assert_eq!(payer.get(PATH, &payer.voucher(40)).await.status, StatusCode::OK);
    assert_eq!(fresh.get(PATH, &fresh.open(200, PRICE)).await.status, StatusCode::OK);
    world.verify().await;
}

#[tokio::test]
async fn hostile_names_of_channels_are_names_of_nothing() {
    let world = world().await;
    let payer = opened(&world, PURSE, 2_000).await;
    let long = "x".repeat(4_000);
    for name in ["", "c1/", "C1", "../c1", "c1\u{0}", "%63%31", "c1 ", long.as_str()] {
        let credential = payer.says(json!({ "action": "voucher", "cumulativeAmount": "40", "channelId": name }));
        let answer = payer.get(PATH, &credential).await;
        assert_eq!(answer.status, StatusCode::GONE, "{name}");
    }
    for amount in ["-1", "1e9", "", "340282366920938463463374607431768211456", "0x28", " 40"] {
        let credential = payer.says(json!({ "action": "voucher", "cumulativeAmount": amount }));
        payer.get(PATH, &credential).await.refused("invalid-payload");
    }
    payer.get(PATH, &payer.says(json!({ "action": "drain" }))).await.refused("invalid-payload");
    assert_eq!(world.upstream.hits(), 1);
}

#[tokio::test]
async fn g_10_a_deposit_below_the_least_costs_the_seller_nothing() {
    let routes = ROUTES.replace("least_delta", "least_deposit = \"0.001 USD\"\nleast_delta");
    let world = Setup::with_routes(&routes).start().await;
    let payer = payer(&world, CHANNEL, "c1").await;
    for number in 0..100 {
        let dust = Payer { channel: format!("dust{number}"), ..payer.clone() };
        dust.get(PATH, &dust.open(999, PRICE)).await.refused("payment-insufficient");
    }
    assert!(world.vault.asked().is_empty(), "no deposit was sponsored");
    assert!(world.books.session(session_of(CHANNEL, "dust0")).await.unwrap().is_none(), "nothing is remembered of it");
    assert_eq!(payer.get(PATH, &payer.open(1_000, PRICE)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn g_06_a_payer_who_takes_the_deposit_back_by_force_is_served_nothing_more() {
    let world = world().await;
    let payer = opened(&world, CHANNEL, 2_000).await;
    let at = world.clock_now();
    let mut standing = world.vault.standing_of("c1").unwrap();
    standing.close_requested_at = Some(at);
    standing.collect_until = Some(at.after(Duration::from_secs(900)));
    let session = session_of(CHANNEL, "c1");
    world.books.change_session(SessionCommand::Observe { session, standing, at }).await.unwrap();
    let refused = payer.get(PATH, &payer.voucher(40)).await;
    assert_eq!((refused.status, refused.problem()), (StatusCode::GONE, "session/channel-finalized"));
    assert_eq!(world.upstream.hits(), 1);
    // What was delivered is collected within the time that is left.
    settled(&world, CHANNEL, 20).await;
    assert_eq!(payer.bring(PATH, &payer.close(20)).await.status, StatusCode::NO_CONTENT);
    assert_eq!(world.vault.standing_of("c1").unwrap().settled.units(), 20);
}

#[tokio::test]
async fn g_07_what_is_served_was_signed_for_and_written_down_before() {
    let world = world().await;
    let payer = opened(&world, PURSE, 2_000).await;
    settled(&world, PURSE, 20).await;
    world.upstream.then([Reply::Slow(300)]);
    let serving = tokio::spawn({
        let payer = payer.clone();
        async move { payer.get(PATH, &payer.voucher(40)).await }
    });
    while world.upstream.hits() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let record = world.books.session(session_of(PURSE, "c1")).await.unwrap().unwrap();
    let figures = [record.accepted, record.held, record.spent].map(farthing_money::Amount::units);
    assert_eq!(figures, [40, 20, 20], "the upstream is asked when voucher and hold are durable");
    // A process that dies here has charged nothing for what it had not delivered, and kept the voucher.
    let recover = Command::Recover { deadline: world.clock_now(), at: world.clock_now() };
    world.books.submit(recover).await.unwrap();
    let record = world.books.session(session_of(PURSE, "c1")).await.unwrap().unwrap();
    let figures = [record.accepted, record.held, record.spent].map(farthing_money::Amount::units);
    assert_eq!(figures, [40, 0, 20]);
    assert_eq!(serving.await.unwrap().status, StatusCode::OK);
    world.verify().await;
}

#[tokio::test]
async fn g_08_of_two_nodes_with_one_voucher_one_serves() {
    let world = world().await;
    let payer = opened(&world, PURSE, 2_000).await;
    settled(&world, PURSE, 20).await;
    let other = world.another_node().await;
    let elsewhere = Payer { client: Client::new(other.addresses().public, "alice"), ..payer.clone() };
    for total in (40..=200).step_by(20) {
        let voucher = payer.voucher(total);
        let (here, there) = tokio::join!(payer.get(PATH, &voucher), elsewhere.get(PATH, &voucher));
        let mut statuses = [here.status.as_u16(), there.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 402], "{total}");
    }
    assert_eq!(world.upstream.hits(), 10);
    settled(&world, PURSE, 200).await;
    world.verify().await;
}

#[tokio::test]
async fn g_09_a_close_during_service_pays_out_no_more_than_the_deposit() {
    for method in [PURSE, CHANNEL] {
        let world = world().await;
        let payer = opened(&world, method, 100).await;
        world.upstream.then([Reply::Slow(300)]);
        let serving = tokio::spawn({
            let payer = payer.clone();
            async move { payer.get(PATH, &payer.voucher(40)).await }
        });
        while world.upstream.hits() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let early = payer.bring(PATH, &payer.close(40)).await;
        assert_eq!(early.status, StatusCode::SERVICE_UNAVAILABLE, "something is being served from it");
        assert_eq!(payer.get(PATH, &payer.voucher(60)).await.status, StatusCode::GONE, "and nothing more will be");
        assert_eq!(serving.await.unwrap().status, StatusCode::OK);
        let closed = ended(&payer, &payer.close(40)).await;
        assert_eq!(said(&closed), (40, 40, 2), "{method}");
        let again = ended(&payer, &payer.close(40)).await;
        assert_eq!(said(&again), (40, 40, 2), "closing twice is closing once");
        let collected = closed.receipt().unwrap().extra.get("txHash").cloned();
        assert_eq!(
            (collected.is_some(), again.receipt().unwrap().extra.get("txHash").cloned()),
            (method == CHANNEL, collected)
        );
        match method {
            PURSE => assert_eq!(world.balance("alice").await, 9_960),
            _ => assert_eq!(
                (world.vault.standing_of("c1").unwrap().settled.units(), world.vault.times("settle")),
                (40, 1)
            ),
        }
        world.verify().await;
    }
}

/// The answer to a close, once its outcome is known.
async fn ended(payer: &Payer, close: &str) -> Answer {
    for _ in 0..200 {
        let answer = payer.bring(PATH, close).await;
        if answer.status != StatusCode::SERVICE_UNAVAILABLE {
            assert_eq!(answer.status, StatusCode::NO_CONTENT, "{answer:?}");
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the end stays unknown")
}

#[tokio::test]
async fn a_collection_whose_fate_is_unknown_is_never_made_twice() {
    let world = world().await;
    let payer = opened(&world, CHANNEL, 100).await;
    world.vault.then([Vaulting::DoneUnsaid]);
    let close = payer.close(20);
    let doubtful = payer.bring(PATH, &close).await;
    assert_eq!(doubtful.status, StatusCode::SERVICE_UNAVAILABLE);
    // The resolver asks the rail what became of it.
    for _ in 0..20 {
        world.clock.advance(Duration::from_secs(2));
        let answer = payer.bring(PATH, &close).await;
        if answer.status == StatusCode::NO_CONTENT {
            assert_eq!(world.vault.times("settle"), 1);
            assert_eq!(world.vault.standing_of("c1").unwrap().settled.units(), 20);
            return world.verify().await;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    panic!("the end stays unknown")
}

#[tokio::test]
async fn terms_of_sessions_that_make_no_sense_are_refused_with_their_line() {
    let refused = [
        ("deposit = \"0.00001 USD\"", "does not buy one unit"),
        ("deposit = \"1 EUR\"", "another currency"),
        ("deposit = \"much\"", "`deposit`"),
        ("least_delta = \"1 USD\"\ndeposit = \"0.5 USD\"", "more than the deposit"),
        ("slice = \"0 USD\"", "does not buy one unit"),
        ("pause = \"soon\"", "not a duration"),
        ("deposits = \"1 USD\"", "unknown field"),
    ];
    for (terms, reason) in refused {
        let routes = format!(
            "[rails.purse]\n[[route]]\nmatch = \"GET /a\"\nupstream = \"UPSTREAM\"\nprice = \"0.00002 USD\"\naccept = \
             [\"purse/session\"]\n[route.session]\n{terms}\n"
        );
        let error = Setup::with_routes(&routes).try_start().await.err().unwrap();
        assert!(error.contains(reason) && error.contains("farthing.toml:"), "{terms}: {error}");
    }
    for terms in ["unit = \"token\"", "unit = \"two words\"", "[route.session]\npause = \"1s\""] {
        let routes = PAID.replace("accept", &format!("{}\naccept", if terms.starts_with('[') { "" } else { terms }));
        let routes = if terms.starts_with('[') { format!("{routes}\n{terms}\n") } else { routes };
        let error = Setup::with_routes(&routes).try_start().await.err().unwrap();
        let reason = if terms.contains("two") { "one word" } else { "accepts none" };
        assert!(error.contains(reason), "{terms}: {error}");
    }
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
