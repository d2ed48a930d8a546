//! Offers of x402: read, compared with the others, and paid in the words in which they were made.

use crate::x402_double;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::Response;
use farthing_dialects::x402::extension::{binding, check_echo};
use farthing_dialects::x402::{Binding, Requirements, Version};
use farthing_protocol::{BodyDigest, JsonObject};
use farthing_wallet::Outcome;
use farthing_wallet::policy::Rule;
use reqwest::header::HeaderValue;
use serde_json::{Value, json};
use x402_double::{
    Buyer, SELLER, Shop, TRANSACTION, USDC, demand, encoded, entry, goods, list, now, old_demand, old_entry, plain,
    reasons, took,
};

const POLICY: &str = "total = \"1 USD\"\nper_payment = \"0.5 USD\"";

#[tokio::test]
async fn an_offer_of_version_2_is_paid_and_its_receipt_kept() {
    let (buyer, shop) = (Buyer::new(POLICY), Shop::honest(|origin| list(origin, vec![entry("10000")])).await);
    let Outcome::Paid { response, receipt, cost, .. } = buyer.pay(&shop).await else { panic!("not paid") };
    let receipt = receipt.unwrap();
    assert_eq!((receipt.method.as_str(), receipt.reference.as_str()), ("x402", TRANSACTION));
    assert_eq!((cost.to_string().as_str(), response.text().await.unwrap().as_str()), ("0.01 USD", "goods"));
    let paid = shop.seen().pop().unwrap();
    assert!(paid.headers.contains_key("payment-signature") && paid.headers.contains_key("idempotency-key"));
    for absent in ["authorization", "x-payment", "payment-authorization"] {
        assert!(!paid.headers.contains_key(absent), "{absent}");
    }
    assert_eq!(buyer.counted().await, (10_000, 0));
    let kept = buyer.client.wallet().budgets().reservations("agent", 1).await.unwrap().remove(0);
    assert_eq!(kept.receipt.as_deref(), Some(TRANSACTION));
}

#[tokio::test]
async fn c_01_a_body_of_version_1_is_paid_where_there_is_no_header() {
    let shop = Shop::start(|shop, seen| match seen.payment() {
        Some(payment) => {
            Response::builder().header("x-payment-response", took(&payment).to_header()).body("goods".into()).unwrap()
        }
        None => old_demand(vec![old_entry(&shop.origin, "10000")]),
    })
    .await;
    let buyer = Buyer::new(POLICY);
    assert!(matches!(buyer.pay(&shop).await, Outcome::Paid { receipt: Some(_), .. }));
    let paid = shop.seen().pop().unwrap();
    assert!(paid.headers.contains_key("x-payment") && !paid.headers.contains_key("payment-signature"));
    let payment = paid.payment().unwrap();
    assert_eq!(payment.version, Version::V1);
    let written = payment.to_object();
    assert_eq!((&written["scheme"], &written["network"]), (&json!("exact"), &json!("base-sepolia")));
    assert!(!written.contains_key("accepted") && !written.contains_key("resource"));
}

#[tokio::test]
async fn c_01_the_header_counts_and_the_body_beside_it_does_not() {
    let buyer = Buyer::new(POLICY);
    let shop = Shop::start(|shop, seen| match seen.payment() {
        Some(payment) => goods(&took(&payment)),
        None => {
            let header = encoded(&list(&shop.origin, vec![entry("20000")]));
            let mut response = old_demand(vec![old_entry(&shop.origin, "1")]);
            response.headers_mut().insert("payment-required", header.parse().unwrap());
            response
        }
    })
    .await;
    assert!(matches!(buyer.pay(&shop).await, Outcome::Paid { .. }));
    assert_eq!(buyer.inked.amounts(), [20_000]);
}

#[tokio::test]
async fn c_01_nothing_but_the_status_402_asks_for_a_payment() {
    let buyer = Buyer::new(POLICY);
    for status in [200, 401, 403, 500] {
        let shop = Shop::start(move |shop, _| {
            let mut response = demand(&list(&shop.origin, vec![entry("10000")]));
            *response.status_mut() = status.try_into().unwrap();
            response
        })
        .await;
        assert!(matches!(buyer.pay(&shop).await, Outcome::Free { .. }));
        assert_eq!((buyer.inked.count(), shop.seen().len()), (0, 1));
    }
}

