//! What is not a request, and what does not fit together: told without asking the rail anything.

use crate::support;

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use support::{OPEN, Stage, first_version, request};

/// Posts to both paths; neither takes it, and nothing moves.
async fn refuse(stage: &Stage, request: &Value, status: u16, code: &str) {
    for (path, reason) in [("/verify", "invalidReason"), ("/settle", "errorReason")] {
        let told = stage.post(path, request).await;
        assert_eq!((told.status, told.body[reason].as_str()), (status, Some(code)), "{path} {}", told.body);
        assert!(told.body["isValid"] != true && told.body["success"] != true);
    }
    assert_eq!(stage.memory.takings(), vec![]);
}

async fn refuse_bytes(stage: &Stage, body: &[u8], status: u16) {
    for path in ["/verify", "/settle"] {
        let told = stage.send(path, body.to_vec(), None).await;
        assert_eq!(told.status, status, "{path} {}", told.body);
    }
    assert_eq!(stage.memory.takings(), vec![]);
}

#[tokio::test]
async fn c_11_what_was_accepted_must_be_what_is_asked_for() {
    let stage = Stage::new(OPEN, vec![]).await;
    for (member, value) in [
        ("scheme", json!("exact")),
        ("network", json!("eip155:1")),
        ("asset", json!("0xother")),
        ("payTo", json!("0xother")),
        ("maxTimeoutSeconds", json!(61)),
    ] {
        let mut request = request("a");
        request["paymentPayload"]["accepted"][member] = value;
        refuse(&stage, &request, 200, "invalid_payment_requirements").await;
    }
    let mut asks_more = request("a");
    asks_more["paymentRequirements"]["extra"] = json!({ "name": "USDC" });
    refuse(&stage, &asks_more, 200, "invalid_payment_requirements").await;
    for amount in ["9999", "10001"] {
        let mut request = request("a");
        request["paymentPayload"]["accepted"]["amount"] = json!(amount);
        refuse(&stage, &request, 200, "invalid_exact_evm_payload_authorization_value_mismatch").await;
    }
    let mut first = first_version("a");
    first["paymentPayload"]["network"] = json!("base");
    refuse(&stage, &first, 200, "invalid_payment_requirements").await;
}

#[tokio::test]
async fn what_nobody_settles_here_is_named() {
    let stage = Stage::new(OPEN, vec![]).await;
    for (member, value, code) in [("scheme", "upto", "unsupported_scheme"), ("network", "eip155:1", "invalid_network")]
    {
        let mut request = request("a");
        request["paymentRequirements"][member] = json!(value);
        request["paymentPayload"]["accepted"][member] = json!(value);
        refuse(&stage, &request, 200, code).await;
    }
}

#[tokio::test]
async fn c_14_a_number_has_one_spelling() {
    let stage = Stage::new(OPEN, vec![]).await;
    let long = "9".repeat(400);
    let beyond = "115792089237316195423570985008687907853269984665640564039457584007913129639936";
    let texts = ["0x2710", "010000", " 10000", "+10000", "1e4", "10000.0", "-1", "", beyond, &long];
    for amount in texts.map(Value::from).into_iter().chain([json!(10_000), json!(1e4), json!(null)]) {
        let mut request = request("a");
        request["paymentRequirements"]["amount"] = amount.clone();
        request["paymentPayload"]["accepted"]["amount"] = amount;
        refuse_bytes(&stage, request.to_string().as_bytes(), 400).await;
    }
}

#[tokio::test]
async fn c_15_a_member_stands_once() {
    let stage = Stage::new(OPEN, vec![]).await;
    let once = request("a").to_string();
    for (member, twice) in [
        ("\"amount\":\"10000\"", "\"amount\":\"1\",\"amount\":\"10000\""),
        ("\"token\":\"a\"", "\"token\":\"a\",\"token\":\"b\""),
        ("\"x402Version\":2", "\"x402Version\":2,\"x402Version\":2"),
    ] {
        assert!(once.contains(member));
        refuse_bytes(&stage, once.replacen(member, twice, 1).as_bytes(), 400).await;
    }
}

