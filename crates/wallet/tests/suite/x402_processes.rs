//! Processes that die at every step of a payment by x402.

#![cfg(feature = "failpoints")]

use crate::x402_double;

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use farthing_wallet::Outcome;
use x402_double::{Shop, client, create, entry, list};

const HOME: &str = "FARTHING_TEST_HOME";
const URL: &str = "FARTHING_TEST_URL";

/// Not a test: what the processes started by the tests below do.
#[tokio::test]
async fn paying_process() {
    let (Some(home), Some(url)) = (std::env::var_os(HOME), std::env::var_os(URL)) else { return };
    let (client, _) = client(&PathBuf::from(home));
    let request = reqwest::Request::new(reqwest::Method::GET, url.into_string().unwrap().parse().unwrap());
    assert!(matches!(client.pay(request, None).await.unwrap(), Outcome::Paid { .. }));
}

async fn pay(home: &Path, url: &str, failpoint: Option<&str>) -> ExitStatus {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "x402_processes::paying_process"])
        .env(HOME, home)
        .env(URL, url)
        .env("RUST_BACKTRACE", "0");
    if let Some(failpoint) = failpoint {
        command.env("FARTHING_FAILPOINT", failpoint);
    }
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap()
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
