//! One function per parser of x402. Each takes any bytes, must not panic, and checks that what was read can be
//! written and read again as the same value.

use std::time::Duration;

use farthing_dialects::x402::code::{fault_of, sentence_of};
use farthing_dialects::x402::extension::offer_receipt::{Offer, Receipt, Signed, Statement};
use farthing_dialects::x402::extension::{bazaar, check_echo, offer_receipt, payment_identifier};
use farthing_dialects::x402::facilitator::{CatalogueItem, FacilitatorRequest, Supported};
use farthing_dialects::x402::model::{Purchase, nonce};
use farthing_dialects::x402::{Malformed, Network, PaymentPayload, PaymentRequired, PriceList, Settled, Verified};
use farthing_protocol::json::parse_object;
use farthing_protocol::{Credential, JsonObject, Realm, Timestamp};
use serde_json::Value;

/// Takes any bytes.
pub type EntryPoint = fn(&[u8]);

/// Every entry point by name.
pub const ALL: [(&str, EntryPoint); 5] = [
    ("x402_facilitator", facilitator),
    ("x402_offer_receipt", offer_receipt),
    ("x402_outcome", outcome),
    ("x402_payment", payment),
    ("x402_price_list", price_list),
];

/// `PAYMENT-REQUIRED`, the body of a 402, and what a client makes of them.
pub fn price_list(data: &[u8]) {
    for list in [PriceList::from_header(data), PriceList::from_body(data)].into_iter().flatten() {
        let realm = Realm::new("example.com").expect("a host is a realm");
        let url = list.entries.first().map(|entry| entry.resource.url.clone()).unwrap_or_default();
        let offers = list.offers(&Purchase {
            method: "GET",
            url: &url,
            digest: None,
            realm: &realm,
            now: Timestamp::from_unix_millis(1_760_000_000_000),
            longest: Duration::from_secs(120),
            salt: &[7; 16],
        });
        assert_eq!(offers.len(), list.entries.len() + usize::from(list.unread > 0), "none is dropped in silence");
        for challenge in offers.into_iter().flatten() {
            assert!(nonce(&challenge).is_some(), "an offer's id is a nonce");
            let credential = Credential::new(challenge, JsonObject::new(), None);
            let sent = PaymentPayload::of(&credential).expect("an offer can be answered");
            check_echo(&list.extensions, &sent.extensions).expect("what was told is echoed");
            assert!(read_back(&sent.to_header(), PaymentPayload::from_header, &sent));
        }
        let required = PaymentRequired::from(list);
        let first = PaymentRequired { error: None, ..required.clone() };
        let _ = PaymentRequired::from_body(Value::Object(first.to_first_version()).to_string().as_bytes());
        let second = PaymentRequired { version: farthing_dialects::x402::Version::V2, ..required };
        assert!(
            second.resource.url.is_empty() || read_back(&second.to_header(), PaymentRequired::from_header, &second)
        );
    }
}

/// `PAYMENT-SIGNATURE`, `X-PAYMENT`; also the JSON inside.
pub fn payment(data: &[u8]) {
    for payment in [PaymentPayload::from_header(data), PaymentPayload::from_json(data)].into_iter().flatten() {
        assert!(read_back(&payment.to_header(), PaymentPayload::from_header, &payment));
        assert!(!format!("{payment:?}").contains("payload:"), "a payment is not shown");
        let _ = (payment_identifier::id(&payment.extensions), bazaar::listed(&payment.extensions));
        if let farthing_dialects::x402::Answers::Offer(accepted) = &payment.answers {
            let offer = accepted.offer();
            assert_eq!(payment.answered(std::slice::from_ref(offer)), Some(0));
            let _ = payment.check_binding("GET", "https://example.com/", None, offer);
            let realm = Realm::new("example.com").expect("a host is a realm");
            if let Ok(credential) = payment.to_credential(offer, &realm, &[1; 32], None) {
                assert_eq!(credential.payload(), &payment.payload);
            }
        }
    }
}

/// `PAYMENT-RESPONSE` and the answers of a facilitator.
pub fn outcome(data: &[u8]) {
    for settled in [Settled::from_header(data), Settled::from_json(data)].into_iter().flatten() {
        assert!(read_back(&settled.to_header(), Settled::from_header, &settled));
        let _ = settled.error_reason.as_deref().map(|code| (fault_of(code), sentence_of(code)));
    }
    if let Ok(verified) = Verified::from_json(data) {
        let written = Value::Object(verified.to_object()).to_string();
        assert!(read_back(&written, Verified::from_json, &verified));
    }
    if let Ok(supported) = Supported::from_json(data) {
        let written = Value::Object(supported.to_object()).to_string();
        // A kind of version 1 may have been written with a name that only version 2 has.
        let read = Supported::from_json(written.as_bytes());
        assert!(read.is_ok_and(|read| read.kinds.len() <= supported.kinds.len()));
    }
    if let Ok(item) = parse_object(data).map_err(drop).and_then(|item| CatalogueItem::read(&item).map_err(drop)) {
        let _ = CatalogueItem::read(&item.to_object()).map(|read| assert_eq!(read.resource, item.resource));
    }
    let _ = Network::read(&String::from_utf8_lossy(data)).map(|network| {
        assert_eq!(Network::read(network.as_str()), Some(network));
    });
}

/// The body of `/verify` and `/settle`.
pub fn facilitator(data: &[u8]) {
    let Ok(request) = FacilitatorRequest::from_json(data) else { return };
    if let Some(written) = request.to_object() {
        let written = Value::Object(written).to_string();
        let read = FacilitatorRequest::from_json(written.as_bytes());
        assert!(read.is_err() || read.is_ok_and(|read| read.requirements == request.requirements));
    }
    let _ = request.is_answered();
}

/// A signed offer and a signed receipt.
pub fn offer_receipt(data: &[u8]) {
    let Ok(signed) = parse_object(data) else { return };
    signed_one::<Offer>(&signed);
    signed_one::<Receipt>(&signed);
    let _ = (offer_receipt::offers(&signed), offer_receipt::receipt(&signed));
}

fn signed_one<S: Statement + Clone + PartialEq + std::fmt::Debug>(object: &JsonObject) {
    if let Ok(signed) = Signed::<S>::read(&Value::Object(object.clone())) {
        let written = Value::Object(signed.to_object());
        assert_eq!(Signed::<S>::read(&written).as_ref(), Ok(&signed));
        assert_eq!(S::read(&signed.statement().to_object()).as_ref(), Ok(signed.statement()));
        assert_eq!(S::read(&signed.statement().to_typed_object()).as_ref(), Ok(signed.statement()));
    }
}

/// Whether what was written reads back as it was, or has grown beyond what is read: an escape may.
fn read_back<T: PartialEq>(written: &str, read: fn(&[u8]) -> Result<T, Malformed>, value: &T) -> bool {
    match read(written.as_bytes()) {
        Ok(again) => again == *value,
        Err(reason) => matches!(reason, Malformed::TooLong { .. }),
    }
}
