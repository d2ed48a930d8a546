//! When the books, the rail or a task fails in the middle of a payment; and paying back.

use crate::support;

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use farthing_books::{PaymentRecord, PaymentState};
use farthing_rail::simulated::{Behaviour, Script};
use http::{Method, StatusCode};
use support::{Answer, Client, PAID, Reply, Setup, World, configuration};

async fn external(behaviour: Behaviour) -> (World, Client) {
    let routes = PAID.replace("\"double/charge\", ", "");
    let setup = Setup { script: Script::cycle(vec![behaviour]), ..Setup::with_routes(&routes) };
    let world = setup.start().await;
    let client = world.client("nobody");
    (world, client)
}

async fn refund(world: &World, record: &PaymentRecord) -> Answer {
    let path = format!("/admin/payments/{}/refund", record.id);
    let headers = [("content-type", "application/json")];
    world.admin().send(Method::POST, &path, &headers, r#"{"reason": "the buyer complained"}"#.to_owned()).await
}

#[tokio::test]
async fn what_the_rail_settled_while_the_books_failed_is_served_without_a_second_charge() {
    let (world, client) = external(Behaviour::Settle).await;
    let asked = client.get("/paid/a").await;
    let credential = client.pay(&asked);
    world.break_books();
    for _ in 0..2 {
        let answer = client.get_with("/paid/a", &credential).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
        assert!(answer.challenges().is_empty(), "no second price");
        assert_eq!(world.payment(&asked).await.unwrap().state, PaymentState::Claimed);
    }
    world.mend_books();
    // The clock stands still: it is not the resolver who finds it.
    world.until(&asked, PaymentState::Entitled).await;
    assert_eq!(client.get_with("/paid/a", &credential).await.status, StatusCode::OK);
    world.until(&asked, PaymentState::Closed).await;
    assert_eq!((world.memory.takings().len(), world.upstream.hits()), (1, 1));
    world.verify().await;
}

#[tokio::test]
async fn a_refusal_of_the_rail_is_written_down_later_too() {
    let (world, client) = external(Behaviour::Refuse).await;
    let asked = client.get("/paid/a").await;
    world.break_books();
    let answer = client.get_with("/paid/a", &client.pay(&asked)).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    world.mend_books();
    world.until(&asked, PaymentState::Rejected).await;
}

#[tokio::test]
async fn a_delivery_that_failed_while_the_books_failed_is_owed() {
    let world = World::start().await;
    world.fund("alice", 5_000).await;
    let client = world.client("alice");
    for (reply, path) in [(Reply::Status(500), "/paid/a"), (Reply::Slow(1), "/paid/b")] {
        let asked = client.get(path).await;
        let credential = client.pay(&asked);
        let headers = [("authorization", &*credential), ("idempotency-key", path)];
        world.upstream.then([reply]);
        world.break_books();
        let answer = client.send(Method::GET, path, &headers, "").await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
        world.mend_books();
        world.until(&asked, PaymentState::Entitled).await;
        assert_eq!(client.send(Method::GET, path, &headers, "").await.status, StatusCode::OK);
    }
    assert_eq!(world.balance("alice").await, 3_000);
    world.verify().await;
}

#[tokio::test]
async fn a_claim_whose_task_broke_is_served_when_it_is_presented_again() {
    let (world, client) = external(Behaviour::Settle).await;
    let asked = client.get("/paid/a").await;
    let credential = client.pay(&asked);
    world.faults.break_while_settling.store(true, SeqCst);
    let broken = client.get_with("/paid/a", &credential).await;
    assert_eq!(broken.status, StatusCode::SERVICE_UNAVAILABLE, "{broken:?}");
    assert_eq!(client.get_with("/paid/a", &credential).await.status, StatusCode::OK);
    assert_eq!((world.memory.takings().len(), world.upstream.hits()), (1, 1));
    world.verify().await;
}

#[tokio::test]
async fn a_claim_whose_task_broke_is_looked_up_by_the_resolver() {
    let (world, client) = external(Behaviour::Settle).await;
    let asked = client.get("/paid/a").await;
    world.faults.break_while_settling.store(true, SeqCst);
    client.get_with("/paid/a", &client.pay(&asked)).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(world.payment(&asked).await.unwrap().state, PaymentState::Claimed, "it may still be settled");
    world.clock.advance(Duration::from_secs(26));
    world.until(&asked, PaymentState::Entitled).await;
    world.verify().await;
}

#[tokio::test]
async fn a_claim_that_is_being_settled_is_nobody_elses() {
    let routes = PAID.replace("\"double/charge\", ", "");
    let setup = Setup { script: Script::cycle(vec![Behaviour::AnswerLate]), ..Setup::with_routes(&routes) };
    let world = setup.start().await;
    let client = world.client("nobody");
    let asked = client.get("/paid/a").await;
    let credential = client.pay(&asked);
    let first = tokio::spawn({
        let (client, credential) = (client.clone(), credential.clone());
        async move { client.get_with("/paid/a", &credential).await }
    });
    let record = world.until(&asked, PaymentState::Claimed).await;
    // However old it looks, and whoever presents it or wants it paid back.
    world.clock.advance(Duration::from_secs(100));
    client.get_with("/paid/a", &credential).await.refused("invalid-challenge");
    let refused = refund(&world, &record).await;
    assert_eq!((refused.status, refused.header("retry-after")), (StatusCode::CONFLICT, Some("2")));
    assert_eq!(first.await.unwrap().status, StatusCode::OK);
    assert_eq!((world.memory.takings().len(), world.upstream.hits()), (1, 1));
}

#[tokio::test]
async fn a_delivered_payment_is_paid_back_once_from_the_books() {
    let world = World::start().await;
    world.fund("alice", 5_000).await;
    let client = world.client("alice");
    let asked = client.get("/paid/a").await;
    let credential = client.pay(&asked);
    assert_eq!(client.get_with("/paid/a", &credential).await.status, StatusCode::OK);
    let record = world.until(&asked, PaymentState::Closed).await;
    for _ in 0..2 {
        let refunded = refund(&world, &record).await;
        assert_eq!((refunded.status, &refunded.json()["state"]), (StatusCode::OK, &"refunded".into()));
        assert_eq!(refunded.json()["reason"], "the buyer complained");
        assert!(refunded.json()["refund"].is_string());
        assert_eq!(world.balance("alice").await, 5_000);
    }
    client.get_with("/paid/a", &credential).await.refused("invalid-challenge");
    assert_eq!(world.upstream.hits(), 1);
    let ledger = world.admin().get("/admin/ledger/verify").await.json();
    assert_eq!(ledger["clean"], true, "{ledger}");
}

#[tokio::test]
async fn a_delivered_payment_is_paid_back_over_its_rail_and_asked_for_until_it_is() {
    let (world, client) = external(Behaviour::Settle).await;
    let asked = client.get("/paid/a").await;
    assert_eq!(client.get_with("/paid/a", &client.pay(&asked)).await.status, StatusCode::OK);
    let record = world.until(&asked, PaymentState::Closed).await;
    world.faults.unknown_refunds.store(3, SeqCst);
    let order = refund(&world, &record).await;
    assert_eq!((order.status, &order.json()["state"]), (StatusCode::ACCEPTED, &"refunding".into()), "{order:?}");
    asked_again_until_paid_back(&world, &asked, 4).await;
    let again = refund(&world, &record).await;
    assert_eq!((again.status, &again.json()["state"]), (StatusCode::OK, &"refunded".into()));
    assert_eq!(world.faults.refunds_asked.load(SeqCst), 4, "what is paid back is not asked for again");
}

#[tokio::test]
async fn a_refund_that_the_rail_does_not_confirm_is_never_forgotten() {
    let (world, client) = external(Behaviour::Settle).await;
    let asked = client.get("/paid/a").await;
    world.upstream.then([Reply::Status(500)]);
    client.get_with("/paid/a", &client.pay(&asked)).await;
    world.until(&asked, PaymentState::Entitled).await;
    world.faults.unknown_refunds.store(3, SeqCst);
    world.clock.advance(Duration::from_secs(4_000));
    asked_again_until_paid_back(&world, &asked, 4).await;
}

#[tokio::test]
async fn refunds_that_hang_keep_nobody_else_waiting() {
    let rail = PAID.replace("\"double/charge\", ", "");
    let prepaid = PAID.replace("/paid/", "/prepaid/").replace(", \"simulated/charge\"", "");
    let world = Setup::with_routes(&format!("{rail}{prepaid}")).start().await;
    world.fund("alice", 5_000).await;
    let client = world.client("alice");
    world.faults.unknown_refunds.store(u32::MAX, SeqCst);
    world.upstream.then((0..80).map(|_| Reply::Status(500)));
    for _ in 0..80 {
        client.buy("/paid/a").await;
    }
    world.clock.advance(Duration::from_secs(4_000));
    for _ in 0..100 {
        if world.faults.refunds_asked.load(SeqCst) >= 80 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    world.upstream.then([Reply::Status(500)]);
    let asked = client.get("/prepaid/a").await;
    client.get_with("/prepaid/a", &client.pay(&asked)).await;
    world.clock.advance(Duration::from_secs(4_000));
    world.until(&asked, PaymentState::Refunded).await;
    assert_eq!(world.balance("alice").await, 5_000);
    world.verify().await;
}

#[tokio::test]
async fn a_payment_whose_rail_cannot_pay_back_stays_as_it_is() {
    let (world, client) = external(Behaviour::Settle).await;
    let asked = client.get("/paid/a").await;
    client.get_with("/paid/a", &client.pay(&asked)).await;
    let record = world.until(&asked, PaymentState::Closed).await;
    let routes = PAID.replace(", \"simulated/charge\"", "");
    // A rail that no route takes any more can still pay back, as long as its table is there.
    let text = configuration("", &routes, world.upstream.address).replace("[rails.simulated]\n", "");
    std::fs::write(world.path().join("farthing.toml"), text).unwrap();
    world.running.reloader().reload().await.unwrap();
    let refused = refund(&world, &record).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{refused:?}");
    assert_eq!(world.payment(&asked).await.unwrap(), record);
}

/// The rail is asked so often in all; while the clock stands still it is asked once at most.
async fn asked_again_until_paid_back(world: &World, asked: &Answer, times: u32) {
    world.until(asked, PaymentState::Refunding).await;
    tokio::time::sleep(Duration::from_millis(2_200)).await;
    assert!(world.faults.refunds_asked.load(SeqCst) <= 2, "it backs off");
    for _ in 0..times {
        world.clock.advance(Duration::from_secs(300));
        tokio::time::sleep(Duration::from_millis(1_100)).await;
    }
    let record = world.until(asked, PaymentState::Refunded).await;
    assert_eq!(world.faults.refunds_asked.load(SeqCst), times);
    assert_eq!(world.memory.refunded(record.id), record.amount);
    world.verify().await;
}

#[tokio::test]
async fn what_was_never_paid_cannot_be_paid_back() {
    let (world, client) = external(Behaviour::Refuse).await;
    let asked = client.get("/paid/a").await;
    client.get_with("/paid/a", &client.pay(&asked)).await;
    let record = world.until(&asked, PaymentState::Rejected).await;
    let refused = refund(&world, &record).await;
    assert_eq!((refused.status, refused.header("retry-after")), (StatusCode::CONFLICT, None));
    assert!(refused.text().contains("nothing was taken"), "{refused:?}");
    let missing = "/admin/payments/pay_00000000000000000000000000000000/refund";
    assert_eq!(world.admin().send(Method::POST, missing, &[], "").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn payments_in_doubt_are_asked_about_side_by_side() {
    let (world, client) = external(Behaviour::TimeOutAfterTaking).await;
    world.faults.slow_lookups.store(1_000, SeqCst);
    let mut asked = Vec::new();
    for number in 0..12 {
        let path = format!("/paid/{number}");
        let quoted = client.get(&path).await;
        assert_eq!(client.get_with(&path, &client.pay(&quoted)).await.status, StatusCode::SERVICE_UNAVAILABLE);
        asked.push(quoted);
    }
    world.clock.advance(Duration::from_secs(5));
    let since = std::time::Instant::now();
    for asked in &asked {
        world.until(asked, PaymentState::Entitled).await;
    }
    assert!(since.elapsed() < Duration::from_secs(8), "twelve seconds one after the other");
    world.verify().await;
}
