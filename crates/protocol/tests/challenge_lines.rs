//! Reading `WWW-Authenticate` as deployed servers write it: every ruling of the checklist's part on
//! header parsing (V-13 to V-22) and the rules they rest on.

use farthing_protocol::challenge::{Challenge, ChallengeDraft, ChallengeError, CredentialField};
use farthing_protocol::json::JsonError;
use farthing_protocol::{Binder, BindingSecret, EncodedObject, IntentName, JsonObject, MethodName, Realm, base64url};

const TERMS: &str = r#"id="a", realm="r", method="tempo", intent="charge", request="e30""#;

fn read(line: &str) -> Vec<Result<Challenge, ChallengeError>> {
    Challenge::parse_all([line.as_bytes()])
}

fn only(line: &str) -> Result<Challenge, ChallengeError> {
    let mut challenges = read(line);
    assert_eq!(challenges.len(), 1, "{line}");
    challenges.remove(0)
}

fn with(parameters: &str) -> Result<Challenge, ChallengeError> {
    only(&format!("Payment {TERMS}, {parameters}"))
}

fn ids(line: &str) -> Vec<Option<String>> {
    read(line).into_iter().map(|challenge| Some(challenge.ok()?.id().as_str().to_owned())).collect()
}

#[test]
fn spelling_and_space_do_not_matter() {
    for line in [
        format!("pAyMeNt {}", TERMS.replace("id=", "ID =\t")),
        format!("  Payment\t{TERMS}"),
        format!("Payment {},", TERMS.replace(", ", " ,, ")),
        "Payment id=a, realm=r, method=tempo, intent=charge, request=e30".to_owned(),
        format!("Payment {}", TERMS.replace("e30", "e30=")),
    ] {
        assert!(only(&line).is_ok(), "{line}");
    }
    assert!(only(&format!("Payment {}", TERMS.replace(",", ""))).is_err(), "missing commas");
}

