//! The published vectors, asked through the adapter interface.

use farthing_protocol::Timestamp;
use serde_json::{Value, json};

use super::{World, answer};

fn ask(operation: &str, input: &Value) -> Value {
    let world = World { weak_secrets: true, now: Timestamp::parse("2026-01-29T12:00:00Z").unwrap() };
    answer(json!({"schema": 1, "op": operation, "input": input}).to_string().as_bytes(), &world)
}

fn scenarios(file: &str, pointer: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(file).unwrap();
    file.pointer(pointer).unwrap().as_array().unwrap().clone()
}

/// Parses what a scenario says can be parsed, formats what it says can be formatted.
fn check_both_ways(kind: &str, scenario: &Value, complete: impl Fn(&Value) -> Value, formats_alike: bool) {
    let wire = &scenario["wire"];
    if wire.is_string() && !scenario["tests"]["parse"].is_null() {
        let answered = ask(&format!("{kind}.parse"), &json!({"header": wire}));
        if scenario["tests"]["parse"] == true {
            assert_eq!(answered, json!({"ok": true, "value": complete(&scenario["object"])}), "{scenario}");
        } else {
            assert_eq!(answered["error"]["type"], scenario["tests"]["parse"]["error_type"], "{scenario}");
        }
    }
    match &scenario["tests"]["format"] {
        Value::Null => {}
        Value::Bool(_) => {
            let answered = ask(&format!("{kind}.format"), &scenario["object"]);
            let header = &answered["value"]["header"];
            if formats_alike {
                assert_eq!(header, wire);
            }
            let back = ask(&format!("{kind}.parse"), &json!({"header": header}));
            assert_eq!(back["value"], complete(&scenario["object"]));
        }
        refused => {
            let answered = ask(&format!("{kind}.format"), &scenario["object"]);
            assert_eq!(answered["error"]["type"], refused["error_type"]);
        }
    }
}

macro_rules! vectors {
    ($name:literal) => {
        include_str!(concat!("../../../protocol/tests/vectors/", $name, ".json"))
    };
}

#[test]
fn challenges() {
    for scenario in scenarios(vectors!("www-authenticate"), "/data/scenarios") {
        check_both_ways("challenge", &scenario, Value::clone, true);
    }
}

#[test]
fn credentials() {
    let complete = |object: &Value| {
        let mut object = object.clone();
        let source = object["source"].take();
        object["source"] = source;
        object
    };
    for scenario in scenarios(vectors!("authorization"), "/data/scenarios") {
        check_both_ways("credential", &scenario, complete, false);
    }
}

#[test]
fn receipts() {
    for scenario in scenarios(vectors!("receipt"), "/data/scenarios") {
        check_both_ways("receipt", &scenario, Value::clone, true);
    }
    let extended = json!({
        "status": "success", "method": "tempo", "timestamp": "2026-01-29T12:00:00Z", "reference": "r",
        "externalId": "e", "extra": {"challengeId": "c", "units": 2},
    });
    let header = ask("receipt.format", &extended)["value"]["header"].clone();
    assert_eq!(ask("receipt.parse", &json!({"header": header}))["value"], extended);
}

#[test]
fn encodings() {
    for scenario in scenarios(vectors!("base64url"), "/data/scenarios") {
        let (plain, encoded) = (json!({"text": scenario["decoded"]}), json!({"text": scenario["encoded"]}));
        assert_eq!(ask("base64url.encode", &plain)["value"], encoded);
        assert_eq!(ask("base64url.decode", &encoded)["value"], plain);
    }
    for scenario in scenarios(vectors!("base64url"), "/newer_upstream_scenarios/scenarios") {
        let answered = ask("base64url.decode", &json!({"text": scenario["encoded"]}));
        assert_eq!(answered["error"]["type"], "encoding_error");
    }
}

