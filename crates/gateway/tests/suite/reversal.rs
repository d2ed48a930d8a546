//! Rails that take money back, that show money of nobody, that pass one movement off as two.

use crate::support;

use std::time::Duration;

use farthing_books::{AccountKind, PaymentState};
use farthing_rail::simulated::{Behaviour, Script};
use http::{Method, StatusCode};
use serde_json::Value;
use support::{Answer, Client, PAID, Reply, Setup, World};

async fn external(behaviours: &[Behaviour]) -> (World, Client) {
    let routes = PAID.replace("\"double/charge\", ", "");
    let setup = Setup { script: Script::cycle(behaviours.to_vec()), ..Setup::with_routes(&routes) };
    let world = setup.start().await;
    let client = world.client("nobody");
    (world, client)
}

async fn bought(client: &Client, path: &str) -> (Answer, Answer) {
    let asked = client.get(path).await;
    let answer = client.get_with(path, &client.pay(&asked)).await;
    (asked, answer)
}

async fn reconcile(world: &World) -> Value {
    let answer = world.admin().send(Method::POST, "/admin/reconcile", &[], "").await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.json()
}

/// Debits less credits, in millionths.
async fn balance(world: &World, kind: AccountKind) -> i128 {
    let accounts = world.books.accounts().await.unwrap();
    let account = accounts.into_iter().find(|account| account.id.kind == kind);
    let units = |amount: farthing_money::Amount| i128::try_from(amount.units()).unwrap();
    account.map_or(0, |account| units(account.debits) - units(account.credits))
}

fn clearing() -> AccountKind {
    AccountKind::Clearing("simulated".to_owned())
}

fn confirmed() -> AccountKind {
    AccountKind::Confirmed("simulated".to_owned())
}

fn losses() -> AccountKind {
    AccountKind::Losses("simulated".to_owned())
}

/// Moves the clock on and lets the resolver ask, until a payment was taken back.
async fn until_reversed(world: &World, asked: &Answer) {
    for _ in 0..100 {
        world.clock.advance(Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(200)).await;
        if world.payment(asked).await.unwrap().state == PaymentState::Reversed {
            return;
        }
    }
    panic!("{:?}", world.payment(asked).await);
}

#[tokio::test]
async fn a_delivery_that_the_rail_took_back_is_a_loss() {
    let (world, client) = external(&[Behaviour::Reverse]).await;
    let (asked, answer) = bought(&client, "/paid/a").await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let record = world.until(&asked, PaymentState::Closed).await;
    assert!(record.confirm_at.is_some(), "it is provisional");
    let shown = world.admin().get(&format!("/admin/payments/{}", record.id)).await.json();
    assert!(shown["confirm_at"].is_string(), "{shown}");
    until_reversed(&world, &asked).await;
    assert_eq!((balance(&world, clearing()).await, balance(&world, losses()).await), (0, 1_000));
    let reversed = world.admin().get("/admin/payments?state=reversed").await.json();
    assert_eq!(reversed["payments"][0]["reason"], "the simulated rail was told to take it back");
    assert!(world.admin().get("/metrics").await.text().contains("farthing_reversed_payments_total 1"));
    let path = format!("/admin/payments/{}/refund", record.id);
    let refund = world.admin().send(Method::POST, &path, &[], "").await;
    assert_eq!(refund.status, StatusCode::CONFLICT, "{refund:?}");
    assert_eq!(reconcile(&world).await["rails"][0]["matched"], 0, "the statement does not show it");
    world.verify().await;
}

#[tokio::test]
async fn an_entitlement_that_the_rail_took_back_is_neither_delivered_nor_refunded() {
    let (world, client) = external(&[Behaviour::Reverse]).await;
    world.upstream.then([Reply::Status(500)]);
    let asked = client.get("/paid/a").await;
    let credential = client.pay(&asked);
    client.get_with("/paid/a", &credential).await;
    world.until(&asked, PaymentState::Entitled).await;
    until_reversed(&world, &asked).await;
    client.get_with("/paid/a", &credential).await.refused("invalid-challenge");
    world.clock.advance(Duration::from_secs(7_200));
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let record = world.payment(&asked).await.unwrap();
    assert_eq!((record.state, record.refund), (PaymentState::Reversed, None));
    assert_eq!(world.memory.refunded(record.id).units(), 0);
    assert_eq!((balance(&world, clearing()).await, balance(&world, losses()).await), (0, 0));
    assert_eq!(world.upstream.hits(), 1);
    world.verify().await;
}

