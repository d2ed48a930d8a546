//! `farthing check`: a sound endpoint passes, and each way to be broken is named with its remedy.

use crate::support;

use std::process::Command;

use axum::Router;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::IntoResponse;
use serde_json::Value;
use support::FARTHING;
use support::seller::{HONEST_RAIL, Seller, config};
use support::upstream::Upstream;

/// {"amount":"1000","currency":"usd.6"}, as base64url.
const REQUEST: &str = "eyJhbW91bnQiOiIxMDAwIiwiY3VycmVuY3kiOiJ1c2QuNiJ9";

async fn check(url: String) -> (bool, Vec<(String, String, String)>) {
    let output = tokio::task::spawn_blocking(move || Command::new(FARTHING).args(["check", "--json", &url]).output());
    let output = output.await.unwrap().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["payable"].as_bool(), Some(output.status.success()));
    let findings = report["findings"].as_array().unwrap().iter().map(|finding| {
        let text = |member: &str| finding[member].as_str().unwrap_or_default().to_owned();
        if text("verdict") != "good" {
            assert!(!text("remedy").is_empty(), "{finding} has no remedy");
        }
        (text("verdict"), text("layer"), text("fact"))
    });
    (output.status.success(), findings.collect())
}

/// A double: a server with one fixed answer.
async fn server(status: u16, headers: &[(&'static str, String)]) -> String {
    let status = StatusCode::from_u16(status).unwrap();
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }
    let router = Router::new().fallback(move || async move { (status, map, "{}").into_response() });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    format!("http://{address}/x")
}

fn challenge(request: &str, expires: &str) -> String {
    format!(
        "Payment id=\"a\", realm=\"x\", method=\"balance\", intent=\"charge\", request=\"{request}\", expires=\"{expires}\""
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_of_ours_passes() {
    let directory = tempfile::tempdir().unwrap();
    let upstream = Upstream::start().await;
    let seller = Seller::start(directory.path(), &config(&upstream.url(), HONEST_RAIL), &[]);
    let (payable, findings) = check(format!("{}/paid/x", seller.listen)).await;
    let others: Vec<_> = findings.iter().filter(|(verdict, ..)| verdict != "good").collect();
    assert!(payable && others.is_empty(), "{others:?}");
    assert_eq!(upstream.hits(), 0, "a check pays nothing and reaches nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_break_is_named() {
    let no_store = ("cache-control", "no-store".to_owned());
    let alive = challenge(REQUEST, "2099-01-01T00:00:00Z");
    let cases = [
        (server(402, &[]).await, "challenge", "without a Payment challenge"),
        (server(402, &[("www-authenticate", alive.clone())]).await, "cache", "nothing"),
        (
            server(402, &[("www-authenticate", challenge(REQUEST, "2020-01-01T00:00:00Z")), no_store.clone()]).await,
            "challenge",
            "expired",
        ),
        (
            server(402, &[("www-authenticate", challenge("bm90IGpzb24", "2099-01-01T00:00:00Z")), no_store.clone()])
                .await,
            "challenge",
            "not JSON",
        ),
        (
            server(402, &[("www-authenticate", "Payment id=\"a\"".into()), no_store.clone()]).await,
            "challenge",
            "cannot be read",
        ),
        (server(400, &[]).await, "status", "before the price"),
        (server(307, &[("location", "https://elsewhere.example/".into())]).await, "status", "redirect"),
        ("http://127.0.0.1:9/".to_owned(), "reach", "refused"),
    ];
    for (url, layer, fact) in cases {
        let (payable, findings) = check(url).await;
        assert!(!payable, "{fact}");
        let named = findings.iter().any(|(verdict, l, f)| verdict == "broken" && l == layer && f.contains(fact));
        assert!(named, "{layer} {fact}: {findings:?}");
    }
}
