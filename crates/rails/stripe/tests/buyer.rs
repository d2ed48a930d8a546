//! The buyer's half against a double of Stripe: a token for exactly what was approved, or none.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code, the helpers of tests included")]

#[path = "support/mod.rs"]
mod support;

use std::sync::Arc;

use farthing_protocol::{Challenge, Credential, JsonObject};
use farthing_rail::{
    Approved, Became, Method as _, NotPayable, Offer, Order, Origin, Payer as _, Quote, Reclaim, Sent, SignError,
    Signer,
};
use farthing_rail_stripe::StripePayer;
use farthing_rail_stripe::buyer::{Funding, Issue};
use farthing_testing_stripe::{AGENT_KEY, SELLER_KEY, SELLER_PROFILE, Trouble};
use serde_json::{Value, json};
use support::{Stage, challenge};

const ISSUE: &str = "POST shared_payment/issued_tokens";

/// A key that signs unless it is frozen.
struct Key {
    is_frozen: bool,
}

impl Signer for Key {
    fn did(&self) -> &str {
        "did:key:z6Mk"
    }

    fn sign(&self, _: &[u8]) -> Result<[u8; 64], SignError> {
        if self.is_frozen { Err(SignError::Key("the wallet is frozen".into())) } else { Ok([0; 64]) }
    }
}

fn payer(stage: &Stage, payment_method: &str, issue: Issue, is_frozen: bool) -> StripePayer {
    let key = if issue == Issue::Issued { AGENT_KEY } else { SELLER_KEY };
    let funding = Funding::new(key, payment_method, issue, "2026-04-22.preview", Some(stage.double.url())).unwrap();
    let now = stage.now();
    StripePayer::new(Arc::new(Key { is_frozen }), Arc::new(move || Ok(funding.clone())), Arc::new(move || now))
}

/// What the seller of this stage asks for.
fn request(stage: &Stage) -> JsonObject {
    let external_id = Some("order-1".to_owned());
    stage.stripe.request(&Order { price: "5 USD".parse().unwrap(), description: None, external_id }).unwrap()
}

fn quote_of(stage: &Stage, payer: &StripePayer, challenge: &Challenge) -> Result<Quote, NotPayable> {
    let origin: Origin = "https://api.example.com".parse().unwrap();
    payer.quote(&Offer { challenge, origin: &origin, amount: None, now: stage.now() })
}

#[expect(clippy::disallowed_methods, reason = "this test stands for the policy")]
fn approved(quote: Quote) -> Approved<Quote> {
    Approved::grant(quote)
}

#[expect(clippy::disallowed_methods, reason = "this test stands for the owner")]
fn reclaim() -> Approved<Reclaim> {
    Approved::grant(Reclaim::Request)
}

async fn pay(stage: &Stage, payer: &StripePayer) -> Result<Credential, SignError> {
    let quote = quote_of(stage, payer, &challenge(&request(stage), "e30")).unwrap();
    payer.sign(approved(quote)).await.map(|signed| signed.credential)
}

fn tokens(stage: &Stage) -> Vec<Value> {
    stage.double.desk().tokens.values().cloned().collect()
}

#[tokio::test]
async fn s_37_a_token_is_for_the_seller_the_amount_and_the_time_of_the_offer() {
    for (issue, count) in [(Issue::Issued, 1), (Issue::TestHelper, 1)] {
        let stage = Stage::new().await;
        let credential = pay(&stage, &payer(&stage, "pm_card_visa", issue, false)).await.unwrap();
        let issued = tokens(&stage);
        assert_eq!(issued.len(), count);
        let expires = stage.now().unix_millis() / 1_000 + 300;
        let limits = json!({ "currency": "usd", "max_amount": 500, "expires_at": expires });
        assert_eq!(
            (&issued[0]["usage_limits"], credential.payload()["spt"].as_str()),
            (&limits, issued[0]["id"].as_str())
        );
        assert_eq!(issued[0]["seller_details"]["network_business_profile"], SELLER_PROFILE);
        assert_eq!(credential.payload()["externalId"], "order-1");
    }
}

#[tokio::test]
async fn s_37_what_the_seller_gets_is_charged_by_the_other_half() {
    let stage = Stage::new().await;
    let payer = payer(&stage, "pm_card_visa", Issue::Issued, false);
    let credential = pay(&stage, &payer).await.unwrap();
    let spt = credential.payload()["spt"].as_str().unwrap().to_owned();
    assert_eq!(payer.became(&credential).await, Became::Unknown);
    assert_eq!(support::word(&stage.settle(&stage.claim_of(&spt)).await), "settled");
    assert_eq!(payer.became(&credential).await, Became::Paid);
}

