//! `kill -9` at every step of a payment: nobody is charged twice, nobody paid is without delivery or
//! entitlement, and the books are clean.
#![cfg(feature = "failpoints")]

use crate::support;

use std::path::Path;

use farthing_gateway::failpoint::STEPS;
use support::buyer::Buyer;
use support::seller::{HONEST_RAIL, Seller, config};
use support::upstream::Upstream;

const PRICE: u64 = 1000;
/// A prepaid payment is posted in the commit that claims it, so it never reaches these.
const RAIL_ONLY: [&str; 2] = ["before-settle", "after-settle"];

#[tokio::test(flavor = "multi_thread")]
async fn a_prepaid_payment_survives_a_crash_at_every_step() {
    for step in STEPS {
        if !RAIL_ONLY.contains(step) {
            crash_and_return("/paid/x", step).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_on_a_rail_survives_a_crash_at_every_step() {
    for step in STEPS {
        crash_and_return("/simulated/x", step).await;
    }
}

async fn crash_and_return(path: &str, step: &str) {
    let directory = tempfile::tempdir().unwrap();
    let upstream = Upstream::start().await;
    let buyer = Buyer::new();
    let config = config(&upstream.url(), HONEST_RAIL);

    let mut doomed = Seller::start(directory.path(), &config, &[("FARTHING_FAILPOINT", step)]);
    doomed.grant(&buyer.did, "1 USD").await;
    let url = format!("{}{path}", doomed.listen);
    let credential = buyer.credential(&url).await;
    let before_the_crash = match buyer.get(&url, &credential).send().await {
        Ok(answer) if answer.status() == 200 => answer.bytes().await.is_ok(),
        _ => false,
    };
    doomed.wait_for_death();

    let mut reborn = Seller::start(directory.path(), &config, &[]);
    let url = format!("{}{path}", reborn.listen);
    let answer = settled_answer(&buyer, &url, &credential).await;
    let delivered_after = answer == 200;
    assert!(
        before_the_crash || delivered_after || taken(directory.path(), path, &reborn) == 0,
        "{path} {step}: paid, and answered with {answer}"
    );
    let again = buyer.get(&url, &credential).send().await.unwrap().status();
    assert_eq!(again, 402, "{path} {step}: a delivered payment is used up");
    assert!(taken(directory.path(), path, &reborn) <= PRICE, "{path} {step}: charged twice");
    if delivered_after {
        assert_eq!(taken(directory.path(), path, &reborn), PRICE, "{path} {step}: served free");
    }
    reborn.verify_books();
    assert!(reborn.is_alive());
}

/// The status once the outcome is known: 503 says to ask again with the same credential.
async fn settled_answer(buyer: &Buyer, url: &str, credential: &str) -> u16 {
    for _ in 0..50 {
        let status = buyer.get(url, credential).send().await.unwrap().status().as_u16();
        if !matches!(status, 503 | 409) {
            return status;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    panic!("the outcome stays unknown");
}

/// What the payer was charged, counted where the money is: the rail's own memory, or the books.
fn taken(directory: &Path, path: &str, seller: &Seller) -> u64 {
    if path.starts_with("/simulated") {
        let takings = std::fs::read_to_string(directory.join("takings.txt")).unwrap_or_default();
        return takings
            .lines()
            .filter_map(|line| line.split(' ').nth(1))
            .filter_map(|amount| amount.parse::<u64>().ok())
            .sum();
    }
    seller.charged()
}