#[tokio::test]
async fn a_payment_that_stays_becomes_final() {
    let (world, client) = external(&[Behaviour::Settle, Behaviour::Reverse]).await;
    let (asked, _) = bought(&client, "/paid/a").await;
    let record = world.until(&asked, PaymentState::Closed).await;
    assert!(record.confirm_at.is_some());
    // Nobody pays back what may still vanish, so the order asks the rail first.
    let path = format!("/admin/payments/{}/refund", record.id);
    let refund = world.admin().send(Method::POST, &path, &[], "").await;
    assert_eq!(refund.status, StatusCode::OK, "{refund:?}");
    assert_eq!(world.payment(&asked).await.unwrap().confirm_at, None);
    world.verify().await;
}

#[tokio::test]
async fn a_payment_that_moved_is_matched_where_it_stands() {
    let (world, client) = external(&[Behaviour::Move]).await;
    let (asked, _) = bought(&client, "/paid/a").await;
    world.until(&asked, PaymentState::Closed).await;
    for _ in 0..50 {
        world.clock.advance(Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(200)).await;
        if world.payment(&asked).await.unwrap().confirm_at.is_none() {
            break;
        }
    }
    let record = world.payment(&asked).await.unwrap();
    assert_eq!((record.state, record.confirm_at, record.consumed.len()), (PaymentState::Closed, None, 2), "{record:?}");
    assert_eq!(record.reference, Some(format!("simulated-moved-{}", record.id)));
    world.clock.advance(Duration::from_secs(600));
    let report = reconcile(&world).await;
    assert_eq!((&report["clean"], &report["rails"][0]["matched"]), (&true.into(), &1.into()), "{report}");
    world.verify().await;
}

#[tokio::test]
async fn statements_are_reconciled_once_and_what_nobody_paid_rests_in_suspense() {
    let (world, client) = external(&[Behaviour::ForeignDeposit, Behaviour::AnswerTwice]).await;
    bought(&client, "/paid/a").await;
    bought(&client, "/paid/b").await;
    assert_eq!(balance(&world, clearing()).await, 2_000);
    let report = reconcile(&world).await;
    let rail = &report["rails"][0];
    assert_eq!(rail["source"], "simulated simulated/charge USD.6@account:simulated");
    assert_eq!((&rail["matched"], &rail["suspended"], &rail["repeated"]), (&2.into(), &1.into(), &1.into()));
    assert_eq!((&report["clean"], report["suspense"].as_array().unwrap().len()), (&false.into(), 1));
    assert_eq!(report["suspense"][0]["reference"], "somebody else's transfer");
    assert_eq!((balance(&world, clearing()).await, balance(&world, confirmed()).await), (0, 3_000));
    assert_eq!(balance(&world, AccountKind::Suspense).await, -1_000);

    let again = reconcile(&world).await;
    assert_eq!((&again["rails"][0]["matched"], &again["rails"][0]["suspended"]), (&0.into(), &0.into()));
    assert_eq!(balance(&world, confirmed()).await, 3_000, "once");
    assert!(world.admin().get("/metrics").await.text().contains("farthing_suspended_movements 1"));
    world.verify().await;
}

#[tokio::test]
async fn a_gateway_reconciles_by_itself() {
    let routes = PAID.replace("\"double/charge\", ", "");
    let world = Setup { gateway: "reconcile = \"100ms\"".into(), ..Setup::with_routes(&routes) }.start().await;
    bought(&world.client("nobody"), "/paid/a").await;
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        if balance(&world, confirmed()).await == 1_000 {
            return world.verify().await;
        }
    }
    panic!("nothing was reconciled");
}

#[tokio::test]
async fn two_requests_are_never_paid_by_one_movement() {
    let (world, client) = external(&[Behaviour::Settle, Behaviour::RepeatMovement]).await;
    let (_, first) = bought(&client, "/paid/a").await;
    assert_eq!(first.status, StatusCode::OK);
    let (asked, second) = bought(&client, "/paid/b").await;
    second.refused("verification-failed");
    assert!(second.json()["detail"].as_str().unwrap().contains("already paid for another request"), "{second:?}");
    let record = world.payment(&asked).await.unwrap();
    assert_eq!(record.state, PaymentState::Rejected);
    assert_eq!((world.upstream.hits(), world.memory.takings().len()), (1, 1));
    assert_eq!(balance(&world, clearing()).await, 1_000, "the ledger says what the rail took");
    world.verify().await;
}

#[tokio::test]
async fn a_payment_that_no_statement_shows_is_named() {
    let (world, client) = external(&[Behaviour::RepeatMovement]).await;
    let (asked, answer) = bought(&client, "/paid/a").await;
    assert_eq!(answer.status, StatusCode::OK, "the rail says that it settled");
    assert_eq!(reconcile(&world).await["clean"], true, "not yet: statements may be late");
    world.clock.advance(Duration::from_secs(301));
    let report = reconcile(&world).await;
    let id = world.payment(&asked).await.unwrap().id.to_string();
    assert_eq!((&report["clean"], &report["not_seen"][0]["id"]), (&false.into(), &id.into()));
}
