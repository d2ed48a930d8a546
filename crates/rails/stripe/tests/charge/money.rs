//! Refunds, disputes and the statement.

use std::collections::BTreeMap;

use farthing_money::Amount;
use farthing_rail::{Claim, Cursor, Direction, Movement, Refund, Settled, Settlement, Settler as _, Standing};
use farthing_testing_stripe::Trouble;

use crate::support::{Stage, word};

fn refund(claim: &Claim, settled: &Settled) -> Refund {
    Refund {
        payment: claim.payment,
        reference: settled.reference.clone(),
        payer: None,
        amount: claim.proof.amount,
        asset: claim.proof.asset.clone(),
    }
}

#[tokio::test]
async fn s_25_a_refund_is_made_once_whatever_gets_lost() {
    for trouble in [Trouble::LostBefore, Trouble::LostAfter, Trouble::NotLetIn(503), Trouble::FailedAfter(500)] {
        let stage = Stage::new().await;
        let (claim, settled) = stage.settled().await;
        stage.double.desk().expect("POST refunds", [trouble]);
        let order = refund(&claim, &settled);
        assert_eq!(word(&stage.stripe.refund(&order).await), "unknown", "{trouble:?}");
        // Days later, when no key is known any more.
        stage.double.desk().forget_keys();
        let Settlement::Settled(refunded) = stage.stripe.refund(&order).await else { panic!("{trouble:?}") };
        assert!(refunded.reference.starts_with("re_"));
        let Settlement::Settled(again) = stage.stripe.refund(&order).await else { panic!("{trouble:?}") };
        assert_eq!(again, refunded);
        assert_eq!(stage.double.desk().refunds.len(), 1, "{trouble:?}");
    }
}

#[tokio::test]
async fn s_25_a_refund_that_failed_needs_a_person() {
    let stage = Stage::new().await;
    let (claim, settled) = stage.settled().await;
    let order = refund(&claim, &settled);
    assert_eq!(word(&stage.stripe.refund(&order).await), "settled");
    stage.double.desk().refunds[0]["status"] = "failed".into();
    assert_ne!(word(&stage.stripe.refund(&order).await), "settled");
}

#[tokio::test]
async fn s_26_a_dispute_takes_the_payment_back_and_an_inquiry_does_not() {
    let stage = Stage::new().await;
    let (claim, settled) = stage.settled().await;
    let standing = stage.stripe.confirm(&claim, &settled).await;
    assert!(matches!(standing, Standing::Provisional { .. }), "{standing:?}");
    stage.double.desk().inquire(&settled.reference);
    let standing = stage.stripe.confirm(&claim, &settled).await;
    assert!(matches!(standing, Standing::Provisional { .. }), "{standing:?}");
    stage.double.desk().dispute(&settled.reference, "fraudulent");
    // What it took is a part of the payment first, so that the statement explains it.
    let Standing::Moved(moved) = stage.stripe.confirm(&claim, &settled).await else { panic!() };
    assert_eq!(moved.consumed.len(), settled.consumed.len() + 1);
    let Standing::Reversed { reason } = stage.stripe.confirm(&claim, &moved).await else { panic!() };
    assert!(reason.contains("fraudulent"), "{reason}");
}

#[tokio::test]
async fn s_26_a_charge_that_nobody_disputed_is_final_after_four_months() {
    let stage = Stage::new().await;
    let (claim, settled) = stage.settled().await;
    stage.pass(121 * 24 * 60 * 60);
    assert_eq!(stage.stripe.confirm(&claim, &settled).await, Standing::Final);
    stage.double.desk().expect("GET disputes", [Trouble::NotLetIn(503)]);
    let standing = stage.stripe.confirm(&claim, &settled).await;
    assert!(matches!(standing, Standing::Provisional { .. }), "{standing:?}");
}

/// Every page until nothing is left.
async fn whole(stage: &Stage, from: Cursor) -> (Vec<Movement>, Cursor) {
    let (mut all, mut cursor) = (Vec::new(), from);
    loop {
        let page = stage.stripe.statement(&cursor).await.unwrap();
        all.extend(page.movements);
        let done = !page.more || page.next == cursor;
        cursor = page.next;
        if done {
            return (all, cursor);
        }
    }
}

fn net(movements: &[Movement]) -> i128 {
    let signed = |movement: &Movement| {
        let units = i128::try_from(movement.amount.units()).unwrap();
        if movement.direction == Direction::In { units } else { -units }
    };
    movements.iter().map(signed).sum()
}

#[tokio::test]
async fn s_27_the_statement_comes_to_the_balance_to_the_last_cent() {
    let stage = Stage::new().await;
    for round in 0..70 {
        let (claim, settled) = stage.settled().await;
        match round % 7 {
            1 => assert_eq!(word(&stage.stripe.refund(&refund(&claim, &settled)).await), "settled"),
            2 => drop(stage.double.desk().dispute(&settled.reference, "fraudulent")),
            3 => drop(stage.double.desk().transaction("payout", "po_1", -900, 0, "usd")),
            4 => drop(stage.double.desk().transaction("stripe_fee", "", -7, 0, "usd")),
            _ => {}
        }
        stage.pass(1);
    }
    let (all, cursor) = whole(&stage, Cursor::default()).await;
    assert_eq!(net(&all), i128::from(stage.double.desk().balance()));
    let keys: BTreeMap<_, _> = all.iter().map(|movement| (movement.key.clone(), movement)).collect();
    assert_eq!(keys.len(), all.len(), "a movement has one name");
    // What comes later follows, in its order, and nothing is shown twice.
    for _ in 0..120 {
        stage.settled().await;
    }
    let (later, _) = whole(&stage, cursor).await;
    assert_eq!(later.len(), 240);
    assert_eq!(net(&all) + net(&later), i128::from(stage.double.desk().balance()));
    assert!(later.is_sorted_by_key(|movement| movement.at));
}

#[tokio::test]
async fn s_27_a_payment_is_explained_by_what_its_statement_shows() {
    let stage =
        Stage::with("[connect]\napplication_fee_amount = 100\ntransfer_data = { destination = \"acct_2\" }\n").await;
    let (_, settled) = stage.settled().await;
    let (all, _) = whole(&stage, Cursor::default()).await;
    let shown: Vec<_> = all.iter().map(|movement| &movement.key).collect();
    assert!(settled.consumed.iter().all(|key| shown.contains(&key)), "{:?} {shown:?}", settled.consumed);
    let owed = Amount::new(500 - settled.fee.units() - settled.passed_on.units());
    assert_eq!(net(&all), i128::try_from(owed.units()).unwrap());
}
