//! What requests that are paid from a session cost in exchanges: one each, after the first.

use crate::double;
use crate::session_double;

use double::create;
use farthing_protocol::ProblemType;
use farthing_wallet::client::{By, Order};
use farthing_wallet::policy::Rule;
use farthing_wallet::{Outcome, PayingClient};
use session_double::{Act, Shop, Terms, client, counted, newest, units};
use tempfile::TempDir;

const POLICY: &str = "total = \"0.1 USD\"\nper_payment = \"0.002 USD\"\nsession_deposit = \"0.02 USD\"";

async fn opened() -> (Shop, TempDir, PayingClient) {
    let (shop, directory) = (Shop::start().await, tempfile::tempdir().unwrap());
    let home = directory.path().join("home");
    create(&home, Some(POLICY));
    let client = client(&home);
    paid(&client, &shop, "/").await;
    (shop, directory, client)
}

async fn pay(client: &PayingClient, shop: &Shop, path: &str) -> Outcome {
    client.pay(shop.get(path), None).await.unwrap()
}

async fn paid(client: &PayingClient, shop: &Shop, path: &str) {
    let outcome = pay(client, shop, path).await;
    assert!(matches!(outcome, Outcome::Paid { .. }), "{outcome:?}");
}

fn unpaid(shop: &Shop) -> u32 {
    shop.record.lock().unwrap().unpaid
}

#[tokio::test]
async fn many_requests_of_a_route_cost_one_exchange_more_than_there_are() {
    let (shop, _home, client) = opened().await;
    for query in 1..8 {
        paid(&client.clone(), &shop, &format!("/?{query}")).await;
    }
    assert_eq!((unpaid(&shop), shop.shown().len()), (1, 8));
    assert_eq!((shop.channel().spent, units(newest(&client).await.signed)), (8000, 8000));
    paid(&client, &shop, "/other").await;
    assert_eq!(unpaid(&shop), 2, "what another route costs is asked");
}

#[tokio::test]
async fn a_deposit_answers_a_challenge_of_its_own() {
    let (shop, _home, client) = opened().await;
    for _ in 0..11 {
        paid(&client, &shop, "/").await;
    }
    let shown = shop.shown();
    assert_eq!(shown.iter().filter(|shown| shown.starts_with("topUp")).count(), 1, "{shown:?}");
    assert_eq!((unpaid(&shop), shop.channel().spent), (2, 12_000), "it was asked for once more");
}

#[tokio::test]
async fn a_challenge_that_is_over_costs_an_exchange_and_no_second_unit() {
    let (shop, _home, client) = opened().await;
    shop.will([Act::Refuse(ProblemType::PaymentExpired)]);
    paid(&client, &shop, "/").await;
    assert_eq!(shop.shown(), ["open 1000", "voucher 2000", "voucher 2000"]);
    paid(&client, &shop, "/").await;
    assert_eq!(unpaid(&shop), 1, "the newer one is remembered");
}

#[tokio::test]
async fn a_changed_price_is_seen_and_is_the_policy_s_to_allow() {
    let (shop, _home, client) = opened().await;
    shop.record.lock().unwrap().raised_to = Some(("0.002 USD", 2000));
    paid(&client, &shop, "/").await;
    assert_eq!(shop.shown(), ["open 1000", "voucher 2000", "voucher 2000", "voucher 3000"]);
    shop.record.lock().unwrap().raised_to = Some(("0.003 USD", 3000));
    let outcome = pay(&client, &shop, "/").await;
    assert!(matches!(outcome, Outcome::Refused { rule: Some(Rule::PerPayment), .. }), "{outcome:?}");
    assert_eq!((shop.channel().spent, units(newest(&client).await.signed)), (3000, 5000));
    shop.record.lock().unwrap().raised_to = Some(("0.001 USD", 1000));
    paid(&client, &shop, "/").await;
    assert!(units(newest(&client).await.signed) <= 6000, "{:?}", shop.shown());
}

#[tokio::test]
async fn a_limit_for_the_call_holds_for_what_is_shown_at_once() {
    let (shop, _home, client) = opened().await;
    let order = Order { max: Some("0.0005 USD".parse().unwrap()), ..Order::default() };
    let outcome = client.pay_as(shop.get("/"), &order).await.unwrap();
    assert!(matches!(outcome, Outcome::Refused { rule: Some(Rule::Max), .. }), "{outcome:?}");
    assert_eq!((shop.shown().len(), unpaid(&shop)), (1, 2), "it was asked whether it costs less by now");
}

#[tokio::test]
async fn a_seller_that_answers_402_for_ever_gets_one_unit_signed() {
    for problem in [ProblemType::PaymentExpired, ProblemType::InvalidChallenge, ProblemType::PaymentRequired] {
        let (shop, _home, client) = opened().await;
        shop.will(std::iter::repeat_n(Act::Refuse(problem), 50));
        let outcome = pay(&client, &shop, "/").await;
        assert!(!matches!(outcome, Outcome::Paid { .. }), "{problem:?}: {outcome:?}");
        assert_eq!(units(newest(&client).await.signed), 2000, "{problem:?}");
    }
}

#[tokio::test]
async fn what_the_seller_has_closed_is_opened_with_a_challenge_of_its_own() {
    let (shop, _home, client) = opened().await;
    shop.record.lock().unwrap().accounts.channels.values_mut().for_each(|channel| channel.closed = true);
    paid(&client, &shop, "/").await;
    assert_eq!((shop.channels().len(), unpaid(&shop)), (2, 2));
    assert_eq!(counted(client.wallet()).await, (2000, 10_000), "all that was signed for counts");
}

#[tokio::test]
async fn what_is_to_be_paid_by_a_charge_is_not_paid_by_what_is_remembered() {
    let terms = Terms { charge: Some("1000"), ..Terms::default() };
    let (shop, directory) = (Shop::offering(terms).await, tempfile::tempdir().unwrap());
    let home = directory.path().join("home");
    create(&home, Some(POLICY));
    let client = client(&home);
    for by in [By::Session, By::Charge, By::Session, By::Cheapest] {
        let order = Order { by, ..Order::default() };
        assert!(matches!(client.pay_as(shop.get("/"), &order).await.unwrap(), Outcome::Paid { .. }));
    }
    assert_eq!(shop.shown(), ["open 1000", "charge 1000", "voucher 2000", "voucher 3000"]);
    assert_eq!(unpaid(&shop), 3);
}
