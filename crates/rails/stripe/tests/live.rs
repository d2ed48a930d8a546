//! The one test that asks Stripe itself, in its test mode. Ignored, and loudly so, without a key:
//!
//! ```sh
//! STRIPE_SECRET_KEY=sk_test_... STRIPE_PROFILE=profile_... \
//!     cargo test -p farthing-rail-stripe --test live -- --ignored --nocapture
//! ```

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code, the helpers of tests included")]

#[path = "support/mod.rs"]
mod support;

use farthing_rail::{Claim, Method as _, Order, PaymentId, Presented, Settlement, Settler as _};
use farthing_rail_stripe::api::{Api, Form, Heard, Place, Version};
use farthing_rail_stripe::seller::{Settings, Spelling};
use farthing_rail_stripe::{Stripe, asset_of};
use serde_json::json;

const VERSION: &str = "2026-04-22.preview";

#[expect(clippy::disallowed_methods, reason = "the one live test is told its key by whoever runs it")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[expect(clippy::disallowed_methods, reason = "Stripe's clock is the real one")]
fn now() -> farthing_protocol::Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    farthing_protocol::Timestamp::from_unix_millis(i64::try_from(since.as_millis()).unwrap())
}

#[tokio::test]
#[ignore = "asks Stripe itself: set STRIPE_SECRET_KEY=sk_test_... and run with --ignored"]
async fn a_test_card_is_charged_once_at_stripe_itself() {
    let Some(key) = variable("STRIPE_SECRET_KEY").filter(|key| key.starts_with("sk_test_")) else {
        panic!("STRIPE_SECRET_KEY is not a key of Stripe's test mode (sk_test_...); nothing was tested");
    };
    let version = Version::parse(&variable("STRIPE_VERSION").unwrap_or_else(|| VERSION.to_owned())).unwrap();
    let api = Api::new(&Place::stripe().unwrap(), &version, &key, None).unwrap();
    let spelling = match variable("STRIPE_TOKEN_PARAMETER") {
        Some(word) => Spelling::named(&word).unwrap(),
        None => Spelling::default(),
    };
    let settings = Settings {
        asset: asset_of("USD").unwrap(),
        network: variable("STRIPE_PROFILE").unwrap_or_else(|| "internal".to_owned()),
        payment_method_types: vec!["card".to_owned()],
        metadata: std::collections::BTreeMap::new(),
        spelling,
        connect: farthing_rail_stripe::seller::Connect::default(),
        fee: farthing_rail::ExpectedFee::NONE,
        floor: None,
        validity: std::time::Duration::from_secs(300),
        statement_from: None,
    };
    let stripe = Stripe::new(settings, api.clone(), version, &key, std::sync::Arc::new(now)).unwrap();

    let ends = now().unix_millis() / 1_000 + 600;
    let form = Form::default()
        .with("payment_method", "pm_card_visa")
        .with("usage_limits[currency]", "usd")
        .with("usage_limits[max_amount]", "500")
        .with("usage_limits[expires_at]", &ends.to_string());
    let heard = api.post("v1/test_helpers/shared_payment/granted_tokens", &form, None).await;
    let Heard::Said(said) = heard else { panic!("Stripe was not reached: {heard:?}") };
    assert!(said.is_success(), "no token: {said}");
    let spt = said.text("/id").unwrap().to_owned();

    let order = Order { price: "5 USD".parse().unwrap(), description: None, external_id: None };
    let object = stripe.request(&order).unwrap();
    let nonce = format!("{ends}{}", now().unix_millis());
    let challenge = support::challenge(&object, &support::nonce(&nonce));
    let payload = json!({ "spt": spt });
    let credential = farthing_protocol::Credential::new(challenge.clone(), payload.as_object().unwrap().clone(), None);
    let request = farthing_protocol::ChargeRequest::from_object(&object).unwrap();
    let proof = stripe.verify(&Presented { credential: &credential, request: &request, now: now() }).unwrap();
    let claim = Claim { payment: PaymentId::answering(&challenge), proof, claimed_at: now() };

    let Settlement::Settled(first) = stripe.settle(&claim).await else { panic!("not settled") };
    let Settlement::Settled(again) = stripe.lookup(&claim).await else { panic!("not found again") };
    assert_eq!(first.reference, again.reference, "the same call is the same PaymentIntent");
    println!("charged once at Stripe's test mode: {}", first.reference);
}
