//! Sellers that lie about sessions: nothing is believed above what this wallet signed, and nothing is signed
//! that an offer and the policy do not explain.

use crate::double;
use crate::session_double;

use double::create;
use farthing_protocol::ProblemType;
use farthing_wallet::client::Order;
use farthing_wallet::policy::Rule;
use farthing_wallet::sessions::SessionState;
use farthing_wallet::{Outcome, PayingClient};
use session_double::{Act, Shop, UNIT, client, newest, units};
use tempfile::TempDir;

const POLICY: &str = "total = \"0.1 USD\"\nper_payment = \"0.002 USD\"\nsession_deposit = \"0.02 USD\"";
const FOREIGN: &str = "0x00000000000000000000000000000000000000000000000000000000000000ff";

async fn opened(policy: &str) -> (Shop, TempDir, PayingClient) {
    let (shop, directory) = (Shop::start().await, tempfile::tempdir().unwrap());
    let home = directory.path().join("home");
    create(&home, Some(policy));
    let client = client(&home);
    assert!(matches!(pay(&client, &shop).await, Outcome::Paid { .. }));
    (shop, directory, client)
}

async fn pay(client: &PayingClient, shop: &Shop) -> Outcome {
    client.pay(shop.get("/"), None).await.unwrap()
}

fn claim(problem: ProblemType, deposit: u128, spent: u128, required: u128) -> Act {
    Act::Claim { problem, channel: None, deposit, spent, required }
}

