//! What a server may write: so much and no more, shown as text and never followed.

use crate::x402_double;

use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::http::Response;
use farthing_wallet::Outcome;
use serde_json::{Value, json};
use x402_double::{Buyer, Shop, demand, encoded, entry, list, old_demand, old_entry, reasons};

const POLICY: &str = "total = \"0.1 USD\"";

fn changed(member: &str, value: &Value) -> Value {
    let mut offer = entry("10000");
    offer[member] = value.clone();
    offer
}

#[tokio::test]
async fn i_20_no_url_that_a_server_names_is_ever_fetched() {
    let bystander = Shop::start(|_, _| Response::new(Body::empty())).await;
    let named = bystander.origin.clone();
    let buyer = Buyer::new(POLICY);
    let shop = Shop::honest(move |origin| {
        let urls = json!({"facilitator": named, "paymentRequestUrl": named, "registrationUrl": named});
        let mut list = list(origin, vec![changed("extra", &json!({"name": "USDC", "urls": urls}))]);
        list["resource"]["iconUrl"] = named.as_str().into();
        list["extensions"] = json!({"sign-in-with-x": {"info": {"uri": named}}, "offer-receipt": {"info": urls}});
        list
    })
    .await;
    assert!(matches!(buyer.pay(&shop).await, Outcome::Paid { .. }));
    assert!(bystander.seen().is_empty());
}

#[tokio::test]
async fn i_21_a_402_without_end_of_a_hundred_megabytes_or_of_a_thousand_offers_is_bounded() {
    let buyer = Buyer::new(POLICY);
    let chunk = Bytes::from(vec![b' '; 64 * 1024]);
    for chunks in [1_600, usize::MAX] {
        let chunk = chunk.clone();
        let shop = Shop::start(move |_, _| {
            let chunk = chunk.clone();
            let pieces = (0..chunks).map(move |_| Ok::<_, std::convert::Infallible>(chunk.clone()));
            Response::builder().status(402).body(Body::from_stream(futures_util::stream::iter(pieces))).unwrap()
        })
        .await;
        let started = Instant::now();
        reasons(buyer.pay(&shop).await);
        assert!(started.elapsed() < Duration::from_secs(20));
    }
    let many = Shop::start(|shop, _| old_demand((0..1_000).map(|_| old_entry(&shop.origin, "1")).collect())).await;
    reasons(buyer.pay(&many).await);
    let long = Shop::start(|shop, _| {
        let mut list = list(&shop.origin, vec![entry("10000")]);
        list["error"] = "x".repeat(100_000).into();
        demand(&list)
    })
    .await;
    let _ = buyer.client.pay(long.get("/report"), None).await;
    assert_eq!(buyer.inked.count(), 0);
}

#[tokio::test]
async fn i_21_a_body_that_would_unpack_to_a_great_deal_is_not_unpacked() {
    let shop = Shop::start(|shop, _| {
        let mut response = old_demand(vec![old_entry(&shop.origin, "10000")]);
        response.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
        *response.body_mut() = Body::from(vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
        response
    })
    .await;
    let buyer = Buyer::new(POLICY);
    reasons(buyer.pay(&shop).await);
    assert!(
        shop.seen().iter().all(|seen| !seen.headers.contains_key("accept-encoding")),
        "nothing packed is asked for"
    );
}

#[tokio::test]
async fn i_22_what_a_server_writes_moves_no_cursor() {
    let hostile = "\u{1b}[2J\u{9b}8m\u{202e}paid\u{200b}\r\n";
    let is_clean =
        |text: &str| !text.chars().any(|letter| letter.is_control() || ('\u{200b}'..='\u{202e}').contains(&letter));
    let buyer = Buyer::new(POLICY);
    for member in ["asset", "network", "scheme", "payTo"] {
        let shop = Shop::honest(move |origin| list(origin, vec![changed(member, &hostile.into())])).await;
        let explained = buyer.client.explain(shop.get("/report"), None).await.unwrap();
        let said = explained.offers.iter().flat_map(|offer| [&offer.sentence].into_iter().chain(&offer.payee));
        assert!(said.chain(&explained.reasons).all(|text| is_clean(text)), "{member}");
    }
    let shop = Shop::start(move |shop, _| {
        let mut list = list(&shop.origin, vec![entry("10000")]);
        list["error"] = hostile.into();
        demand(&list)
    })
    .await;
    let Outcome::Unknown { sentence, .. } = buyer.pay(&shop).await else { panic!("known") };
    assert!(is_clean(&sentence), "{sentence:?}");
}

#[tokio::test]
async fn a_list_that_breaks_the_rules_of_its_own_encoding_is_not_paid() {
    let buyer = Buyer::new(POLICY);
    let headers = [
        "not base64 at all".to_owned(),
        encoded(&json!([])),
        encoded(&json!({"x402Version": 3, "accepts": [], "resource": {"url": "/"}})),
        encoded(&json!({"x402Version": 2, "accepts": [], "resource": {"url": "/report"}})),
        encoded(&json!({"x402Version": 2, "accepts": "exact", "resource": {"url": "/report"}})),
        encoded(&json!({"x402Version": 2, "accepts": [entry("10000")]})),
    ];
    for header in headers {
        let shop = Shop::start(move |_, _| {
            Response::builder().status(402).header("payment-required", header.as_str()).body("{}".into()).unwrap()
        })
        .await;
        assert!(!reasons(buyer.pay(&shop).await).is_empty());
    }
    let two = Shop::start(|shop, _| {
        let mut response = demand(&list(&shop.origin, vec![entry("10000")]));
        let cheaper = encoded(&list(&shop.origin, vec![entry("1")]));
        response.headers_mut().append("payment-required", cheaper.parse().unwrap());
        response
    })
    .await;
    assert!(reasons(buyer.pay(&two).await).contains("several"));
    assert_eq!(buyer.inked.count(), 0);
}