#[tokio::test]
async fn c_02_what_the_server_said_comes_back_as_it_was() {
    let mut offered = entry("10000");
    offered["unknown"] = json!({"kept": [1, null]});
    offered["extra"]["more"] = json!({"deep": true});
    let extensions = json!({
        "bazaar": {"info": {"input": {"type": "http"}}, "schema": {"type": "object"}},
        "payment-identifier": {"info": {"required": false}},
    });
    let (told, said) = (offered.clone(), extensions.clone());
    let shop = Shop::honest(move |origin| {
        let mut list = list(origin, vec![told.clone()]);
        list["extensions"] = said.clone();
        list["resource"]["tags"] = json!(["a"]);
        list
    })
    .await;
    let buyer = Buyer::new(POLICY);
    assert!(matches!(buyer.pay(&shop).await, Outcome::Paid { .. }));
    let written = Value::Object(shop.seen()[1].payment().unwrap().to_object());
    assert_eq!(written["accepted"], offered);
    assert_eq!(written["resource"]["tags"], json!(["a"]));
    assert_eq!(written["extensions"]["bazaar"], extensions["bazaar"]);
    let id = written["extensions"]["payment-identifier"]["info"]["id"].as_str().unwrap();
    assert!((16..=128).contains(&id.len()));
    check_echo(extensions.as_object().unwrap(), written["extensions"].as_object().unwrap()).unwrap();
}

#[tokio::test]
async fn c_03_every_payment_has_its_own_nonce() {
    let (buyer, shop) = (Buyer::new(POLICY), Shop::honest(|origin| list(origin, vec![entry("10")])).await);
    for _ in 0..25 {
        assert!(matches!(buyer.pay(&shop).await, Outcome::Paid { .. }));
    }
    let nonces = shop
        .seen()
        .into_iter()
        .filter_map(|seen| seen.payment())
        .map(|payment| payment.payload["authorization"]["nonce"].as_str().unwrap().to_owned());
    assert_eq!(nonces.collect::<BTreeSet<_>>().len(), 25);
}

#[tokio::test]
async fn the_nonce_is_made_from_what_is_bought_and_the_salt_told_to_whoever_checks_it() {
    let shop = Shop::honest(|origin| {
        let mut list = list(origin, vec![entry("10000")]);
        list["extensions"] = json!({ "farthing-binding": binding::advertisement() });
        list
    })
    .await;
    let buyer = Buyer::new(POLICY);
    let mut request = reqwest::Request::new(reqwest::Method::POST, format!("{}/report", shop.origin).parse().unwrap());
    *request.body_mut() = Some("{\"of\":\"me\"}".into());
    assert!(matches!(buyer.client.pay(request, None).await.unwrap(), Outcome::Paid { .. }));
    let payment = shop.seen()[1].payment().unwrap();
    let salt = binding::salt(&payment.extensions).unwrap().unwrap();
    let accepted = Requirements::read(entry("10000").as_object().unwrap(), Version::V2).unwrap();
    let (resource, digest) = (format!("{}/report", shop.origin), BodyDigest::of(b"{\"of\":\"me\"}"));
    let binding =
        Binding { method: "POST", resource: &resource, digest: Some(&digest), accepted: &accepted, salt: &salt };
    let nonce: String = binding.nonce().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(payment.payload["authorization"]["nonce"], format!("0x{nonce}"));
    let elsewhere = Shop::honest(|origin| list(origin, vec![entry("10000")])).await;
    assert!(matches!(buyer.pay(&elsewhere).await, Outcome::Paid { .. }));
    assert_eq!(elsewhere.seen()[1].payment().unwrap().extensions, JsonObject::new(), "who does not ask is not told");
}

