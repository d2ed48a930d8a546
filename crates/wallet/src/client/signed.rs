//! What a server signed of an offer and of a payment, and whose word that is.

use std::time::Duration;

use farthing_dialects::x402::extension::offer_receipt::{self, Proof, Receipt, Signed};
use farthing_dialects::x402::{PaymentPayload, PriceList, Requirements, Settled};
use farthing_keys::account_of;
use farthing_protocol::{Credential, JsonObject, Timestamp};
use serde_json::Value;

/// How far a server's clock may be behind.
const SKEW: Duration = Duration::from_secs(60);

/// The accounts that signed an entry of a price list; none where it is not signed, or by a key that only its
/// owner's site could tell. Which account may sign for a site is for the policy to say.
pub(super) fn signers(
    list: &PriceList,
    entry: &Requirements,
    asked_url: &str,
    now: Timestamp,
) -> Result<Vec<String>, String> {
    let offers = list.signed_offers(entry, asked_url, now).map_err(|reason| reason.to_string())?;
    let mut signers = Vec::new();
    let mut is_forged = false;
    for offer in &offers {
        if let Proof::Typed { message, signature } = offer.proof() {
            match account_of(message, signature) {
                Some(account) => signers.push(account),
                None => is_forged = true,
            }
        }
    }
    if is_forged { Err("the signature of the signed offer is nobody's".to_owned()) } else { Ok(signers) }
}

/// The members in which a receipt keeps what the server signed of this payment, and who that was; none where
/// it signed nothing, or what is about another payment.
pub(super) fn receipt(settled: &Settled, credential: &Credential, accepted: &Requirements, payer: &str) -> JsonObject {
    let Some(signed) = offer_receipt::receipt(&settled.extensions) else { return JsonObject::new() };
    let Some((signed, signer)) = signed.ok().and_then(|signed| proven(signed, credential, accepted, payer)) else {
        tracing::warn!("the server signed a receipt that is not of this payment; it is not kept");
        return JsonObject::new();
    };
    let mut members = JsonObject::from_iter([("signedReceipt".to_owned(), Value::Object(signed.to_object()))]);
    members.extend(signer.map(|signer| ("signedBy".to_owned(), signer.into())));
    members
}

fn proven(
    signed: Signed<Receipt>,
    credential: &Credential,
    accepted: &Requirements,
    payer: &str,
) -> Option<(Signed<Receipt>, Option<String>)> {
    let resource = PaymentPayload::of(credential).ok()?.resource?;
    let resource = resource.get("url")?.as_str()?;
    // No payment is older than its own validity.
    let valid = Duration::from_secs(accepted.max_timeout_seconds).saturating_add(SKEW);
    let end = credential.challenge().expires()?.unix_millis();
    let since = end.saturating_sub(i64::try_from(valid.as_millis()).ok()?);
    if !signed.statement().is_of(resource, &accepted.network, payer, Timestamp::from_unix_millis(since)) {
        return None;
    }
    let signer = match signed.proof() {
        Proof::Typed { message, signature } => Some(account_of(message, signature)?),
        _ => None,
    };
    Some((signed, signer))
}