fn reasons(outcome: Outcome) -> String {
    match outcome {
        Outcome::NoOffer { reasons } => reasons.join("; "),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn g_11_a_seller_that_claims_more_than_was_signed_gets_no_more() {
    let (shop, _home, client) = opened(POLICY).await;
    shop.will([claim(ProblemType::SessionInsufficientBalance, 10_000, 2001, 3000)]);
    assert!(reasons(pay(&client, &shop).await).contains("ever signed for"));
    let session = newest(&client).await;
    assert_eq!((session.state, units(session.signed)), (SessionState::Lost, 2000));
    let before = shop.shown().len();
    assert!(matches!(pay(&client, &shop).await, Outcome::Paid { .. }));
    assert!(shop.shown()[before].starts_with("open"), "the stopped one signs nothing any more");
}

#[tokio::test]
async fn g_11_a_receipt_that_claims_more_than_was_signed_stops_the_session() {
    let (shop, _home, client) = opened(POLICY).await;
    shop.will([Act::ReceiptSays { channel: None, accepted: 9000, spent: 9000 }]);
    assert!(matches!(pay(&client, &shop).await, Outcome::Paid { .. }), "it served");
    let session = newest(&client).await;
    assert_eq!((session.state, units(session.spent), units(session.signed)), (SessionState::Lost, 1000, 2000));
}

#[tokio::test]
async fn what_is_said_of_another_channel_says_nothing_of_this_one() {
    let (shop, _home, client) = opened(POLICY).await;
    shop.will([Act::ReceiptSays { channel: Some(FOREIGN), accepted: 1_000_000, spent: 1_000_000 }]);
    assert!(matches!(pay(&client, &shop).await, Outcome::Paid { .. }));
    let problem = ProblemType::SessionInsufficientBalance;
    let (deposit, spent, required) = (1_000_000, 999_000, 1_000_000);
    shop.will([Act::Claim { problem, channel: Some(FOREIGN), deposit, spent, required }]);
    assert!(matches!(pay(&client, &shop).await, Outcome::Paid { .. }));
    let session = newest(&client).await;
    assert_eq!((session.state, units(session.signed)), (SessionState::Open, 4000), "a unit more, as it asked");
}

#[tokio::test]
async fn one_request_costs_no_more_than_a_payment_may() {
    let (shop, _home, client) = opened(POLICY).await;
    for required in [4001, 10_000, u128::from(u64::MAX), u128::MAX] {
        shop.will([claim(ProblemType::SessionInsufficientBalance, 10_000, 1000, required)]);
        let before = newest(&client).await.signed;
        let outcome = pay(&client, &shop).await;
        assert!(!matches!(outcome, Outcome::Paid { .. }), "{required}: {outcome:?}");
        let added = units(newest(&client).await.signed) - units(before);
        assert!(added <= 2 * UNIT, "{required}: {added} were signed for");
    }
    let (shop, _home, client) = opened("total = \"0.1 USD\"\nsession_deposit = \"0.1 USD\"").await;
    shop.record.lock().unwrap().accounts.channels.values_mut().for_each(|channel| channel.deposit = 1_000_000);
    shop.will([claim(ProblemType::SessionInsufficientBalance, 1_000_000, 1000, 102_001)]);
    let outcome = pay(&client, &shop).await;
    assert!(matches!(outcome, Outcome::Refused { rule: Some(Rule::Max), .. }), "{outcome:?}");
}

#[tokio::test]
async fn a_seller_that_always_wants_another_voucher_gets_a_few() {
    let (shop, _home, client) = opened("total = \"0.1 USD\"\nsession_deposit = \"0.1 USD\"").await;
    // It claims each time that everything is spent, and serves nothing.
    let signed = |round: u128| 2000 + round * UNIT;
    shop.will(
        (0..9).map(|round| claim(ProblemType::SessionInsufficientBalance, 10_000, signed(round), signed(round) + UNIT)),
    );
    assert!(matches!(pay(&client, &shop).await, Outcome::Refused { .. }));
    assert!(units(newest(&client).await.signed) <= 6000, "{}", newest(&client).await.signed);
    let (shop, _home, client) = opened(POLICY).await;
    shop.will(std::iter::repeat_n(Act::Refuse(ProblemType::InvalidChallenge), 20));
    assert!(matches!(pay(&client, &shop).await, Outcome::Refused { .. }));
    assert_eq!(units(newest(&client).await.signed), 2000, "a stale challenge is no reason to sign for more");
}

#[tokio::test]
async fn a_seller_that_shrinks_the_deposit_is_not_given_another() {
    let (shop, _home, client) = opened(POLICY).await;
    shop.will([claim(ProblemType::SessionAmountExceedsDeposit, 500, 500, 1500)]);
    assert!(reasons(pay(&client, &shop).await).contains("is deposited"));
    assert_eq!(shop.shown(), ["open 1000", "voucher 2000"]);
    let session = newest(&client).await;
    assert_eq!((units(session.deposit), units(session.signed)), (10_000, 2000));
}

#[tokio::test]
async fn every_refusal_leaves_the_total_where_it_was_or_a_unit_higher() {
    for problem in ProblemType::ALL {
        let (shop, _home, client) = opened(POLICY).await;
        shop.will(std::iter::repeat_n(Act::Refuse(*problem), 3));
        let _ = client.pay(shop.get("/"), None).await.unwrap();
        let total: u128 = client.sessions().await.unwrap().iter().map(|session| units(session.signed)).sum();
        assert!(total <= 5 * UNIT, "{problem:?}: {total}");
    }
}

#[tokio::test]
async fn an_answer_of_the_seller_s_own_changes_no_total() {
    let (shop, _home, client) = opened(POLICY).await;
    shop.will([Act::Answer(404)]);
    assert!(matches!(pay(&client, &shop).await, Outcome::ServerError { .. }));
    assert!(matches!(pay(&client, &shop).await, Outcome::Paid { .. }));
    assert_eq!(shop.shown(), ["open 1000", "voucher 2000", "voucher 2000"], "the same call shows the same voucher");
}

#[tokio::test]
async fn what_an_opening_pays_first_is_within_the_limit_of_the_call() {
    let (shop, directory) = (Shop::start().await, tempfile::tempdir().unwrap());
    let home = directory.path().join("home");
    create(&home, Some("total = \"0.1 USD\"\nsession_deposit = \"0.02 USD\""));
    let client = client(&home);
    let order = Order { max: Some("0.003 USD".parse().unwrap()), ahead: 5, ..Order::default() };
    let outcome = client.pay_as(shop.get("/"), &order).await.unwrap();
    assert!(matches!(outcome, Outcome::Refused { rule: Some(Rule::Max), .. }), "{outcome:?}");
    assert!(shop.shown().is_empty(), "{:?}", shop.shown());
}

#[tokio::test]
async fn a_seller_that_ends_session_after_session_gets_no_more_than_the_call_may_cost() {
    let (shop, _home, client) = opened(POLICY).await;
    let before: u128 = client.sessions().await.unwrap().iter().map(|session| units(session.signed)).sum();
    shop.will(std::iter::repeat_n(Act::Refuse(ProblemType::SessionChannelFinalized), 9));
    let order = Order { max: Some("0.001 USD".parse().unwrap()), ..Order::default() };
    let outcome = client.pay_as(shop.get("/"), &order).await.unwrap();
    assert!(matches!(outcome, Outcome::Refused { rule: Some(Rule::Max), .. }), "{outcome:?}");
    let after: u128 = client.sessions().await.unwrap().iter().map(|session| units(session.signed)).sum();
    assert_eq!(after - before, UNIT);
}

#[tokio::test]
async fn an_addition_leaves_room_for_what_lies_in_sessions_that_were_lost() {
    let policy = "total = \"0.1 USD\"\nper_payment = \"0.002 USD\"\nsession_deposit = \"0.012 USD\"";
    let (shop, _home, client) = opened(policy).await;
    shop.record.lock().unwrap().accounts.channels.clear();
    assert!(!matches!(pay(&client, &shop).await, Outcome::Paid { .. }), "9000 are lost");
    for _ in 0..9 {
        let _ = pay(&client, &shop).await;
    }
    let sessions = client.sessions().await.unwrap();
    let locked: u64 = sessions.iter().map(|session| session.locked().millionths()).sum();
    assert!(locked <= 12_000, "{locked} lie in sessions");
}

#[tokio::test]
async fn no_deposit_is_made_for_a_total_that_is_not_signed() {
    let (shop, _home, client) = opened(POLICY).await;
    shop.will([claim(ProblemType::SessionInsufficientBalance, 10_000, 1000, 15_000)]);
    let outcome = pay(&client, &shop).await;
    assert!(matches!(outcome, Outcome::Refused { rule: Some(Rule::PerPayment), .. }), "{outcome:?}");
    assert_eq!(shop.shown(), ["open 1000", "voucher 2000"], "nothing was added to the session");
}
