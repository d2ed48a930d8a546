//! What begins a subscription, and what does not.

use std::sync::Arc;

use farthing_protocol::Timestamp;
use farthing_rail::{Begun, Method as _, Settlement, Settler as _, Subscriptions as _};
use farthing_rail_stripe::StripeSubscriptions;
use farthing_rail_stripe::subscription::period_from;
use serde_json::{Value, json};

use crate::plan::{Plan, SUBSCRIBE};
use crate::support::{Stage, problem, word};

#[tokio::test]
async fn s_48_one_payment_makes_one_customer_one_price_and_one_subscription_of_the_profile() {
    let plan = Plan::monthly().await;
    let (claim, settled) = plan.begun().await;
    let order = plan.stage.double.desk().last_order.clone();
    let said = |name: &str| order.get(name).map(String::as_str);
    assert_eq!(said("collection_method"), Some("charge_automatically"));
    assert_eq!(said("payment_behavior"), Some("error_if_incomplete"));
    assert_eq!(said("proration_behavior"), Some("none"));
    assert_eq!((said("items[0][quantity]"), said("off_session")), (Some("1"), Some("true")));
    let payment = claim.payment.to_string();
    assert_eq!(said("metadata[farthing_payment]"), Some(payment.as_str()));
    let allowed = ["customer", "default_payment_method", "items[0][price]", "items[0][quantity]", "collection_method"];
    let more = ["payment_behavior", "proration_behavior", "off_session", "expand[]"];
    let known = |name: &&String| !allowed.contains(&name.as_str()) && !more.contains(&name.as_str());
    assert!(order.keys().filter(known).all(|name| name.starts_with("metadata[")), "{order:?}");
    assert_eq!((plan.subscriptions().len(), plan.stage.double.desk().billing.customers.len()), (1, 1));

    let invoice = plan.stage.double.desk().billing.invoices[0].clone();
    assert_eq!(settled.reference, invoice["id"].as_str().unwrap());
    let start = invoice["lines"]["data"][0]["period"]["start"].as_i64().unwrap();
    assert_eq!(settled.at, Timestamp::from_unix_millis(start * 1_000));
    assert_eq!(settled.fee.units(), 45);
    let members = plan.seller.members(Begun { claim: &claim, settled: &settled });
    assert_eq!(members["stripeSubscription"], plan.only());
    assert!(members["subscriptionId"].as_str().is_some_and(|id| id.len() == 22 && !id.contains('=')));
}

#[tokio::test]
async fn s_48_a_second_subscription_at_the_price_uses_the_same_price_and_its_payer_s_customer() {
    let plan = Plan::monthly().await;
    plan.begun().await;
    let customer = plan.stage.double.desk().billing.customers.keys().next().unwrap().clone();
    let again = plan.claim_of("pm_card_visa", Some(&customer));
    assert_eq!(word(&plan.seller.settle(&again).await), "settled");
    let desk = plan.stage.double.desk();
    assert_eq!((desk.billing.prices.len(), desk.billing.customers.len(), desk.billing.subscriptions.len()), (1, 1, 2));
}

#[tokio::test]
async fn s_49_another_payer_s_customer_is_refused_and_nothing_is_made() {
    let plan = Plan::monthly().await;
    let other = json!({ "id": "cus_other", "metadata": { "farthing_payer": "did:key:z6MkOther" } });
    plan.stage.double.desk().billing.customers.insert("cus_other".into(), other);
    for customer in ["cus_other", "cus_nobody"] {
        let claim = plan.claim_of("pm_card_visa", Some(customer));
        let settlement = plan.seller.settle(&claim).await;
        assert_eq!(problem(&settlement), "verification-failed", "{customer}");
    }
    assert_eq!(plan.stage.double.desk().count(SUBSCRIBE), 0);
}

#[tokio::test]
async fn s_49_a_payment_method_that_cannot_be_billed_later_is_refused_before_anything_is_made() {
    let plan = Plan::monthly().await;
    let elsewhere = json!({ "id": "pm_held", "type": "card", "customer": "cus_other" });
    plan.stage.double.desk().billing.methods.insert("pm_held".into(), elsewhere);
    for method in ["pm_usBankAccount", "pm_missing", "pm_held"] {
        let settlement = plan.seller.settle(&plan.claim(method)).await;
        assert_eq!(problem(&settlement), "verification-failed", "{method}");
    }
    assert!(plan.subscriptions().is_empty());
}

