//! Paying out of sessions, against a double of a seller: real sockets, budgets and sessions on disk.

use crate::double;
use crate::session_double;

use double::create;
use farthing_protocol::ProblemType;
use farthing_wallet::client::{By, Order};
use farthing_wallet::policy::Rule;
use farthing_wallet::sessions::SessionState;
use farthing_wallet::{Outcome, PayingClient};
use session_double::{Act, Shop, Terms, client, counted, newest, units};
use tempfile::TempDir;

const POLICY: &str = "total = \"0.1 USD\"\nper_payment = \"0.002 USD\"\nsession_deposit = \"0.02 USD\"";

fn home(policy: &str) -> (TempDir, PayingClient) {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path().join("home");
    create(&home, Some(policy));
    let client = client(&home);
    (directory, client)
}

async fn pay(client: &PayingClient, shop: &Shop, path: &str) -> Outcome {
    client.pay(shop.get(path), None).await.unwrap()
}

async fn paid(client: &PayingClient, shop: &Shop, path: &str) {
    let outcome = pay(client, shop, path).await;
    assert!(matches!(outcome, Outcome::Paid { .. }), "{outcome:?}");
}

#[tokio::test]
async fn one_deposit_pays_for_many_requests() {
    let (shop, (_home, client)) = (Shop::start().await, home(POLICY));
    for number in 0..5 {
        paid(&client, &shop, &format!("/{number}")).await;
    }
    assert_eq!(shop.shown(), ["open 1000", "voucher 2000", "voucher 3000", "voucher 4000", "voucher 5000"]);
    let session = newest(&client).await;
    assert_eq!((units(session.deposit), units(session.signed), units(session.spent)), (10_000, 5000, 5000));
    assert_eq!((session.state, session.locked().to_string().as_str()), (SessionState::Open, "0.005 USD"));
    assert_eq!(counted(client.wallet()).await, (0, 10_000), "the deposit is reserved whole");
}

#[tokio::test]
async fn a_seller_that_takes_no_lower_total_and_says_no_more_gets_the_one_that_it_has() {
    for (refusal, last) in
        [(ProblemType::VerificationFailed, "close 2000"), (ProblemType::PaymentExpired, "close 1000")]
    {
        let (shop, (_home, client)) = (Shop::start().await, home(POLICY));
        paid(&client, &shop, "/").await;
        shop.will([Act::Free]);
        paid(&client, &shop, "/").await;
        // The first is what asks how it stands.
        shop.will([Act::Free, Act::Refuse(refusal)]);
        client.close_session(&newest(&client).await).await.unwrap();
        assert_eq!(shop.shown()[2..], ["voucher 2000", "close 1000", last], "what else is wrong costs nothing");
    }
}

#[tokio::test]
async fn at_the_end_what_was_spent_is_confirmed_and_the_rest_is_free() {
    let (shop, (_home, client)) = (Shop::start().await, home(POLICY));
    paid(&client, &shop, "/").await;
    shop.will([Act::Free]);
    paid(&client, &shop, "/").await;
    let ended = client.close_session(&newest(&client).await).await.unwrap();
    assert_eq!(ended, farthing_wallet::client::Ended::Closed { cost: "0.001 USD".parse().unwrap() });
    assert_eq!(shop.shown().last().unwrap(), "close 1000", "2000 were signed for, 1000 spent");
    assert!(shop.channel().closed);
    assert_eq!(counted(client.wallet()).await, (1000, 0));
    assert_eq!(newest(&client).await.state, SessionState::Closed);
    paid(&client, &shop, "/").await;
    assert_eq!(shop.channels().len(), 2, "the next call opens another");
}

