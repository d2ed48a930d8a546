//! What Stripe tells by itself: only a reason to look.

use std::time::Duration;

use farthing_testing_stripe::{Event, signature};
use serde_json::Value;

use crate::shop::{Shop, WEBHOOK_SECRET, reconcile};
use crate::support::seller::Seller;

async fn state(seller: &Seller) -> String {
    let text = reqwest::get(format!("{}/admin/payments", seller.admin)).await.unwrap().text().await.unwrap();
    let payments: Value = serde_json::from_str(&text).unwrap();
    payments["payments"][0]["state"].as_str().unwrap_or_else(|| panic!("{text}")).to_owned()
}

async fn becomes(seller: &Seller, wanted: &str) {
    for _ in 0..600 {
        if state(seller).await == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it stays {}: {}", state(seller).await, seller.log());
}

fn url(seller: &Seller) -> String {
    format!("{}/webhooks/stripe", seller.listen)
}

#[tokio::test(flavor = "multi_thread")]
async fn s_34_a_dispute_takes_the_payment_back_and_the_books_explain_it() {
    let shop = Shop::new().await;
    let seller = shop.open();
    let credential = shop.credential(&seller, "pm_card_visa").await;
    assert_eq!(shop.present(&seller, &credential).await.unwrap().status(), 200);
    let intent = shop.double.succeeded()[0]["id"].as_str().unwrap().to_owned();
    let event = {
        let mut desk = shop.double.desk();
        let dispute = desk.dispute(&intent, "fraudulent");
        desk.event("charge.dispute.created", &dispute, WEBHOOK_SECRET)
    };
    assert_eq!(event.send(&url(&seller)).await.unwrap(), 200);
    becomes(&seller, "reversed").await;
    let report = reconcile(&seller);
    assert_eq!(report["clean"], true, "{report}");
    seller.verify_books();
}

#[tokio::test(flavor = "multi_thread")]
async fn s_35_what_is_not_signed_or_not_now_is_refused_and_nothing_is_asked() {
    let shop = Shop::new().await;
    let seller = shop.open();
    let now = farthing_rails::now().unix_millis() / 1_000;
    let event = shop.double.desk().event("charge.dispute.created", &Value::Null, WEBHOOK_SECRET);
    let asked = shop.double.desk().calls.len();
    for forged in [
        signature("whsec_other", now, &event.body),
        signature(WEBHOOK_SECRET, now - 3_000, &event.body),
        signature(WEBHOOK_SECRET, now + 3_000, &event.body),
        signature(WEBHOOK_SECRET, now, "another body"),
        "t=,v1=".to_owned(),
        String::new(),
    ] {
        let status = Event { signature: forged.clone(), ..event.clone() }.send(&url(&seller)).await.unwrap();
        assert_eq!(status, 400, "{forged}");
    }
    assert_eq!(shop.double.desk().calls.len(), asked);
    let long = Event { body: "x".repeat(600_000), ..event.clone() };
    assert!(long.send(&url(&seller)).await.is_ok_and(|status| status == 413));
    let get = reqwest::get(url(&seller)).await.unwrap().status();
    assert_eq!(get, 404, "a webhook is posted");
}

#[tokio::test(flavor = "multi_thread")]
async fn s_36_events_may_come_twice_late_and_in_any_order() {
    let shop = Shop::new().await;
    let seller = shop.open();
    shop.double.desk().expect("POST payment_intents", []);
    let credential = shop.credential(&seller, "pm_usBankAccount").await;
    assert_eq!(shop.present(&seller, &credential).await.unwrap().status(), 503);
    let intent = shop.double.desk().intents.keys().next().unwrap().clone();
    // It succeeds, and the first that is heard of it is older news.
    let (processing, succeeded) = {
        let mut desk = shop.double.desk();
        let before = desk.intents[&intent].clone();
        let processing = desk.event("payment_intent.processing", &before, WEBHOOK_SECRET);
        desk.finish(&intent, true);
        let after = desk.intents[&intent].clone();
        (processing, desk.event("payment_intent.succeeded", &after, WEBHOOK_SECRET))
    };
    for event in [&succeeded, &processing, &succeeded] {
        assert_eq!(event.send(&url(&seller)).await.unwrap(), 200);
    }
    becomes(&seller, "entitled").await;
    assert_eq!(shop.present_until_known(&seller, &credential).await.status(), 200);
    // What was done is known to the next process, too: nothing is asked for it again.
    drop(seller);
    let reborn = shop.open();
    let asked = shop.double.desk().count(&format!("GET payment_intents/{intent}"));
    assert_eq!(succeeded.send(&url(&reborn)).await.unwrap(), 200);
    assert_eq!(shop.double.desk().count(&format!("GET payment_intents/{intent}")), asked);
}
