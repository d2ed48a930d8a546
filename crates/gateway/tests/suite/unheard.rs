//! When the books take a step and their answer is lost. A payment must not stay posted with nobody to deliver it.

use crate::support;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use farthing_books::{Command, TransferId};
use farthing_gateway::{Config, Gateway, Running};
use farthing_money::Amount;
use farthing_protocol::Timestamp;
use farthing_rail::PayerId;
use farthing_rail::simulated::{Behaviour, Script};
use farthing_store::{Books, Engine, Fate};
use http::{Method, StatusCode};
use support::{Client, PAID, Reply, TestClock, Upstream, configuration, prepaid, rails};
use tokio::sync::Notify;

struct Setting {
    upstream: Upstream,
    running: Running,
    fates: Arc<Mutex<VecDeque<Fate>>>,
    pause: Pause,
    clock: TestClock,
    client: Client,
}

/// What the next batch that fails waits for before it does.
type Pause = Arc<Mutex<Option<Arc<Notify>>>>;

/// Works on the books as soon as there is something to do; each batch meets the next fate.
async fn work(mut engine: Engine, fates: Arc<Mutex<VecDeque<Fate>>>, pause: Pause) {
    while engine.wait().await {
        let fate = fates.lock().unwrap().pop_front().unwrap_or(Fate::Durable);
        let paused = if fate == Fate::Durable { None } else { pause.lock().unwrap().take() };
        if let Some(go_on) = paused {
            go_on.notified().await;
        }
        engine.commit(fate);
    }
}

async fn start(books: &str) -> Setting {
    start_with(books, Script::honest()).await
}

async fn start_with(books: &str, script: Script) -> Setting {
    let upstream = Upstream::start().await;
    let (books, engine) = Books::by_hand(books).unwrap();
    let fates = Arc::<Mutex<VecDeque<Fate>>>::default();
    let pause = Pause::default();
    tokio::spawn(work(engine, Arc::clone(&fates), Arc::clone(&pause)));
    let clock = TestClock::default();
    let grant = Command::Grant {
        id: TransferId([7; 16]),
        payer: PayerId::new("ann"),
        asset: prepaid::asset(),
        amount: Amount::new(1_000),
        at: Timestamp::from_unix_millis(0),
    };
    books.submit(grant).await.unwrap();
    let text = configuration("", PAID, upstream.address);
    let config = Config::from_text(&text, "farthing.toml", std::path::Path::new("."), &|_| None).unwrap();
    let rails = rails(script, Arc::default(), Arc::default(), clock.clone());
    let running = Gateway::new(config, rails, books).clock(Arc::new(clock.clone())).run().await.unwrap();
    let client = Client::new(running.addresses().public, "ann");
    Setting { upstream, running, fates, pause, clock, client }
}

