//! Where drafts and SDKs contradict each other or themselves.

use farthing_testing_stripe::SELLER_PROFILE;
use serde_json::{Value, json};

use crate::support::{Stage, word};

const VECTORS: &str = include_str!("../vectors/stripe-external-id-binding.json");

fn spt() -> Value {
    json!({ "spt": "spt_1" })
}

#[tokio::test]
async fn s_18_the_seller_s_reference_is_what_the_request_binds() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let scenarios = vectors["data"]["scenarios"].as_array().unwrap();
    assert_eq!(scenarios.len(), 5);
    for scenario in scenarios {
        let stage = Stage::new().await;
        let (input, name) = (&scenario["input"], scenario["name"].as_str().unwrap());
        let verified = stage.verify(&input["payload"], input["request"]["externalId"].as_str());
        // A replay is refused by our own record and not by Stripe's header: see s_06 and the gateway's tests.
        let replayed = input["paymentIntent"]["replayed"] == true;
        if scenario["expected"]["ok"] == true || replayed {
            assert!(verified.is_ok(), "{name}");
        } else {
            assert_eq!(scenario["expected"]["errorType"], "invalid_challenge");
            assert_eq!(verified.unwrap_err().problem.slug(), "invalid-challenge", "{name}");
        }
    }
}

#[tokio::test]
async fn s_19_a_request_without_the_details_that_the_table_requires_is_refused() {
    let stage = Stage::new().await;
    for details in [
        json!({}),
        json!({ "networkId": SELLER_PROFILE }),
        json!({ "paymentMethodTypes": ["card"] }),
        json!({ "networkId": "profile_other", "paymentMethodTypes": ["card"] }),
    ] {
        let request = json!({ "amount": "500", "currency": "usd", "methodDetails": details });
        let refused = stage.present(request.as_object().unwrap(), &spt()).unwrap_err();
        assert_eq!(refused.problem.slug(), "verification-failed", "{details}");
    }
}

#[tokio::test]
async fn s_21_the_token_is_called_as_the_configuration_says() {
    for (lines, version) in [
        ("", "2026-04-22.preview"),
        ("token_parameter = \"top_level\"\nversion = \"2026-07-29.preview\"\n", "2026-07-29.preview"),
    ] {
        let stage = Stage::with(lines).await;
        let (claim, _) = stage.settled().await;
        let desk = stage.double.desk();
        assert_eq!(desk.last_version.as_deref(), Some(version));
        assert_eq!(desk.last_order["metadata[farthing_payment]"], claim.payment.to_string());
        assert!(desk.last_order.contains_key("metadata[challenge_id]"));
        assert_eq!(desk.last_order["automatic_payment_methods[allow_redirects]"], "never");
    }
}

#[tokio::test]
async fn s_22_connect_is_the_seller_s_alone() {
    let lines = "[connect]\non_behalf_of = \"acct_1\"\napplication_fee_amount = 100\n\
                 transfer_data = { destination = \"acct_2\" }\n";
    let stage = Stage::with(lines).await;
    let (_, settled) = stage.settled().await;
    assert_eq!(settled.passed_on.units(), 400);
    let order = stage.double.desk().last_order.clone();
    assert_eq!(order["on_behalf_of"], "acct_1");
    assert_eq!(order["transfer_data[destination]"], "acct_2");
    // What a client adds is not looked at.
    let spt = stage.double.token("pm_card_visa", 500);
    let payload = json!({ "spt": spt, "transfer_data": { "destination": "acct_thief" }, "application_fee_amount": 0 });
    let (payment, proof) = stage.verify(&payload, None).unwrap();
    let claim = farthing_rail::Claim { payment, proof, claimed_at: stage.now() };
    assert_eq!(word(&stage.settle(&claim).await), "settled");
    assert_eq!(stage.double.desk().last_order["transfer_data[destination]"], "acct_2");
}

#[tokio::test]
async fn s_23_one_token_is_one_payment_whatever_the_challenge() {
    let stage = Stage::new().await;
    let (first, second) = (stage.claim_of("spt_1"), {
        stage.double.token("pm_card_visa", 1);
        stage.claim_of("spt_1")
    });
    assert_ne!(first.payment, second.payment);
    assert_eq!(first.proof.key, second.proof.key);
    assert!(first.proof.key.as_str().starts_with("stripe/spt/") && !first.proof.key.as_str().contains("spt_1"));
}

#[tokio::test]
async fn s_24_a_token_stands_neither_in_what_is_kept_nor_in_what_is_shown() {
    let stage = Stage::new().await;
    let claim = stage.claim_of("spt_1SecretToken");
    let shown = format!("{claim:?} {:?} {}", stage.stripe, String::from_utf8_lossy(&claim.proof.kept));
    assert!(!shown.contains("SecretToken") && !shown.contains("sk_test"), "{shown}");
    for payload in [json!({}), json!({ "spt": "sk_live_Mistake" }), json!({ "spt": 7 })] {
        let refused = stage.verify(&payload, None).unwrap_err();
        assert_eq!(refused.problem.slug(), "invalid-payload");
        assert!(!refused.detail.contains("Mistake"), "{}", refused.detail);
    }
}