#[tokio::test]
async fn the_log_has_the_deposit_and_what_was_spent_of_it_and_no_voucher() {
    let (shop, (directory, client)) = (Shop::start().await, home(POLICY));
    for _ in 0..3 {
        paid(&client, &shop, "/").await;
    }
    client.close_session(&newest(&client).await).await.unwrap();
    let wallets = double::wallets(&directory.path().join("home"));
    let filter = farthing_store::AuditFilter { limit: 100, ..Default::default() };
    let records = wallets.audit(filter).await.unwrap();
    let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let records: Vec<_> =
        records.iter().map(|record| read(&record.text)).filter(|it| it["event"] != "policy").collect();
    let said: Vec<_> = records.iter().map(|record| (&record["event"], &record["books"]["cost"])).collect();
    assert_eq!(said, [(&"allowed".into(), &"0.01 USD".into()), (&"confirmed".into(), &"0.003 USD".into())]);
    let channel = shop.channel().id;
    assert_eq!(records[1]["books"]["receipt"], channel, "which says where the rest can be looked up");
    assert_eq!(wallets.verify_audit(None).await.unwrap().findings, Vec::<String>::new());
}

#[tokio::test]
async fn a_session_is_topped_up_within_the_policy() {
    let terms = Terms { deposit: "0.003 USD", ..Terms::default() };
    let (shop, (_home, client)) = (Shop::offering(terms).await, home(POLICY));
    for _ in 0..5 {
        paid(&client, &shop, "/").await;
    }
    assert_eq!(shop.shown()[3..], ["topUp 3000", "voucher 4000", "voucher 5000"]);
    assert_eq!(shop.channel().deposit, 6000);
    assert_eq!(counted(client.wallet()).await, (0, 6000));
}

#[tokio::test]
async fn what_may_lie_in_a_session_is_the_policy_s_to_say() {
    let terms = Terms { deposit: "5 USD", ..Terms::default() };
    let (shop, (_home, client)) = (Shop::offering(terms.clone()).await, home(POLICY));
    paid(&client, &shop, "/").await;
    assert_eq!(shop.channel().deposit, 20_000, "the seller suggests more");
    let (_other_home, silent) = home("total = \"0.1 USD\"\nper_payment = \"0.002 USD\"");
    let Outcome::Refused { rule, .. } = pay(&silent, &Shop::offering(terms).await, "/").await else { panic!() };
    assert_eq!(rule, Some(Rule::SessionDeposit), "a deposit above a payment has to be allowed");
    let order = Order { deposit: Some("0.004 USD".parse().unwrap()), ..Order::default() };
    let shop = Shop::start().await;
    assert!(matches!(client.pay_as(shop.get("/"), &order).await.unwrap(), Outcome::Paid { .. }));
    assert_eq!(shop.channel().deposit, 4000);
}

#[tokio::test]
async fn a_charge_is_paid_until_a_session_is_open_or_asked_for() {
    let terms = Terms { charge: Some("1000"), ..Terms::default() };
    let (shop, (_home, client)) = (Shop::offering(terms).await, home(POLICY));
    paid(&client, &shop, "/").await;
    let by = |by| Order { by, ..Order::default() };
    assert!(matches!(client.pay_as(shop.get("/"), &by(By::Session)).await.unwrap(), Outcome::Paid { .. }));
    paid(&client, &shop, "/").await;
    assert!(matches!(client.pay_as(shop.get("/"), &by(By::Charge)).await.unwrap(), Outcome::Paid { .. }));
    assert_eq!(shop.shown(), ["charge 1000", "open 1000", "voucher 2000", "charge 1000"]);
}

#[tokio::test]
async fn a_frozen_wallet_and_another_origin_sign_no_voucher() {
    let (shop, (directory, client)) = (Shop::start().await, home(POLICY));
    paid(&client, &shop, "/").await;
    let wallets = double::wallets(&directory.path().join("home"));
    wallets.freeze(client.wallet().name()).unwrap();
    assert!(matches!(pay(&client, &shop, "/").await, Outcome::Refused { rule: Some(Rule::Frozen), .. }));
    wallets.thaw(client.wallet().name()).unwrap();
    let nowhere = format!("{POLICY}\norigin = []").parse().unwrap();
    wallets.set_policy(client.wallet().name(), &nowhere, &farthing_wallet::PassphraseSource::KeyFile).unwrap();
    assert!(matches!(pay(&client, &shop, "/").await, Outcome::Refused { rule: Some(Rule::Origins), .. }));
    assert_eq!(shop.shown(), ["open 1000"]);
    assert!(matches!(
        client.close_session(&newest(&client).await).await.unwrap(),
        farthing_wallet::client::Ended::Closed { .. }
    ));
}

