//! One function per parser. Each takes any bytes, must not panic, and checks that what was read can
//! be written and read again as the same value.

use farthing_protocol::binding::{Binder, BindingSecret};
use farthing_protocol::caching::{self, Response};
use farthing_protocol::discovery::{PaymentInfo, ServiceInfo, paid_operations};
use farthing_protocol::json::{canonical, parse_object};
use farthing_protocol::jsonrpc::{self, Capabilities, Demand};
use farthing_protocol::stream::{Event, EventReader, Frame};
use farthing_protocol::{
    AcceptPayment, BodyDigest, Challenge, ChargeRequest, Credential, EncodedObject, Problem, Receipt, Timestamp,
};
use serde_json::Value;

/// Takes any bytes.
pub type EntryPoint = fn(&[u8]);

/// Every entry point by name.
pub const ALL: [(&str, EntryPoint); 10] = [
    ("accept_payment", accept_payment),
    ("challenge", challenge),
    ("credential", credential),
    ("digest", digest),
    ("discovery", discovery),
    ("json", json),
    ("jsonrpc", jsonrpc),
    ("receipt", receipt),
    ("stream", stream),
    ("timestamp", timestamp),
];

/// `WWW-Authenticate`, lines separated by line feeds.
pub fn challenge(data: &[u8]) {
    for challenge in Challenge::parse_all(data.split(|byte| *byte == b'\n')).into_iter().flatten() {
        let written = challenge.to_header();
        assert!(written.is_ascii() && !written.contains(['\r', '\n']));
        let read = Challenge::parse_all([written.as_bytes()]);
        assert_eq!(read, [Ok(challenge.clone())]);
        let object = challenge.request().decode().expect("a parsed challenge decodes");
        let _ = ChargeRequest::from_object(&object);
        assert!(binder().verify(&challenge).is_err(), "nobody guesses an id");
    }
}

/// `Authorization`, lines separated by line feeds; also the JSON inside.
pub fn credential(data: &[u8]) {
    let from_header = Credential::from_lines(data.split(|byte| *byte == b'\n')).ok().flatten();
    for credential in [from_header, Credential::from_json(data).ok()].into_iter().flatten() {
        let written = credential.to_header();
        if let Ok(read) = Credential::from_lines([written.as_bytes()]) {
            assert_eq!(read, Some(credential.clone()));
        }
        assert!(binder().verify(credential.challenge()).is_err(), "nobody guesses an id");
        assert_eq!(format!("{credential:?}"), "Credential(..)");
    }
}

/// `Payment-Receipt`; also the JSON inside, and the body of a problem.
pub fn receipt(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let from_object = parse_object(data).ok().and_then(|object| Receipt::from_object(object).ok());
    for receipt in [Receipt::parse(&text).ok(), from_object].into_iter().flatten() {
        if let Ok(read) = Receipt::parse(&receipt.to_header()) {
            assert_eq!(read, receipt);
        }
    }
    if let Some(problem) = Problem::parse(data) {
        assert_eq!(Problem::parse(problem.to_json().as_bytes()), Some(problem));
    }
}

/// `Accept-Payment`, lines separated by line feeds; also `Cache-Control`.
pub fn accept_payment(data: &[u8]) {
    if let Some(accept) = AcceptPayment::from_lines(data.split(|byte| *byte == b'\n')) {
        let read = AcceptPayment::from_lines([accept.to_string().as_bytes()]);
        assert_eq!(read.as_ref(), Some(&accept));
        let offers = [("tempo", "charge"), ("tempo", "session"), ("stripe", "charge")];
        let ranked = accept.rank(&offers);
        assert!(!ranked.is_empty() && ranked.iter().all(|index| *index < offers.len()));
    }
    let response = Response { has_receipt: true, ..Response::default() };
    let sent = caching::cache_control(std::str::from_utf8(data).ok(), response).expect("a receipt is private");
    assert!(sent.starts_with("private"));
}

/// Strict reading, canonical writing, the wire form.
pub fn json(data: &[u8]) {
    let Ok(object) = parse_object(data) else { return };
    let text = canonical(&Value::Object(object.clone())).expect("what was read is not too deep");
    let again = parse_object(text.as_bytes()).expect("canonical text reads back");
    assert_eq!(canonical(&Value::Object(again)).expect("as deep as before"), text);
    if let Ok(encoded) = EncodedObject::encode(&object) {
        assert!(encoded.is_canonical());
    }
}

/// Body digests.
pub fn digest(data: &[u8]) {
    let digest = BodyDigest::of(data);
    assert!(BodyDigest::parse(digest.as_str()).is_ok_and(|read| read.matches(data)));
    if let Ok(read) = BodyDigest::parse(&String::from_utf8_lossy(data)) {
        assert_eq!(BodyDigest::parse(read.as_str()), Ok(read));
    }
}

/// RFC 3339.
pub fn timestamp(data: &[u8]) {
    if let Ok(instant) = Timestamp::parse(&String::from_utf8_lossy(data)) {
        let read = Timestamp::parse(&instant.to_rfc3339()).expect("our own text reads back");
        // An offset can move an instant out of the years that have a text.
        assert!(read == instant || !(0..=253_402_300_799_999).contains(&instant.unix_millis()));
    }
}

/// JSON-RPC and MCP messages.
pub fn jsonrpc(data: &[u8]) {
    let Ok(message) = parse_object(data) else { return };
    let _ = jsonrpc::scope(&message);
    let _ = jsonrpc::receipt(&message);
    let _ = Capabilities::of_initialize(&message);
    if let Some(capabilities) = Capabilities::from_object(&message) {
        let written = capabilities.to_value();
        assert_eq!(written.as_object().and_then(Capabilities::from_object), Some(capabilities));
    }
    let demanded = Demand::of(&message).into_iter().flat_map(|demand| demand.challenges);
    for challenge in demanded.filter_map(|(_, challenge)| challenge.ok()) {
        let object = jsonrpc::challenge_to_object(&challenge).expect("a challenge read from an object has one");
        assert_eq!(jsonrpc::challenge_from_object(&object), Ok(challenge));
    }
    if let Ok(Some(credential)) = jsonrpc::credential(&message) {
        assert!(binder().verify(credential.challenge()).is_err(), "nobody guesses an id");
    }
}

/// WebSocket frames and server-sent events.
pub fn stream(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Some(frame) = Frame::parse(&text) {
        assert_eq!(Frame::parse(&frame.to_text()), Some(frame));
    }
    let events = EventReader::new(4096).push(data);
    for event in &events {
        assert_eq!(Event::parse(&event.to_text()).as_ref(), Some(event));
    }
    let mut piecewise = EventReader::new(4096);
    let cut: Vec<Event> = data.chunks(3).flat_map(|piece| piecewise.push(piece)).collect();
    assert_eq!(cut, events);
}

/// The discovery document.
pub fn discovery(data: &[u8]) {
    let Ok(document) = parse_object(data) else { return };
    let _ = paid_operations(&document);
    let value = Value::Object(document);
    let _ = ServiceInfo::read(&value).to_value();
    if let Ok(info) = PaymentInfo::read_strictly(&value) {
        assert_eq!(PaymentInfo::read_strictly(&info.to_value()).as_ref(), Ok(&info));
        assert_eq!(PaymentInfo::read(&value), Ok(info));
    }
}

/// Strong enough that an input cannot hold an id that verifies.
fn binder() -> Binder {
    Binder::new(BindingSecret::unchecked_for_vectors(b"what the fuzzer does not know"), None)
}
