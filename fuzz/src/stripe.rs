//! What Stripe sends, and what is paid with through it. Any bytes come to a value that can be written and read again, or
//! to a refusal.

use farthing_protocol::json::parse_object;
use farthing_protocol::{ChargeRequest, Timestamp};
use farthing_rail_stripe::webhook::{Event, SigningSecret};
use farthing_rail_stripe::{Payload, Spt, StripeRequest};

/// Stripe: requests, payloads, tokens, and webhooks with their signature, whose header stands before the first line
/// feed. Nobody guesses one.
pub fn read(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        if let Ok(token) = Spt::parse(text) {
            assert!(!format!("{token:?}").contains(token.reveal()), "a token is not shown");
        }
        let (header, body) = text.split_once('\n').unwrap_or((text, ""));
        let secret = SigningSecret::parse("whsec_what_the_fuzzer_does_not_know").expect("a secret");
        assert!(secret.check(header, body.as_bytes(), Timestamp::from_unix_millis(1_795_046_400_000)).is_err());
        let _ = SigningSecret::parse(text);
    }
    let _ = Event::read(data);
    let Ok(object) = parse_object(data) else { return };
    if let Ok(request) = ChargeRequest::from_object(&object)
        && let Ok(read) = StripeRequest::from_shared(&request)
    {
        assert_eq!(StripeRequest::from_shared(&read.to_shared(None)), Ok(read));
    }
    if let Ok(payload) = Payload::read(&object) {
        assert_eq!(Payload::read(&payload.to_object()), Ok(payload));
    }
}
