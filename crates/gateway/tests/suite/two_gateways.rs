//! Two gateways on one store, asked for the same payment at once.

use crate::support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use farthing_books::{Command, TransferId};
use farthing_gateway::{Clock as _, Config, Gateway, Running};
use farthing_money::Amount;
use farthing_rail::PayerId;
use farthing_rail::simulated::{Behaviour, Memory, Script};
use farthing_store::{BEAT, Books, Engine, Fate};
use http::{Method, StatusCode};
use support::{Answer, Client, Faults, PAID, Reply, TestClock, Upstream, configuration, prepaid, rails};
use tokio::sync::Notify;

/// Works on the books of one of several, and shows that it lives, unless it is held up.
async fn work(mut engine: Engine, clock: TestClock, held_up: Arc<AtomicBool>) {
    loop {
        while held_up.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::select! {
            () = tokio::time::sleep(BEAT) => engine.beat(clock.now()),
            waits = engine.wait() => match waits {
                true if held_up.load(Ordering::SeqCst) => {}
                true => drop(engine.commit(Fate::Durable)),
                false => return,
            }
        }
    }
}

async fn start(books: &str, upstream: &Upstream, memory: &Arc<Memory>, faults: &Arc<Faults>) -> Running {
    start_held(books, upstream, memory, faults, &Arc::default()).await
}

async fn start_held(
    books: &str,
    upstream: &Upstream,
    memory: &Arc<Memory>,
    faults: &Arc<Faults>,
    held_up: &Arc<AtomicBool>,
) -> Running {
    let clock = TestClock::default();
    let (books, engine) = Books::by_hand_among_others(books, clock.now()).unwrap();
    tokio::spawn(work(engine, clock.clone(), Arc::clone(held_up)));
    let grant = Command::Grant {
        id: TransferId([7; 16]),
        payer: PayerId::new("ann"),
        asset: prepaid::asset(),
        amount: Amount::new(1_000),
        at: clock.now(),
    };
    books.submit(grant).await.unwrap();
    let text = configuration("", PAID, upstream.address);
    let config = Config::from_text(&text, "farthing.toml", std::path::Path::new("."), &|_| None).unwrap();
    let script = Script::cycle(vec![Behaviour::TimeOutAfterTaking]);
    let rails = rails(script, Arc::clone(memory), Arc::clone(faults), clock.clone());
    Gateway::new(config, rails, books).clock(Arc::new(clock)).run().await.unwrap()
}

/// Asks for the same thing under one name, whichever gateway it is.
async fn send(client: &Client, credential: Option<&str>) -> Answer {
    let host = [("host", "shop.test"), ("idempotency-key", "one")];
    let headers: Vec<_> = host.into_iter().chain(credential.map(|credential| ("authorization", credential))).collect();
    client.send(Method::GET, "/paid/a", &headers, "").await
}

#[tokio::test]
async fn a_payment_that_both_hear_of_from_the_rail_is_served_by_one() {
    let (upstream, memory) = (Upstream::start().await, Arc::default());
    let (quick, slow) = (Arc::<Faults>::default(), Arc::<Faults>::default());
    let one = start("two-gateways", &upstream, &memory, &quick).await;
    let other = start("two-gateways", &upstream, &memory, &slow).await;
    let [client, at_other] = [&one, &other].map(|running| Client::new(running.addresses().public, "ann"));
    let asked = send(&client, None).await;
    let credential = client.pay_challenge(asked.challenge_of("simulated"));
    assert_eq!(send(&client, Some(&credential)).await.status, StatusCode::SERVICE_UNAVAILABLE);
    slow.slow_lookups.store(2_000, Ordering::SeqCst);
    let same = credential.clone();
    let second = tokio::spawn(async move { send(&at_other, Some(&same)).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let go_on = Arc::new(Notify::new());
    upstream.then([Reply::When(Arc::clone(&go_on))]);
    let first = tokio::spawn(async move { send(&client, Some(&credential)).await });
    // The other hears that it is paid while the first delivers it.
    let second = second.await.unwrap();
    assert_eq!(second.status, StatusCode::SERVICE_UNAVAILABLE, "{second:?}");
    assert_eq!(upstream.hits(), 1);
    go_on.notify_one();
    assert_eq!(first.await.unwrap().status, StatusCode::OK);
    assert_eq!(upstream.hits(), 1, "it is served once");
    one.shutdown().await;
    other.shutdown().await;
}

#[tokio::test]
async fn a_payment_that_is_posted_late_by_a_gateway_that_was_taken_for_dead_is_delivered() {
    let (upstream, memory, faults) = (Upstream::start().await, Arc::default(), Arc::default());
    let held_up = Arc::<AtomicBool>::default();
    let late = start_held("posted-late", &upstream, &memory, &faults, &held_up).await;
    let other = start("posted-late", &upstream, &memory, &faults).await;
    let client = Client::new(late.addresses().public, "ann");
    let asked = send(&client, None).await;
    let credential = client.pay_challenge(asked.challenge_of("double"));
    held_up.store(true, Ordering::SeqCst);
    let (same, again) = (credential.clone(), client.clone());
    let waiting = tokio::spawn(async move { send(&again, Some(&same)).await });
    tokio::time::sleep(BEAT * 12).await;
    held_up.store(false, Ordering::SeqCst);
    assert_eq!(waiting.await.unwrap().status, StatusCode::SERVICE_UNAVAILABLE, "others may have been at it");
    let mut answer = send(&client, Some(&credential)).await;
    for _ in 0..40 {
        if answer.status == StatusCode::OK {
            break;
        }
        assert!(answer.challenges().is_empty(), "a second price was named: {answer:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
        answer = send(&client, Some(&credential)).await;
    }
    assert_eq!((answer.status, upstream.hits()), (StatusCode::OK, 1), "it is paid for, and never served");
    late.shutdown().await;
    other.shutdown().await;
}