#[tokio::test]
async fn after_a_lost_answer_the_same_call_shows_the_same_credential() {
    let (shop, (_home, client)) = (Shop::start().await, home(POLICY));
    for _ in 0..2 {
        shop.will([Act::TakeAndHangUp]);
        assert!(matches!(pay(&client, &shop, "/same").await, Outcome::Unknown { repeatable: true, .. }));
        paid(&client, &shop, "/same").await;
    }
    assert_eq!(shop.shown(), ["open 1000", "open 1000", "voucher 2000", "voucher 2000"]);
    assert_eq!((shop.channel().spent, shop.channels().len()), (2000, 1));
    assert_eq!(counted(client.wallet()).await, (0, 10_000));
}

#[tokio::test]
async fn another_call_presents_an_opening_whose_answer_was_lost_and_opens_nothing_else() {
    let (shop, (_home, client)) = (Shop::start().await, home(POLICY));
    shop.will([Act::TakeAndHangUp]);
    assert!(matches!(pay(&client, &shop, "/one").await, Outcome::Unknown { repeatable: true, .. }));
    paid(&client, &shop, "/two").await;
    assert_eq!(shop.shown(), ["open 1000", "open 1000", "voucher 2000"]);
    assert_eq!(shop.channel().spent, 2000);
}

#[tokio::test]
async fn what_another_call_presents_again_is_for_that_call_from_then_on() {
    let (shop, (_home, client)) = (Shop::start().await, home(POLICY));
    shop.will([Act::TakeAndHangUp, Act::Answer(503)]);
    for path in ["/one", "/two"] {
        assert!(matches!(pay(&client, &shop, path).await, Outcome::Unknown { repeatable: true, .. }), "{path}");
    }
    paid(&client, &shop, "/two").await;
    let paths = shop.record.lock().unwrap().paths.clone();
    assert_eq!(paths[0], "/one");
    assert!(paths[1..].iter().all(|path| path == "/two"), "it gets what it asks for: {paths:?}");
}

#[tokio::test]
async fn an_opening_that_was_taken_and_is_spent_goes_on_without_a_word_on_how_much() {
    for path in ["/one", "/two"] {
        let (shop, (_home, client)) = (Shop::start().await, home(POLICY));
        // A seller that was started again since knows the session, and not what it served.
        shop.will([Act::TakeAndHangUp]);
        assert!(matches!(pay(&client, &shop, "/one").await, Outcome::Unknown { repeatable: true, .. }));
        shop.record.lock().unwrap().forget_answers();
        shop.will([Act::Refuse(ProblemType::SessionInsufficientBalance)]);
        paid(&client, &shop, path).await;
        assert_eq!(shop.shown(), ["open 1000", "open 1000", "voucher 2000"]);
        assert_eq!((shop.channel().spent, counted(client.wallet()).await), (2000, (0, 10_000)));
    }
}

#[tokio::test]
async fn an_opening_that_may_have_been_taken_is_let_go_of_once_its_challenge_is_long_over() {
    let (shop, (directory, early)) = (Shop::start().await, home(POLICY));
    shop.will([Act::Answer(503)]);
    assert!(matches!(pay(&early, &shop, "/").await, Outcome::Unknown { repeatable: true, .. }));
    for (at, left) in [("2026-11-21T12:05:30Z", 10_000), ("2026-11-21T12:06:01Z", 0)] {
        let late = session_double::client_at(&directory.path().join("home"), at);
        shop.will([Act::Refuse(ProblemType::PaymentExpired)]);
        let outcome = pay(&late, &shop, "/").await;
        assert_eq!(matches!(outcome, Outcome::Unknown { repeatable: true, .. }), left > 0, "{at}: {outcome:?}");
        assert_eq!(counted(late.wallet()).await, (0, left), "{at}");
    }
    assert!(early.sessions().await.unwrap().is_empty() && shop.channels().is_empty());
}

