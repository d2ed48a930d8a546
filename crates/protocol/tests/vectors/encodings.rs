//! base64url, canonical JSON, body digests.

use farthing_protocol::json::{EncodedObject, JsonError, canonical, parse_object};
use farthing_protocol::{BodyDigest, base64url};
use libtest_mimic::Trial;
use serde_json::Value;

use crate::{file, list, text, trial};

pub(crate) fn trials() -> Vec<Trial> {
    [base64url_cases(), jcs_cases(), jcs_numbers(), charge_request_cases(), digest_cases(), refused_digest_cases()]
        .into_iter()
        .flatten()
        .collect()
}

fn base64url_cases() -> Vec<Trial> {
    let vectors = file(include_str!("base64url.json"));
    let scenarios = [&vectors["data"]["scenarios"], &vectors["newer_upstream_scenarios"]["scenarios"]];
    let cases = scenarios.into_iter().flat_map(list);
    cases
        .map(|(_, case)| {
            trial("base64url", text(&case, "name").to_owned(), move || {
                let decoded =
                    base64url::decode(text(&case, "encoded")).ok().and_then(|bytes| String::from_utf8(bytes).ok());
                match case["decoded"].as_str() {
                    Some(expected) => {
                        assert_eq!(decoded.as_deref(), Some(expected));
                        assert_eq!(base64url::encode(expected), text(&case, "encoded"));
                    }
                    None => assert_eq!(decoded, None),
                }
            })
        })
        .collect()
}

fn jcs_cases() -> Vec<Trial> {
    let vectors = file(include_str!("jcs.json"));
    let cases = list(&vectors["cases"]).into_iter().filter(|(_, case)| case["input_json"].is_string());
    cases
        .map(|(_, case)| {
            trial("jcs", text(&case, "name").to_owned(), move || {
                let object = parse_object(text(&case, "input_json").as_bytes()).unwrap();
                let canonical = canonical(&Value::Object(object.clone())).unwrap();
                let hex: String = canonical.bytes().map(|byte| format!("{byte:02x}")).collect();
                assert_eq!(hex, text(&case, "expected_utf8_hex"));
                assert_eq!(base64url::encode(&canonical), text(&case, "expected_b64url"));
                // The recommendation of the file: what peers round is not issued.
                let issued = EncodedObject::encode(&object);
                if case["name"] == "jcs_bigint" {
                    assert!(matches!(issued, Err(JsonError::UnsafeInteger(_))));
                } else {
                    assert_eq!(issued.unwrap().as_str(), text(&case, "expected_b64url"));
                }
            })
        })
        .collect()
}

fn jcs_numbers() -> Vec<Trial> {
    let vectors = file(include_str!("jcs.json"));
    let numbers = list(&vectors["cases"]).into_iter().find(|(_, case)| case["cases"].is_array()).unwrap().1;
    list(&numbers["cases"])
        .into_iter()
        .map(|(_, case)| {
            let bits = case[0].as_str().unwrap().to_owned();
            trial("jcs", format!("number_{bits}"), move || {
                let number = f64::from_bits(u64::from_str_radix(&bits, 16).unwrap());
                assert_eq!(canonical(&Value::from(number)).unwrap(), case[1].as_str().unwrap());
            })
        })
        .collect()
}

fn charge_request_cases() -> Vec<Trial> {
    let vectors = file(include_str!("charge-requests.json"));
    list(&vectors["cases"])
        .into_iter()
        .map(|(_, case)| {
            trial("charge-requests", text(&case, "name").to_owned(), move || {
                let request = case["request"].as_object().unwrap();
                let charge = farthing_protocol::ChargeRequest::from_object(request).unwrap();
                assert_eq!(&charge.to_object(), request);
                assert_eq!(canonical(&case["request"]).unwrap(), text(&case, "jcs"));
                let encoded = EncodedObject::encode(request).unwrap();
                assert_eq!(encoded.as_str(), text(&case, "b64url"));
                assert_eq!(&encoded.decode().unwrap(), request);
            })
        })
        .collect()
}

fn digest_cases() -> Vec<Trial> {
    let vectors = file(include_str!("body-digest.json"));
    let unpadded = text(&vectors, "accept_unpadded").to_owned();
    let example = text(&vectors, "x48_is_rfc_example").to_owned();
    let mut trials: Vec<Trial> = list(&vectors["vectors"])
        .into_iter()
        .map(|(index, case)| {
            trial("body-digest", format!("vector_{index}"), move || {
                let body = text(&case, "body").as_bytes();
                assert_eq!(BodyDigest::of(body).as_str(), text(&case, "rfc9530_form"));
                for form in ["rfc9530_form", "sdk_bare_form"] {
                    let digest = BodyDigest::parse(text(&case, form)).unwrap();
                    assert_eq!(digest.as_str(), text(&case, form));
                    assert!(digest.matches(body) && !digest.matches(b"another body"));
                }
            })
        })
        .collect();
    trials.push(trial("body-digest", "accept_unpadded", move || {
        assert!(BodyDigest::parse(&unpadded).unwrap().matches(b"hello"));
    }));
    trials.push(trial("body-digest", "rfc_example", move || {
        assert!(BodyDigest::parse(&example).unwrap().matches(br#"{"hello": "world"}"#));
    }));
    trials
}

fn refused_digest_cases() -> Vec<Trial> {
    let vectors = file(include_str!("body-digest.json"));
    list(&vectors["reject_for_body_hello"]["values"])
        .into_iter()
        .map(|(index, case)| {
            trial("body-digest", format!("reject_{index}"), move || {
                let refused = BodyDigest::parse(case.as_str().unwrap()).is_ok_and(|digest| digest.matches(b"hello"));
                assert!(!refused, "{case}");
            })
        })
        .collect()
}
