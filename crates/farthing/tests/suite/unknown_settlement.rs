//! A rail that does not answer: 503, the same credential, never a second price.

use crate::support;

use support::buyer::Buyer;
use support::seller::{Seller, config};
use support::upstream::Upstream;

async fn purchase_over(behaviour: &str) -> (u16, u16, usize, u64) {
    let directory = tempfile::tempdir().unwrap();
    let upstream = Upstream::start().await;
    let rail = format!("[rails.simulated]\nscript = [\"{behaviour}\"]\nmemory = \"takings.txt\"\n");
    let seller = Seller::start(directory.path(), &config(&upstream.url(), &rail), &[]);
    let buyer = Buyer::new();
    let url = format!("{}/simulated/x", seller.listen);
    let credential = buyer.credential(&url).await;

    let first = buyer.get(&url, &credential).send().await.unwrap();
    let first_status = first.status().as_u16();
    if first_status == 503 {
        assert!(first.headers().contains_key("retry-after"));
        assert!(!first.headers().contains_key("www-authenticate"), "an unknown settlement named a new price");
        assert_eq!(upstream.hits(), 0, "served before it was paid");
    }
    let mut last_status = first_status;
    for _ in 0..60 {
        if last_status != 503 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
        last_status = buyer.get(&url, &credential).send().await.unwrap().status().as_u16();
    }
    seller.verify_books();
    let takings = std::fs::read_to_string(directory.path().join("takings.txt")).unwrap_or_default().lines().count();
    (first_status, last_status, takings, upstream.hits())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_out_after_the_money_was_taken_is_found_and_delivered() {
    assert_eq!(purchase_over("time-out-after-taking").await, (503, 200, 1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rail_that_lost_its_memory_is_asked_until_it_remembers() {
    assert_eq!(purchase_over("lose-memory").await, (503, 200, 1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_out_before_the_money_was_taken_ends_in_a_refusal() {
    assert_eq!(purchase_over("time-out-before-taking").await, (503, 402, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_a_402() {
    assert_eq!(purchase_over("refuse").await, (402, 402, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duplicate_line_on_the_rails_statement_is_one_payment() {
    assert_eq!(purchase_over("answer-twice").await, (200, 200, 1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_late_is_not_a_refusal() {
    let (first, last, takings, hits) = purchase_over("answer-late").await;
    assert!(first == 200 || first == 503, "{first}");
    assert_eq!((last, takings, hits), (200, 1, 1));
}
