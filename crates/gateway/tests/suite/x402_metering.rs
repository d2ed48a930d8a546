//! What is held before its service and captured after it, as much of it as was used.

use crate::support;

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use farthing_books::PaymentState;
use farthing_rail::Fault;
use http::{Method, StatusCode};
use support::chain::Say;
use support::client::{credential, leave_when};
use support::x402::{encoded, payment, world};
use support::{Answer, Client, Reply, World};
use tokio::sync::Notify;

const BY_PRICE: &str = r#"
[[route]]
match = "GET,POST /paid/{name}"
upstream = "UPSTREAM"
price = "0.005 USD"
accept = ["x402/upto", "evm/charge", "x402/exact"]
meter = { header = "farthing-charge" }
"#;

const BY_COUNT: &str = r#"
[[route]]
match = "GET /paid/{name}"
upstream = "UPSTREAM"
price = "0.005 USD"
accept = ["x402/upto"]
meter = { json = "/usage/tokens", unit = "0.00002 USD" }
"#;

const COST: Reply = Reply::Serve;

fn costs(price: &'static str) -> Reply {
    Reply::Headers(vec![("farthing-charge", price)])
}

async fn bought(world: &World, nonce: &str, reply: Reply) -> Answer {
    let client = world.client("");
    let asked = client.get("/paid/a").await;
    world.upstream.then([reply]);
    client.get_paying("/paid/a", &payment(world, &asked, nonce)).await
}

#[tokio::test]
async fn what_was_used_is_taken_and_said() {
    let world = world(BY_PRICE).await;
    let paid = bought(&world, "0x01", costs("0.0042 USD")).await;
    assert_eq!((paid.status, paid.text()), (StatusCode::OK, "hit 1, body of 0"), "{paid:?}");
    assert!(paid.header("farthing-charge").is_none());
    assert_eq!(paid.outcome().amount.unwrap().to_string(), "4200");
    assert_eq!(world.chain.taken(), [4200]);
    assert_eq!(world.only_payment().await.amount.to_string(), "4200");
    assert_eq!((world.chain.holds.load(SeqCst), world.chain.captures.load(SeqCst)), (1, 1));
    world.verify().await;
}

#[tokio::test]
async fn nothing_used_takes_nothing_and_has_no_transaction() {
    let world = world(BY_PRICE).await;
    let paid = bought(&world, "0x01", costs("0 USD")).await;
    assert_eq!(paid.status, StatusCode::OK);
    let outcome = paid.outcome();
    assert_eq!((outcome.success, outcome.amount.unwrap().to_string()), (true, "0".to_owned()));
    assert_eq!(world.only_payment().await.consumed, vec![]);
    world.verify().await;
}

#[tokio::test]
async fn a_count_in_the_body_is_priced_by_its_unit() {
    let world = world(BY_COUNT).await;
    let body = r#"{"text":"ok","usage":{"tokens":120}}"#;
    let paid = bought(&world, "0x01", Reply::Body(body)).await;
    assert_eq!((paid.status, paid.text()), (StatusCode::OK, body));
    assert_eq!(world.chain.taken(), [2400]);
}

