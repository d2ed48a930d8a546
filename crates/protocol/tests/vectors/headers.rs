//! `WWW-Authenticate`, `Authorization`, `Payment-Receipt`, `Accept-Payment`.

use farthing_protocol::challenge::{Challenge, ChallengeDraft, ChallengeError, ChallengeId};
use farthing_protocol::{
    AcceptPayment, BodyDigest, Credential, EncodedObject, IntentName, MethodName, Realm, Receipt, base64url,
};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::{file, list, text, trial};

pub(crate) fn trials() -> Vec<Trial> {
    [challenge_cases(), credential_cases(), receipt_cases(), accept_cases(), spec_examples()]
        .into_iter()
        .flatten()
        .collect()
}

/// A challenge as the suite's files write it: `request` decoded.
pub(crate) fn challenge_from(object: &Value) -> Result<Challenge, ChallengeError> {
    let name = |member: &str| text(object, member);
    let request = EncodedObject::encode(object["request"].as_object().unwrap()).unwrap();
    let mut draft = ChallengeDraft::new(
        Realm::read(name("realm"))?,
        MethodName::read(name("method"))?,
        IntentName::read(name("intent"))?,
        request,
    );
    if let Some(expires) = object["expires"].as_str() {
        draft = draft.expires_text(expires)?;
    }
    if let Some(digest) = object["digest"].as_str() {
        draft = draft.digest(BodyDigest::parse(digest)?);
    }
    if let Some(description) = object["description"].as_str() {
        draft = draft.description(description);
    }
    if let Some(header) = object["header"].as_str() {
        draft = draft.field_text(header)?;
    }
    draft.with_id(ChallengeId::read(name("id"))?)
}

fn challenge_cases() -> Vec<Trial> {
    let vectors = file(include_str!("www-authenticate.json"));
    list(&vectors["data"]["scenarios"])
        .into_iter()
        .map(|(_, case)| {
            trial("www-authenticate", text(&case, "name").to_owned(), move || {
                let wire = match &case["wire"] {
                    Value::String(wire) => Some(wire.clone()),
                    Value::Object(_) => {
                        let wire = &case["wire"];
                        let count = usize::try_from(wire["count"].as_u64().unwrap()).unwrap();
                        Some(text(wire, "prefix").to_owned() + &text(wire, "repeat").repeat(count))
                    }
                    _ => None,
                };
                let mut read = wire.iter().flat_map(|wire| Challenge::parse_all([wire.as_bytes()]));
                let read = read.next().and_then(Result::ok);
                // A quoted value without an end is refused here; the scenario only asks Python for more.
                let is_ours = case["adapters"].is_null();
                match &case["tests"]["parse"] {
                    Value::Bool(true) if is_ours => assert_eq!(read, Some(challenge_from(&case["object"]).unwrap())),
                    Value::Null => {}
                    _ => assert_eq!(read, None),
                }
                match &case["tests"]["format"] {
                    Value::Bool(true) => {
                        let written = challenge_from(&case["object"]).unwrap().to_header();
                        assert_eq!(Some(written), wire);
                    }
                    Value::Null => {}
                    _ => assert!(challenge_from(&case["object"]).is_err()),
                }
            })
        })
        .collect()
}

fn credential_cases() -> Vec<Trial> {
    let vectors = file(include_str!("authorization.json"));
    let mut cases = list(&vectors["data"]["scenarios"]);
    cases.extend(list(&vectors["newer_upstream_scenarios"]["scenarios"]));
    cases
        .into_iter()
        .map(|(_, case)| {
            trial("authorization", text(&case, "name").to_owned(), move || {
                let read = Credential::from_lines([text(&case, "wire").as_bytes()]).ok().flatten();
                if case["object"].is_null() {
                    assert_eq!(read, None);
                    return;
                }
                let expected = Credential::new(
                    challenge_from(&case["object"]["challenge"]).unwrap(),
                    case["object"]["payload"].as_object().unwrap().clone(),
                    case["object"]["source"].as_str().map(str::to_owned),
                );
                assert_eq!(read.as_ref(), Some(&expected));
                let inside = |header: &str| -> Value {
                    let token = header.strip_prefix("Payment ").unwrap();
                    serde_json::from_slice(&base64url::decode(token).unwrap()).unwrap()
                };
                assert_eq!(inside(&expected.to_header()), inside(text(&case, "wire")));
            })
        })
        .collect()
}