#[test]
fn challenges_are_told_apart_within_and_across_lines() {
    let second = TERMS.replace("\"a\"", "\"b\"");
    let joined = format!(r#"Bearer realm="x, Payment y", Payment {TERMS}, Basic YWJj==, Payment {second}"#);
    assert_eq!(ids(&joined), [Some("a".to_owned()), Some("b".to_owned())]);
    let lines = [format!("Payment {TERMS}"), "Bearer".to_owned(), format!("Payment {second}")];
    assert_eq!(Challenge::parse_all(lines.iter().map(|line| line.as_bytes())).len(), 2);
    let many = vec![format!("Payment {TERMS}"); 50].join(", ");
    assert_eq!(ids(&many).len(), 50);
    assert_eq!(ids("Bearer token68, Digest a=b"), []);
}

#[test]
fn a_broken_challenge_is_skipped_with_its_reason() {
    let line = format!("Payment realm=\"r\", Payment {TERMS}, Payment {TERMS}, foo=\"unfinished");
    let challenges = read(&line);
    assert_eq!(challenges[0], Err(ChallengeError::Missing("id")));
    assert!(challenges[1].is_ok());
    assert!(matches!(challenges[2], Err(ChallengeError::Grammar(_))));
}

#[test]
fn a_parameter_stands_once_whatever_its_case_and_known_or_not() {
    assert_eq!(with("REALM=x"), Err(ChallengeError::Repeated("realm".into())));
    assert_eq!(with("x=1, X=2"), Err(ChallengeError::Repeated("x".into())));
    assert!(with("x=1, y=2").is_ok());
}

#[test]
fn what_is_not_ascii_is_decoded_in_three_ways() {
    let description =
        |value: &str| with(&format!("description=\"{value}\"")).unwrap().description().unwrap().to_owned();
    assert_eq!(description(r"caf\u00e9 \ud83d\ude00"), "café 😀");
    assert_eq!(description("café"), "café");
    let latin_1 = [b"Payment ", TERMS.as_bytes(), b", description=\"caf\xE9\""].concat();
    let read = Challenge::parse_all([latin_1.as_slice()]).remove(0).unwrap();
    assert_eq!(read.description(), Some("café"));
    assert!(read.to_header().ends_with(r#"description="caf\u00e9""#));
}

#[test]
fn a_credential_goes_nowhere_else_than_two_fields() {
    let field = |value: &str| with(&format!("header=\"{value}\"")).map(|challenge| challenge.field());
    assert_eq!(field("Cookie"), Err(ChallengeError::Field));
    assert_eq!(field(""), Err(ChallengeError::Field));
    assert_eq!(field("authorization"), Ok(CredentialField::Authorization));
    assert_eq!(field("payment-authorization"), Ok(CredentialField::PaymentAuthorization));
    assert_eq!(with("header=\"payment-authorization\"").unwrap().field_text(), Some("payment-authorization"));
    assert_eq!(with("header=\"authorization\"").unwrap().field_text(), None);
}

#[test]
fn request_and_opaque_are_objects() {
    let request = |text: &str| only(&format!("Payment {}", TERMS.replace("e30", &base64url::encode(text))));
    let reason = |challenge: Result<Challenge, ChallengeError>| match challenge {
        Err(ChallengeError::Object { reason, .. }) => reason,
        other => panic!("{other:?}"),
    };
    for text in ["[]", "\"x\"", "null"] {
        assert_eq!(reason(request(text)), JsonError::NotAnObject);
    }
    assert_eq!(reason(request(r#"{"a":1,"a":1}"#)), JsonError::DuplicateMember);
    assert!(matches!(reason(request("\u{feff}{}")), JsonError::Syntax { .. }));
    for text in ["[]", r#"{"a":1}"#, r#"{"a":{}}"#] {
        assert!(with(&format!("opaque=\"{}\"", base64url::encode(text))).is_err(), "{text}");
    }
    assert!(with("opaque=\"raw text\"").is_err());
    let not_canonical = base64url::encode(r#"{ "b":"1", "a":"2" }"#);
    let kept = with(&format!("opaque=\"{not_canonical}\"")).unwrap();
    assert_eq!(kept.opaque().unwrap().as_str(), not_canonical);
}

#[test]
fn a_long_challenge_is_read_up_to_the_deployed_limit() {
    let of_size = |bytes: usize| {
        let text = format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes));
        only(&format!("Payment {}", TERMS.replace("e30", &base64url::encode(text))))
    };
    assert!(of_size(12_000).is_ok());
    assert!(of_size(13_000).is_err());
}

#[test]
fn what_would_shift_slots_or_lines_is_refused() {
    for (from, to) in [
        ("\"r\"", "\"r|x\""),
        ("tempo", "Tempo"),
        ("charge", "a|b"),
        ("\"a\"", "\"\""),
        ("\"r\"", "\"\""),
        ("e30", "e3|"),
        ("\"a\"", "\"a\u{1}\""),
    ] {
        assert!(only(&format!("Payment {}", TERMS.replacen(from, to, 1))).is_err(), "{to}");
    }
    for parameter in ["expires=\"\"", "expires=\"tomorrow\"", "digest=\"sha-512=:x:\"", "digest=\"x|y\""] {
        assert!(with(parameter).is_err(), "{parameter}");
    }
}

#[test]
fn only_what_every_peer_reads_is_issued() {
    let binder = Binder::new(BindingSecret::new(&[1; 32]).unwrap(), None);
    let draft = |method: &str, request: &str| {
        ChallengeDraft::new(
            Realm::new("r").unwrap(),
            MethodName::read(method).unwrap(),
            IntentName::new("charge").unwrap(),
            EncodedObject::from_wire(request).unwrap(),
        )
    };
    assert!(draft("tempo", "e30").bind(&binder).is_ok());
    assert!(draft("te-mpo", "e30").bind(&binder).is_err());
    assert_eq!(draft("tempo", "e30=").bind(&binder), Err(ChallengeError::NotCanonical("request")));
    let nested = EncodedObject::encode(&JsonObject::from_iter([("a".to_owned(), serde_json::json!([1]))])).unwrap();
    assert!(draft("tempo", "e30").opaque(nested).bind(&binder).is_err());
    assert!(draft("tempo", "e30").description("a\nb").bind(&binder).is_err());
    let too_long = draft("tempo", "e30").description(&"x".repeat(9000)).bind(&binder);
    assert!(matches!(too_long, Err(ChallengeError::TooLong { .. })));
}
