//! One credential, one delivery, one transfer: over the built binary and real sockets.

use crate::support;

use futures_util::future::join_all;
use serde_json::Value;
use support::buyer::Buyer;
use support::seller::{HONEST_RAIL, Seller, config};
use support::upstream::Upstream;

struct Street {
    upstream: Upstream,
    seller: Seller,
    buyer: Buyer,
    _directory: tempfile::TempDir,
}

impl Street {
    async fn open() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let upstream = Upstream::start().await;
        let seller = Seller::start(directory.path(), &config(&upstream.url(), HONEST_RAIL), &[]);
        let buyer = Buyer::new();
        seller.grant(&buyer.did, "1 USD").await;
        Self { upstream, seller, buyer, _directory: directory }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.seller.listen)
    }

    /// What this payer has been charged, in millionths.
    fn charged(&self) -> u64 {
        self.seller.charged()
    }
}

async fn problem_of(response: reqwest::Response) -> String {
    let body: Value = response.json().await.unwrap();
    body["type"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_uses_one_after_the_other_are_one_purchase() {
    let street = Street::open().await;
    for path in ["/paid/a", "/simulated/a"] {
        let before = street.upstream.hits();
        let credential = street.buyer.credential(&street.url(path)).await;
        let first = street.buyer.get(&street.url(path), &credential).send().await.unwrap();
        assert_eq!(first.status(), 200);
        assert!(first.headers().contains_key("payment-receipt"));
        for _ in 1..100 {
            let again = street.buyer.get(&street.url(path), &credential).send().await.unwrap();
            assert_eq!(again.status(), 402);
            assert!(again.headers().contains_key("www-authenticate"));
            assert_eq!(problem_of(again).await, "invalid-challenge");
        }
        assert_eq!(street.upstream.hits() - before, 1, "{path}");
    }
    assert_eq!(street.charged(), 2000);
    street.seller.verify_books();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_simultaneous_uses_are_one_purchase() {
    let street = Street::open().await;
    for path in ["/paid/b", "/simulated/b"] {
        let before = street.upstream.hits();
        let url = street.url(path);
        let credential = street.buyer.credential(&url).await;
        let uses = (0..100).map(|_| street.buyer.get(&url, &credential).send());
        let answers = join_all(uses).await;
        let statuses: Vec<u16> = answers.into_iter().map(|answer| answer.unwrap().status().as_u16()).collect();
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{path} {statuses:?}");
        assert!(statuses.iter().all(|status| matches!(status, 200 | 402 | 409 | 503)), "{statuses:?}");
        assert_eq!(street.upstream.hits() - before, 1, "{path}");
    }
    assert_eq!(street.charged(), 2000);
    street.seller.verify_books();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_gets_the_stored_answer() {
    let street = Street::open().await;
    let url = street.url("/paid/c");
    let credential = street.buyer.credential(&url).await;
    let mut bodies = Vec::new();
    for _ in 0..3 {
        let answer = street.buyer.get(&url, &credential).header("idempotency-key", "k-1").send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert!(answer.headers().contains_key("payment-receipt"));
        bodies.push(answer.text().await.unwrap());
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1);
    assert_eq!(street.upstream.hits(), 1);
    assert_eq!(street.charged(), 1000);

    let other = street.buyer.credential(&url).await;
    let conflict = street.buyer.get(&url, &other).header("idempotency-key", "k-1").send().await.unwrap();
    assert_eq!(conflict.status(), 409);
    assert_eq!((street.upstream.hits(), street.charged()), (1, 1000));
}

#[tokio::test(flavor = "multi_thread")]
async fn simultaneous_uses_under_one_key_reach_the_upstream_once() {
    let street = Street::open().await;
    let url = street.url("/paid/d");
    let credential = street.buyer.credential(&url).await;
    let uses = (0..100).map(|_| street.buyer.get(&url, &credential).header("idempotency-key", "k-2").send());
    let statuses: Vec<u16> = join_all(uses).await.into_iter().map(|answer| answer.unwrap().status().as_u16()).collect();
    assert!(statuses.iter().all(|status| matches!(status, 200 | 409)), "{statuses:?}");
    assert!(statuses.contains(&200));
    assert_eq!((street.upstream.hits(), street.charged()), (1, 1000));
    street.seller.verify_books();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_request_whose_upstream_failed_is_delivered_without_a_second_charge() {
    let street = Street::open().await;
    for path in ["/paid/e", "/simulated/e"] {
        let url = street.url(path);
        let credential = street.buyer.credential(&url).await;
        street.upstream.fail_next(1);
        let failed = street.buyer.get(&url, &credential).send().await.unwrap();
        assert!(failed.status().is_server_error());
        assert!(!failed.headers().contains_key("payment-receipt"));
        assert!(!failed.headers().contains_key("www-authenticate"));
        let delivered = street.buyer.get(&url, &credential).send().await.unwrap();
        assert_eq!(delivered.status(), 200, "{path}");
        let replayed = street.buyer.get(&url, &credential).send().await.unwrap();
        assert_eq!(replayed.status(), 402);
    }
    assert_eq!(street.charged(), 2000);
    street.seller.verify_books();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_buys_only_the_request_it_was_issued_for() {
    let street = Street::open().await;
    let credential = street.buyer.credential(&street.url("/paid/f")).await;
    for path in ["/paid/g", "/paid/f?x=1", "/simulated/f"] {
        let answer = street.buyer.get(&street.url(path), &credential).send().await.unwrap();
        assert!(matches!(answer.status().as_u16(), 402 | 400), "{path} {}", answer.status());
    }
    let post = street.buyer.client.post(street.url("/paid/f")).header("authorization", &credential);
    assert_eq!(post.send().await.unwrap().status(), 402);
    assert_eq!(street.upstream.hits(), 0);
    let own = street.buyer.get(&street.url("/paid/f"), &credential).send().await.unwrap();
    assert_eq!(own.status(), 200, "the refusals did not consume it");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_balance_is_told_so_and_keeps_its_credential() {
    let street = Street::open().await;
    let stranger = Buyer::new();
    let url = street.url("/paid/h");
    let credential = stranger.credential(&url).await;
    let refused = stranger.get(&url, &credential).send().await.unwrap();
    assert_eq!(refused.status(), 402);
    assert_eq!(problem_of(refused).await, "payment-insufficient");
    street.seller.grant(&stranger.did, "0.001 USD").await;
    assert_eq!(stranger.get(&url, &credential).send().await.unwrap().status(), 200);
}
