//! How long the hot paths take: issue a challenge, read a credential and check its binding.
//!
//! `cargo bench -p farthing-protocol`. Each figure is the fastest of many rounds, which is the one
//! a busy machine disturbs least.

#![allow(clippy::expect_used, reason = "a benchmark fails by panicking")]

use std::hint::black_box;
use std::time::Instant;

use farthing_protocol::binding::{Binder, BindingSecret};
use farthing_protocol::json::parse_object;
use farthing_protocol::{
    Challenge, ChallengeTemplate, Credential, EncodedObject, IntentName, JsonObject, MethodName, Realm,
};

const ROUNDS: usize = 50;
const CALLS_PER_ROUND: u32 = 20_000;
const EXPIRES: &str = "2099-01-01T00:00:00Z";

fn main() {
    // `cargo test --benches` asks for nothing but that it runs.
    let rounds = if std::env::args().any(|argument| argument == "--bench") { ROUNDS } else { 1 };
    let binder = binder(false);
    let rotating = self::binder(true);
    let template = template();
    let opaque = encode(br#"{"n":"7Q2mBfXxH0S1t9aZ3kLw8g","s":"GET /v1/weather/{city}"}"#);
    let opaque = opaque.as_str();

    let mut header = String::with_capacity(1024);
    template.issue(&binder, EXPIRES, None, opaque, &mut header);
    let challenge = Challenge::parse_all([header.as_bytes()]).remove(0).expect("what we issue reads back");
    let payload = object(
        br#"{"type":"signature","key":"did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp","signature":"0Qe1Nl6V2r8h5bS3xT7wYpKfJ9cZmDgA4uXoEiLs1vHtBnRqWyUa6kPzFjMd2CG8xV5e0hSbTn3lOw7YrQmKpA"}"#,
    );
    let credential = Credential::new(challenge.clone(), payload, Some("did:key:z6Mk".to_owned())).to_header();
    println!("challenge {} bytes, credential {} bytes", header.len(), credential.len());

    measure("issue a challenge", rounds, || {
        header.clear();
        black_box(template.issue(&binder, black_box(EXPIRES), None, black_box(opaque), &mut header));
    });
    measure("read a credential", rounds, || {
        black_box(Credential::from_lines([black_box(credential.as_bytes())]).is_ok());
    });
    measure("check a binding, one secret", rounds, || {
        black_box(binder.verify(black_box(&challenge)).is_ok());
    });
    measure("check a binding, two secrets", rounds, || {
        black_box(rotating.verify(black_box(&challenge)).is_ok());
    });
    measure("read a credential and check its binding and route", rounds, || {
        let read = Credential::from_lines([black_box(credential.as_bytes())]).ok().flatten();
        let accepted = read.is_some_and(|credential| {
            binder.verify(credential.challenge()).is_ok() && template.check_echo(credential.challenge()).is_ok()
        });
        assert!(black_box(accepted));
    });
    measure("read a challenge", rounds, || {
        black_box(Challenge::parse_all([black_box(header.as_bytes())]));
    });
}

fn measure(what: &str, rounds: usize, mut call: impl FnMut()) {
    let mut best = f64::INFINITY;
    for _ in 0..rounds {
        let start = Instant::now();
        for _ in 0..CALLS_PER_ROUND {
            call();
        }
        best = best.min(start.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS_PER_ROUND));
    }
    println!("{what:<52}{best:>8.0} ns");
}

fn binder(with_previous: bool) -> Binder {
    let secret = |byte| BindingSecret::new(&[byte; 32]).expect("32 bytes");
    Binder::new(secret(1), with_previous.then(|| secret(2)))
}

fn template() -> ChallengeTemplate {
    let request = encode(br#"{"amount":"1000","currency":"usd.6","recipient":"gateway.example.com"}"#);
    ChallengeTemplate::new(
        &Realm::new("api.example.com").expect("a realm"),
        &MethodName::new("balance").expect("a method"),
        &IntentName::new("charge").expect("an intent"),
        &request,
        Some("Weather for one city"),
    )
    .expect("terms that may be issued")
}

fn object(json: &[u8]) -> JsonObject {
    parse_object(json).expect("an object")
}

fn encode(json: &[u8]) -> EncodedObject {
    EncodedObject::encode(&object(json)).expect("a canonical object")
}