#[tokio::test]
async fn c_06_a_lost_answer_sends_the_same_payment_under_the_same_names_again() {
    let asked = AtomicUsize::new(0);
    let shop = Shop::start(move |shop, seen| match seen.payment() {
        Some(_) if asked.fetch_add(1, Ordering::SeqCst) < 5 => plain(503),
        Some(payment) => goods(&took(&payment)),
        None => {
            let mut list = list(&shop.origin, vec![entry("10000")]);
            list["extensions"] = json!({"payment-identifier": {"info": {"required": true}}});
            demand(&list)
        }
    })
    .await;
    let buyer = Buyer::new(POLICY);
    assert!(matches!(buyer.pay(&shop).await, Outcome::Unknown { repeatable: true, .. }));
    assert_eq!(buyer.counted().await, (0, 10_000));
    let buyer = buyer.reopened();
    assert!(matches!(buyer.pay(&shop).await, Outcome::Paid { .. }));
    assert_eq!((buyer.inked.count(), buyer.counted().await), (0, (10_000, 0)), "the next process signs nothing");
    let paid: Vec<_> = shop.seen().into_iter().filter(|seen| seen.header().is_some()).collect();
    assert_eq!(paid.len(), 6);
    assert!(paid.iter().all(|seen| seen.header() == paid[0].header()), "one payment is the same bytes every time");
    assert!(paid.iter().all(|seen| seen.headers["idempotency-key"] == paid[0].headers["idempotency-key"]));
}

#[tokio::test]
async fn c_08_a_price_beyond_a_limit_is_not_signed() {
    let buyer = Buyer::new(POLICY);
    for amount in ["5000000", "500000000000", "340282366920938463463374607431768211455"] {
        let shop = Shop::honest(move |origin| list(origin, vec![entry(amount)])).await;
        reasons(buyer.pay(&shop).await);
        assert_eq!((buyer.inked.count(), shop.credentials(), buyer.counted().await), (0, 0, (0, 0)));
    }
    let shop = Shop::honest(|origin| list(origin, vec![entry("10000")])).await;
    let outcome = buyer.client.pay(shop.get("/report"), Some("0.001 USD".parse().unwrap())).await.unwrap();
    assert!(matches!(outcome, Outcome::Refused { rule: Some(Rule::Max), .. }));
    assert_eq!(buyer.inked.count(), 0);
}

#[tokio::test]
async fn c_09_i_16_of_fifty_offers_the_cheapest_is_paid_wherever_it_stands() {
    for place in [0, 24, 49] {
        let shop = Shop::honest(move |origin| {
            let mut offers: Vec<_> = (0..50).map(|index| entry(&(400_000 - index).to_string())).collect();
            offers[place] = entry("10000");
            list(origin, offers)
        })
        .await;
        let buyer = Buyer::new(POLICY);
        assert!(matches!(buyer.pay(&shop).await, Outcome::Paid { .. }));
        assert_eq!(buyer.inked.amounts(), [10_000]);
    }
}

#[tokio::test]
async fn c_10_i_12_a_payment_is_valid_for_no_longer_than_two_minutes_and_no_longer_than_asked() {
    for (asked, valid) in
        [(60_u64, 60), (120, 120), (300, 120), (10 * 365 * 24 * 3600, 120), (9_007_199_254_740_991, 120)]
    {
        let shop = Shop::honest(move |origin| {
            let mut offer = entry("10000");
            offer["maxTimeoutSeconds"] = asked.into();
            list(origin, vec![offer])
        })
        .await;
        let buyer = Buyer::new(POLICY);
        assert!(matches!(buyer.pay(&shop).await, Outcome::Paid { .. }), "{asked}");
        let before = shop.seen()[1].payment().unwrap().payload["authorization"]["validBefore"].clone();
        let before: i64 = before.as_str().unwrap().parse().unwrap();
        assert_eq!(before - now().unix_millis() / 1000, valid, "{asked}");
    }
}

#[tokio::test]
async fn c_14_an_amount_that_is_no_whole_number_in_its_one_spelling_is_not_signed() {
    let largest = "115792089237316195423570985008687907853269984665640564039457584007913129639936";
    let (long, buyer) = ("9".repeat(400), Buyer::new(POLICY));
    let texts = ["-1", "10000.0", "0.5", "1e4", "0x2710", "010000", " 10000", "+10000", "", "１０", largest, &long];
    let numbers = [json!(10_000), json!(-1), json!(0.5), json!(1e30), json!(null), json!(["10000"])];
    for amount in texts.into_iter().map(Value::from).chain(numbers) {
        let told = amount.clone();
        let shop = Shop::honest(move |origin| {
            let mut offer = entry("");
            offer["amount"] = told.clone();
            list(origin, vec![offer])
        })
        .await;
        assert!(!reasons(buyer.pay(&shop).await).is_empty(), "{amount}");
        assert_eq!((buyer.inked.count(), shop.credentials()), (0, 0), "{amount}");
    }
}

