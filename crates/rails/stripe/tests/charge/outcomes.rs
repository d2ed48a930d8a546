//! What Stripe says, and what the payer is told.

use std::time::Duration;

use farthing_money::Amount;
use farthing_rail::{ProofKey, Settlement};
use farthing_testing_stripe::Trouble;

use crate::support::{CREATE, Stage, problem, word};

#[tokio::test]
async fn s_01_what_succeeded_is_settled_with_its_fee() {
    let stage = Stage::new().await;
    let (_, settled) = stage.settled().await;
    let intent = stage.double.succeeded().remove(0);
    assert_eq!(settled.reference, intent["id"].as_str().unwrap());
    // 2.9 % and 30 cents of five dollars, rounded.
    assert_eq!((settled.fee, settled.passed_on, settled.captured), (Amount::new(45), Amount::ZERO, None));
    let charge = intent["latest_charge"]["id"].as_str().unwrap();
    let keys = vec![ProofKey::new(format!("stripe/{charge}/fee")), ProofKey::new(format!("stripe/{charge}"))];
    assert_eq!(settled.consumed, keys);
}

#[tokio::test]
async fn s_02_what_the_payer_would_have_to_confirm_is_cancelled_and_says_so() {
    let stage = Stage::new().await;
    let claim = stage.claim("pm_card_authenticationRequired");
    let settlement = stage.settle(&claim).await;
    assert_eq!(problem(&settlement), "payment-action-required");
    let intents: Vec<_> = stage.double.desk().intents.values().map(|intent| intent["status"].clone()).collect();
    assert_eq!(intents, ["canceled"]);
    // Whoever looks later comes to the same end.
    assert_eq!(problem(&stage.lookup(&claim).await), "verification-failed");
}

#[tokio::test]
async fn s_02_an_intent_that_cannot_be_cancelled_yet_is_unknown_until_it_is() {
    let stage = Stage::new().await;
    let claim = stage.claim("pm_card_authenticationRequired");
    let cancel = "POST payment_intents/pi_1Double000000000002/cancel";
    stage.double.desk().expect(cancel, [Trouble::NotLetIn(503)]);
    assert_eq!(word(&stage.settle(&claim).await), "unknown");
    assert_eq!(problem(&stage.lookup(&claim).await), "payment-action-required");
    assert_eq!(stage.double.desk().count(cancel), 2);
}

#[tokio::test]
async fn s_03_what_is_processing_is_held_and_read_again_before_it_is_decided() {
    for (succeeds, end) in [(true, "settled"), (false, "rejected")] {
        let stage = Stage::new().await;
        let claim = stage.claim("pm_usBankAccount");
        assert_eq!(word(&stage.settle(&claim).await), "unknown");
        // The stored answer still says processing.
        assert_eq!(word(&stage.lookup(&claim).await), "unknown");
        let id = stage.double.desk().intents.keys().next().unwrap().clone();
        stage.double.desk().finish(&id, succeeds);
        assert_eq!(word(&stage.lookup(&claim).await), end);
        assert_eq!(stage.double.desk().intents.len(), 1);
    }
}

#[tokio::test]
async fn s_04_a_decline_is_a_refusal_whose_code_stays_with_the_operator() {
    for (method, code) in [
        ("pm_card_chargeDeclined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds"),
    ] {
        let stage = Stage::new().await;
        let Settlement::Rejected(rejected) = stage.settle(&stage.claim(method)).await else { panic!("{method}") };
        assert_eq!(rejected.refusal.problem.slug(), "verification-failed");
        assert!(rejected.reason.contains(code), "{}", rejected.reason);
        for secret in [code, "card_declined", "card_error", "402"] {
            assert!(!rejected.refusal.detail.contains(secret), "{}", rejected.refusal.detail);
        }
    }
}

#[tokio::test]
async fn s_05_busy_and_broken_is_unknown_and_the_same_call_ends_it() {
    for trouble in [
        Trouble::NotLetIn(409),
        Trouble::NotLetIn(429),
        Trouble::NotLetIn(500),
        Trouble::NotLetIn(503),
        Trouble::LostBefore,
        Trouble::LostAfter,
    ] {
        let stage = Stage::new().await;
        stage.trouble([trouble]);
        let claim = stage.claim("pm_card_visa");
        assert_eq!(word(&stage.settle(&claim).await), "unknown", "{trouble:?}");
        let Settlement::Settled(settled) = stage.lookup(&claim).await else { panic!("{trouble:?}") };
        let succeeded = stage.double.succeeded();
        assert_eq!(succeeded.len(), 1, "{trouble:?}");
        assert_eq!(settled.reference, succeeded[0]["id"].as_str().unwrap());
        assert_eq!(stage.double.desk().count(CREATE), 2);
    }
}

