//! Paths, methods, headers and bodies around x402 that somebody bends. The chain is scripted.

use crate::support;

use std::fmt::Write as _;
use std::sync::atomic::Ordering::SeqCst;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use support::x402::{BOTH, CHAIN, decoded, encoded, payment, world};
use support::{Reply, Setup, World};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// `GET` alone is sold.
const GET_ONLY: &str = r#"
[[route]]
match = "GET /paid/{name}"
upstream = "UPSTREAM"
price = "0.001 USD"
accept = ["x402/exact"]
"#;

async fn paid_for(world: &World, nonce: &str) -> Value {
    payment(world, &world.client("").get("/paid/a").await, nonce)
}

/// What a gateway answers to these bytes.
async fn raw(world: &World, request: &str) -> String {
    let mut socket = tokio::net::TcpStream::connect(world.running.addresses().public).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let reading = socket.read_to_end(&mut answer);
    let _ = tokio::time::timeout(std::time::Duration::from_secs(5), reading).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn f_01_no_spelling_of_a_path_reaches_the_upstream_unpaid() {
    let world = world(BOTH).await;
    let spellings = [
        "//paid/a",
        "/paid/a/",
        "/%70aid/a",
        "/./paid/a",
        "/x/../paid/a",
        "/paid;x/a",
        "/paid%2fa",
        "\\paid\\a",
        "/PAID/a",
        "/paid/%",
        "/paid/a%00",
        "http://other.example/paid/a",
    ];
    for path in spellings {
        let answer =
            raw(&world, &format!("GET {path} HTTP/1.1\r\nhost: shop.example\r\nconnection: close\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{path}: {answer}");
    }
    assert_eq!(world.upstream.hits(), 0);
}

#[tokio::test]
async fn f_02_s_22_an_unpaid_head_never_reaches_a_get_priced_upstream() {
    let world = world(GET_ONLY).await;
    let client = world.client("");
    let head = client.send(Method::HEAD, "/paid/a", &[], "").await;
    assert_eq!(head.status, StatusCode::PAYMENT_REQUIRED);
    assert_eq!(head.required().accepts.len(), 1);
    for method in [Method::OPTIONS, Method::TRACE, Method::PUT, Method::DELETE, Method::PATCH] {
        let refused = client.send(method, "/paid/a", &[], "").await;
        assert_eq!(refused.status, StatusCode::NOT_FOUND);
    }
    for name in ["x-http-method-override", "x-http-method", "x-method-override"] {
        let refused = client.send(Method::GET, "/paid/a", &[(name, "OPTIONS")], "").await;
        assert_eq!(refused.status, StatusCode::PAYMENT_REQUIRED);
    }
    assert_eq!(world.upstream.hits(), 0);
}

#[tokio::test]
async fn f_03_s_23_no_cache_keeps_a_price_or_what_was_paid_for() {
    let world = world(BOTH).await;
    let client = world.client("");
    let asked = client.get("/paid/a").await;
    assert_eq!(asked.header("cache-control"), Some("no-store"));
    world.upstream.then([Reply::Headers(vec![("cache-control", "public, max-age=600"), ("vary", "accept")])]);
    let paid = client.get_paying("/paid/a", &payment(&world, &asked, "0x01")).await;
    assert_eq!(paid.header("cache-control"), Some("private, no-store"));
    let vary: Vec<_> = paid.headers.get_all("vary").iter().map(|line| line.to_str().unwrap()).collect();
    assert_eq!(vary, ["accept", "Accept-Payment, Authorization, Payment-Signature, X-Payment"]);
}

#[tokio::test]
async fn f_04_joined_and_broken_payments_are_refused_before_any_check() {
    let world = world(BOTH).await;
    let client = world.client("");
    let good = encoded(&paid_for(&world, "0x01").await);
    let joined = format!("{good}, {good}");
    for value in [&*joined, "", "!", "e30=", "W10=", "bnVsbA==", "{\"x402Version\":2}", "eyJ4NDAyVmVyc2lvbiI6M30="] {
        let refused = client.send(Method::GET, "/paid/a", &[("payment-signature", value)], "").await;
        assert_eq!((refused.status, refused.problem()), (StatusCode::BAD_REQUEST, "malformed-credential"), "{value}");
        assert!(!refused.text().contains(&good));
    }
    let folded =
        format!("GET /paid/a HTTP/1.1\r\nhost: a\r\npayment-signature: {good}\r\n {good}\r\nconnection: close\r\n\r\n");
    assert!(raw(&world, &folded).await.starts_with("HTTP/1.1 400"));
    assert_eq!((world.chain.verified.load(SeqCst), world.upstream.hits()), (0, 0));
}

#[tokio::test]
async fn s_04_members_that_are_missing_or_of_another_kind_are_a_400() {
    let world = world(BOTH).await;
    let client = world.client("");
    let payment = paid_for(&world, "0x01").await;
    let mut broken = Vec::new();
    for (pointer, value) in [
        ("/x402Version", json!("2")),
        ("/x402Version", json!(3)),
        ("/x402Version", json!(null)),
        ("/accepted", json!("exact")),
        ("/accepted/amount", json!(1000)),
        ("/accepted/amount", json!("01000")),
        ("/accepted/amount", json!("1e3")),
        ("/accepted/network", json!("Base Sepolia")),
        ("/accepted/maxTimeoutSeconds", json!("60")),
        ("/payload", json!("0x")),
        ("/extensions", json!([])),
    ] {
        let mut changed = payment.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        broken.push(encoded(&changed));
    }
    for text in [r#"{"x402Version":2,"x402Version":2}"#.to_owned(), "[".repeat(20_000), "\u{feff}{}".to_owned()] {
        use base64::Engine as _;
        broken.push(base64::engine::general_purpose::STANDARD.encode(text));
    }
    for value in broken {
        let refused = client.send(Method::GET, "/paid/a", &[("payment-signature", &value)], "").await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{value}");
    }
    assert_eq!((world.chain.verified.load(SeqCst), world.upstream.hits()), (0, 0));
}

#[tokio::test]
async fn f_05_an_oversized_payment_is_bounded() {
    let world = world(BOTH).await;
    let client = world.client("");
    let mut payment = paid_for(&world, "0x01").await;
    payment["payload"]["padding"] = "x".repeat(70_000).into();
    let answer = client.try_send(Method::GET, "/paid/a", &[("payment-signature", &encoded(&payment))], "").await;
    if let Ok(answer) = answer {
        assert!(matches!(answer.status.as_u16(), 400 | 431), "{answer:?}");
    }
    assert_eq!(world.upstream.hits(), 0);
}

#[tokio::test]
async fn f_06_upgrades_ranges_and_conditions_are_priced_like_anything_else() {
    let world = world(BOTH).await;
    let client = world.client("");
    for headers in [
        [("connection", "upgrade"), ("upgrade", "websocket")],
        [("range", "bytes=0-1"), ("accept", "*/*")],
        [("if-none-match", "*"), ("if-modified-since", "Sat, 21 Nov 2026 00:00:00 GMT")],
        [("accept", "text/event-stream"), ("last-event-id", "1")],
    ] {
        let refused = client.send(Method::GET, "/paid/a", &headers, "").await;
        assert_eq!(refused.status, StatusCode::PAYMENT_REQUIRED, "{headers:?}");
    }
    assert_eq!(world.upstream.hits(), 0);
}

#[tokio::test]
async fn f_07_a_payment_in_a_trailer_a_query_or_a_body_pays_for_nothing() {
    let world = world(BOTH).await;
    let client = world.client("");
    let payment = encoded(&paid_for(&world, "0x01").await);
    let query = format!("/paid/a?payment-signature={}", payment.replace(['+', '/', '='], "x"));
    assert_eq!(client.get(&query).await.status, StatusCode::PAYMENT_REQUIRED);
    assert_eq!(client.post("/paid/a", &format!("{{\"x-payment\":\"{payment}\"}}")).await.status.as_u16(), 402);
    let trailing = format!(
        "POST /paid/a HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ntrailer: payment-signature\r\n\
         connection: close\r\n\r\n1\r\nx\r\n0\r\npayment-signature: {payment}\r\n\r\n"
    );
    assert!(raw(&world, &trailing).await.starts_with("HTTP/1.1 402"));
    assert_eq!((world.chain.verified.load(SeqCst), world.upstream.hits()), (0, 0));
}

#[tokio::test]
async fn f_08_a_preflight_has_no_effect_and_nothing_is_exposed_to_other_origins() {
    let world = world(BOTH).await;
    let client = world.client("");
    let headers = [("origin", "https://evil.example"), ("access-control-request-method", "GET")];
    let preflight = client.send(Method::OPTIONS, "/paid/a", &headers, "").await;
    assert_eq!(preflight.status, StatusCode::NOT_FOUND);
    let asked = client.send(Method::GET, "/paid/a", &headers, "").await;
    for answer in [preflight, asked] {
        assert!(!answer.headers.keys().any(|name| name.as_str().starts_with("access-control-")));
    }
    assert_eq!(world.upstream.hits(), 0);
}

#[tokio::test]
async fn f_09_nothing_of_a_payment_reaches_the_upstream() {
    // The upstream of these tests panics at every header that carries a payment; here it is asked with all of them.
    let world = world(BOTH).await;
    let payment = encoded(&paid_for(&world, "0xca4a41").await);
    let headers = [
        ("payment-signature", &*payment),
        ("payment-response", "forged"),
        ("settlement-overrides", "{\"amount\":\"0\"}"),
        ("connection", "payment-signature"),
    ];
    let paid = world.client("").send(Method::GET, "/paid/a", &headers, "").await;
    assert_eq!(paid.status, StatusCode::OK, "{paid:?}");
}

#[tokio::test]
async fn f_10_the_address_in_an_offer_is_the_gateways_own() {
    let spoofed =
        [("x-forwarded-host", "evil.example"), ("x-forwarded-proto", "https"), ("forwarded", "host=evil.example")];
    let plain = world(BOTH).await;
    let asked = plain.client("").send(Method::GET, "/paid/a", &spoofed, "").await;
    assert_eq!(asked.required().resource.url, format!("http://{}/paid/a", plain.running.addresses().public));
    let gateway = format!("public_url = \"https://shop.example\"\n{CHAIN}");
    let known = Setup { gateway, ..Setup::with_routes(BOTH) }.start().await;
    let asked = known.client("").send(Method::GET, "/paid/a", &[("host", "evil.example")], "").await;
    assert_eq!(asked.required().resource.url, "https://shop.example/paid/a");
}

#[tokio::test]
async fn f_11_an_upstream_cannot_say_that_something_was_paid() {
    let world = world(BOTH).await;
    let client = world.client("");
    let payment = paid_for(&world, "0x01").await;
    let forged = vec![
        ("payment-response", "Zm9yZ2Vk"),
        ("x-payment-response", "Zm9yZ2Vk"),
        ("payment-required", "Zm9yZ2Vk"),
        ("payment-receipt", "Zm9yZ2Vk"),
        ("settlement-overrides", "{\"amount\":\"0\"}"),
        ("extension-responses", "e30="),
    ];
    world.upstream.then([Reply::Headers(forged)]);
    let paid = client.get_paying("/paid/a", &payment).await;
    assert!(paid.outcome().success && paid.outcome().transaction.starts_with("0x"));
    assert_eq!(paid.headers.get_all("payment-response").iter().count(), 1);
    for name in ["x-payment-response", "payment-required", "settlement-overrides", "extension-responses"] {
        assert!(paid.header(name).is_none(), "{name}");
    }
}

#[tokio::test]
async fn h_07_a_query_stays_out_of_the_offer_and_the_books() {
    let world = world(BOTH).await;
    let client = world.client("");
    let path = "/paid/a?email=alice@example.com&token=s3cret";
    let asked = client.get(path).await;
    let told = decoded(asked.header("payment-required").unwrap()).to_string();
    assert!(!told.contains("alice") && !told.contains("s3cret") && !asked.text().contains("s3cret"));
    let paid = client.get_paying(path, &payment(&world, &asked, "0x01")).await;
    assert_eq!(paid.status, StatusCode::OK);
    let record = world.only_payment().await;
    assert!(!format!("{record:?}").contains("s3cret"));
    assert!(!decoded(paid.header("payment-response").unwrap()).to_string().contains("s3cret"));
}

#[tokio::test]
async fn h_08_unknown_extensions_are_ignored_and_bounded() {
    let world = world(BOTH).await;
    let client = world.client("");
    let mut payment = paid_for(&world, "0x01").await;
    for number in 0..100 {
        payment["extensions"][format!("unknown-{number}")] = json!({ "info": { "x": "y".repeat(20) } });
    }
    payment["extensions"]["mppx"] = json!({ "info": { "method": "evm", "challenge": "another" } });
    let paid = client.get_paying("/paid/a", &payment).await;
    assert_eq!(paid.status, StatusCode::OK, "{paid:?}");
    assert_eq!(paid.outcome().extensions.len(), 0);
    payment["extensions"]["__proto__"] = json!({ "info": { "required": false } });
    assert_eq!(client.get_paying("/paid/a", &payment).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn k_09_what_a_client_writes_into_a_path_breaks_out_of_nothing() {
    let world = world(BOTH).await;
    for path in ["/paid/%22%7D%5D", "/paid/%0d%0ax:%20y", "/paid/%3Cscript%3E", "/paid/%C3%A9"] {
        let answer = raw(&world, &format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")).await;
        assert!(!answer.to_ascii_lowercase().contains("\r\nx: y"), "{answer}");
        if answer.starts_with("HTTP/1.1 402") {
            let line = answer.lines().find_map(|line| line.strip_prefix("payment-required: ")).unwrap();
            let url = decoded(line)["resource"]["url"].as_str().unwrap().to_owned();
            assert!(url.starts_with("http://a/paid/") && url.is_ascii(), "{url}");
        }
    }
}

#[tokio::test]
async fn the_prices_of_many_offers_leave_room_for_the_rest_of_a_head() {
    let mut chains = String::new();
    for number in 0..12 {
        write!(chains, "[rails.chain{number}]\nmethod = \"evm\"\n").unwrap();
    }
    let world = Setup { gateway: chains, ..Setup::with_routes(BOTH) }.start().await;
    let asked = world.client("").get("/paid/a").await;
    let total: usize = ["www-authenticate", "payment-required"]
        .iter()
        .flat_map(|name| asked.headers.get_all(*name).iter().map(http::HeaderValue::len))
        .sum();
    assert!(total <= 3072, "{total}");
    assert!(!asked.challenges().is_empty() && !asked.required().accepts.is_empty());
}
