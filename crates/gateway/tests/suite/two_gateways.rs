//! Two gateways on one store, asked for the same payment at once.

use crate::support;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use farthing_gateway::{Clock as _, Config, Gateway, Running};
use farthing_rail::simulated::{Behaviour, Memory, Script};
use farthing_store::{BEAT, Books, Engine};
use http::{Method, StatusCode};
use support::{Answer, Client, Faults, PAID, Reply, TestClock, Upstream, configuration, rails};
use tokio::sync::Notify;

/// Works on the books of one of several, and shows that it lives.
async fn work(mut engine: Engine, clock: TestClock) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(BEAT) => engine.beat(clock.now()),
            waits = engine.wait() => match waits {
                true => drop(engine.commit(farthing_store::Fate::Durable)),
                false => return,
            }
        }
    }
}

async fn start(books: &str, upstream: &Upstream, memory: &Arc<Memory>, faults: &Arc<Faults>) -> Running {
    let clock = TestClock::default();
    let (books, engine) = Books::by_hand_among_others(books, clock.now()).unwrap();
    tokio::spawn(work(engine, clock.clone()));
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