fn receipt_cases() -> Vec<Trial> {
    let vectors = file(include_str!("receipt.json"));
    list(&vectors["data"]["scenarios"])
        .into_iter()
        .map(|(_, case)| {
            trial("receipt", text(&case, "name").to_owned(), move || {
                let read = Receipt::parse(text(&case, "wire"));
                if case["object"].is_null() {
                    assert!(read.is_err());
                    return;
                }
                let receipt = read.unwrap();
                assert_eq!(Value::Object(receipt.to_object()), case["object"]);
                assert_eq!(receipt.to_header(), text(&case, "wire"));
            })
        })
        .collect()
}

fn accept_cases() -> Vec<Trial> {
    let vectors = file(include_str!("accept-payment.json"));
    let read = |header: &str| AcceptPayment::from_lines([header.as_bytes()]);
    let parsed = list(&vectors["parse"]).into_iter().map(move |(index, case)| {
        trial("accept-payment", format!("parse_{index}"), move || {
            let accept = read(text(&case, "header")).unwrap();
            let entries: Vec<Value> = accept
                .ranges()
                .iter()
                .map(|range| json!([range.method, range.intent, f64::from(range.weight) / 1000.0]))
                .collect();
            let expected =
                list(&case["entries"]).into_iter().map(|(_, entry)| json!([entry[0], entry[1], entry[2].as_f64()]));
            assert_eq!(entries, expected.collect::<Vec<_>>());
            if let Some(normalized) = case["normalized"].as_str() {
                assert_eq!(accept.to_string(), normalized);
            }
        })
    });
    let malformed = list(&vectors["malformed"]).into_iter().map(move |(index, case)| {
        trial("accept-payment", format!("malformed_{index}"), move || assert_eq!(read(case.as_str().unwrap()), None))
    });
    let ranked = list(&vectors["rank"]).into_iter().map(move |(index, case)| {
        trial("accept-payment", format!("rank_{index}"), move || {
            let names: Vec<String> =
                list(&case["offers"]).into_iter().map(|(_, offer)| offer.as_str().unwrap().to_owned()).collect();
            let offers: Vec<(&str, &str)> = names.iter().map(|name| name.split_once('/').unwrap()).collect();
            let order = read(text(&case, "header")).unwrap().rank(&offers);
            let ranked: Vec<&str> = order.into_iter().map(|index| names[index].as_str()).collect();
            // The last case states in words that the whole list is made.
            let expected = if case["expected"].is_array() { &case["expected"] } else { &case["offers"] };
            assert_eq!(json!(ranked), *expected);
        })
    });
    parsed.chain(malformed).chain(ranked).collect()
}

fn spec_examples() -> Vec<Trial> {
    let vectors = file(include_str!("spec-examples.json"));
    let usable = list(&vectors["entries"]).into_iter().filter(|(_, case)| case["usable"] != false);
    usable
        .map(|(index, case)| {
            let name = format!("{index}_{}_line_{}", text(&case, "file").rsplit('/').next().unwrap(), case["line"]);
            trial("spec-examples", name, move || {
                let decoded = &case["decoded"];
                let encoded = EncodedObject::from_wire(text(&case, "b64")).unwrap();
                assert_eq!(Value::Object(encoded.decode().unwrap()), *decoded);
                assert_eq!(encoded.is_canonical(), case["is_jcs"] == true);
                if decoded["status"].is_string() {
                    assert!(Receipt::parse(text(&case, "b64")).is_ok());
                }
                if decoded["payload"].is_object() {
                    // Some samples echo less than a challenge, or elide the request; those are malformed.
                    let request = &decoded["challenge"]["request"];
                    let whole = request.as_str().is_some_and(|request| !request.ends_with("..."));
                    let read = Credential::from_token(text(&case, "b64").as_bytes());
                    assert_eq!(read.is_ok(), whole, "{read:?}");
                }
            })
        })
        .collect()
}
