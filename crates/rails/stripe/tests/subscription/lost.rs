//! Answers that are lost at every step, processes that die and keys that are over: one subscription each.

use farthing_rail::Settler as _;
use farthing_testing_stripe::Trouble;

use crate::plan::{Plan, SUBSCRIBE};
use crate::support::word;

const STEPS: [&str; 5] =
    ["POST customers", "POST payment_methods/pm_card_visa/attach", "GET prices", "POST prices", SUBSCRIBE];

#[tokio::test]
async fn s_54_a_lost_answer_at_any_step_ends_in_one_subscription() {
    for step in STEPS {
        for trouble in [Trouble::LostBefore, Trouble::LostAfter, Trouble::NotLetIn(429), Trouble::NotLetIn(503)] {
            let plan = Plan::monthly().await;
            plan.stage.double.desk().expect(step, [trouble; 2]);
            let claim = plan.claim("pm_card_visa");
            assert_eq!(word(&plan.seller.settle(&claim).await), "unknown", "{step} {trouble:?}");
            // The process died; another one looks it up, several times.
            let other = plan.again();
            let mut outcomes = Vec::new();
            for _ in 0..4 {
                outcomes.push(word(&other.lookup(&claim).await));
            }
            assert_eq!(outcomes[2..], ["settled", "settled"], "{step} {trouble:?}");
            let desk = plan.stage.double.desk();
            let made = (desk.billing.subscriptions.len(), desk.billing.customers.len(), desk.billing.invoices.len());
            assert_eq!(made, (1, 1, 1), "{step} {trouble:?}");
        }
    }
}

#[tokio::test]
async fn s_54_a_subscription_that_was_claimed_and_never_asked_for_begins_once() {
    let plan = Plan::monthly().await;
    let claim = plan.claim("pm_card_visa");
    let other = plan.again();
    for _ in 0..3 {
        assert_eq!(word(&other.lookup(&claim).await), "settled");
    }
    assert_eq!(plan.subscriptions().len(), 1);
}

#[tokio::test]
async fn s_55_when_the_key_is_over_the_subscription_is_looked_for_and_never_made_again() {
    for happened in [true, false] {
        let plan = Plan::monthly().await;
        let trouble = if happened { Trouble::LostAfter } else { Trouble::LostBefore };
        plan.stage.double.desk().expect(SUBSCRIBE, [trouble]);
        let claim = plan.claim("pm_card_visa");
        assert_eq!(word(&plan.seller.settle(&claim).await), "unknown");
        plan.stage.pass(24 * 60 * 60);
        plan.stage.double.desk().forget_keys();
        assert_eq!(word(&plan.seller.lookup(&claim).await), if happened { "settled" } else { "rejected" });
        assert_eq!(plan.stage.double.desk().count(SUBSCRIBE), 1);
    }
}

#[tokio::test]
async fn s_55_a_failure_that_is_stored_with_the_key_is_looked_for() {
    for (trouble, outcome) in [(Trouble::FailedAfter(500), "settled"), (Trouble::Failed(500), "unknown")] {
        let plan = Plan::monthly().await;
        plan.stage.double.desk().expect(SUBSCRIBE, [trouble]);
        let claim = plan.claim("pm_card_visa");
        assert_eq!(word(&plan.seller.settle(&claim).await), "unknown");
        assert_eq!(word(&plan.seller.lookup(&claim).await), outcome);
        assert_eq!(plan.stage.double.desk().billing.subscriptions.len(), usize::from(outcome == "settled"));
    }
}

#[tokio::test]
async fn s_55_a_step_that_is_refused_when_repeated_says_nothing_of_the_first_attempt() {
    let plan = Plan::monthly().await;
    plan.stage.double.desk().expect(SUBSCRIBE, [Trouble::LostAfter]);
    let claim = plan.claim("pm_card_visa");
    assert_eq!(word(&plan.seller.settle(&claim).await), "unknown");
    // Somebody took the payment method away meanwhile.
    plan.stage.double.desk().billing.methods["pm_card_visa"]["type"] = "us_bank_account".into();
    assert_eq!(word(&plan.seller.lookup(&claim).await), "settled");
}

#[tokio::test]
async fn s_55_a_decline_whose_answer_was_lost_is_a_decline() {
    let plan = Plan::monthly().await;
    plan.stage.double.desk().expect(SUBSCRIBE, [Trouble::LostAfter]);
    let claim = plan.claim("pm_card_chargeDeclined");
    assert_eq!(word(&plan.seller.settle(&claim).await), "unknown");
    assert_eq!(word(&plan.seller.lookup(&claim).await), "rejected");
    assert!(plan.subscriptions().is_empty());
}