#[tokio::test]
async fn s_50_a_first_invoice_that_is_not_paid_at_once_begins_nothing() {
    for (method, expected) in [
        ("pm_card_chargeDeclined", "verification-failed"),
        ("pm_card_authenticationRequired", "payment-action-required"),
        ("pm_card_Slow", "payment-action-required"),
    ] {
        let plan = Plan::monthly().await;
        let settlement = plan.seller.settle(&plan.claim(method)).await;
        assert_eq!(problem(&settlement), expected, "{method}");
        let Settlement::Rejected(rejected) = settlement else { panic!() };
        assert!(!rejected.refusal.detail.contains("decline_code"));
        let desk = plan.stage.double.desk();
        let alive = desk.billing.subscriptions.values().filter(|each| each["status"] != "canceled").count();
        let open = desk.billing.invoices.iter().filter(|each| each["status"] == "open").count();
        assert_eq!((alive, open), (0, 0), "{method}: nothing is left that could be paid later");
    }
}

#[tokio::test]
async fn s_51_whoever_does_not_sign_for_this_challenge_begins_nothing() {
    let plan = Plan::monthly().await;
    let request = plan.order();
    let refused = |payload, source| plan.present(&request, payload, source).unwrap_err();
    let unsigned = json!({ "paymentMethod": "pm_card_visa" }).as_object().unwrap().clone();
    assert!(refused(unsigned, Some(plan.did())).detail.contains("signature"));
    assert!(refused(plan.foreign_payload(), Some(plan.did())).detail.contains("signature"));
    assert!(refused(plan.foreign_payload(), None).detail.contains("source"));
    let token = json!({ "spt": "spt_1" }).as_object().unwrap().clone();
    assert!(refused(token, Some(plan.did())).detail.contains("Shared Payment Token"));
    assert!(plan.stage.double.desk().calls.is_empty(), "verifying asks nobody");
}

#[tokio::test]
async fn s_51_a_request_for_another_profile_or_period_is_not_this_seller_s() {
    let plan = Plan::monthly().await;
    for (pointer, value) in [
        ("/methodDetails/networkId", json!("profile_other")),
        ("/currency", json!("eur")),
        ("/periodUnit", json!("year")),
        ("/periodCount", json!("37")),
    ] {
        let mut object = Value::Object(plan.order());
        *object.pointer_mut(pointer).unwrap() = value;
        let Value::Object(request) = object else { panic!() };
        assert!(plan.present(&request, plan.foreign_payload(), Some(plan.did())).is_err(), "{pointer}");
    }
}

#[tokio::test]
async fn s_52_a_subscription_that_is_not_what_was_ordered_settles_nothing() {
    for (what, change) in [
        ("amount", (|invoice: &mut Value| invoice["amount_paid"] = 499.into()) as fn(&mut Value)),
        ("currency", |invoice| invoice["currency"] = "eur".into()),
        ("lines", |invoice| {
            let line = invoice["lines"]["data"][0].clone();
            invoice["lines"]["data"].as_array_mut().unwrap().push(line);
        }),
        ("discount", |invoice| invoice["discounts"] = json!(["di_1"])),
        ("tax", |invoice| invoice["total_taxes"] = json!([{ "amount": 1 }])),
        ("credit", |invoice| invoice["starting_balance"] = (-5).into()),
        ("proration", |invoice| {
            invoice["lines"]["data"][0]["parent"]["subscription_item_details"]["proration"] = true.into();
        }),
        ("another subscription", |invoice| {
            invoice["parent"]["subscription_details"]["subscription"] = "sub_other".into();
        }),
    ] {
        let plan = Plan::monthly().await;
        plan.stage.double.desk().expect(SUBSCRIBE, [farthing_testing_stripe::Trouble::LostAfter]);
        let claim = plan.claim("pm_card_visa");
        assert_eq!(word(&plan.seller.settle(&claim).await), "unknown");
        plan.change_last(change);
        let settlement = plan.seller.lookup(&claim).await;
        assert_eq!(word(&settlement), "unknown", "{what}: {settlement:?}");
    }
}

#[tokio::test]
async fn s_53_what_stripe_cannot_bill_exactly_is_refused_when_the_gateway_starts() {
    let stage = Stage::new().await;
    let over = |lines: &str| {
        let month = period_from("1 month").unwrap();
        StripeSubscriptions::over(Arc::new(stage.again(lines)), month).unwrap_err().to_string()
    };
    assert!(over("payment_method_types = [\"card\", \"us_bank_account\"]").contains("off session"));
    let split = "connect = { application_fee_amount = 10, transfer_data = { destination = \"acct_9\" } }";
    assert!(over(split).contains("connect"));
    let plan = Plan::monthly().await;
    let below = farthing_rail::Order { price: "0.10 USD".parse().unwrap(), description: None, external_id: None };
    assert!(plan.seller.request(&below).is_err());
}
