//! One gateway, killed, and its server killed.

use farthing_testing_postgres::{Cluster, shared};

use crate::stage::{Stage, until_a_payment_is};

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_request_a_kill_and_books_that_add_up() {
    let stage = Stage::at(shared().address()).await;
    let first = stage.start("one", &[]);
    first.grant(&stage.buyer.did, "1 USD").await;
    let url = format!("{}/paid/x", first.listen);
    let credential = stage.buyer.credential(&url).await;
    assert_eq!(stage.buyer.get(&url, &credential).send().await.unwrap().status(), 200);
    until_a_payment_is(&first, "closed").await;
    drop(first);

    let second = stage.start("one", &[]);
    let url = format!("{}/paid/x", second.listen);
    assert_eq!(stage.settled(&url, &credential).await, 402, "the payment is used up");
    let fresh = stage.buyer.credential(&url).await;
    assert_eq!(stage.buyer.get(&url, &fresh).send().await.unwrap().status(), 200);
    stage.assert_sound(2);
    assert_eq!(stage.upstream.hits(), 2);
    assert!(!second.log().contains("postgres://postgres:"), "no password is logged");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_server_is_away_nothing_is_served_and_the_same_credential_pays_when_it_is_back() {
    let cluster = Cluster::start().unwrap();
    let stage = Stage::at(cluster.address()).await;
    let mut seller = stage.start("one", &[]);
    seller.grant(&stage.buyer.did, "1 USD").await;
    let url = format!("{}/paid/x", seller.listen);
    for round in 0..2 {
        let credential = stage.buyer.credential(&url).await;
        if round == 0 { cluster.kill() } else { cluster.shut_down() }.unwrap();
        let refused = stage.buyer.get(&url, &credential).send().await.unwrap();
        assert_eq!(refused.status(), 503);
        assert!(refused.headers().contains_key("retry-after"));
        assert_eq!(stage.upstream.hits(), round, "nothing is served unpaid");
        assert_eq!(stage.buyer.challenges(reqwest::Method::GET, &url).await.len(), 1, "a price needs no books");
        cluster.start_again().unwrap();
        assert_eq!(stage.settled(&url, &credential).await, 200);
        assert_eq!(stage.upstream.hits(), round + 1);
    }
    assert!(seller.is_alive());
    stage.assert_sound(2);
}
