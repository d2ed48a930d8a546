//! `farthing check` at endpoints of x402: a sound one passes, and each way to be broken is named, in the
//! facilitator's own words where it has some. The servers are doubles and take no money.

use std::process::Command;
use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use farthing_dialects::x402::PaymentPayload;
use serde_json::{Value, json};

const FARTHING: &str = env!("CARGO_BIN_EXE_farthing");
const USDC: &str = "0x036CbD53842c5426634e7929541eC2318f3dCF7e";

struct Report {
    payable: bool,
    findings: Vec<[String; 4]>,
}

impl Report {
    /// Whether it names this, in these words.
    fn names(&self, verdict: &str, layer: &str, words: &str) -> bool {
        self.findings.iter().any(|finding| finding[0] == verdict && finding[1] == layer && finding[2].contains(words))
    }
}

async fn check(url: String) -> Report {
    let output = tokio::task::spawn_blocking(move || {
        Command::new(FARTHING).args(["check", "--json", "--timeout", "2", &url]).output()
    });
    let output = output.await.unwrap().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap().iter().map(|finding| {
        let found = ["verdict", "layer", "fact", "remedy"]
            .map(|member| finding[member].as_str().unwrap_or_default().to_owned());
        assert!(found[0] == "good" || !found[3].is_empty(), "{finding} has no remedy");
        assert!(!found[2].chars().any(char::is_control), "{finding}");
        found
    });
    Report { payable: output.status.success(), findings: findings.collect() }
}

/// What a double says to a payment of the right form.
type Judge = dyn Fn(&PaymentPayload) -> Response + Send + Sync;

