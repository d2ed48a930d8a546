//! The flows of the public conformance suite, over the built binary and real sockets.
//!
//! The suite's own server is not here; `server` is a labelled double of it, with its secret, realm
//! and cases. The published results are data from the suite: see `provenance` in the files.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod adapter;
mod runner;
mod server;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::runner::{Runner, payment_request, without_wording};
use crate::server::Server;

fn list(file: &str, pointer: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(file).unwrap();
    file.pointer(pointer).unwrap().as_array().unwrap().clone()
}

fn flows() -> Vec<Value> {
    list(include_str!("../vectors/http-flows.json"), "/data/cases")
}

/// The published results, by name, without wording.
fn golden_results() -> Vec<Value> {
    let mut results = list(include_str!("../vectors/http-flow-golden-results.json"), "/data/results");
    for result in &mut results {
        if let Some(kind) = result["outcome"].get_mut("error_type") {
            *kind = kind.as_str().unwrap().split(':').next().unwrap().into();
        }
        if let Some(problem) = result.get_mut("problem_details") {
            *problem = without_wording(problem.take());
        }
    }
    results
}

fn fail_with(failures: &[String], of: usize) {
    assert!(failures.is_empty(), "{} of {of} flows failed:\n\n{}", failures.len(), failures.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_flow_ends_as_published() {
    let (cases, golden) = (flows(), golden_results());
    let server = Server::start(&cases).await;
    let runner = Runner::new(&server, &cases);
    let mut failures = Vec::new();
    let mut ran = 0;
    for case in cases.iter().filter(|case| case["server_only"] != true) {
        let result = runner.run(case).await;
        let name = &case["name"];
        let expected = golden.iter().find(|golden| golden["name"] == *name);
        let expected = expected.unwrap_or_else(|| panic!("{name} has no published result"));
        if result != *expected {
            failures.push(format!("{name}\n  expected {expected}\n  found    {result}"));
        }
        ran += 1;
    }
    fail_with(&failures, ran);
    assert_eq!(ran, golden.len(), "a published result belongs to no flow");
}

/// How an honest client fares where it does everything by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_alone_fares_as_published() {
    let (cases, golden) = (flows(), golden_results());
    let server = Server::start(&cases).await;
    let mut failures = Vec::new();
    let charges = cases.iter().filter(|case| case["request"].is_object() && case["server_only"] != true);
    let others = cases.iter().filter(|case| case["no_payment"] == true || case["force_status"].is_u64());
    for case in charges.chain(others) {
        let name = case["name"].as_str().unwrap();
        let golden = golden.iter().find(|golden| golden["name"] == name).unwrap();
        let mode = match name {
            "missing_authorization" | "problem_details_missing_auth" | "plain_payment_request" => "plain",
            "invalid_payload" | "mismatched_request" | "invalid_challenge_id" => name,
            _ => "payment",
        };
        let answer = adapter::ask("http.payment_request", &payment_request(&server.origin, case, mode)).await;
        let fares = match name {
            "expired_challenge" | "problem_details_expired" => is_http_error(&answer, "expired"),
            "invalid_www_authenticate" => is_http_error(&answer, "\"request\""),
            // What goes wrong in these flows is done by the runner; a client that does not do it is served.
            "body_digest_mismatch"
            | "query_replay_rejected"
            | "cross_route_credential_replay_rejected"
            | "missing_challenge_expires_rejected" => answer["value"]["status"] == 200,
            _ => answer["value"]["status"] == golden["outcome"]["status"] && problem_type(&answer) == type_in(golden),
        };
        if !fares {
            failures.push(format!("{name}\n  published {golden}\n  found     {answer}"));
        }
    }
    fail_with(&failures, cases.len());
}

fn is_http_error(answer: &Value, part: &str) -> bool {
    answer["error"]["type"] == "http_error" && answer["error"]["message"].as_str().unwrap().contains(part)
}

fn problem_type(answer: &Value) -> Value {
    let body: Value = serde_json::from_str(answer["value"]["body"].as_str().unwrap_or_default()).unwrap_or_default();
    body["type"].clone()
}

/// A flow whose result shows no problem, such as a plain request, was published without looking.
fn type_in(golden: &Value) -> Value {
    match golden["name"].as_str() {
        Some("plain_payment_request") => "https://paymentauth.org/problems/payment-required".into(),
        _ => golden["problem_details"]["type"].clone(),
    }
}

const PROOF: &str = "0x5ec2e7";

/// Far more than a busy machine needs, far less than an answer that waits for its server.
const LONGEST_ANSWER: Duration = Duration::from_secs(20);

/// Cases of our own beside the suite's.
fn own_cases() -> Vec<Value> {
    let price = json!({"amount": "1", "currency": "USD", "recipient": "merchant", "expires": "2099-01-01T00:00:00Z"});
    let charge = |path: &str, more: Value| {
        let mut case = json!({"name": path, "path": path, "request": price, "expected_signature": PROOF});
        case.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        case["payload"] = json!({"type": "transaction", "signature": PROOF});
        case
    };
    vec![
        charge("/charge", json!({"show_schemes": true})),
        charge("/beside", json!({"show_schemes": true, "beside_authorization": true})),
        charge("/moved", json!({"redirect_to": "/charge"})),
        charge("/endless", json!({"redirect_to": "/endless"})),
        charge("/lures", json!({"redirect_to": "/thief", "redirect_to_port_offset": 1, "redirect_only_paid": true})),
        charge("/thief", json!({"reject_authorization": true})),
        charge("/no-expires", json!({"request": {"amount": "1", "currency": "USD"}})),
        charge("/no-amount", json!({"request": {"currency": "USD", "expires": "2099-01-01T00:00:00Z"}})),
        charge("/other-body", json!({"digest_binding": true, "digest_of": "another"})),
        charge("/session", json!({"intent": "session"})),
        charge("/stalls", json!({"stall": true})),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credential_goes_only_where_it_was_asked_for() {
    let cases = own_cases();
    let server = Server::start(&cases).await;
    for case in &cases {
        let path = case["path"].as_str().unwrap();
        let timeout_millis = if path == "/stalls" { 500 } else { adapter::TIMEOUT_MILLIS };
        let request = payment_request(&server.origin, case, "payment");
        let started = Instant::now();
        let answer = adapter::ask_within("http.payment_request", &request, timeout_millis).await;
        assert!(started.elapsed() < LONGEST_ANSWER, "{path} took {:?}", started.elapsed());
        let expected = match path {
            "/charge" | "/beside" | "/moved" | "/thief" => {
                assert_eq!(answer["value"]["status"], 200, "{path}: {answer}");
                continue;
            }
            "/endless" => "redirects without end",
            "/lures" => {
                assert_eq!(server.misdirected(), 0);
                "Refusing to send payment credential across redirect"
            }
            "/no-expires" => "no expires",
            "/no-amount" => "amount",
            "/other-body" => "another body",
            "/session" => "charge",
            _ => "did not answer in time",
        };
        assert!(is_http_error(&answer, expected), "{path}: {answer}");
        assert!(!answer.to_string().contains(PROOF), "{path} quotes the proof: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credential_goes_in_the_field_that_was_asked_for_and_in_no_other() {
    let cases = own_cases();
    let server = Server::start(&cases).await;
    for (path, schemes) in [("/charge", json!(["Payment"])), ("/beside", json!(["Bearer"]))] {
        let case = cases.iter().find(|case| case["path"] == path).unwrap();
        let mut request = payment_request(&server.origin, case, "payment");
        request["headers"] = json!({"Authorization": "Bearer token"});
        let answer = adapter::value("http.payment_request", &request).await;
        assert_eq!(answer["status"], 200, "{path}: {answer}");
        let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        assert_eq!(body["schemes"], schemes, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mode_that_misbehaves_does_so_at_any_price() {
    let cases = own_cases();
    let server = Server::start(&cases).await;
    for mode in ["mismatched_request", "invalid_challenge_id"] {
        let answer = adapter::ask("http.payment_request", &payment_request(&server.origin, &cases[0], mode)).await;
        assert_eq!(problem_type(&answer), "https://paymentauth.org/problems/invalid-challenge", "{mode}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_sent_safely_is_not_sent() {
    let safe = json!({
        "url": "http://127.0.0.1:1/", "method": "GET", "headers": {}, "body": null, "mode": "payment",
        "payment": {"payload": {"signature": PROOF}, "source": null},
    });
    let faults = [
        ("url", json!("http://192.0.2.1/"), "http to this machine only"),
        ("url", json!("http://localhost.example.com/"), "http to this machine only"),
        ("url", json!("nonsense"), "url cannot be read"),
        ("url", json!("http://127.0.0.1:1/?token=hidden"), "refused"),
        ("method", json!("GE T"), "method"),
        ("headers", json!({"x": "hidden\r\ny: z"}), "header's value"),
        ("mode", Value::Null, "\"mode\" must be text"),
    ];
    for (member, value, expected) in faults {
        let mut request = safe.clone();
        request[member] = value;
        let answer = adapter::ask("http.payment_request", &request).await;
        assert!(is_http_error(&answer, expected), "{request}: {answer}");
        assert!(!answer.to_string().contains("hidden"), "{answer}");
    }
    let mut request = safe.clone();
    request["mode"] = "gift".into();
    assert_eq!(adapter::ask("http.payment_request", &request).await["error"]["type"], "unsupported_operation");
}

macro_rules! vectors {
    ($name:literal) => {
        include_str!(concat!("../../../protocol/tests/vectors/", $name, ".json"))
    };
}

/// The operations themselves are tested beside their code; here it is the process that answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_binary_answers_the_vector_files() {
    for scenario in list(vectors!("challenge-id.mpp-tools-latest"), "/scenarios") {
        let answer = adapter::ask("challenge.id", &scenario["input"]).await;
        match &scenario["expected"] {
            Value::Null => assert_eq!(answer["error"]["type"], scenario["expected_error"], "{}", scenario["name"]),
            id => assert_eq!(answer["value"]["id"], *id, "{}", scenario["name"]),
        }
    }
    for scenario in list(vectors!("challenge-id.mpp-tools-2026-06"), "/data/scenarios") {
        let answer = adapter::ask_with_weak_secrets("challenge.id", &scenario["input"]).await;
        assert_eq!(answer["value"]["id"], scenario["expected"], "{}", scenario["name"]);
    }
    for case in list(vectors!("server-verification"), "/data/cases") {
        let answer = adapter::ask_with_weak_secrets("server.verify", &case["input"]).await;
        assert_eq!(answer["value"], case["expected"], "{}", case["name"]);
    }
    let files = [
        ("challenge", list(vectors!("www-authenticate"), "/data/scenarios")),
        ("credential", list(vectors!("authorization"), "/data/scenarios")),
        ("receipt", list(vectors!("receipt"), "/data/scenarios")),
    ];
    for (kind, scenarios) in files {
        let whole = scenarios.iter().find(|scenario| scenario["tests"]["parse"] == true).unwrap();
        let parsed = adapter::value(&format!("{kind}.parse"), &json!({"header": whole["wire"]})).await;
        let formatted = adapter::value(&format!("{kind}.format"), &parsed).await;
        assert_eq!(adapter::value(&format!("{kind}.parse"), &formatted).await, parsed);
    }
    for scenario in list(vectors!("base64url"), "/data/scenarios") {
        let (plain, encoded) = (json!({"text": scenario["decoded"]}), json!({"text": scenario["encoded"]}));
        assert_eq!(adapter::value("base64url.encode", &plain).await, encoded);
        assert_eq!(adapter::value("base64url.decode", &encoded).await, plain);
    }
}
