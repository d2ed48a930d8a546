//! `kill -9` at every step of a subscription's first payment, and of a later period.

use farthing_gateway::failpoint::{STEPS, SUBSCRIPTION_STEPS};
use farthing_rail::Wish;

use crate::shop::reconcile;
use crate::subscription::Club;

#[tokio::test(flavor = "multi_thread")]
async fn s_66_a_crash_at_every_step_ends_in_one_subscription() {
    for step in STEPS {
        let club = Club::new().await;
        let mut doomed = club.open_with(&[("FARTHING_FAILPOINT", step)]);
        let credential = club.beginning(&doomed, "pm_card_visa").await;
        let before = match club.present(&doomed, &credential).await {
            Ok(answer) if answer.status() == 200 => answer.bytes().await.is_ok(),
            _ => false,
        };
        doomed.wait_for_death();
        let reborn = club.open();
        let mut after = 503;
        for _ in 0..600 {
            after = club.present(&reborn, &credential).await.unwrap().status().as_u16();
            if !matches!(after, 503 | 409) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        assert!(before || after == 200, "{step}: paid and never delivered ({after})");
        assert_eq!(club.double.desk().billing.subscriptions.len(), 1, "{step}");
        assert_eq!(club.double.succeeded().len(), 1, "{step}");
        reborn.verify_books();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s_67_a_crash_at_every_step_of_a_renewal_writes_it_down_once() {
    for step in SUBSCRIPTION_STEPS {
        let club = Club::begun_ago(24 * 60 * 60 + 60).await;
        let first = club.open();
        let id = club.begin(&first).await;
        drop(first);
        club.now();
        club.bill(true);
        let mut doomed = club.open_with(&[("FARTHING_FAILPOINT", step)]);
        let challenge_and_death = club.try_visit(&doomed, id).await;
        assert!(challenge_and_death.is_none(), "{step}: it died before it answered");
        doomed.wait_for_death();
        let reborn = club.open();
        let mut status = 503;
        for _ in 0..600 {
            status = club.visit(&reborn, id, Wish::Use).await.status().as_u16();
            if status != 503 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        assert_eq!(status, 200, "{step}: {}", reborn.log());
        let report = reconcile(&reborn);
        assert_eq!(report["clean"], true, "{step}: {report}");
        reborn.verify_books();
    }
}
