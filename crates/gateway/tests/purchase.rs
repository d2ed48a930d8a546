//! One purchase, end to end, and the ways in which it is refused.

mod support;

use farthing_books::PaymentState;
use http::StatusCode;
use support::World;

#[tokio::test]
async fn a_request_is_priced_paid_delivered_and_closed() {
    let world = World::start().await;
    world.fund("alice", 5_000).await;
    let client = world.client("alice");

    let asked = client.get("/paid/report?page=2").await;
    asked.refused("payment-required");
    assert_eq!(world.upstream.hits(), 0);
    assert!(world.payment(&asked).await.is_none(), "asking a price is recorded nowhere");

    let paid = client.get_with("/paid/report?page=2", &client.pay(&asked)).await;
    assert_eq!(paid.status, StatusCode::OK, "{paid:?}");
    assert_eq!(paid.text(), "hit 1, body of 0");
    let receipt = paid.receipt().unwrap();
    assert_eq!(receipt.method.as_str(), "double");
    assert_eq!(receipt.challenge_id.as_ref(), Some(asked.challenge().id()));
    assert_eq!(paid.header("cache-control"), Some("private"));
    assert_eq!(world.upstream.seen(), ["GET /paid/report?page=2"]);

    let record = world.until(&asked, PaymentState::Closed).await;
    assert_eq!(record.reference.as_deref(), Some(&*receipt.reference));
    assert_eq!(world.balance("alice").await, 4_000);
    world.verify().await;
}
