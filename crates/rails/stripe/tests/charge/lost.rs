//! Answers that are lost, processes that die and keys that change: one PaymentIntent each.

use farthing_rail::{Settlement, Settler as _};
use farthing_testing_stripe::Trouble;

use crate::support::{CREATE, Stage, word};

#[tokio::test]
async fn s_11_a_payment_that_was_claimed_and_never_asked_for_is_charged_once() {
    let stage = Stage::new().await;
    let claim = stage.claim("pm_card_visa");
    // The process died before it asked; another one looks it up, several times.
    let other = stage.again("");
    for _ in 0..3 {
        assert_eq!(word(&other.lookup(&claim).await), "settled");
    }
    assert_eq!(stage.double.succeeded().len(), 1);
}

#[tokio::test]
async fn s_12_ten_lost_answers_in_a_row_are_one_charge() {
    let stage = Stage::new().await;
    stage.trouble([Trouble::LostAfter; 10]);
    let claim = stage.claim("pm_card_visa");
    assert_eq!(word(&stage.settle(&claim).await), "unknown");
    for _ in 0..9 {
        assert_eq!(word(&stage.lookup(&claim).await), "unknown");
    }
    assert_eq!(word(&stage.lookup(&claim).await), "settled");
    assert_eq!(stage.double.desk().intents.len(), 1);
}

#[tokio::test]
async fn s_13_a_call_that_is_still_under_way_is_not_made_twice() {
    let stage = Stage::new().await;
    stage.trouble([Trouble::Slow(300)]);
    let claim = stage.claim("pm_card_visa");
    let (first, second) = tokio::join!(stage.settle(&claim), stage.lookup(&claim));
    // Whichever comes first is charged by; the other one sees it or has to ask again.
    assert!([word(&first), word(&second)].contains(&"settled"), "{first:?} {second:?}");
    assert_eq!(stage.double.desk().intents.len(), 1);
}

#[tokio::test]
async fn s_14_a_configuration_that_changed_repeats_the_call_that_was_made() {
    let stage = Stage::new().await;
    stage.trouble([Trouble::LostAfter]);
    let claim = stage.claim("pm_card_visa");
    assert_eq!(word(&stage.settle(&claim).await), "unknown");
    let changed = stage.again(
        "version = \"2026-07-29.preview\"\ntoken_parameter = \"top_level\"\nmetadata = { shop = \"new\" }\n\
         connect = { account = \"acct_9\", application_fee_amount = 10 }\n",
    );
    assert_eq!(word(&changed.lookup(&claim).await), "settled");
    assert_eq!(stage.double.desk().intents.len(), 1);
}

#[tokio::test]
async fn s_15_when_the_key_is_over_the_payment_is_looked_for_and_never_charged_again() {
    for happened in [true, false] {
        let stage = Stage::new().await;
        stage.trouble([if happened { Trouble::LostAfter } else { Trouble::LostBefore }]);
        let claim = stage.claim("pm_card_visa");
        assert_eq!(word(&stage.settle(&claim).await), "unknown");
        stage.pass(24 * 60 * 60);
        stage.double.desk().forget_keys();
        assert_eq!(word(&stage.lookup(&claim).await), if happened { "settled" } else { "rejected" });
        assert_eq!(stage.double.desk().count(CREATE), 1);
    }
}

#[tokio::test]
async fn s_16_a_secret_key_that_was_rotated_still_finds_the_payment() {
    let stage = Stage::new().await;
    stage.trouble([Trouble::LostAfter]);
    let mut claim = stage.claim("pm_card_visa");
    assert_eq!(word(&stage.settle(&claim).await), "unknown");
    // What is kept opens with the old key alone.
    claim.proof.kept[0] ^= 1;
    assert_eq!(word(&stage.lookup(&claim).await), "settled");
    assert_eq!(stage.double.desk().count(CREATE), 1);
}

#[tokio::test]
async fn s_17_an_intent_that_is_not_what_was_ordered_settles_nothing() {
    let stage = Stage::new().await;
    stage.trouble([Trouble::FailedAfter(500)]);
    let claim = stage.claim("pm_card_visa");
    assert_eq!(word(&stage.settle(&claim).await), "unknown");
    for intent in stage.double.desk().intents.values_mut() {
        intent["amount_received"] = 499.into();
    }
    let Settlement::Unknown(unknown) = stage.lookup(&claim).await else { panic!() };
    assert!(unknown.reason.contains("another amount"), "{}", unknown.reason);
}
