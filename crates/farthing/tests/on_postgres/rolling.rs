//! Gateways that are stopped and started again, one after the other, while buyers go on.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use farthing_testing_postgres::shared;
use rustix::process::Signal;

use crate::stage::{Stage, until_a_payment_is};
use crate::support::seller::Seller;

const GATEWAYS: usize = 3;
const BUYERS: usize = 4;
/// How often each gateway is stopped and started again.
const LAPS: usize = 2;
/// How many purchases lie between two restarts, at least.
const BETWEEN: u64 = 12;

/// A balancer as small as can be: where the gateways are, and whose turn it is.
#[derive(Default)]
struct Balancer {
    places: Mutex<Vec<String>>,
    turn: AtomicU64,
}

impl Balancer {
    fn next(&self, path: &str) -> String {
        let places = self.places.lock().unwrap();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % u64::try_from(places.len()).unwrap();
        format!("{}{path}", places[usize::try_from(turn).unwrap()])
    }
}

/// Buys until it is told to stop, each thing with one credential wherever that leads; how many.
async fn buy(stage: Arc<Stage>, balancer: Arc<Balancer>, buyer: usize, bought: Arc<AtomicU64>, stop: Arc<AtomicBool>) {
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        let rail = if number % 2 == 0 { "paid" } else { "simulated" };
        let path = format!("/{rail}/{buyer}/{number}");
        let credential = loop {
            // Who has just been stopped is not there, and that costs nothing.
            let answer = stage.buyer.client.get(balancer.next(&path)).header("host", "shop.example").send().await;
            if let Ok(answer) = answer {
                assert_eq!(answer.status(), 402);
                break stage.buyer.sign(&crate::support::buyer::challenges_of(&answer)[0]);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        loop {
            match stage.buyer.get(&balancer.next(&path), &credential).send().await {
                Ok(answer) if answer.status() == 200 => break,
                Ok(answer) => assert!(matches!(answer.status().as_u16(), 503 | 409), "{path}: {}", answer.status()),
                Err(_) => {}
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(stage.upstream.hits_of(&path), 1, "{path}: delivered once");
        bought.fetch_add(1, Ordering::Relaxed);
        number += 1;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p_37_while_a_gateway_that_led_drains_another_asks_the_rail() {
    let stage = Arc::new(Stage::with_rail(shared().address(), "time-out-after-taking").await);
    let mut leading = stage.start("leading", &[]);
    let other = stage.start("other", &[]);
    other.grant(&stage.buyer.did, "1 USD").await;
    let (slow, doubtful) = (format!("{}/paid/slow", leading.listen), format!("{}/simulated/x", other.listen));
    stage.upstream.delay(Duration::from_secs(15));
    let credential = stage.buyer.credential(&slow).await;
    let served = tokio::spawn(stage.buyer.get(&slow, &credential).send());
    while stage.upstream.hits() == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stage.upstream.delay(Duration::ZERO);
    leading.signal(Signal::TERM);
    let credential = stage.buyer.credential(&doubtful).await;
    assert_eq!(stage.buyer.get(&doubtful, &credential).send().await.unwrap().status(), 503);
    until_a_payment_is(&other, "entitled").await;
    assert!(leading.is_alive(), "only what drains holds it");
    assert_eq!(stage.settled(&doubtful, &credential).await, 200);
    assert_eq!(served.await.unwrap().unwrap().status(), 200, "what was under way is served");
    let ended = tokio::task::spawn_blocking(move || leading.wait_for_death()).await.unwrap();
    assert!(ended.success(), "{ended}");
    assert_eq!((stage.takings(), stage.upstream.hits()), (1, 2));
    stage.assert_sound(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn p_31_gateways_that_are_restarted_one_after_the_other_lose_and_double_nothing() {
    let stage = Arc::new(Stage::at(shared().address()).await);
    let mut sellers: BTreeMap<usize, Seller> =
        (0..GATEWAYS).map(|number| (number, stage.start(&number.to_string(), &[]))).collect();
    sellers[&0].grant(&stage.buyer.did, "100 USD").await;
    let balancer = Arc::new(Balancer::default());
    *balancer.places.lock().unwrap() = sellers.values().map(|seller| seller.listen.clone()).collect();
    let (bought, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let mut buyers = tokio::task::JoinSet::new();
    for buyer in 0..BUYERS {
        buyers.spawn(buy(Arc::clone(&stage), Arc::clone(&balancer), buyer, Arc::clone(&bought), Arc::clone(&stop)));
    }
    for number in (0..GATEWAYS * LAPS).map(|turn| turn % GATEWAYS) {
        let before = bought.load(Ordering::Relaxed);
        while bought.load(Ordering::Relaxed) < before + BETWEEN {
            assert_eq!(buyers.len(), BUYERS);
            if let Some(ended) = buyers.try_join_next() {
                ended.unwrap();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let mut stopped = sellers.remove(&number).unwrap();
        stopped.signal(Signal::TERM);
        let (ended, log) =
            tokio::task::spawn_blocking(move || (stopped.wait_for_death(), stopped.log())).await.unwrap();
        assert!(ended.success(), "it ends in order: {ended}");
        assert!(!log.contains("panicked"), "{log}");
        let again = stage.start(&number.to_string(), &[]);
        balancer.places.lock().unwrap()[number] = again.listen.clone();
        sellers.insert(number, again);
    }
    stop.store(true, Ordering::Relaxed);
    while let Some(ended) = buyers.join_next().await {
        ended.unwrap();
    }
    let bought = bought.load(Ordering::Relaxed);
    println!("{bought} purchases while {} gateways were restarted", GATEWAYS * LAPS);
    assert_eq!(stage.upstream.hits(), bought);
    drop(sellers);
    stage.assert_sound(bought);
}