#[test]
fn ids() {
    for scenario in scenarios(vectors!("challenge-id.mpp-tools-2026-06"), "/data/scenarios") {
        assert_eq!(ask("challenge.id", &scenario["input"])["value"], json!({"id": scenario["expected"]}));
    }
    for scenario in scenarios(vectors!("challenge-id.mpp-tools-latest"), "/scenarios") {
        let world = World { weak_secrets: false, now: Timestamp::from_unix_millis(0) };
        let request = json!({"schema": 1, "op": "challenge.id", "input": scenario["input"]}).to_string();
        let answered = answer(request.as_bytes(), &world);
        match &scenario["expected"] {
            Value::Null => assert_eq!(answered["error"]["type"], scenario["expected_error"]),
            id => assert_eq!(answered["value"], json!({"id": id})),
        }
    }
}

#[test]
fn verification() {
    for case in scenarios(vectors!("server-verification"), "/data/cases") {
        assert_eq!(ask("server.verify", &case["input"])["value"], case["expected"], "{}", case["name"]);
    }
}

macro_rules! tempo_vectors {
    ($name:literal) => {
        include_str!(concat!("../../../rails/evm/tests/vectors/", $name, ".json"))
    };
}

/// A value as it stands, or an error of this type whose message contains this.
fn check_expected(scenario: &Value, answered: &Value) {
    let (name, expected) = (&scenario["name"], &scenario["expected"]);
    assert_eq!(answered["ok"], expected["ok"], "{name}: {answered}");
    assert_eq!(answered.get("value"), expected.get("value"), "{name}");
    assert_eq!(answered["error"]["type"], expected["error"]["type"], "{name}");
    let message = answered["error"]["message"].as_str().unwrap_or_default();
    let part = expected["error"]["messageContains"].as_str().unwrap_or_default();
    assert!(message.contains(part), "{name}: {message}");
}

#[test]
fn tempo_receipts() {
    for scenario in scenarios(tempo_vectors!("tempo-receipt-verification"), "/data/scenarios") {
        check_expected(&scenario, &ask("tempo.receipt.verify", &scenario["input"]));
    }
}

#[test]
fn tempo_fee_payers() {
    for scenario in scenarios(tempo_vectors!("tempo-fee-payer-cosign"), "/data/scenarios") {
        check_expected(&scenario, &ask("tempo.fee_payer.cosign", &scenario["input"]));
        check_expected(&scenario, &ask("tempo.fee_payer_cosign", &scenario["input"]));
    }
}

#[test]
fn tempo_transactions() {
    let scenarios = scenarios(tempo_vectors!("tempo-fee-payer-cosign"), "/data/scenarios");
    let signed = super::tempo::tests::signed(&scenarios[0]["input"]);
    let mut challenge = scenarios[0]["input"]["challenge"].clone();
    challenge["request"] = scenarios[0]["input"]["request"].clone();
    let payload = json!({"type": "transaction", "signature": signed});
    let input = json!({"credential": {"challenge": challenge, "payload": payload}});
    let answered = ask("tempo.transaction.verify", &input);
    let payer = json!({"sender": "0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A", "sponsored": true});
    assert_eq!(answered, json!({"ok": true, "value": payer}));

    let mut other = input;
    other["credential"]["challenge"]["id"] = json!("another");
    let message = ask("tempo.transaction.verify", &other)["error"]["message"].to_string();
    assert!(message.contains("no matching payment call found"), "{message}");
}

#[test]
fn everything_gets_an_answer() {
    assert_eq!(ask("http.payment_request", &json!({}))["error"]["type"], "http_error");
    assert_eq!(ask("stripe.external_id_binding", &json!({}))["error"]["type"], "unsupported_operation");
    for operation in ["tempo.receipt.verify", "tempo.transaction.verify", "tempo.fee_payer.cosign"] {
        assert_eq!(ask(operation, &json!({}))["error"]["type"], "verification_error", "{operation}");
    }
    let world = World { weak_secrets: false, now: Timestamp::from_unix_millis(0) };
    for request in ["", "[]", "{}", r#"{"schema":2,"op":"challenge.id"}"#] {
        assert_eq!(answer(request.as_bytes(), &world)["error"]["type"], "unknown_error", "{request}");
    }
    let mut written = Vec::new();
    let request = r#"{"schema":1,"op":"base64url.encode","input":{"text":"hi"}}"#;
    super::run(request.as_bytes(), &mut written).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), json!({"ok": true, "value": {"text": "aGk"}}));
}
