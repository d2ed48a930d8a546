//! Processes that die at every step of a payment by x402.

#![cfg(feature = "failpoints")]

use crate::process::{self, end, told};
use crate::x402_double;

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::ExitStatus;

use x402_double::{Shop, client, create, entry, list};

/// Not a test: what the processes started by the tests below do.
#[tokio::test]
async fn paying_process() {
    if let Some(told) = told() {
        process::pay(client(&told.home).0, &told).await;
    }
}

async fn pay(home: &Path, url: &str, failpoint: Option<&str>) -> ExitStatus {
    end(process::start("x402_processes::paying_process", home, url, 1, failpoint)).await
}

/// One call dies at this step, and the same call is made again: how many payments were shown, how many of
/// them different, and what is spent and reserved then.
async fn died_at(step: &str) -> (usize, usize, (u64, u64)) {
    let shop = Shop::honest(|origin| list(origin, vec![entry("10000")])).await;
    let directory = tempfile::tempdir().unwrap();
    let (home, url) = (directory.path().join("home"), shop.get("/report").url().to_string());
    create(&home, "total = \"0.1 USD\"");
    assert!(pay(&home, &url, Some(step)).await.signal().is_some(), "{step}: it did not die");
    assert!(pay(&home, &url, None).await.success(), "{step}");
    let shown = shop.headers();
    let different: BTreeSet<_> = shown.iter().collect();
    let (client, _) = client(&home);
    (shown.len(), different.len(), x402_double::counted(client.wallet()).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i_18_killed_before_signing_nothing_stays_counted() {
    assert_eq!(died_at("wallet-after-reserve").await, (1, 1, (10_000, 0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i_18_killed_between_signing_and_keeping_the_lost_signature_stays_counted() {
    assert_eq!(died_at("wallet-after-sign").await, (1, 1, (10_000, 10_000)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i_18_killed_between_keeping_and_sending_the_same_payment_is_sent() {
    assert_eq!(died_at("wallet-after-keep").await, (1, 1, (10_000, 0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i_18_killed_after_sending_the_same_payment_is_sent_again() {
    for step in ["wallet-after-send", "wallet-before-confirm"] {
        assert_eq!(died_at(step).await, (2, 1, (10_000, 0)), "{step}");
    }
}