#[tokio::test]
async fn s_06_a_replayed_answer_ends_a_payment_that_our_record_calls_undelivered() {
    let stage = Stage::new().await;
    let (claim, settled) = stage.settled().await;
    // The books of a backup: they know the claim and not its end.
    let Settlement::Settled(again) = stage.lookup(&claim).await else { panic!() };
    assert_eq!(again, settled);
    assert_eq!(stage.double.succeeded().len(), 1);
}

#[tokio::test]
async fn s_07_a_failure_that_is_stored_with_the_key_is_looked_for_by_name() {
    // It happened, and the stored answer says that it did not.
    let stage = Stage::new().await;
    stage.trouble([Trouble::FailedAfter(500)]);
    let claim = stage.claim("pm_card_visa");
    assert_eq!(word(&stage.settle(&claim).await), "unknown");
    stage.double.desk().search_lags = true;
    assert_eq!(word(&stage.lookup(&claim).await), "unknown");
    stage.double.desk().search_lags = false;
    assert_eq!(word(&stage.lookup(&claim).await), "settled");
    // It did not happen: that is believed once a search would show it.
    let stage = Stage::new().await;
    stage.trouble([Trouble::Failed(500)]);
    let claim = stage.claim("pm_card_visa");
    assert_eq!(word(&stage.settle(&claim).await), "unknown");
    assert_eq!(word(&stage.lookup(&claim).await), "unknown");
    stage.pass(2 * 60 * 60);
    assert_eq!(word(&stage.lookup(&claim).await), "rejected");
    assert_eq!(stage.double.succeeded().len(), 0);
}

#[tokio::test]
async fn s_08_a_token_that_cannot_be_charged_is_a_refusal_that_does_not_repeat_it() {
    let stage = Stage::new().await;
    let less = stage.double.desk().grant("pm_card_visa", 499, "usd", 3_600);
    let foreign = stage.double.desk().grant("pm_card_visa", 500, "eur", 3_600);
    let short = stage.double.desk().grant("pm_card_visa", 500, "usd", 60);
    let used = stage.double.token("pm_card_visa", 500);
    assert_eq!(word(&stage.settle(&stage.claim_of(&used)).await), "settled");
    // Its challenge is another one now: what is presented twice the books refuse before Stripe is asked.
    stage.double.token("pm_card_visa", 1);
    stage.pass(61);
    for spt in [less.as_str(), &foreign, &short, &used, "spt_unheard_of"] {
        let Settlement::Rejected(rejected) = stage.settle(&stage.claim_of(spt)).await else { panic!("{spt}") };
        let told = format!("{rejected:?}");
        assert!(!told.contains(spt) && !rejected.refusal.detail.contains("limit"), "{told}");
        assert_eq!(rejected.refusal.problem.slug(), "verification-failed");
    }
    assert_eq!(stage.double.succeeded().len(), 1);
}

#[tokio::test]
async fn s_09_a_key_that_is_refused_moves_nothing_and_shows_nowhere() {
    let stage = Stage::new().await;
    stage.trouble([Trouble::NotLetIn(401)]);
    let claim = stage.claim("pm_card_visa");
    let settlement = stage.settle(&claim).await;
    assert_eq!(problem(&settlement), "verification-failed");
    // Once the call may have been let in before, a refused key says nothing about it.
    stage.trouble([Trouble::LostAfter, Trouble::NotLetIn(401)]);
    let claim = stage.claim("pm_card_visa");
    assert_eq!(word(&stage.settle(&claim).await), "unknown");
    assert_eq!(word(&stage.lookup(&claim).await), "unknown");
    assert_eq!(word(&stage.lookup(&claim).await), "settled");
}

#[tokio::test]
async fn s_10_nobody_there_is_unknown() {
    let stage = Stage::new().await;
    let claim = stage.claim("pm_card_visa");
    let Stage { double, stripe, .. } = stage;
    drop(double);
    tokio::task::yield_now().await;
    let settlement = farthing_rail::Settler::settle(&stripe, &claim).await;
    let Settlement::Unknown(unknown) = settlement else { panic!("{settlement:?}") };
    assert!(unknown.ask_again <= Duration::from_secs(2));
}