/// A server that makes the offer of a real challenge of the Payment scheme beside its own.
async fn both(balance: &'static str, x402: &'static str) -> Shop {
    Shop::start(move |shop, seen| match seen.payment() {
        Some(payment) => goods(&took(&payment)),
        None if seen.headers.contains_key("authorization") => Response::new("goods".into()),
        None => {
            let mut response = demand(&list(&shop.origin, vec![entry(x402)]));
            let request = json!({
                "amount": balance, "currency": "usd.6", "methodDetails": {"issuer": shop.origin},
            });
            let request = farthing_protocol::base64url::encode(request.to_string());
            let challenge = format!(
                "Payment id=\"a\", realm=\"x\", method=\"balance\", intent=\"charge\", request=\"{request}\", \
                 expires=\"2026-11-21T12:05:00Z\""
            );
            response.headers_mut().insert("www-authenticate", HeaderValue::from_str(&challenge).unwrap());
            response
        }
    })
    .await
}

#[tokio::test]
async fn of_two_protocols_the_cheaper_wins_and_of_two_equals_the_payment_scheme() {
    for (balance, x402, field) in [
        ("10000", "9999", "payment-signature"),
        ("9999", "10000", "authorization"),
        ("10000", "10000", "authorization"),
    ] {
        let shop = both(balance, x402).await;
        let buyer = Buyer::new(POLICY);
        assert!(matches!(buyer.pay(&shop).await, Outcome::Paid { .. }));
        assert!(shop.seen()[1].headers.contains_key(field), "{balance} {x402}");
        assert_eq!(shop.credentials(), 1, "one payment, in one protocol");
    }
}

#[tokio::test]
async fn a_challenge_of_the_payment_scheme_that_calls_itself_x402_is_not_paid() {
    let shop = Shop::start(|_, _| {
        let request = json!({
            "amount": "1", "currency": USDC, "recipient": SELLER,
            "methodDetails": {"network": "eip155:84532", "maxTimeoutSeconds": 60, "extra": {}},
        });
        let request = farthing_protocol::base64url::encode(request.to_string());
        let id = farthing_protocol::base64url::encode([7; 32]);
        let challenge = format!(
            "Payment id=\"{id}\", realm=\"x\", method=\"x402\", intent=\"exact\", request=\"{request}\", \
             expires=\"2026-11-21T12:01:00Z\""
        );
        Response::builder().status(402).header("www-authenticate", challenge).body("{}".into()).unwrap()
    })
    .await;
    let buyer = Buyer::new(POLICY);
    assert!(reasons(buyer.pay(&shop).await).contains("a protocol of its own"));
    assert_eq!(buyer.inked.count(), 0, "its id would be a nonce of a stranger's choice");
}

#[tokio::test]
async fn what_can_be_paid_with_x402_needs_no_header_to_be_asked_for() {
    let (buyer, shop) = (Buyer::new(POLICY), Shop::honest(|origin| list(origin, vec![entry("10000")])).await);
    buyer.pay(&shop).await;
    assert_eq!(shop.seen()[0].headers["accept-payment"], "balance/charge");
}

#[tokio::test]
async fn a_dry_run_shows_protocol_scheme_and_network() {
    let (buyer, shop) = (Buyer::new(POLICY), Shop::honest(|origin| list(origin, vec![entry("10000")])).await);
    let explained = buyer.client.explain(shop.get("/report"), None).await.unwrap().offers.remove(0);
    assert_eq!((explained.method.as_str(), explained.protocol), ("x402/exact", "x402 version 2"));
    assert_eq!((explained.chain.as_deref(), explained.payee.as_deref()), (Some("eip155:84532"), Some(SELLER)));
    assert_eq!((explained.denied_by, buyer.inked.count()), (None, 0));
    assert_eq!(buyer.counted().await, (0, 0));
}