#[tokio::test]
async fn s_38_quoting_asks_nobody_and_an_offer_that_cannot_be_read_is_not_payable() {
    let stage = Stage::new().await;
    let payer = payer(&stage, "pm_card_visa", Issue::Issued, false);
    let quote = quote_of(&stage, &payer, &challenge(&request(&stage), "e30")).unwrap();
    assert_eq!((quote.cost.to_string().as_str(), quote.payee.as_deref()), ("5 USD", Some(SELLER_PROFILE)));
    for (pointer, value) in [
        ("/methodDetails/networkId", json!("")),
        ("/methodDetails/paymentMethodTypes", json!([])),
        ("/currency", json!("xxx")),
        ("/amount", json!("0")),
    ] {
        let mut object = Value::Object(request(&stage));
        *object.pointer_mut(pointer).unwrap() = value;
        let changed = challenge(object.as_object().unwrap(), "e30");
        assert!(quote_of(&stage, &payer, &changed).is_err(), "{pointer}");
    }
    assert!(stage.double.desk().calls.is_empty());
}

#[tokio::test]
async fn s_39_a_frozen_wallet_and_a_changed_quote_issue_nothing() {
    let stage = Stage::new().await;
    let frozen = payer(&stage, "pm_card_visa", Issue::Issued, true);
    assert!(matches!(pay(&stage, &frozen).await, Err(SignError::Key(_))));
    let payer = payer(&stage, "pm_card_visa", Issue::Issued, false);
    let good = quote_of(&stage, &payer, &challenge(&request(&stage), "e30")).unwrap();
    for changed in [
        Quote { amount: farthing_money::Amount::new(499), ..good.clone() },
        Quote { payee: Some("profile_other".into()), ..good.clone() },
        Quote { cost: "4.99 USD".parse().unwrap(), ..good.clone() },
        Quote { fee: farthing_money::Amount::new(1), ..good.clone() },
    ] {
        assert!(matches!(payer.sign(approved(changed)).await, Err(SignError::Differs(_))));
    }
    assert!(tokens(&stage).is_empty());
}

#[tokio::test]
async fn s_40_a_lost_answer_finds_the_same_token_and_too_many_stay_counted() {
    let stage = Stage::new().await;
    stage.double.desk().expect(ISSUE, [Trouble::LostAfter, Trouble::NotLetIn(429), Trouble::LostAfter]);
    assert!(pay(&stage, &payer(&stage, "pm_card_visa", Issue::Issued, false)).await.is_ok());
    assert_eq!(tokens(&stage).len(), 1);
    let stage = Stage::new().await;
    stage.double.desk().expect(ISSUE, [Trouble::LostAfter; 4]);
    let lost = pay(&stage, &payer(&stage, "pm_card_visa", Issue::Issued, false)).await;
    assert!(matches!(lost, Err(SignError::Unanswered(_))), "{lost:?}");
    let stage = Stage::new().await;
    stage.double.desk().expect(ISSUE, [Trouble::NotLetIn(400)]);
    let refused = pay(&stage, &payer(&stage, "pm_card_visa", Issue::Issued, false)).await;
    assert!(matches!(refused, Err(SignError::Key(_))), "{refused:?}");
}

#[tokio::test]
async fn s_41_a_token_that_needs_its_holder_is_revoked_and_not_handed_out() {
    let stage = Stage::new().await;
    let payer = payer(&stage, "pm_card_threeDSecure2Required", Issue::Issued, false);
    let Err(SignError::Key(sentence)) = pay(&stage, &payer).await else { panic!() };
    assert!(sentence.contains("confirm"), "{sentence}");
    assert_eq!(tokens(&stage)[0]["deactivated_reason"], "revoked");
}

#[tokio::test]
async fn s_42_a_token_that_nobody_used_is_revoked_and_counts_no_more() {
    let stage = Stage::new().await;
    let payer = payer(&stage, "pm_card_visa", Issue::Issued, false);
    let credential = pay(&stage, &payer).await.unwrap();
    assert_eq!(payer.cancel(&credential, reclaim()).await, Sent::Moved);
    assert_eq!(payer.became(&credential).await, Became::Never);
    let spt = credential.payload()["spt"].as_str().unwrap().to_owned();
    assert_eq!(support::word(&stage.settle(&stage.claim_of(&spt)).await), "rejected");
    assert!(!format!("{payer:?}").contains("sk_"));
}
