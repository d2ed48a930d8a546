use farthing_dialects::x402::{EXACT, Network, Requirements, Settled};
use farthing_protocol::{ChargeRequest, Credential, JsonObject, Receipt, Timestamp};
use http::HeaderMap;
use serde_json::Value;

use super::demand::OUTCOMES;
use super::plain::plain;
use super::signed;

/// What a successful answer says became of the payment: its receipt, or why that it was taken is not known.
///
/// A seller that gives what was asked for and says that it took nothing may take it all the same for as long
/// as what was signed is valid; so does one that says nothing.
pub(super) fn told(headers: &HeaderMap, credential: &Credential, now: Timestamp) -> Result<Receipt, String> {
    let mut receipt = None;
    for line in OUTCOMES.iter().flat_map(|name| headers.get_all(*name)) {
        let settled = Settled::from_header(line.as_bytes());
        let settled =
            settled.map_err(|error| format!("what the server says of the payment cannot be read: {error}"))?;
        let accepted = about(&settled, credential)?;
        receipt.get_or_insert(Receipt {
            method: credential.challenge().method().clone(),
            reference: plain(&settled.transaction),
            timestamp: now,
            challenge_id: Some(credential.challenge().id().clone()),
            external_id: None,
            extra: members(&settled, credential, &accepted),
        });
    }
    receipt.ok_or_else(|| "the server says nothing of the payment".to_owned())
}

fn members(settled: &Settled, credential: &Credential, accepted: &Requirements) -> JsonObject {
    let mut members = JsonObject::from_iter([("network".to_owned(), Value::from(plain(&settled.network)))]);
    members.extend(
        payer(credential).map(|payer| signed::receipt(settled, credential, accepted, payer)).into_iter().flatten(),
    );
    members
}

/// Whether it says that this very payment was taken: for this offer.
fn about(settled: &Settled, credential: &Credential) -> Result<Requirements, String> {
    if !settled.success {
        let reason = settled.error_reason.as_deref().map(|reason| format!(" ({})", plain(reason)));
        return Err(format!("the server says that it did not take the payment{}", reason.unwrap_or_default()));
    }
    let accepted = accepted(credential).ok_or("the offer that was paid cannot be read any more")?;
    let other = |what: &str| Err(format!("what the server says of the payment is about another {what}"));
    if Network::read(&settled.network).as_ref() != Some(&accepted.network) {
        return other("network");
    }
    if let Some((theirs, ours)) = settled.payer.as_deref().zip(payer(credential))
        && !theirs.eq_ignore_ascii_case(ours)
    {
        return other("payer");
    }
    let is_exact = accepted.scheme == EXACT;
    if settled.amount.is_some_and(|amount| amount > accepted.amount || (is_exact && amount != accepted.amount)) {
        return other("amount");
    }
    let took_nothing = !is_exact && settled.amount.is_some_and(|amount| amount.is_zero());
    if settled.transaction.is_empty() && !took_nothing {
        return Err("the server says that it took the payment, and names no transaction".to_owned());
    }
    Ok(accepted)
}

fn accepted(credential: &Credential) -> Option<Requirements> {
    let challenge = credential.challenge();
    let request = ChargeRequest::from_object(&challenge.request().decode().ok()?).ok()?;
    Requirements::from_request(challenge.intent().as_str(), &request).ok()
}

/// Whose money the payload moves, where the scheme says so in one of its known ways.
fn payer(credential: &Credential) -> Option<&str> {
    let payload = credential.payload();
    let signed = ["authorization", "permit2Authorization"].iter().find_map(|name| payload.get(*name)?.as_object())?;
    signed.get("from")?.as_str()
}
