//! What became of a payment, in x402's words.

use farthing_books::PaymentRecord;
use farthing_dialects::x402::extension::offer_receipt::{self, Receipt, Signed};
use farthing_dialects::x402::{Network, Settled, Version};
use farthing_rail::Capture;
use http::HeaderMap;
use http::header::HeaderValue;

use super::outcome_header;
use crate::route::{Offer, Paid};

/// Says that a payment was made, with the signed receipt of it where version 1 does not forbid that.
pub(crate) fn succeeded(
    headers: &mut HeaderMap,
    version: Version,
    paid: &Paid,
    record: &PaymentRecord,
    receipt: Option<Signed<Receipt>>,
) {
    let Some((offer, network)) = offered(paid, record) else { return };
    let is_open = offer.acceptor.terms().capture == Capture::Actual;
    let reference = record.reference.as_deref().unwrap_or_default();
    let amount = is_open.then_some(record.amount);
    let mut settled = Settled::paid(reference, network, payer(record), amount);
    if let Some(receipt) = receipt.filter(|_| version == Version::V2) {
        settled.extensions.insert(offer_receipt::NAME.to_owned(), offer_receipt::acknowledgement(&receipt));
    }
    put(headers, version, settled);
}

/// Says that a payment was not made, with the code of the reason.
pub(crate) fn failed(headers: &mut HeaderMap, version: Version, paid: &Paid, record: &PaymentRecord, code: &str) {
    if let Some((_, network)) = offered(paid, record) {
        put(headers, version, Settled::failed(code, network, payer(record)));
    }
}

fn put(headers: &mut HeaderMap, version: Version, settled: Settled) {
    if let Ok(mut value) = HeaderValue::try_from(settled.in_version(version).to_header()) {
        value.set_sensitive(true);
        headers.insert(outcome_header(version), value);
    }
}

/// The offer that a payment answered, and its network.
pub(super) fn offered<'a>(paid: &'a Paid, record: &PaymentRecord) -> Option<(&'a Offer, &'a Network)> {
    let offer = paid.offer_of(record)?;
    offer.requirements().map(|requirements| (offer, &requirements.network))
}

/// The payer's bare address: x402 names the network beside it.
pub(super) fn payer(record: &PaymentRecord) -> Option<&str> {
    let payer = record.payer.as_ref()?.as_str();
    Some(if payer.starts_with("did:pkh:") { payer.rsplit(':').next().unwrap_or(payer) } else { payer })
}
