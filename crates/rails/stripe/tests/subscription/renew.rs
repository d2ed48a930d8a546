//! Later periods, their ends, and the way back.

use farthing_money::Amount;
use farthing_rail::{
    Begun, Claim, PaymentId, Refund, Renewal, Settled, Settlement, Settler as _, Standing, Subscriptions as _,
};
use serde_json::Value;

use crate::plan::Plan;
use crate::support::word;

const DAY: i64 = 24 * 60 * 60;

fn kind(renewal: &Renewal) -> &'static str {
    match renewal {
        Renewal::Paid(_) => "paid",
        Renewal::Unpaid(_) => "unpaid",
        Renewal::Unknown(_) => "unknown",
    }
}

async fn renewal(plan: &Plan, begun: &(Claim, Settled), index: u32) -> Renewal {
    plan.seller.renewal(Begun { claim: &begun.0, settled: &begun.1 }, index).await
}

fn period(plan: &Plan, begun: &(Claim, Settled)) -> Option<u32> {
    let of = Begun { claim: &begun.0, settled: &begun.1 };
    plan.seller.period_at(of, plan.stage.now()).map(|period| period.index)
}

fn bill(plan: &Plan, pays: bool) -> Value {
    let id = plan.only();
    plan.stage.double.desk().bill(&id, pays).unwrap()
}

#[tokio::test]
async fn s_56_a_period_is_paid_by_its_own_invoice_and_by_nothing_else() {
    let plan = Plan::monthly().await;
    let begun = plan.begun().await;
    assert_eq!(period(&plan, &begun), Some(0));
    assert_eq!(kind(&renewal(&plan, &begun, 1).await), "unpaid");
    // 31 January and a month: 28 February. Stripe says "active" all the while.
    plan.stage.pass(28 * DAY);
    assert_eq!(period(&plan, &begun), Some(1));
    assert_eq!(kind(&renewal(&plan, &begun, 1).await), "unpaid");
    let invoice = bill(&plan, true);
    let Renewal::Paid(proof) = renewal(&plan, &begun, 1).await else { panic!("it is paid") };
    assert_eq!(kind(&renewal(&plan, &begun, 2).await), "unpaid");

    let claim = Claim { payment: PaymentId::from_bytes([9; 16]), proof, claimed_at: plan.stage.now() };
    let Settlement::Settled(settled) = plan.seller.settle(&claim).await else { panic!() };
    assert_eq!((settled.reference.as_str(), settled.fee.units()), (invoice["id"].as_str().unwrap(), 45));
    assert_ne!(settled.consumed, begun.1.consumed);
    assert_eq!(word(&plan.seller.lookup(&claim).await), "settled");
    plan.stage.pass(31 * DAY);
    assert_eq!(period(&plan, &begun), Some(2));
}

#[tokio::test]
async fn s_56_an_invoice_that_is_not_what_was_agreed_opens_no_period() {
    for change in [
        (|invoice: &mut Value| invoice["amount_paid"] = 499.into()) as fn(&mut Value),
        |invoice| invoice["lines"]["data"][0]["period"]["start"] = 7.into(),
        |invoice| invoice["discounts"] = serde_json::json!(["di_1"]),
    ] {
        let plan = Plan::monthly().await;
        let begun = plan.begun().await;
        plan.stage.pass(29 * DAY);
        bill(&plan, true);
        plan.change_last(change);
        assert_eq!(kind(&renewal(&plan, &begun, 1).await), "unpaid");
    }
}

#[tokio::test]
async fn s_57_a_late_payment_for_a_period_that_is_over_does_not_count_and_an_open_invoice_is_voided() {
    let plan = Plan::with("1 day").await;
    let begun = plan.begun().await;
    plan.stage.pass(DAY);
    let failed = bill(&plan, false);
    assert_eq!(kind(&renewal(&plan, &begun, 1).await), "unpaid");
    assert_eq!(plan.stage.double.desk().billing.invoices[1]["status"], "open", "it may still be paid today");
    plan.stage.pass(DAY);
    bill(&plan, true);
    assert_eq!(kind(&renewal(&plan, &begun, 2).await), "paid");
    assert_eq!(plan.stage.double.desk().billing.invoices[1]["status"], "void");
    // Somebody collects it all the same, after its period.
    plan.stage.double.desk().pay_invoice(failed["id"].as_str().unwrap());
    assert_eq!(kind(&renewal(&plan, &begun, 1).await), "unpaid");
}

#[tokio::test]
async fn s_57_a_period_that_is_paid_late_but_within_itself_counts() {
    let plan = Plan::with("1 day").await;
    let begun = plan.begun().await;
    plan.stage.pass(DAY);
    let invoice = bill(&plan, false);
    plan.stage.pass(DAY / 2);
    plan.stage.double.desk().pay_invoice(invoice["id"].as_str().unwrap());
    assert_eq!(kind(&renewal(&plan, &begun, 1).await), "paid");
}

#[tokio::test]
async fn s_58_cancelling_ends_with_the_paid_period_and_says_the_same_again() {
    let plan = Plan::monthly().await;
    let begun = plan.begun().await;
    let of = Begun { claim: &begun.0, settled: &begun.1 };
    let end = plan.seller.period_at(of, plan.stage.now()).unwrap().end;
    for _ in 0..2 {
        assert_eq!(plan.seller.cancel(of).await.unwrap().ends, end);
        plan.stage.double.desk().forget_keys();
    }
    let id = plan.only();
    assert!(plan.stage.double.desk().bill(&id, true).is_none(), "nothing is billed any more");
    plan.stage.double.desk().end_subscription(&id);
    assert_eq!(plan.seller.cancel(of).await.unwrap().ends, end);
}

#[tokio::test]
async fn s_59_paying_the_first_period_back_ends_the_subscription_and_pays_once() {
    let plan = Plan::monthly().await;
    let (claim, settled) = plan.begun().await;
    let refund = Refund {
        payment: claim.payment,
        reference: settled.reference.clone(),
        payer: None,
        amount: Amount::new(500),
        asset: claim.proof.asset.clone(),
    };
    for _ in 0..2 {
        assert_eq!(word(&plan.seller.refund(&refund).await), "settled");
    }
    assert_eq!(plan.subscriptions()[0]["status"], "canceled");
    assert_eq!(plan.stage.double.desk().refunds.len(), 1);
}

#[tokio::test]
async fn s_60_a_disputed_period_is_taken_back_and_a_living_subscription_is_asked_about_every_day() {
    let plan = Plan::monthly().await;
    let (claim, settled) = plan.begun().await;
    plan.stage.pass(400 * DAY);
    let standing = plan.seller.confirm(&claim, &settled).await;
    assert!(matches!(standing, Standing::Provisional { ask_again } if ask_again.as_secs() == 86_400), "{standing:?}");
    let id = plan.only();
    plan.stage.double.desk().end_subscription(&id);
    assert!(matches!(plan.seller.confirm(&claim, &settled).await, Standing::Final));

    let intent = plan.stage.double.succeeded()[0]["id"].as_str().unwrap().to_owned();
    plan.stage.double.desk().dispute(&intent, "fraudulent");
    let Standing::Moved(moved) = plan.seller.confirm(&claim, &settled).await else { panic!() };
    assert_eq!(moved.reference, settled.reference);
    assert!(matches!(plan.seller.confirm(&claim, &moved).await, Standing::Reversed { .. }));
}
