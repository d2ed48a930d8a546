//! Challenge ids.

use farthing_protocol::binding::{Binder, BindingSecret, BindingSlots, HeaderSlot, ISSUED_HEADER_SLOT};
use farthing_protocol::challenge::Challenge;
use farthing_protocol::{BodyDigest, EncodedObject, Timestamp};
use libtest_mimic::Trial;
use serde_json::Value;

use crate::headers::challenge_from;
use crate::{file, list, text, trial};

pub(crate) fn trials() -> Vec<Trial> {
    let files = [
        ("challenge-id.mpp-tools-2026-06", include_str!("challenge-id.mpp-tools-2026-06.json"), "/data/scenarios"),
        ("challenge-id.mpp-tools-latest", include_str!("challenge-id.mpp-tools-latest.json"), "/scenarios"),
        ("challenge-id.sdk-tests", include_str!("challenge-id.sdk-tests.json"), "/vectors"),
    ];
    let ids = files.into_iter().flat_map(|(name, contents, pointer)| {
        let cases = list(file(contents).pointer(pointer).unwrap());
        cases
            .into_iter()
            .map(move |(index, case)| trial(name, format!("{index}_{}", text(&case, "name")), move || check_id(&case)))
    });
    ids.chain(not_to_be_used()).chain(header_orders()).chain(server_verification()).chain(flows()).collect()
}

/// The request's wire form, the wire form of `opaque`, and the id they and the rest give.
fn id_of(input: &Value) -> String {
    let request = EncodedObject::encode(input["request"].as_object().unwrap()).unwrap();
    let opaque = match &input["opaque"] {
        Value::Object(object) => EncodedObject::encode(object).unwrap().as_str().to_owned(),
        other => other.as_str().unwrap_or_default().to_owned(),
    };
    // `Authorization` is what a challenge without the member means.
    let header = input["header"].as_str().filter(|header| *header != "Authorization");
    let slots = BindingSlots {
        realm: text(input, "realm"),
        method: text(input, "method"),
        intent: text(input, "intent"),
        request: request.as_str(),
        expires: input["expires"].as_str().unwrap_or_default(),
        digest: input["digest"].as_str().unwrap_or_default(),
        opaque: &opaque,
        header,
    };
    let secret = BindingSecret::unchecked_for_vectors(text(input, "secretKey").as_bytes());
    secret.id(&slots, ISSUED_HEADER_SLOT).as_str().to_owned()
}

fn check_id(case: &Value) {
    if case["expected_error"].is_string() {
        assert!(BindingSecret::new(text(&case["input"], "secretKey").as_bytes()).is_err());
        return;
    }
    assert_eq!(id_of(&case["input"]), text(case, "expected"));
}

/// Three constants of one SDK's tests were made from JSON that is not canonical.
fn not_to_be_used() -> Vec<Trial> {
    let vectors = file(include_str!("challenge-id.sdk-tests.json"));
    list(&vectors["do_not_use"])
        .into_iter()
        .map(|(_, case)| {
            trial("challenge-id.sdk-tests", format!("do_not_use_{}", text(&case, "name")), move || {
                assert_eq!(id_of(&case["input"]), text(&case, "correct_jcs_expected"));
                assert_ne!(id_of(&case["input"]), text(&case, "bogus_expected"));
            })
        })
        .collect()
}

fn slots_of(slots: &Value) -> BindingSlots<'_> {
    BindingSlots {
        realm: text(slots, "realm"),
        method: text(slots, "method"),
        intent: text(slots, "intent"),
        request: text(slots, "request"),
        expires: text(slots, "expires"),
        digest: text(slots, "digest"),
        opaque: text(slots, "opaque"),
        header: slots["header"].as_str(),
    }
}

