//! Asking Stripe for a token, what became of it, and taking it back.

use std::time::Duration;

use farthing_protocol::Timestamp;
use farthing_rail::{Became, Quote, Sent, SignError};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Funding, Issue};
use crate::api::{Api, Form, Heard, Said};
use crate::{Spt, StripeRequest};

const ISSUED: &str = "v1/shared_payment/issued_tokens";
const HELPER: &str = "v1/test_helpers/shared_payment/granted_tokens";
/// So often an answer that was lost is asked for again, under the same key.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(300);
/// Clocks differ; a token is over a while after its end.
const OVER: Duration = Duration::from_secs(60);

/// A token for this quote and no more. What is not known after several attempts says so: the token may exist.
pub(super) async fn issue(
    funding: &Funding,
    api: &Api,
    quote: &Quote,
    request: &StripeRequest,
    end: Timestamp,
) -> Result<Spt, SignError> {
    let ends = end.unix_millis().div_euclid(1_000);
    let form = Form::default()
        .with("payment_method", funding.payment_method())
        .with("usage_limits[currency]", &quote.asset.code().to_ascii_lowercase())
        .with("usage_limits[max_amount]", &quote.amount.to_string())
        .with("usage_limits[expires_at]", &ends.to_string());
    let (path, form) = match funding.issue() {
        Issue::Issued => (ISSUED, form.with("seller_details[network_business_profile]", &request.network)),
        Issue::TestHelper => (HELPER, form),
    };
    let key = key_of(quote, funding);
    let mut last = "no answer";
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            tokio::time::sleep(PAUSE * attempt).await;
        }
        match api.post(path, &form, Some(&key)).await {
            Heard::Said(said) if said.is_success() => return token(api, quote, ends, &said).await,
            Heard::Said(said) if matches!(said.status, 409 | 429 | 500..) => last = "no answer that counts",
            Heard::Said(said) => return Err(SignError::Key(format!("Stripe issues no token: {said}"))),
            Heard::Unreached if attempt == 0 => return Err(SignError::Key("Stripe cannot be reached".to_owned())),
            Heard::Unreached => last = "no answer",
            Heard::Nothing(what) => last = what,
        }
    }
    Err(SignError::Unanswered(format!("Stripe gave {last}")))
}

/// The same for the same quote and payment method, so that an attempt whose answer was lost is found again.
fn key_of(quote: &Quote, funding: &Funding) -> String {
    let mut hasher = Sha256::new();
    for part in
        ["farthing/stripe/issue/1", quote.challenge.id().as_str(), quote.origin.as_str(), funding.payment_method()]
    {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    let hash: [u8; 32] = hasher.finalize().into();
    format!("farthing_{}", hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// Reads back what was issued: a token that could do more than was approved is revoked and not handed out.
async fn token(api: &Api, quote: &Quote, ends: i64, said: &Said) -> Result<Spt, SignError> {
    let id = said.text("/id").and_then(|id| Spt::parse(id).ok());
    let spt = id.ok_or_else(|| SignError::Differs("Stripe issued something that is no token".to_owned()))?;
    let number = |pointer: &str| said.body.pointer(pointer).and_then(Value::as_i64);
    let currency = said.text("/usage_limits/currency");
    let is_exact = number("/usage_limits/max_amount").and_then(|most| u128::try_from(most).ok())
        == Some(quote.amount.units())
        && currency.is_some_and(|currency| currency.eq_ignore_ascii_case(quote.asset.code()))
        && number("/usage_limits/expires_at").is_some_and(|expires| expires <= ends);
    if is_exact && said.text("/status") != Some("requires_action") {
        return Ok(spt);
    }
    revoke(api, &spt).await;
    if is_exact {
        let sentence = "the card's bank wants its holder to confirm; do so at Stripe, or pay by other means";
        return Err(SignError::Key(sentence.to_owned()));
    }
    Err(SignError::Differs("the token that Stripe issued is good for more; it was revoked".to_owned()))
}

/// What became of a token, as Stripe tells whoever issued it.
pub(super) async fn became(api: &Api, spt: &Spt, now: Timestamp) -> Became {
    match api.get(&format!("{ISSUED}/{}", spt.reveal()), &Form::default()).await {
        Heard::Said(said) if said.is_success() => standing(&said, now),
        _ => Became::Unknown,
    }
}

fn standing(said: &Said, now: Timestamp) -> Became {
    let number = |pointer: &str| said.body.pointer(pointer).and_then(Value::as_i64);
    let captured = number("/usage_details/amount_captured/value");
    let reason = said.text("/deactivated_reason");
    if captured.is_some_and(|captured| captured > 0) || reason == Some("consumed") {
        return Became::Paid;
    }
    let ended = number("/usage_limits/expires_at").and_then(|seconds| seconds.checked_mul(1_000));
    let is_over = ended.is_some_and(|ended| Timestamp::from_unix_millis(ended).after(OVER) <= now);
    let is_off = number("/deactivated_at").is_some();
    // Without a word on what was captured, not even an end says that nothing was.
    if captured == Some(0) && (is_over || is_off) { Became::Never } else { Became::Unknown }
}

/// Takes a token back, unless it was used.
pub(super) async fn cancel(api: &Api, spt: &Spt, now: Timestamp) -> Sent {
    revoke(api, spt).await;
    match became(api, spt, now).await {
        Became::Never | Became::Paid => Sent::Moved,
        Became::Unknown => Sent::Unknown("Stripe does not say whether the token is revoked; try again".to_owned()),
    }
}

async fn revoke(api: &Api, spt: &Spt) {
    let heard = api.post(&format!("{ISSUED}/{}/revoke", spt.reveal()), &Form::default(), None).await;
    if !matches!(&heard, Heard::Said(said) if said.is_success()) {
        tracing::warn!(?heard, "Stripe did not revoke a token");
    }
}
