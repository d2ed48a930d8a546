//! A server with a synchronous standby: what was told is there when the standby takes over, and nobody is restarted.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

use std::time::Duration;

use farthing_books::ClaimOutcome;
use farthing_books::testing::samples::{grant, prepaid};
use farthing_store::{Books, Location, Sharing};
use farthing_testing_postgres::Cluster;

#[tokio::test(flavor = "multi_thread")]
async fn a_promoted_standby_has_all_that_was_told_and_is_found_by_itself() {
    let primary = Cluster::start().unwrap();
    let standby = primary.standby().unwrap();
    primary.wait_for_standby_at_commits().unwrap();
    let both = format!("postgres://postgres@{},{}/postgres?schema=shop", primary.host(), standby.host());
    let books = Books::open(both.parse::<Location>().unwrap(), Sharing::Exclusive).unwrap();
    books.submit(grant(1, 1, 100_000)).await.unwrap();
    let mut claims = tokio::task::JoinSet::new();
    for number in 0..400_u32 {
        let books = books.clone();
        claims.spawn(async move { (number, books.claim(prepaid(number, 1, 1)).await) });
    }
    let mut told = Vec::new();
    let mut killed = false;
    while let Some(claim) = claims.join_next().await {
        match claim.unwrap() {
            (number, Ok(outcome)) => {
                assert!(matches!(outcome, ClaimOutcome::Won(_)), "{outcome:?}");
                told.push(number);
            }
            (_, Err(error)) => assert!(killed, "{error}"),
        }
        if !killed {
            primary.kill().unwrap();
            standby.promote().unwrap();
            killed = true;
        }
    }
    let mut again = books.claim(prepaid(1_000, 1, 1)).await;
    for _ in 0..200 {
        if again.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        again = books.claim(prepaid(1_000, 1, 1)).await;
    }
    assert!(matches!(again, Ok(ClaimOutcome::Won(_))), "{again:?}");
    assert!(!told.is_empty());
    for number in told {
        assert!(books.payment(prepaid(number, 1, 1).id).await.unwrap().is_some(), "{number} was told and is lost");
    }
    assert_eq!(books.verify().await.unwrap().findings, Vec::<String>::new());
}
