//! What card tokens are read from. Any bytes come to a value that can be written and read again, or to a refusal, and
//! nothing of a card is shown.

use farthing_protocol::ChargeRequest;
use farthing_protocol::json::parse_object;
use farthing_rail_card::jwe::Envelope;
use farthing_rail_card::{CardRequest, KeySet, KeySource, NetworkToken, Payload};

/// Card tokens: requests, payloads, envelopes, keys, and what is inside of an envelope.
pub fn read(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(envelope) = Envelope::read(text)
    {
        assert!(!envelope.kid().is_empty() && !envelope.fingerprint().is_empty());
    }
    if let Ok(token) = NetworkToken::read(data) {
        let written = token.to_plain();
        assert_eq!(NetworkToken::read(written.as_bytes()), Ok(token.clone()));
        assert!(!format!("{token:?}").contains(written.as_str()), "a token is not shown");
    }
    if let Ok(keys) = KeySet::read(data) {
        let _ = keys.find("key-1");
    }
    let Ok(object) = parse_object(data) else { return };
    let _ = KeySource::read(&object);
    if let Ok(request) = ChargeRequest::from_object(&object)
        && let Ok(read) = CardRequest::from_shared(&request)
    {
        assert_eq!(CardRequest::from_shared(&read.to_shared(None)), Ok(read));
    }
    if let Ok(payload) = Payload::read(&object) {
        assert!(Payload::read(&payload.to_object()) == Ok(payload), "reads back");
    }
}