/// Presents a credential again and again, as a client does that is told to, until it is answered with success.
async fn until_served(setting: &Setting, credential: &str) {
    let headers = [("authorization", credential), ("idempotency-key", "one")];
    for _ in 0..400 {
        let answer = setting.client.send(Method::GET, "/paid/a", &headers, "").await;
        if answer.status == StatusCode::OK {
            assert!(answer.receipt().is_some());
            return;
        }
        assert!(answer.challenges().is_empty(), "a second price was named: {answer:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it is paid for, and never served");
}

#[tokio::test]
async fn a_claim_that_the_books_took_without_an_answer_is_delivered() {
    let setting = start("unheard-claim").await;
    let asked = setting.client.get("/paid/a").await;
    let credential = setting.client.pay(&asked);
    setting.fates.lock().unwrap().push_back(Fate::Unanswered);
    let headers = [("authorization", credential.as_str()), ("idempotency-key", "one")];
    let answer = setting.client.send(Method::GET, "/paid/a", &headers, "").await;
    assert_eq!((answer.status, setting.upstream.hits()), (StatusCode::SERVICE_UNAVAILABLE, 0));
    until_served(&setting, &credential).await;
    assert_eq!(setting.upstream.hits(), 1);
    setting.running.shutdown().await;
}

#[tokio::test]
async fn a_redelivery_that_the_books_took_without_an_answer_is_made() {
    let setting = start("unheard-redelivery").await;
    let asked = setting.client.get("/paid/a").await;
    let credential = setting.client.pay(&asked);
    setting.upstream.then([Reply::Status(500)]);
    let headers = [("authorization", credential.as_str()), ("idempotency-key", "one")];
    let failed = setting.client.send(Method::GET, "/paid/a", &headers, "").await;
    assert_eq!(failed.status, StatusCode::INTERNAL_SERVER_ERROR);
    // The claim of this presentation finds the payment; the redelivery is the next batch.
    setting.fates.lock().unwrap().extend([Fate::Durable, Fate::Unanswered]);
    let answer = setting.client.send(Method::GET, "/paid/a", &headers, "").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
    until_served(&setting, &credential).await;
    assert_eq!(setting.upstream.hits(), 2);
    setting.running.shutdown().await;
}

#[tokio::test]
async fn what_failed_is_owed_although_its_client_left_before_the_books_had_answered() {
    let setting = start("unheard-left").await;
    let asked = setting.client.get("/paid/a").await;
    let credential = setting.client.pay(&asked);
    setting.upstream.then([Reply::Status(500)]);
    setting.fates.lock().unwrap().extend([Fate::Durable, Fate::Lost]);
    let go_on = Arc::new(Notify::new());
    *setting.pause.lock().unwrap() = Some(Arc::clone(&go_on));
    let (client, same) = (setting.client.clone(), credential.clone());
    let leaving = tokio::spawn(async move {
        let headers = [("authorization", same.as_str()), ("idempotency-key", "one")];
        client.send(Method::GET, "/paid/a", &headers, "").await
    });
    while setting.pause.lock().unwrap().is_some() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    leaving.abort();
    assert!(leaving.await.is_err(), "it left");
    tokio::time::sleep(Duration::from_millis(300)).await;
    go_on.notify_one();
    until_served(&setting, &credential).await;
    assert_eq!(setting.upstream.hits(), 2);
    setting.running.shutdown().await;
}

#[tokio::test]
async fn a_claim_that_was_lost_does_not_take_what_another_won_in_the_same_millisecond_for_its_own() {
    // The clock of these tests stands still: everything happens in one millisecond.
    let setting = start("unheard-duplicate").await;
    let asked = setting.client.get("/paid/a").await;
    let credential = setting.client.pay(&asked);
    setting.fates.lock().unwrap().push_back(Fate::Lost);
    let lost = setting.client.get_with("/paid/a", &credential).await;
    assert_eq!((lost.status, setting.upstream.hits()), (StatusCode::SERVICE_UNAVAILABLE, 0));
    let go_on = Arc::new(Notify::new());
    setting.upstream.then([Reply::When(Arc::clone(&go_on))]);
    let (client, same) = (setting.client.clone(), credential.clone());
    let winner = tokio::spawn(async move { client.get_with("/paid/a", &same).await });
    while setting.upstream.hits() == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // Whoever asked first looks after a second, while the other is being served: a third is not served as well.
    for _ in 0..40 {
        let third = setting.client.get_with("/paid/a", &credential).await;
        assert_ne!(third.status, StatusCode::OK, "it is served twice for one payment");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    go_on.notify_one();
    assert_eq!(winner.await.unwrap().status, StatusCode::OK);
    assert_eq!(setting.upstream.hits(), 1);
    setting.running.shutdown().await;
}

#[tokio::test]
async fn a_settlement_that_was_looked_up_and_that_the_books_took_without_an_answer_is_delivered() {
    let setting = start_with("unheard-lookup", Script::cycle(vec![Behaviour::TimeOutAfterTaking])).await;
    let asked = setting.client.get("/paid/a").await;
    let credential = setting.client.pay_challenge(asked.challenge_of("simulated"));
    let headers = [("authorization", credential.as_str()), ("idempotency-key", "one")];
    let unknown = setting.client.send(Method::GET, "/paid/a", &headers, "").await;
    assert_eq!((unknown.status, setting.upstream.hits()), (StatusCode::SERVICE_UNAVAILABLE, 0));
    // The claim of this presentation finds the payment; what the rail says on being asked again is the next batch.
    setting.fates.lock().unwrap().extend([Fate::Durable, Fate::Unanswered]);
    let answer = setting.client.send(Method::GET, "/paid/a", &headers, "").await;
    assert_eq!((answer.status, setting.upstream.hits()), (StatusCode::SERVICE_UNAVAILABLE, 0), "{answer:?}");
    until_served(&setting, &credential).await;
    assert_eq!(setting.upstream.hits(), 1);
    setting.running.shutdown().await;
}

#[tokio::test]
async fn settlements_that_were_looked_up_together_and_taken_without_an_answer_are_all_delivered() {
    let setting = start_with("unheard-round", Script::cycle(vec![Behaviour::TimeOutAfterTaking])).await;
    let mut credentials = Vec::new();
    for _ in 0..3 {
        let asked = setting.client.get("/paid/a").await;
        let credential = setting.client.pay_challenge(asked.challenge_of("simulated"));
        assert_eq!(setting.client.get_with("/paid/a", &credential).await.status, StatusCode::SERVICE_UNAVAILABLE);
        credentials.push(credential);
    }
    // Nobody comes back before the gateway has asked about all of them by itself.
    setting.fates.lock().unwrap().push_back(Fate::Unanswered);
    setting.clock.advance(Duration::from_secs(10));
    while !setting.fates.lock().unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for credential in credentials {
        until_served(&setting, &credential).await;
    }
    assert_eq!(setting.upstream.hits(), 3);
    setting.running.shutdown().await;
}

#[tokio::test]
async fn two_claims_without_an_answer_are_both_looked_after_until_the_end() {
    let setting = start("unheard-twice").await;
    let asked = setting.client.get("/paid/a").await;
    let credential = setting.client.pay(&asked);
    setting.fates.lock().unwrap().extend([Fate::Lost, Fate::Unanswered]);
    for _ in 0..2 {
        let answer = setting.client.get_with("/paid/a", &credential).await;
        assert_eq!((answer.status, setting.upstream.hits()), (StatusCode::SERVICE_UNAVAILABLE, 0));
        // The first has looked, and found nothing of its own, for half a second before the second does.
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    until_served(&setting, &credential).await;
    assert_eq!(setting.upstream.hits(), 1);
    setting.running.shutdown().await;
}
