//! `kill -9` at every step of a card payment, with answers that come and answers that are lost.

use farthing_gateway::failpoint::STEPS;
use farthing_testing_stripe::Trouble;

use crate::shop::Shop;

#[tokio::test(flavor = "multi_thread")]
async fn s_31_a_crash_at_every_step_ends_in_one_charge_and_one_delivery() {
    for step in STEPS {
        crash_and_return(step, &[]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s_31_a_crash_around_a_lost_answer_ends_in_one_charge_and_one_delivery() {
    for step in ["before-settle", "after-settle"] {
        for trouble in [Trouble::LostBefore, Trouble::LostAfter] {
            crash_and_return(step, &[trouble, trouble]).await;
        }
    }
}

async fn crash_and_return(step: &str, troubles: &[Trouble]) {
    let shop = Shop::new().await;
    shop.double.desk().expect("POST payment_intents", troubles.iter().copied());
    let mut doomed = shop.open_with(&[("FARTHING_FAILPOINT", step)]);
    let credential = shop.credential(&doomed, "pm_card_visa").await;
    let before = match shop.present(&doomed, &credential).await {
        Ok(answer) if answer.status() == 200 => answer.bytes().await.is_ok(),
        _ => false,
    };
    doomed.wait_for_death();

    let mut reborn = shop.open();
    let after = shop.present_until_known(&reborn, &credential).await.status() == 200;
    assert!(before || after, "{step} {troubles:?}: paid and never delivered");
    assert_eq!(shop.present(&reborn, &credential).await.unwrap().status(), 402, "{step}: used up");
    assert_eq!(shop.double.desk().intents.len(), 1, "{step} {troubles:?}: charged once");
    assert_eq!(shop.double.succeeded().len(), 1, "{step} {troubles:?}");
    reborn.verify_books();
    assert!(reborn.is_alive());
}