/// A server that makes this answer to whoever does not pay.
async fn server(unpaid: impl Fn(&str) -> Response + Send + Sync + 'static, judge: Arc<Judge>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let (said, unpaid) = (origin.clone(), Arc::new(unpaid));
    let router = Router::new().fallback(move |headers: HeaderMap| {
        let (said, unpaid, judge) = (said.clone(), Arc::clone(&unpaid), Arc::clone(&judge));
        async move {
            let header = ["payment-signature", "x-payment"].iter().find_map(|name| headers.get(*name));
            match header.map(|header| PaymentPayload::from_header(header.as_bytes())) {
                None => unpaid(&said),
                Some(Err(_)) => (StatusCode::BAD_REQUEST, "{}").into_response(),
                Some(Ok(payment)) => judge(&payment),
            }
        }
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("{origin}/report")
}

fn list(origin: &str) -> Value {
    json!({
        "x402Version": 2, "error": "PAYMENT-SIGNATURE header is required",
        "resource": {"url": format!("{origin}/report")},
        "accepts": [{
            "scheme": "exact", "network": "eip155:84532", "amount": "10000", "asset": USDC,
            "payTo": "0x209693Bc6afc0C5328bA36FaF03C514EF312287C", "maxTimeoutSeconds": 60,
            "extra": {"name": "USDC", "version": "2"},
        }],
    })
}

fn demand(list: &Value) -> Response {
    with_header(&STANDARD.encode(list.to_string()))
}

fn with_header(header: &str) -> Response {
    let mut response = (StatusCode::PAYMENT_REQUIRED, "{}").into_response();
    response.headers_mut().insert("payment-required", HeaderValue::from_str(header).unwrap());
    response.headers_mut().insert("cache-control", HeaderValue::from_static("no-store"));
    response
}

/// A facilitator that refuses with this code.
fn refusing(code: &'static str) -> Arc<Judge> {
    Arc::new(move |_| {
        let mut list = list("http://127.0.0.1");
        list["error"] = code.into();
        demand(&list)
    })
}

fn honest() -> Arc<Judge> {
    refusing("invalid_exact_evm_payload_signature")
}

/// A report of a server whose list is changed like this.
async fn changed(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Report {
    let unpaid = move |origin: &str| {
        let mut list = list(origin);
        change(&mut list);
        demand(&list)
    };
    check(server(unpaid, honest()).await).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_endpoint_of_x402_passes_and_says_what_it_sells() {
    let report = changed(|list| {
        list["extensions"] = json!({"payment-identifier": {"info": {"required": false}}, "bazaar": {"info": {}}});
    })
    .await;
    let others: Vec<_> = report.findings.iter().filter(|finding| finding[0] != "good").collect();
    assert!(report.payable && others.is_empty(), "{others:?}");
    for (layer, words) in [
        ("network", "base-sepolia"),
        ("asset", "0.01 USDC"),
        ("domain", "USDC"),
        ("extension", "payment-identifier"),
        ("facilitator", "signature"),
        ("refusal", "400"),
    ] {
        assert!(report.names("good", layer, words), "{layer} {words}: {:?}", report.findings);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_of_version_1_can_be_paid_and_is_told_to_move_on() {
    let unpaid = |origin: &str| {
        let mut entry = list(origin)["accepts"][0].clone();
        entry["maxAmountRequired"] = entry["amount"].take();
        entry["network"] = "base-sepolia".into();
        entry["resource"] = format!("{origin}/report").into();
        let body = json!({"x402Version": 1, "error": "X-PAYMENT header is required", "accepts": [entry]});
        (StatusCode::PAYMENT_REQUIRED, [("cache-control", "no-store")], body.to_string()).into_response()
    };
    let judge: Arc<Judge> = Arc::new(|payment| {
        assert_eq!(payment.version.number(), 1);
        (StatusCode::PAYMENT_REQUIRED, "{\"x402Version\":1,\"error\":\"insufficient_funds\",\"accepts\":[]}")
            .into_response()
    });
    let report = check(server(unpaid, judge).await).await;
    assert!(report.payable, "{:?}", report.findings);
    assert!(report.names("weak", "header", "version 1") && report.names("good", "facilitator", "insufficient_funds"));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_break_of_a_price_list_is_named() {
    type Change = fn(&mut Value);
    let cases: [(Change, &str, &str, &str); 10] = [
        (|list| list["accepts"] = json!([]), "broken", "schema", "empty"),
        (|list| list["accepts"][0]["amount"] = "0.01".into(), "broken", "schema", "\"amount\""),
        (|list| list["resource"]["url"] = "https://elsewhere.example/".into(), "broken", "schema", "not on"),
        (|list| list["accepts"][0]["amount"] = "0".into(), "broken", "asset", "nothing"),
        (|list| list["accepts"][0]["extra"] = json!({}), "broken", "domain", "names no signing domain"),
        (|list| list["accepts"][0]["extra"]["name"] = "USD Coin".into(), "broken", "domain", "USD Coin"),
        (|list| list["accepts"][0]["network"] = "eip155:4242".into(), "weak", "network", "no chain on file"),
        (|list| list["accepts"][0]["asset"] = "0xdead".into(), "weak", "asset", "no token on file"),
        (|list| list["accepts"][0]["maxTimeoutSeconds"] = 315_360_000.into(), "weak", "schema", "315360000"),
        (|list| list["accepts"][0]["payTo"] = "\u{1b}[2J".into(), "good", "schema", "x402/exact"),
    ];
    for (change, verdict, layer, words) in cases {
        let report = changed(change).await;
        assert!(report.names(verdict, layer, words), "{layer} {words}: {:?}", report.findings);
        assert_eq!(report.payable, verdict != "broken", "{layer} {words}: {:?}", report.findings);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_break_of_the_header_is_named() {
    let unreadable = server(|_| with_header("?"), honest()).await;
    assert!(check(unreadable).await.names("broken", "header", "cannot be read"));
    let unpadded = server(|origin| with_header(&URL_SAFE_NO_PAD.encode(format!("{} ", list(origin)))), honest()).await;
    let report = check(unpadded).await;
    assert!(report.payable && report.names("weak", "header", "padding"), "{:?}", report.findings);
    let in_body = |origin: &str| (StatusCode::PAYMENT_REQUIRED, list(origin).to_string()).into_response();
    assert!(check(server(in_body, honest()).await).await.names("broken", "header", "where nobody looks"));
    let torn = |_: &str| (StatusCode::PAYMENT_REQUIRED, "{\"x402Version\":1}").into_response();
    assert!(check(server(torn, honest()).await).await.names("broken", "schema", "cannot be read"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_facilitator_behind_is_heard_in_its_own_words() {
    let heard = async |judge: Arc<Judge>| check(server(|origin| demand(&list(origin)), judge).await).await;
    for (code, verdict, layer) in [
        ("insufficient_funds", "good", "facilitator"),
        ("invalid_exact_evm_signature", "good", "facilitator"),
        ("a word of its own", "good", "facilitator"),
        ("unexpected_verify_error", "weak", "facilitator"),
        ("unsupported_scheme", "broken", "facilitator"),
        ("invalid_network", "broken", "network"),
        ("invalid_exact_evm_token_name_mismatch", "broken", "domain"),
    ] {
        let report = heard(refusing(code)).await;
        assert!(report.names(verdict, layer, code), "{code}: {:?}", report.findings);
        assert_eq!(report.payable, verdict != "broken", "{code}");
    }
    let silent = heard(Arc::new(|_| demand(&list("http://127.0.0.1")))).await;
    assert!(silent.payable && silent.names("weak", "facilitator", "without a reason"), "{:?}", silent.findings);
    let down = heard(Arc::new(|_| {
        (StatusCode::SERVICE_UNAVAILABLE, "{\"error\":\"facilitator unreachable\"}").into_response()
    }))
    .await;
    assert!(!down.payable && down.names("broken", "facilitator", "facilitator unreachable"), "{:?}", down.findings);
    let free = heard(Arc::new(|_| "goods".into_response())).await;
    assert!(!free.payable && free.names("broken", "facilitator", "nobody signed"), "{:?}", free.findings);
}
