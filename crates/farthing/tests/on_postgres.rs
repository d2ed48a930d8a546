//! Gateways whose books are on a PostgreSQL server: one, and several on the same books.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code, the helpers of tests included")]

mod support;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use farthing_testing_postgres::{Cluster, shared};
use support::FARTHING;
use support::buyer::Buyer;
use support::seller::{Seller, config};
use support::upstream::Upstream;

const PRICE: u64 = 1_000;

/// A gateway's configuration with its books at this address, and a rail whose memory is this file.
fn on_server(upstream: &Upstream, address: &str, takings: &Path) -> String {
    let rail = format!("[rails.simulated]\nscript = [\"settle\"]\nmemory = \"{}\"\n", takings.display());
    config(&upstream.url(), &rail).replace("sqlite:farthing.db", address)
}

fn books(what: &str, address: &str) -> serde_json::Value {
    let output = Command::new(FARTHING).args(["books", what, "--json", "--data", address]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text} {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&text).unwrap()
}

/// What was charged over all payments, in millionths.
fn charged(address: &str) -> u64 {
    let statement = books("statement", address);
    let totals = statement["totals"].as_array().unwrap();
    totals.iter().map(|total| total["gross"].as_str().unwrap().parse::<u64>().unwrap()).sum()
}

/// The end of a payment is written down a moment after its last byte went out.
async fn until_closed(seller: &Seller) {
    for _ in 0..1_000 {
        let payments = reqwest::get(format!("{}/admin/payments", seller.admin)).await.unwrap().text().await.unwrap();
        if payments.contains("\"closed\"") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the payment never ends");
}

/// The answer once the outcome is known: until then the same credential is to be sent again.
async fn settled_answer(buyer: &Buyer, url: &str, credential: &str) -> u16 {
    for _ in 0..400 {
        if let Ok(answer) = buyer.get(url, credential).send().await
            && !matches!(answer.status().as_u16(), 503 | 409)
        {
            return answer.status().as_u16();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the outcome stays unknown");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_request_a_kill_and_books_that_add_up() {
    let (folder, upstream, buyer) = (tempfile::tempdir().unwrap(), Upstream::start().await, Buyer::new());
    let address = shared().address();
    let config = on_server(&upstream, &address, &folder.path().join("takings.txt"));
    let first = Seller::start(folder.path(), &config, &[]);
    first.grant(&buyer.did, "1 USD").await;
    let url = format!("{}/paid/x", first.listen);
    let credential = buyer.credential(&url).await;
    assert_eq!(buyer.get(&url, &credential).send().await.unwrap().status(), 200);
    until_closed(&first).await;
    drop(first);

    let second = Seller::start(folder.path(), &config, &[]);
    let url = format!("{}/paid/x", second.listen);
    assert_eq!(settled_answer(&buyer, &url, &credential).await, 402, "the payment is used up");
    let fresh = buyer.credential(&url).await;
    assert_eq!(buyer.get(&url, &fresh).send().await.unwrap().status(), 200);
    books("verify", &address);
    assert_eq!((charged(&address), upstream.hits()), (2 * PRICE, 2));
    assert!(!second.log().contains("postgres://postgres:"), "no password is logged");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_server_is_away_nothing_is_served_and_the_same_credential_pays_when_it_is_back() {
    let cluster = Cluster::start().unwrap();
    let (folder, upstream, buyer) = (tempfile::tempdir().unwrap(), Upstream::start().await, Buyer::new());
    let address = cluster.address();
    let config = on_server(&upstream, &address, &folder.path().join("takings.txt"));
    let mut seller = Seller::start(folder.path(), &config, &[]);
    seller.grant(&buyer.did, "1 USD").await;
    let url = format!("{}/paid/x", seller.listen);
    for round in 0..2 {
        let credential = buyer.credential(&url).await;
        if round == 0 { cluster.kill() } else { cluster.shut_down() }.unwrap();
        let refused = buyer.get(&url, &credential).send().await.unwrap();
        assert_eq!(refused.status(), 503);
        assert!(refused.headers().contains_key("retry-after"));
        assert_eq!(upstream.hits(), round, "nothing is served unpaid");
        assert_eq!(buyer.challenges(reqwest::Method::GET, &url).await.len(), 1, "a price needs no books");
        cluster.start_again().unwrap();
        assert_eq!(settled_answer(&buyer, &url, &credential).await, 200);
        assert_eq!(upstream.hits(), round + 1);
    }
    assert!(seller.is_alive());
    books("verify", &address);
    assert_eq!(charged(&address), 2 * PRICE);
}

/// How many rounds of the same credential to all gateways at once; many more at night.
#[expect(clippy::disallowed_methods, reason = "a test is told by its environment how long to go on")]
fn rounds() -> u64 {
    std::env::var("FARTHING_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(10)
}

async fn all_at_once(gateways: usize) {
    let (folder, upstream, buyer) = (tempfile::tempdir().unwrap(), Upstream::start().await, Buyer::new());
    let address = shared().address();
    let takings = folder.path().join("takings.txt");
    let config = on_server(&upstream, &address, &takings);
    let sellers: Vec<Seller> = (0..gateways)
        .map(|number| {
            let own = folder.path().join(number.to_string());
            std::fs::create_dir(&own).unwrap();
            Seller::start(&own, &config, &[])
        })
        .collect();
    sellers[0].grant(&buyer.did, "100 USD").await;
    for round in 0..rounds() {
        let path = if round % 2 == 0 { "/paid/x" } else { "/simulated/x" };
        let credential = buyer.credential(&format!("{}{path}", sellers[0].listen)).await;
        let asked = sellers.iter().map(|seller| buyer.get(&format!("{}{path}", seller.listen), &credential).send());
        let answers: Vec<u16> =
            futures_util::future::join_all(asked).await.into_iter().map(|it| it.unwrap().status().as_u16()).collect();
        let served = answers.iter().filter(|status| **status == 200).count();
        assert_eq!(served, 1, "round {round} {path}: {answers:?}");
        assert_eq!(upstream.hits(), round + 1, "round {round} {path}: {answers:?}");
    }
    drop(sellers);
    books("verify", &address);
    assert_eq!(charged(&address), rounds() * PRICE);
    let taken = std::fs::read_to_string(&takings).unwrap_or_default().lines().count();
    assert_eq!(u64::try_from(taken).unwrap(), rounds() / 2, "the rail's own memory says the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn p_07_the_same_credential_to_two_gateways_at_once_is_served_once() {
    all_at_once(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p_08_the_same_credential_to_four_gateways_at_once_is_served_once() {
    all_at_once(4).await;
}

/// One of the gateways dies at a step before it delivers, with the credential in everybody's hands.
#[cfg(feature = "failpoints")]
async fn with_one_that_dies(gateways: usize, path: &str, steps: &[&str]) {
    let (folder, upstream, buyer) = (tempfile::tempdir().unwrap(), Upstream::start().await, Buyer::new());
    let address = shared().address();
    let takings = folder.path().join("takings.txt");
    let config = on_server(&upstream, &address, &takings);
    let start = |name: &str, environment: &[(&str, &str)]| {
        let own = folder.path().join(name);
        std::fs::create_dir_all(&own).unwrap();
        Seller::start(&own, &config, environment)
    };
    let living: Vec<Seller> = (1..gateways).map(|number| start(&number.to_string(), &[])).collect();
    living[0].grant(&buyer.did, "100 USD").await;
    let (mut delivered, mut rejected) = (0, 0);
    for round in 0..rounds().div_ceil(3) {
        let step = steps[usize::try_from(round).unwrap() % steps.len()];
        let mut doomed = start("doomed", &[("FARTHING_FAILPOINT", step)]);
        let credential = buyer.credential(&format!("{}{path}", living[0].listen)).await;
        let first = buyer.get(&format!("{}{path}", doomed.listen), &credential).send();
        let others = living.iter().map(|seller| buyer.get(&format!("{}{path}", seller.listen), &credential).send());
        let others = futures_util::future::join_all(others);
        let (first, others) = match round % 2 {
            0 => tokio::join!(first, others),
            // It is dead when the others hear of the credential, and they may not take that for a payment used up.
            _ => (first.await, others.await),
        };
        let served = |answer: &reqwest::Response| answer.status() == 200;
        let at_once = others.iter().flatten().chain(first.as_ref().ok()).filter(|answer| served(answer)).count();
        assert!(at_once <= 1, "round {round} {step}");
        let last = settled_answer(&buyer, &format!("{}{path}", living[0].listen), &credential).await;
        let afterwards = usize::from(last == 200);
        let hits = usize::try_from(upstream.hits()).unwrap();
        assert_eq!(hits, delivered + at_once + afterwards, "round {round} {step}: what was answered was delivered");
        assert!(at_once + afterwards <= 1, "round {round} {step}: delivered twice");
        rejected += 1 - (at_once + afterwards);
        delivered = hits;
        if first.is_err() {
            doomed.wait_for_death();
        }
    }
    drop(living);
    books("verify", &address);
    let (paid, delivered) = (charged(&address) / PRICE, u64::try_from(delivered).unwrap());
    assert!(delivered <= paid, "{delivered} were delivered, {paid} paid, {rejected} not served");
    if path.starts_with("/simulated") {
        let taken = std::fs::read_to_string(&takings).unwrap_or_default().lines().count();
        assert_eq!(u64::try_from(taken).unwrap(), paid, "the rail's own memory says what the books say");
    }
}

#[cfg(feature = "failpoints")]
#[tokio::test(flavor = "multi_thread")]
async fn p_09_a_gateway_of_two_that_dies_in_a_prepaid_claim_leaves_one_delivery() {
    with_one_that_dies(2, "/paid/x", &["before-claim", "after-claim", "after-post", "before-upstream"]).await;
}

#[cfg(feature = "failpoints")]
#[tokio::test(flavor = "multi_thread")]
async fn p_10_a_gateway_of_four_that_dies_in_a_settlement_leaves_one_delivery() {
    let steps = ["after-claim", "before-settle", "after-settle", "after-post"];
    with_one_that_dies(4, "/simulated/x", &steps).await;
}
