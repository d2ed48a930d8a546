//! A payment that nobody signed: what the server, and the facilitator behind it, make of one.

use std::time::Duration;

use farthing_dialects::x402::code::{fault_of, sentence_of};
use farthing_dialects::x402::model::{Purchase, nonce};
use farthing_dialects::x402::{PaymentPayload, PriceList, Requirements, Settled, UPTO, Version};
use farthing_protocol::{Challenge, Credential, JsonObject, Realm, Timestamp};
use farthing_rail::Fault;
use http::{HeaderName, HeaderValue};
use serde_json::{Value, json};
use url::Url;

use super::super::answer::Answer;
use super::super::finding::Finding;

const LAYER: &str = "facilitator";
/// An account that nobody has the key of.
const NOBODY: &str = "0x000000000000000000000000000000000000dEaD";

/// A header with a payment for the first entry that can be paid: of the right form, from nobody's account,
/// under a signature that is not that account's. It can move nothing.
pub(in super::super) fn unsigned(
    list: &PriceList,
    url: &Url,
    method: &http::Method,
    now: Timestamp,
) -> Option<(HeaderName, HeaderValue)> {
    let realm = Realm::read(url.host_str()?).ok()?;
    let offers = list.offers(&Purchase {
        method: method.as_str(),
        url: url.as_str(),
        digest: None,
        realm: &realm,
        now,
        longest: Duration::from_secs(120),
        salt: &[0; 16],
    });
    let (offer, challenge) = list.entries.iter().zip(offers).find_map(|(entry, challenge)| {
        let offer = entry.offer.as_ref().ok().filter(|offer| offer.network.evm_chain().is_some())?;
        Some((offer, challenge.ok()?))
    })?;
    let payload = payload(offer, &challenge)?;
    let payment = PaymentPayload::of(&Credential::new(challenge, payload, None)).ok()?;
    let mut value = HeaderValue::from_str(&payment.to_header()).ok()?;
    value.set_sensitive(true);
    Some((HeaderName::from_static(payment.version.payment_header()), value))
}

fn payload(offer: &Requirements, challenge: &Challenge) -> Option<JsonObject> {
    let nonce: String = nonce(challenge)?.iter().map(|byte| format!("{byte:02x}")).collect();
    let ends = challenge.expires()?.unix_millis().div_euclid(1000).to_string();
    // r and s of one: a signature by form, by whom cannot be said but not by nobody.
    let one = format!("{:064x}", 1);
    let signature = format!("0x{one}{one}1b");
    let told = |member: &str| offer.extra.get(member).and_then(Value::as_str);
    let payload = if offer.scheme == UPTO || told("assetTransferMethod") == Some("permit2") {
        let mut witness = json!({ "to": offer.pay_to, "validAfter": "0" });
        if let Some(facilitator) = told("facilitatorAddress") {
            witness["facilitator"] = facilitator.into();
        }
        let permitted = json!({ "token": offer.asset, "amount": offer.amount.to_string() });
        json!({ "signature": signature, "permit2Authorization": {
            "permitted": permitted, "from": NOBODY, "spender": NOBODY, "nonce": format!("0x{nonce}"),
            "deadline": ends, "witness": witness,
        } })
    } else {
        json!({ "signature": signature, "authorization": {
            "from": NOBODY, "to": offer.pay_to, "value": offer.amount.to_string(), "validAfter": "0",
            "validBefore": ends, "nonce": format!("0x{nonce}"),
        } })
    };
    payload.as_object().cloned()
}

/// What the answer to it means. `unpaid` is what was said to a request without a payment.
pub(in super::super) fn judge(answer: &Answer, unpaid: Option<&str>) -> Finding {
    let words = words(answer);
    let said = words.as_deref().map(sentence_of);
    match answer.status {
        200..=299 => Finding::broken(
            LAYER,
            format!("{} to a payment that nobody signed", answer.status),
            "verify and settle before the response goes out: as it is, everything here is free",
        ),
        402 | 400 => match words.as_deref() {
            Some(code) if Some(code) != unpaid => refused(code),
            _ => Finding::weak(
                LAYER,
                "an unsigned payment is refused without a reason",
                "pass the facilitator's reason on in error, so that a buyer can mend what is wrong",
            ),
        },
        500..=599 => Finding::broken(
            LAYER,
            format!(
                "{} to an unsigned payment{}",
                answer.status,
                said.map(|said| format!(": {said}")).unwrap_or_default()
            ),
            "see whether the facilitator is up, and whether it settles this scheme on this network (GET /supported)",
        ),
        other => Finding::weak(
            LAYER,
            format!("{other} to an unsigned payment"),
            "answer 402 with a fresh price list and the reason in error",
        ),
    }
}

/// A reason that is not about the signature or the empty account says what would stop a good payment too.
fn refused(code: &str) -> Finding {
    let sentence = sentence_of(code);
    let broken = |layer, remedy: &str| Finding::broken(layer, sentence.clone(), remedy);
    match fault_of(code) {
        Some(Fault::Domain) => broken("domain", "make extra.name and extra.version those of the token's contract"),
        Some(Fault::Network) => broken("network", "use a facilitator that settles on this network (GET /supported)"),
        Some(Fault::ContractMissing | Fault::Asset | Fault::OfferUnknown) => {
            broken(LAYER, "compare the offer with what the facilitator supports (GET /supported)")
        }
        Some(_) => Finding::good(LAYER, format!("an unsigned payment is refused: {sentence}")),
        None if matches!(
            code,
            "unsupported_scheme" | "unsupported_chain" | "invalid_scheme" | "invalid_x402_version"
        ) =>
        {
            broken(LAYER, "use a facilitator that supports this scheme, network and version (GET /supported)")
        }
        None if code.starts_with("unexpected") => {
            Finding::weak(LAYER, sentence, "see the facilitator's log: it failed where it should have refused")
        }
        None => Finding::good(LAYER, format!("an unsigned payment is refused: {sentence}")),
    }
}

/// Why it was not taken, in the words that came: of the outcome, of the price list, of the body.
pub(in super::super) fn words(answer: &Answer) -> Option<String> {
    let versions = [Version::V2, Version::V1];
    let outcomes = versions.iter().filter_map(|version| answer.headers.get(version.outcome_header()));
    let settled = outcomes.filter_map(|line| Settled::from_header(line.as_bytes()).ok()?.error_reason).next();
    let listed = || super::find(answer)?.list?.error;
    let body = || {
        let body: Value = serde_json::from_slice(&answer.body).ok()?;
        let members = ["errorReason", "invalidReason", "error"];
        members.iter().find_map(|member| body.get(member)?.as_str().map(str::to_owned))
    };
    settled.or_else(listed).or_else(body).filter(|words| !words.is_empty())
}
