//! A gateway whose books nobody writes any more ends, says so, and is started again by whoever looks after it: nothing
//! is charged twice, and what was paid is served.

#![cfg(feature = "failpoints")]

use crate::support;

use std::time::Duration;

use farthing_testing_postgres::shared;
use support::buyer::Buyer;
use support::seller::{HONEST_RAIL, Seller, config};
use support::upstream::Upstream;

/// The status once the outcome is known: until then the same credential is to be sent again.
async fn settled_answer(buyer: &Buyer, url: &str, credential: &str) -> u16 {
    for _ in 0..400 {
        let status = buyer.get(url, credential).send().await.unwrap().status().as_u16();
        if !matches!(status, 503 | 409) {
            return status;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the outcome stays unknown");
}

async fn ends_and_the_next_goes_on(store: &str) {
    for (path, moment) in [
        ("/paid/x", "writer-before-commit"),
        ("/paid/x", "writer-after-commit"),
        ("/simulated/x", "writer-before-commit"),
        ("/simulated/x", "writer-after-commit"),
    ] {
        let (folder, upstream, buyer) = (tempfile::tempdir().unwrap(), Upstream::start().await, Buyer::new());
        let store = if store.is_empty() { shared().address() } else { store.to_owned() };
        let config = config(&upstream.url(), HONEST_RAIL).replace("sqlite:farthing.db", &store);
        let mut faulty = Seller::start(folder.path(), &config, &[("FARTHING_FAILPOINT", moment)]);
        faulty.grant(&buyer.did, "1 USD").await;
        let url = format!("{}{path}", faulty.listen);
        let credential = buyer.credential(&url).await;
        if let Ok(answer) = buyer.get(&url, &credential).send().await {
            assert_eq!(answer.status(), 503, "{path} {moment}");
        }
        assert_eq!(faulty.wait_for_death().code(), Some(1), "{path} {moment}: {}", faulty.log());
        assert!(faulty.log().contains("the thread that writes the books ended"), "{path} {moment}: {}", faulty.log());

        let next = Seller::start(folder.path(), &config, &[]);
        let url = format!("{}{path}", next.listen);
        let answer = settled_answer(&buyer, &url, &credential).await;
        // Claimed in the books, and the rail was never asked: it says so, and the credential is not good any more.
        let served = u64::from(answer == 200);
        assert!(served == 1 || path == "/simulated/x" && answer == 402, "{path} {moment}: {answer}");
        assert_eq!(upstream.hits(), served, "{path} {moment}");
        let fresh = buyer.credential(&url).await;
        assert_eq!(settled_answer(&buyer, &url, &fresh).await, 200, "{path} {moment}");
        assert_eq!(upstream.hits(), served + 1, "{path} {moment}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t_01_a_gateway_whose_writer_panics_ends_and_the_next_one_goes_on() {
    ends_and_the_next_goes_on("sqlite:farthing.db").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t_01_a_node_whose_writer_panics_ends_and_the_next_one_goes_on() {
    ends_and_the_next_goes_on("").await;
}