#[tokio::test]
async fn a_refused_opening_is_not_tried_again_by_the_same_call() {
    let (shop, (_home, client)) = (Shop::start().await, home(POLICY));
    shop.record.lock().unwrap().accounts.balance = Some(500);
    let Outcome::NoOffer { reasons } = pay(&client, &shop, "/").await else { panic!() };
    assert!(reasons[0].contains("does not hold the deposit"), "{reasons:?}");
    assert_eq!((shop.shown().len(), counted(client.wallet()).await), (1, (0, 0)));
    assert!(client.sessions().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_stale_challenge_costs_no_second_unit() {
    let (shop, (_home, client)) = (Shop::start().await, home(POLICY));
    paid(&client, &shop, "/").await;
    shop.will([Act::Refuse(ProblemType::PaymentExpired)]);
    paid(&client, &shop, "/").await;
    assert_eq!(shop.shown(), ["open 1000", "voucher 2000", "voucher 2000"]);
}

#[tokio::test]
async fn what_the_seller_has_closed_has_ended_here_too() {
    let (shop, (_home, client)) = (Shop::start().await, home(POLICY));
    paid(&client, &shop, "/").await;
    shop.record.lock().unwrap().accounts.channels.values_mut().for_each(|channel| channel.closed = true);
    paid(&client, &shop, "/").await;
    assert_eq!(shop.channels().len(), 2);
    let sessions = client.sessions().await.unwrap();
    assert_eq!((sessions[0].state, sessions[1].state), (SessionState::Open, SessionState::Closed));
    assert_eq!(counted(client.wallet()).await, (2000, 10_000), "all that was signed for counts");
}

#[tokio::test]
async fn a_seller_that_forgot_a_session_gets_no_other_above_the_limit() {
    let policy = "total = \"0.1 USD\"\nper_payment = \"0.002 USD\"\nsession_deposit = \"0.012 USD\"";
    let (shop, (_home, client)) = (Shop::start().await, home(policy));
    paid(&client, &shop, "/").await;
    shop.record.lock().unwrap().accounts.channels.clear();
    let Outcome::NoOffer { reasons } = pay(&client, &shop, "/").await else { panic!() };
    assert!(reasons[0].contains("no such session"), "{reasons:?}");
    assert_eq!(newest(&client).await.state, SessionState::Lost);
    let again = pay(&client, &shop, "/").await;
    assert!(matches!(again, Outcome::Paid { .. }), "{again:?}");
    assert_eq!(shop.channel().deposit, 3000, "9000 lie in the lost one, and 12000 may");
    assert_eq!(counted(client.wallet()).await, (0, 13_000));
}

#[tokio::test]
async fn the_least_that_a_voucher_adds_is_added() {
    let terms = Terms { least_delta: Some("0.0015 USD"), ..Terms::default() };
    let (shop, (_home, client)) = (Shop::offering(terms).await, home(POLICY));
    for _ in 0..3 {
        paid(&client, &shop, "/").await;
    }
    assert_eq!(shop.shown(), ["open 1000", "voucher 2500", "voucher 4000"], "what was free was less than a unit");
}

#[tokio::test]
async fn what_a_unit_would_cost_is_explained_without_a_deposit() {
    let (shop, (_home, client)) = (Shop::start().await, home(POLICY));
    let explained = client.explain(shop.get("/"), None).await.unwrap().offers.remove(0);
    assert_eq!((explained.method.as_str(), explained.cost.to_string().as_str()), ("balance/session", "0.001 USD"));
    assert!(explained.is_payable() && shop.shown().is_empty());
}

#[tokio::test]
async fn how_a_session_stands_is_asked_of_the_seller() {
    let (shop, (_home, client)) = (Shop::start().await, home(POLICY));
    shop.will([Act::NoReceipt]);
    paid(&client, &shop, "/").await;
    assert_eq!(units(newest(&client).await.spent), 0);
    let synced = client.sync_session(&newest(&client).await).await.unwrap();
    assert_eq!((units(synced.session.spent), synced.obstacle), (1000, None));
    assert_eq!(shop.shown(), ["open 1000", "voucher 1000"]);
}