fn header_orders() -> Vec<Trial> {
    let vectors = file(include_str!("draft-02-header.json"));
    let name = "draft-02-header";
    let orders = list(&vectors["header_slot_order_conflict"]).into_iter().map(move |(_, case)| {
        trial(name, text(&case, "name").to_owned(), move || {
            let secret = || BindingSecret::new(text(&case, "secret").as_bytes()).unwrap();
            let slots = slots_of(&case["slots"]);
            let drafts = secret().id(&slots, HeaderSlot::Last);
            let suites = secret().id(&slots, HeaderSlot::BeforeOpaque);
            assert_eq!(drafts.as_str(), text(&case, "id_draft02_header_last"));
            assert_eq!(suites.as_str(), text(&case, "id_suite_and_sdks_header_before_opaque"));
            // A server accepts both.
            let wire = |id: &str| {
                let optional = |name: &str, value: &str| {
                    if value.is_empty() { String::new() } else { format!(", {name}=\"{value}\"") }
                };
                format!(
                    "Payment id=\"{id}\", realm=\"{}\", method=\"{}\", intent=\"{}\", request=\"{}\"{}{}{}, header=\"{}\"",
                    slots.realm, slots.method, slots.intent, slots.request, optional("expires", slots.expires),
                    optional("digest", slots.digest), optional("opaque", slots.opaque), slots.header.unwrap(),
                )
            };
            let binder = Binder::new(secret(), None);
            for id in [drafts, suites] {
                let challenge = Challenge::parse_all([wire(id.as_str()).as_bytes()]).remove(0).unwrap();
                assert_eq!(binder.verify(&challenge), Ok(()));
            }
        })
    });
    let digests = list(&vectors["rfc9530_digest_ids"]).into_iter().map(move |(_, case)| {
        trial(name, text(&case, "name").to_owned(), move || {
            let slots: Vec<&str> = text(&case, "hmac_input").split('|').collect();
            let [realm, method, intent, request, expires, digest, opaque] = slots[..] else { panic!("seven slots") };
            let slots = BindingSlots { realm, method, intent, request, expires, digest, opaque, header: None };
            let secret = BindingSecret::new(text(&case, "secret").as_bytes()).unwrap();
            assert_eq!(secret.id(&slots, ISSUED_HEADER_SLOT).as_str(), text(&case, "id"));
        })
    });
    let credential = vectors["published_credential"].clone();
    let published = trial(name, "published_credential", move || {
        let read = farthing_protocol::Credential::from_token(text(&credential, "b64").as_bytes()).unwrap();
        assert_eq!(read.challenge().field().name(), text(&credential, "header"));
        assert_eq!(read.challenge().id().as_str(), text(&credential["decoded"]["challenge"], "id"));
        assert_eq!(Value::Object(read.payload().clone()), credential["decoded"]["payload"]);
    });
    let shift = trial(name, "slot_shift_is_refused", || {
        for opaque in ["|Payment-Authorization", "Payment-Authorization|"] {
            assert!(EncodedObject::from_wire(opaque).is_err());
        }
    });
    orders.chain(digests).chain([published, shift]).collect()
}

fn server_verification() -> Vec<Trial> {
    let vectors = file(include_str!("server-verification.json"));
    list(&vectors["data"]["cases"])
        .into_iter()
        .map(|(_, case)| {
            trial("server-verification", text(&case, "name").to_owned(), move || {
                let input = &case["input"];
                let echoed = challenge_from(&input["credential"]["challenge"]).unwrap();
                let secret = BindingSecret::unchecked_for_vectors(text(input, "secretKey").as_bytes());
                let bound = Binder::new(secret, None).verify(&echoed).is_ok();
                assert_eq!(bound, case["id_is_valid_hmac_of_echo"] == true);

                let mut route = input.clone();
                route["id"] = Value::from(echoed.id().as_str());
                let route = challenge_from(&route).unwrap();
                let now = Timestamp::parse("2026-01-29T12:00:00Z").unwrap();
                let outcome = if !bound || !echoed.echoes(&route) {
                    Some("invalid_challenge")
                } else if echoed.is_expired(now) {
                    Some("payment_expired")
                } else {
                    input["verificationError"].as_str().map(|_| "verification_failed")
                };
                assert_eq!(outcome, case["expected"]["errorType"].as_str());
            })
        })
        .collect()
}

/// The ids of the suite's HTTP flows: every flow that has a challenge and does not tamper with it.
fn flows() -> Vec<Trial> {
    let vectors = file(include_str!("http-flow-golden-results.json"));
    let bound = list(&vectors["data"]["results"]).into_iter().filter(|(_, flow)| flow["challenge"].is_object());
    bound
        .map(|(_, flow)| {
            trial("http-flow-golden-results", text(&flow, "name").to_owned(), move || {
                let mut input = flow["challenge"].clone();
                input["secretKey"] = Value::from("conformance-secret");
                input["expires"] = flow["challenge"]["request"]["expires"].clone();
                let body = match text(&flow, "name") {
                    "body_digest_match" => Some(r#"{"data":"digest-bound"}"#),
                    "body_digest_mismatch" => Some(r#"{"data":"original"}"#),
                    _ => None,
                };
                if let Some(body) = body {
                    input["digest"] = Value::from(BodyDigest::of(body.as_bytes()).as_str());
                }
                let bound = id_of(&input) == text(&flow["challenge"], "id");
                assert_eq!(bound, flow["hmac_recomputed_ok"] == true);
            })
        })
        .collect()
}
