//! Streams that are paid by the piece, against a double of a seller, honest and not.

use crate::double;
use crate::session_double;

use double::create;
use farthing_wallet::client::{By, Ending, Order, PaidStream, Piece, Streamed};
use farthing_wallet::policy::Rule;
use farthing_wallet::sessions::SessionState;
use farthing_wallet::{Outcome, PayingClient};
use session_double::{Shop, Terms, client, counted, newest, units};
use tempfile::TempDir;

const POLICY: &str = "total = \"0.1 USD\"\nper_payment = \"0.002 USD\"\nsession_deposit = \"0.02 USD\"";

fn home() -> (TempDir, PayingClient) {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path().join("home");
    create(&home, Some(POLICY));
    let client = client(&home);
    (directory, client)
}

fn order() -> Order {
    Order { by: By::Session, ..Order::default() }
}

async fn start(client: &PayingClient, shop: &Shop, path: &str, order: &Order) -> Box<PaidStream> {
    match client.stream(shop.get(path), order).await.unwrap() {
        Streamed::Stream(stream) => stream,
        Streamed::Other(outcome) => panic!("{outcome:?}"),
    }
}

/// What came out, and how it ended.
async fn read(mut stream: Box<PaidStream>) -> (Vec<String>, Ending) {
    let mut pieces = Vec::new();
    loop {
        match stream.next().await.unwrap() {
            Piece::Data(data) => pieces.push(String::from_utf8(data).unwrap()),
            Piece::End(ending) => return (pieces, *ending),
        }
    }
}

async fn stopped_by(path: &str) -> (Option<Rule>, String, u128) {
    let (shop, (_home, client)) = (Shop::start().await, home());
    let (pieces, ending) = read(start(&client, &shop, path, &order()).await).await;
    assert_eq!(pieces, Vec::<String>::new());
    let signed = units(newest(&client).await.signed);
    match ending.stopped {
        Some(Outcome::Refused { rule, sentence }) => (rule, sentence, signed),
        other => panic!("{path}: {other:?}"),
    }
}

#[tokio::test]
async fn a_stream_is_paid_piece_by_piece() {
    let (shop, (_home, client)) = (Shop::start().await, home());
    let (pieces, ending) = read(start(&client, &shop, "/stream/5", &order()).await).await;
    assert_eq!(pieces, ["piece 4", "piece 3", "piece 2", "piece 1", "piece 0"]);
    assert!(ending.stopped.is_none() && ending.receipt.is_some());
    assert_eq!(ending.cost.to_string(), "0.005 USD");
    assert_eq!(shop.shown(), ["open 1000", "voucher 2000", "voucher 3000", "voucher 4000", "voucher 5000"]);
    let session = newest(&client).await;
    assert_eq!((units(session.signed), units(session.spent)), (5000, 5000));
}

#[tokio::test]
async fn signing_ahead_pauses_less_often_and_costs_no_more() {
    let (shop, (_home, client)) = (Shop::start().await, home());
    let (pieces, ending) = read(start(&client, &shop, "/stream/6", &Order { ahead: 2, ..order() }).await).await;
    assert_eq!((pieces.len(), ending.cost.to_string().as_str()), (6, "0.006 USD"));
    assert_eq!(shop.shown(), ["open 3000", "voucher 6000"]);
    let again = read(start(&client, &shop, "/stream/2", &Order { ahead: 2, ..order() }).await).await;
    assert_eq!((again.0.len(), again.1.cost.to_string().as_str()), (2, "0.002 USD"));
    let session = newest(&client).await;
    assert_eq!((units(session.signed), units(session.spent), units(session.free)), (9000, 8000, 1000));
}

#[tokio::test]
async fn a_stream_is_topped_up_within_the_policy() {
    let terms = Terms { deposit: "0.003 USD", ..Terms::default() };
    let (shop, (_home, client)) = (Shop::offering(terms).await, home());
    let (pieces, ending) = read(start(&client, &shop, "/stream/5", &order()).await).await;
    assert_eq!((pieces.len(), ending.cost.to_string().as_str()), (5, "0.005 USD"));
    assert_eq!(shop.shown()[3..], ["topUp 3000", "voucher 4000", "voucher 5000"]);
    assert_eq!(counted(client.wallet()).await, (0, 6000));
}

#[tokio::test]
async fn max_holds_for_the_whole_stream() {
    let (shop, (_home, client)) = (Shop::start().await, home());
    let max = Some("0.003 USD".parse().unwrap());
    let (pieces, ending) = read(start(&client, &shop, "/stream/5", &Order { max, ..order() }).await).await;
    assert_eq!((pieces.len(), ending.cost.to_string().as_str()), (3, "0.003 USD"));
    assert!(matches!(ending.stopped, Some(Outcome::Refused { rule: Some(Rule::Max), .. })), "{:?}", ending.stopped);
    assert_eq!(units(newest(&client).await.signed), 3000);
}

#[tokio::test]
async fn max_counts_what_was_signed_ahead_before() {
    let (shop, (_home, client)) = (Shop::start().await, home());
    let generous = Order { ahead: 5, ..order() };
    assert_eq!(read(start(&client, &shop, "/stream/2", &generous).await).await.0.len(), 2);
    assert_eq!(units(newest(&client).await.free), 4000);
    let max = |text: &str| Order { max: Some(text.parse().unwrap()), ..order() };
    let Streamed::Other(outcome) = client.stream(shop.get("/stream/9"), &max("0.003999 USD")).await.unwrap() else {
        panic!("the server could draw 4000 without asking")
    };
    assert!(matches!(*outcome, Outcome::Refused { rule: Some(Rule::Max), .. }), "{outcome:?}");
    let (pieces, ending) = read(start(&client, &shop, "/stream/9", &max("0.005 USD")).await).await;
    assert_eq!((pieces.len(), ending.cost.to_string().as_str()), (5, "0.005 USD"));
}

#[tokio::test]
async fn whoever_stops_a_stream_learns_what_it_cost() {
    let (shop, (_home, client)) = (Shop::start().await, home());
    let mut stream = start(&client, &shop, "/stream/5", &order()).await;
    for _ in 0..2 {
        assert!(matches!(stream.next().await.unwrap(), Piece::Data(_)));
    }
    let ending = stream.stop().await.unwrap();
    assert_eq!((ending.cost.to_string().as_str(), ending.stopped.is_none()), ("0.002 USD", true));
}

#[tokio::test]
async fn a_stream_gets_no_voucher_that_its_goods_do_not_explain() {
    let (_, sentence, signed) = stopped_by("/stream-foreign").await;
    assert!(sentence.contains("another session") && signed == 1000, "{sentence} {signed}");
    let (_, sentence, signed) = stopped_by("/stream-flood").await;
    assert!(sentence.contains("voucher after voucher") && signed <= 4000, "{sentence} {signed}");
    let (_, sentence, signed) = stopped_by("/stream-huge").await;
    assert!(sentence.contains("at once") && signed == 1000, "{sentence} {signed}");
}

#[tokio::test]
async fn g_11_a_receipt_that_claims_more_than_was_signed_stops_the_session() {
    let (shop, (_home, client)) = (Shop::start().await, home());
    let (_, ending) = read(start(&client, &shop, "/stream-overclaims", &order()).await).await;
    assert!(ending.receipt.is_none(), "it is not believed");
    let Some(Outcome::NoOffer { reasons }) = ending.stopped else { panic!("{:?}", ending.stopped) };
    assert!(reasons[0].contains("only"), "{reasons:?}");
    assert_eq!(newest(&client).await.state, SessionState::Lost);
}