#[tokio::test]
async fn c_16_deep_nesting_is_refused_at_once() {
    let stage = Stage::new(OPEN, vec![]).await;
    let nested = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    let begin = std::time::Instant::now();
    refuse_bytes(
        &stage,
        request("a").to_string().replacen("\"extra\":{}", &format!("\"extra\":{nested}"), 1).as_bytes(),
        400,
    )
    .await;
    assert!(begin.elapsed() < std::time::Duration::from_secs(5), "{:?}", begin.elapsed());
    let mut request = request("a");
    let mut deep = json!({});
    for _ in 0..40 {
        deep = json!({ "a": deep });
    }
    request["paymentRequirements"]["extra"] = deep.clone();
    request["paymentPayload"]["accepted"]["extra"] = deep;
    refuse_bytes(&stage, request.to_string().as_bytes(), 400).await;
}

#[tokio::test]
async fn c_17_a_body_of_six_megabytes_is_too_long() {
    let stage = Stage::new(OPEN, vec![]).await;
    let mut request = request("a");
    request["paymentPayload"]["filler"] = json!("x".repeat(6 << 20));
    refuse_bytes(&stage, request.to_string().as_bytes(), 413).await;
    let chunked = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>([b' '; 1 << 16].to_vec())).take(100);
    let body = reqwest::Body::wrap_stream(chunked);
    let told = reqwest::Client::new().post(stage.url("/settle")).body(body).send().await.unwrap();
    assert_eq!(told.status(), 413);
}

#[tokio::test]
async fn c_18_odd_bytes_are_no_json() {
    let stage = Stage::new(OPEN, vec![]).await;
    let text = request("a").to_string();
    let with = |from: &str, to: &str| text.replacen(from, to, 1).into_bytes();
    for body in [
        [b"\xef\xbb\xbf", text.as_bytes()].concat(),
        with("\"token\":\"a\"", "\"token\":\"a\0\""),
        with("\"token\":\"a\"", "\"token\":\"\\ud800\""),
        with("\"token\"", "\"t\u{043e}ken\""),
        with("\"payload\"", "\"p\u{0430}yload\""),
        [text.as_bytes(), b"{}"].concat(),
        b"\xff\xfe".to_vec(),
        Vec::new(),
    ] {
        refuse_bytes(&stage, &body, 400).await;
    }
}

#[tokio::test]
async fn c_19_there_is_one_version_and_it_is_one_of_two() {
    let stage = Stage::new(OPEN, vec![]).await;
    for version in [json!(0), json!(3), json!("2"), json!(null), json!(1)] {
        for place in ["/x402Version", "/paymentPayload/x402Version"] {
            let mut request = request("a");
            *request.pointer_mut(place).unwrap() = version.clone();
            refuse(&stage, &request, 400, "invalid_x402_version").await;
        }
    }
    let mut request = request("a");
    request.as_object_mut().unwrap().remove("x402Version");
    refuse(&stage, &request, 400, "invalid_x402_version").await;
}

#[tokio::test]
async fn c_21_nothing_is_no_payment() {
    let stage = Stage::new(OPEN, vec![]).await;
    let mut request = request("a");
    request["paymentRequirements"]["amount"] = json!("0");
    request["paymentPayload"]["accepted"]["amount"] = json!("0");
    refuse(&stage, &request, 200, "invalid_exact_evm_payload_authorization_value_mismatch").await;
}

#[tokio::test]
async fn paths_and_methods_are_what_they_are() {
    let stage = Stage::new(OPEN, vec![]).await;
    let client = reqwest::Client::new();
    for (path, allowed) in [("/verify", "POST"), ("/settle", "POST")] {
        let told = client.get(stage.url(path)).send().await.unwrap();
        assert_eq!((told.status().as_u16(), &told.headers()["allow"]), (405, &allowed.parse().unwrap()));
    }
    assert_eq!(stage.post("/supported", &json!({})).await.status, 405);
    assert_eq!(stage.get("/settle/").await.status, 404);
    assert_eq!(stage.get("/metrics").await.status, 404, "metrics are the operators'");
    assert_eq!(stage.get("/healthz").await.status, 200);
    let supported = stage.get("/supported").await;
    assert_eq!(supported.body["kinds"][0], json!({ "x402Version": 2, "scheme": "charge", "network": "eip155:84532" }));
    assert_eq!(supported.body["kinds"][1], json!({ "x402Version": 1, "scheme": "charge", "network": "base-sepolia" }));
    assert_eq!(supported.body["signers"], json!({ "eip155:84532": ["0xsigner"] }));
}
