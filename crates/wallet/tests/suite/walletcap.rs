//! Four ordinary events that must not loosen a cap: a restart, many replicas over one home, a slow store, and another
//! asset. Signing is what counts: a seller that was shown a signature has the money.

use crate::double;

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use double::{Asked, Seller, client, counted, create};
use farthing_wallet::policy::Rule;
use farthing_wallet::{Outcome, PayingClient};

/// Makes so many calls, one after the other, and says how many were paid; the others were refused.
async fn paid(client: &PayingClient, seller: &Seller, calls: usize) -> usize {
    let mut paid = 0;
    for _ in 0..calls {
        match client.pay(seller.get("/v1"), None).await.unwrap() {
            Outcome::Paid { .. } => paid += 1,
            Outcome::Refused { rule: Some(Rule::Total), .. } => {}
            other => panic!("{other:?}"),
        }
    }
    paid
}

/// The different signatures that a seller was shown.
fn signatures(seller: &Seller) -> usize {
    let seen = seller.seen();
    seen.iter().filter_map(|seen| seen.headers.get("authorization")).collect::<BTreeSet<_>>().len()
}

#[tokio::test]
async fn w_25_a_restart_does_not_renew_the_cap() {
    let (seller, directory) = (Seller::start().await, tempfile::tempdir().unwrap());
    create(directory.path(), Some("total = \"0.003 USD\""));
    let mut each = Vec::new();
    for _ in 0..4 {
        let client = client(directory.path());
        each.push(paid(&client, &seller, 2).await);
    }
    assert_eq!(each, [2, 1, 0, 0], "whatever was forgotten, what was spent was not");
    assert_eq!(signatures(&seller), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w_25_ten_replicas_have_one_cap() {
    let (seller, directory) = (Seller::start().await, tempfile::tempdir().unwrap());
    create(directory.path(), Some("total = \"0.015 USD\""));
    assert_eq!(of_replicas(10, directory.path(), &seller).await, 15);
    assert_eq!(counted(&double::open(directory.path())).await, (15_000, 0));
    assert_eq!(signatures(&seller), 15);
}

/// How many payments so many wallets make that know nothing of each other but the home; four calls each.
async fn of_replicas(count: usize, home: &Path, seller: &Seller) -> usize {
    let replicas: Vec<_> = (0..count).map(|_| (client(home), seller.clone())).collect();
    let replicas =
        replicas.into_iter().map(|(client, seller)| tokio::spawn(async move { paid(&client, &seller, 4).await }));
    let mut made = 0;
    for replica in replicas.collect::<Vec<_>>() {
        made += replica.await.unwrap();
    }
    made
}

/// Another process whose every batch takes so long, until it is dropped.
struct SlowNeighbour(Arc<AtomicBool>, Option<thread::JoinHandle<()>>);

impl SlowNeighbour {
    fn beside(home: &Path, taking: Duration) -> Self {
        let file = |ending: &str| File::options().write(true).open(home.join(format!("budgets.db{ending}"))).unwrap();
        let (next, turn, goes_on) = (file(".next"), file(".turn"), Arc::new(AtomicBool::new(true)));
        let going = Arc::clone(&goes_on);
        let at_work = thread::spawn(move || {
            while going.load(Ordering::Relaxed) {
                next.lock().unwrap();
                turn.lock().unwrap();
                next.unlock().unwrap();
                thread::sleep(taking);
                turn.unlock().unwrap();
            }
        });
        Self(goes_on, Some(at_work))
    }
}

impl Drop for SlowNeighbour {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
        self.1.take().unwrap().join().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w_25_a_store_that_is_slow_to_answer_lets_nothing_through() {
    let (seller, directory) = (Seller::start().await, tempfile::tempdir().unwrap());
    create(directory.path(), Some("total = \"0.006 USD\""));
    let first = client(directory.path());
    let neighbour = SlowNeighbour::beside(directory.path(), Duration::from_millis(5));
    assert_eq!(of_replicas(4, directory.path(), &seller).await, 6, "between a look and a reservation comes nobody");
    drop(neighbour);
    assert_eq!((paid(&first, &seller, 1).await, signatures(&seller)), (0, 6));
}

#[tokio::test]
async fn w_25_another_asset_counts_toward_the_same_cap_or_is_refused() {
    let euros = Asked { currency: "eur.6", ..Asked::default() };
    let (dollars, euros) = (Seller::start().await, Seller::offering(vec![euros]).await);
    let directory = tempfile::tempdir().unwrap();
    let total = "total = \"0.003 USD\"";
    create(directory.path(), Some(total));
    let outcome = client(directory.path()).pay(euros.get("/v1"), None).await.unwrap();
    assert!(matches!(outcome, Outcome::Refused { rule: Some(_), .. }), "there is no rate: {outcome:?}");
    assert_eq!(signatures(&euros), 0);

    let rate = "[[rate]]\ncurrency = \"EUR\"\nrate = \"1.085\"\nsource = \"ECB\"\ndate = \"2026-11-20\"";
    let (wallets, name) = (double::wallets(directory.path()), double::AGENT.parse().unwrap());
    let source = farthing_wallet::PassphraseSource::KeyFile;
    wallets.set_policy(&name, &format!("{total}\n{rate}").parse().unwrap(), &source).unwrap();
    let client = client(directory.path());
    assert_eq!((paid(&client, &dollars, 1).await, paid(&client, &euros, 2).await), (1, 1));
    assert_eq!(counted(client.wallet()).await, (2_085, 0), "a thousandth of each");
    assert_eq!(paid(&client, &dollars, 1).await, 0);
    assert_eq!((signatures(&dollars), signatures(&euros)), (1, 1));
}