#[tokio::test]
async fn exact_offers_on_a_metered_route_pay_the_full_price_first() {
    let world = world(BY_PRICE).await;
    let client = world.client("");
    let asked = client.get("/paid/a").await;
    assert_eq!(asked.required().accepts.iter().map(|it| &*it.scheme).collect::<Vec<_>>(), ["upto", "exact"]);
    let mut exact = payment(&world, &asked, "0x01");
    exact["accepted"] = support::x402::decoded(asked.header("payment-required").unwrap())["accepts"][1].clone();
    world.upstream.then([costs("0.0042 USD"), costs("0.0042 USD")]);
    let paid = client.get_paying("/paid/a", &exact).await;
    assert_eq!((paid.status, paid.outcome().amount), (StatusCode::OK, None));
    assert!(paid.header("farthing-charge").is_none());
    let payload = payment(&world, &asked, "0x02")["payload"].clone();
    let paid = client.get_with("/paid/a", &credential(asked.challenge_of("evm"), payload)).await;
    assert_eq!(paid.status, StatusCode::OK, "{paid:?}");
    assert!(paid.header("farthing-charge").is_none());
    assert_eq!(world.chain.taken(), [5000, 5000]);
    assert_eq!(world.chain.captures.load(SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g_01_twenty_uses_of_one_authorization_serve_and_take_once() {
    let world = world(BY_PRICE).await;
    let client = world.client("");
    let payment = payment(&world, &client.get("/paid/a").await, "0x01");
    world.upstream.then((0..20).map(|_| costs("0.001 USD")));
    let uses = (0..20).map(|_| {
        let (client, payment): (Client, _) = (client.clone(), payment.clone());
        tokio::spawn(async move { client.get_paying("/paid/a", &payment).await.status })
    });
    let mut served = 0;
    for status in uses.collect::<Vec<_>>() {
        served += usize::from(status.await.unwrap() == StatusCode::OK);
    }
    assert_eq!((served, world.upstream.hits(), world.chain.taken()), (1, 1, vec![1000]));
    world.verify().await;
}

#[tokio::test]
async fn g_02_more_than_the_cap_is_never_taken_and_gives_nothing() {
    let world = world(BY_PRICE).await;
    let refused = bought(&world, "0x01", costs("0.005001 USD")).await;
    assert_eq!(refused.status, StatusCode::BAD_GATEWAY);
    assert!(!refused.text().contains("hit") && refused.header("farthing-charge").is_none(), "{refused:?}");
    assert_eq!((world.chain.captures.load(SeqCst), world.chain.taken()), (0, vec![]));
    let record = world.only_payment().await;
    assert_eq!(record.state, PaymentState::Rejected);
    assert!(record.reason.unwrap().contains("raise the price"));
    world.verify().await;
}

#[tokio::test]
async fn g_03_bad_meter_values_take_nothing_and_give_nothing() {
    let world = world(BY_PRICE).await;
    let huge = "340282366920938463463374607431768211456 USD";
    let mut nonce = 0;
    for said in ["-1 USD", "NaN USD", "NaN", "", " ", "0.001", "0.001 EUR", huge] {
        nonce += 1;
        let refused = bought(&world, &format!("0x{nonce:02}"), costs(said)).await;
        assert_eq!(refused.status, StatusCode::BAD_GATEWAY, "{said}");
        assert!(!refused.text().contains("hit"), "{said}");
    }
    let twice = Reply::Headers(vec![("farthing-charge", "0.001 USD"), ("farthing-charge", "0.002 USD")]);
    for reply in [twice, COST] {
        nonce += 1;
        assert_eq!(bought(&world, &format!("0x{nonce:02}"), reply).await.status, StatusCode::BAD_GATEWAY);
    }
    assert_eq!((world.chain.captures.load(SeqCst), world.chain.taken()), (0, vec![]));
}

#[tokio::test]
async fn b_10_a_failed_upstream_takes_nothing() {
    let world = world(BY_PRICE).await;
    let failed = bought(&world, "0x01", Reply::Status(500)).await;
    assert_eq!(failed.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(failed.header("payment-response").is_none() && failed.receipt().is_none());
    let record = world.only_payment().await;
    assert_eq!((record.state, world.chain.taken()), (PaymentState::Rejected, vec![]));
    assert!(record.reason.unwrap().contains("500"));
    world.verify().await;
}

#[tokio::test]
async fn a_redirect_is_sold_like_any_other_answer() {
    let world = world(BY_PRICE).await;
    let to = ("location", "https://files.example/signed");
    let paid = bought(&world, "0x01", Reply::Answer(303, vec![to, ("farthing-charge", "0.002 USD")])).await;
    assert_eq!((paid.status, paid.header(to.0)), (StatusCode::SEE_OTHER, Some(to.1)));
    assert_eq!(world.chain.taken(), [2000]);
    let unmeasured = bought(&world, "0x02", Reply::Answer(303, vec![to])).await;
    assert_eq!((unmeasured.status, unmeasured.header(to.0)), (StatusCode::BAD_GATEWAY, None));
    assert_eq!(world.chain.taken(), [2000]);
}

#[tokio::test]
async fn a_payment_that_cannot_be_held_never_reaches_the_upstream() {
    let world = world(BY_PRICE).await;
    world.chain.says([Say::No(Fault::Balance)]);
    let refused = bought(&world, "0x01", COST).await;
    refused.refused_with("insufficient_funds");
    assert!(!refused.outcome().success);
    world.chain.says([Say::No(Fault::Allowance)]);
    let refused = bought(&world, "0x02", COST).await;
    assert_eq!(
        (refused.status, refused.error().unwrap()),
        (StatusCode::PRECONDITION_FAILED, "permit2_allowance_required".into())
    );
    world.chain.says([Say::Nothing]);
    let unknown = bought(&world, "0x03", COST).await;
    assert_eq!(unknown.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(unknown.header("retry-after").is_some() && unknown.header("payment-required").is_none());
    assert_eq!((world.upstream.hits(), world.chain.taken()), (0, vec![]));
}

#[tokio::test]
async fn b_06_a_balance_that_is_gone_at_the_capture_gives_nothing() {
    let world = world(BY_PRICE).await;
    world.chain.says([Say::Yes, Say::No(Fault::Balance)]);
    let refused = bought(&world, "0x01", costs("0.001 USD")).await;
    refused.refused_with("insufficient_funds");
    let outcome = refused.outcome();
    assert_eq!((outcome.success, &*outcome.transaction), (false, ""));
    assert_eq!((world.upstream.hits(), world.chain.taken()), (1, vec![]));
}

#[tokio::test]
async fn an_unknown_capture_is_looked_up_and_given_once_without_a_second_charge() {
    let world = world(BY_PRICE).await;
    world.chain.says([Say::Yes, Say::NothingButTook]);
    let client = world.client("");
    let payment = payment(&world, &client.get("/paid/a").await, "0x01");
    world.upstream.then([costs("0.0042 USD"), costs("0.003 USD")]);
    let unknown = client.get_paying("/paid/a", &payment).await;
    assert_eq!(unknown.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(unknown.header("payment-required").is_none(), "no second price");
    let paid = client.get_paying("/paid/a", &payment).await;
    assert_eq!(paid.status, StatusCode::OK, "{paid:?}");
    assert_eq!(paid.outcome().amount.unwrap().to_string(), "4200", "what was taken, and not what it cost again");
    assert!(paid.header("farthing-charge").is_none());
    assert_eq!(world.chain.taken(), [4200]);
    world.verify().await;
}

#[tokio::test]
async fn b_11_a_client_that_leaves_is_charged_for_what_was_used_and_owed_it() {
    let world = world(BY_COUNT).await;
    let client = world.client("");
    let payment = payment(&world, &client.get("/paid/a").await, "0x01");
    let captured = Arc::new(Notify::new());
    world.chain.says([Say::Yes, Say::When(Arc::clone(&captured))]);
    world.upstream.then([Reply::Body(r#"{"usage":{"tokens":7}}"#)]);
    leave_when(|| world.chain.captures.load(SeqCst) == 1, client.get_paying("/paid/a", &payment)).await;
    captured.notify_one();
    world.until_it_is(PaymentState::Entitled).await;
    assert_eq!(world.chain.taken(), [140]);
    assert_eq!(client.get_paying("/paid/a", &payment).await.status, StatusCode::OK);
    assert_eq!(world.chain.taken(), [140]);
    world.verify().await;
}

#[tokio::test]
async fn b_12_no_byte_of_a_stream_goes_out_before_the_capture() {
    let world = world(BY_PRICE).await;
    let client = world.client("");
    let payment = payment(&world, &client.get("/paid/a").await, "0x01");
    world.chain.says([Say::Yes, Say::No(Fault::Unmovable)]);
    world.upstream.then([costs("0.001 USD")]);
    let headers = [("payment-signature", &*encoded(&payment)), ("accept", "text/event-stream")];
    let refused = client.send(Method::GET, "/paid/a", &headers, "").await;
    assert_eq!(refused.status, StatusCode::PAYMENT_REQUIRED);
    assert!(!refused.text().contains("hit"));
}

async fn refused_to_start(routes: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let text = support::configuration(support::x402::CHAIN, routes, ([127, 0, 0, 1], 9).into());
    let read = farthing_gateway::Config::from_text(&text, "farthing.toml", directory.path(), &|_| None);
    let config = match read {
        Ok(config) => config,
        Err(error) => return error.to_string(),
    };
    let clock = support::TestClock::default();
    let rails =
        support::rails(farthing_rail::simulated::Script::honest(), <_>::default(), <_>::default(), clock.clone());
    let rails = support::with_chain(rails, <_>::default(), clock);
    let books =
        farthing_store::Books::open(&directory.path().join("b.db"), farthing_store::Sharing::Exclusive).unwrap();
    let started = farthing_gateway::Gateway::start(config, rails, books).await;
    started.err().map(|error| error.to_string()).unwrap_or_default()
}

#[tokio::test]
async fn a_meter_that_makes_no_sense_is_refused_at_the_start_with_the_remedy() {
    let meter = "meter = { header = \"farthing-charge\" }";
    let with = |accept: &str, meter: &str| {
        BY_PRICE
            .replace(r#"["x402/upto", "evm/charge", "x402/exact"]"#, accept)
            .replace("meter = { header = \"farthing-charge\" }", meter)
    };
    let unmetered = refused_to_start(&with(r#"["x402/upto"]"#, "")).await;
    assert!(unmetered.contains("write meter = { header = \"farthing-charge\" }"), "{unmetered}");
    let unused = refused_to_start(&with(r#"["x402/exact"]"#, meter)).await;
    assert!(unused.contains("x402/upto") && unused.contains("remove `meter`"), "{unused}");
    for (wrong, remedy) in [
        (r#"{ json = "/usage" }"#, "a pointer and a unit"),
        (r#"{ json = "usage", unit = "0.1 USD" }"#, "no pointer into JSON"),
        (r#"{ header = "a b" }"#, "no name of a header"),
        (r#"{ header = "x", json = "/y" }"#, "it counts one thing"),
        (r#"{ header = "x", unit = "0.1 EUR" }"#, "write it in USD"),
        (r#"{ header = "x", unit = "0 USD" }"#, "measures no price"),
        (r#"{ tokens = "output" }"#, "with a unit"),
        (r#"{ events = true, unit = "0.1 USD" }"#, "or sell by a session"),
    ] {
        let refused = refused_to_start(&with(r#"["x402/upto"]"#, &format!("meter = {wrong}"))).await;
        assert!(refused.contains(remedy), "{wrong}: {refused}");
    }
}

#[tokio::test]
async fn a_death_between_claim_and_ledger_is_looked_up_and_the_ledger_is_exact() {
    let world = world(BY_PRICE).await;
    let client = world.client("");
    let deaths = [
        (vec![Say::Death], StatusCode::PAYMENT_REQUIRED, vec![]),
        (vec![Say::Yes, Say::Death], StatusCode::PAYMENT_REQUIRED, vec![]),
        (vec![Say::Yes, Say::DeathButTook], StatusCode::OK, vec![4200]),
    ];
    for (turn, (says, then, taken)) in deaths.into_iter().enumerate() {
        let asked = client.get("/paid/a").await;
        let payment = payment(&world, &asked, &format!("0x{turn}"));
        world.chain.says(says.clone());
        // The upstream is asked by those that were held.
        world.upstream.then((1..says.len()).map(|_| costs("0.0042 USD")));
        let died = client.get_paying("/paid/a", &payment).await;
        assert_eq!(died.status, StatusCode::SERVICE_UNAVAILABLE, "{died:?}");
        assert!(died.header("payment-required").is_none() && !died.text().contains("hit"));
        let again = client.get_paying("/paid/a", &payment).await;
        assert_eq!((again.status, world.chain.taken()), (then, taken), "{again:?}");
    }
    assert_eq!(world.chain.captures.load(SeqCst), 2);
    world.verify().await;
}

#[tokio::test]
async fn what_a_dead_process_had_held_is_looked_up_by_the_next_one() {
    let world = world(BY_PRICE).await;
    let client = world.client("");
    let payment = payment(&world, &client.get("/paid/a").await, "0x01");
    world.chain.says([Say::Yes, Say::DeathButTook]);
    world.upstream.then([costs("0.0042 USD")]);
    assert_eq!(client.get_paying("/paid/a", &payment).await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(world.only_payment().await.state, PaymentState::Claimed);
    let (deadline, at) = (farthing_gateway::Clock::now(&world.clock), farthing_gateway::Clock::now(&world.clock));
    world.books.submit(farthing_books::Command::Recover { deadline, at }).await.unwrap();
    assert_eq!(world.only_payment().await.state, PaymentState::Unknown);
    world.clock.advance(Duration::from_secs(30));
    world.until_it_is(PaymentState::Entitled).await;
    assert_eq!(world.only_payment().await.amount.to_string(), "4200");
    world.verify().await;
}
