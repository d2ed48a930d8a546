//! The cap over several processes, and over processes that die at every step of a payment.

use crate::double;
use crate::process::{self, end, pay, told};

use std::path::Path;
use std::process::Child;

use double::{Seller, client, counted, create, open};

/// Not a test: what the processes started by the tests below do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paying_process() {
    if let Some(told) = told() {
        pay(client(&told.home), &told).await;
    }
}

fn start(home: &Path, url: &str, calls: usize, failpoint: Option<&str>) -> Child {
    process::start("processes::paying_process", home, url, calls, failpoint)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_payments_from_ten_processes_stop_at_a_cap_of_a_hundred() {
    let (seller, directory) = (Seller::start().await, tempfile::tempdir().unwrap());
    let home = directory.path().join("home");
    create(&home, Some("total = \"0.1 USD\""));
    let url = seller.url("/same").to_string();
    let processes: Vec<_> = (0..10).map(|_| start(&home, &url, 20, None)).collect();
    for process in processes {
        assert!(end(process).await.success());
    }
    assert_eq!((seller.credentials(), seller.charges()), (100, 100));
    assert_eq!(counted(&open(&home)).await, (100_000, 0));
}

#[cfg(feature = "failpoints")]
mod dying {
    use super::*;
    use std::os::unix::process::ExitStatusExt as _;

    const STEPS: [&str; 4] =
        ["wallet-after-reserve", "wallet-after-sign", "wallet-after-send", "wallet-before-confirm"];

    /// One call dies at this step, and the same call is made again: what was charged, what the
    /// seller saw, and what is spent and reserved then.
    async fn died_at(step: &str) -> (usize, usize, (u64, u64)) {
        let (seller, directory) = (Seller::start().await, tempfile::tempdir().unwrap());
        let home = directory.path().join("home");
        create(&home, Some("total = \"0.1 USD\""));
        let url = seller.url("/same").to_string();
        let died = end(start(&home, &url, 1, Some(step))).await;
        assert!(died.signal().is_some(), "{step}: it did not die");
        assert!(end(start(&home, &url, 1, None)).await.success(), "{step}");
        (seller.charges(), seller.credentials(), counted(&open(&home)).await)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn before_the_key_is_used_nothing_stays_counted() {
        assert_eq!(died_at("wallet-after-reserve").await, (1, 1, (1000, 0)));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_lost_signature_stays_counted() {
        assert_eq!(died_at("wallet-after-sign").await, (1, 1, (1000, 1000)));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_was_sent_is_sent_again_and_charged_once() {
        assert_eq!(died_at("wallet-after-send").await, (1, 1, (1000, 0)));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_was_answered_is_confirmed_by_the_next_call() {
        assert_eq!(died_at("wallet-before-confirm").await, (1, 1, (1000, 0)));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn processes_that_die_at_every_step_never_sign_beyond_the_cap() {
        let (seller, directory) = (Seller::start().await, tempfile::tempdir().unwrap());
        let home = directory.path().join("home");
        create(&home, Some("total = \"0.008 USD\""));
        for round in 0..3 {
            let url = seller.url(&format!("/{round}")).to_string();
            let doomed = STEPS.into_iter().map(|step| start(&home, &url, 4, Some(step)));
            let processes: Vec<_> = doomed.chain([start(&home, &url, 1, None)]).collect();
            for process in processes {
                end(process).await;
            }
        }
        assert!(end(start(&home, seller.url("/0").as_str(), 20, None)).await.success());
        let (spent, reserved) = counted(&open(&home)).await;
        assert!(seller.credentials() <= 8 && spent + reserved <= 8000, "{} {spent} {reserved}", seller.credentials());
        assert!(u64::try_from(seller.charges()).unwrap() * 1000 <= spent + reserved);
    }
}
