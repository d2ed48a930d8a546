//! Deposits that a person is asked about: what was allowed is what is opened, once, and nothing else.

use crate::double;
use crate::session_double;

use double::create;
use farthing_wallet::client::{By, Order, Streamed};
use farthing_wallet::{ApprovalId, ApprovalState, Outcome, PassphraseSource, PayingClient, Reply};
use session_double::{Shop, Terms, client, newest, units};

const ASKS: &str = "total = \"1 USD\"\nper_payment = \"0.01 USD\"\nsession_deposit = \"0.05 USD\"\n\
    [ask]\namount_above = \"0.005 USD\"";

fn home() -> (tempfile::TempDir, PayingClient) {
    let directory = tempfile::tempdir().unwrap();
    create(directory.path(), Some(ASKS));
    let client = client(directory.path());
    (directory, client)
}

fn depositing(deposit: &str) -> Order {
    Order { by: By::Session, deposit: Some(deposit.parse().unwrap()), ..Order::default() }
}

async fn asked(client: &PayingClient, shop: &Shop, order: &Order) -> ApprovalId {
    match client.pay_as(shop.get("/goods"), order).await.unwrap() {
        Outcome::AwaitsApproval { id, .. } => id,
        other => panic!("{other:?}"),
    }
}

async fn allow(client: &PayingClient, id: ApprovalId) {
    let desk = client.wallet().desk().opened_by(PassphraseSource::KeyFile);
    let reply = Reply { allow: true, reason: None, by: "owner".to_owned() };
    assert_eq!(desk.answer(id, &reply).await.unwrap().state, ApprovalState::Allowed);
}

#[tokio::test]
async fn what_was_allowed_is_what_is_opened() {
    let (shop, (_home, client)) = (Shop::start().await, home());
    let (small, large) = (depositing("0.01 USD"), depositing("0.02 USD"));
    let question = asked(&client, &shop, &small).await;
    let record = client.wallet().desk().one(question).await.unwrap();
    assert_eq!((units(record.facts.amount), record.facts.cost.to_string().as_str()), (10_000, "0.01 USD"));
    assert!(shop.shown().is_empty() && client.sessions().await.unwrap().is_empty(), "nothing is signed before");
    assert_eq!(double::counted(client.wallet()).await, (0, 0));
    allow(&client, question).await;

    let other = asked(&client, &shop, &large).await;
    assert_ne!(other, question, "a larger deposit is another question");
    assert!(shop.shown().is_empty());

    let outcome = client.pay_as(shop.get("/goods"), &small).await.unwrap();
    assert!(matches!(outcome, Outcome::Paid { session: Some(_), .. }), "{outcome:?}");
    assert_eq!((shop.shown(), shop.channel().deposit), (vec!["open 1000".to_owned()], 10_000));
    assert_eq!(double::counted(client.wallet()).await, (0, 10_000));
    assert_eq!(client.wallet().desk().one(question).await.unwrap().state, ApprovalState::Used);
}

#[tokio::test]
async fn one_answer_opens_one_session() {
    let (shop, (_home, client)) = (Shop::start().await, home());
    let order = depositing("0.01 USD");
    let question = asked(&client, &shop, &order).await;
    allow(&client, question).await;
    assert!(matches!(client.pay_as(shop.get("/goods"), &order).await.unwrap(), Outcome::Paid { .. }));
    client.close_session(&newest(&client).await).await.unwrap();
    assert_ne!(asked(&client, &shop, &order).await, question, "the next deposit is asked about again");
    assert_eq!(shop.channels().len(), 1);
}

#[tokio::test]
async fn a_stream_waits_for_the_answer_and_then_begins() {
    let (shop, (_home, client)) = (Shop::offering(Terms { deposit: "0.01 USD", ..Terms::default() }).await, home());
    let order = Order { by: By::Session, ..Order::default() };
    let (told, question) = tokio::sync::oneshot::channel();
    let answering = {
        let client = client.clone();
        tokio::spawn(async move { allow(&client, question.await.unwrap()).await })
    };
    let mut told = Some(told);
    let patience = std::time::Duration::from_secs(120);
    let streamed = client.stream_when_allowed(shop.get("/stream/3"), &order, patience, |record| {
        told.take().expect("one question").send(record.id).unwrap();
    });
    let Streamed::Stream(stream) = streamed.await.unwrap() else { panic!("it was allowed") };
    assert_eq!((shop.shown(), shop.channel().deposit), (vec!["open 1000".to_owned()], 10_000));
    drop(stream);
    answering.await.unwrap();
}
