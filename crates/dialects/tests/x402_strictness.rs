//! What no honest peer sends, and two peers would read differently, is read by nobody: requirements F-18 and
//! S-4, cases C-14 to C-19 and H-08 of the adversarial list. Whatever is read, nothing panics, and what is
//! written reads back.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use farthing_dialects::x402::facilitator::{CatalogueItem, FacilitatorRequest, Supported};
use farthing_dialects::x402::{Malformed, PaymentPayload, PaymentRequired, PriceList, Settled, Verified};
use serde_json::{Value, json};

const LONGEST: usize = 64 * 1024;

fn offer() -> Value {
    json!({
        "scheme": "exact", "network": "eip155:8453", "amount": "10000", "asset": "0xa", "payTo": "0xb",
        "maxTimeoutSeconds": 60, "extra": {"name": "USDC", "version": "2"},
    })
}

fn payment() -> Value {
    json!({"x402Version": 2, "accepted": offer(), "payload": {"signature": "0x", "authorization": {"value": "10000"}}})
}

fn read(payment: &str) -> Result<PaymentPayload, Malformed> {
    let from_json = PaymentPayload::from_json(payment.as_bytes());
    assert_eq!(PaymentPayload::from_header(STANDARD.encode(payment).as_bytes()), from_json);
    from_json
}

#[test]
fn a_header_is_base64_of_any_kind() {
    // A text whose length is no multiple of three, with both of the letters in which the alphabets differ.
    let mut payment = payment();
    payment["payload"]["signature"] = "???>>>".into();
    let text = payment.to_string() + &" ".repeat(2);
    let encoded =
        [STANDARD.encode(&text), STANDARD_NO_PAD.encode(&text), URL_SAFE.encode(&text), URL_SAFE_NO_PAD.encode(&text)];
    for header in encoded {
        assert!(PaymentPayload::from_header(header.as_bytes()).is_ok(), "{header}");
    }
}

#[test]
fn s_4_a_malformed_header_is_no_payment() {
    let base64 = |text: &str| STANDARD.encode(text);
    let mut headers = vec![
        String::new(),
        "=".into(),
        "not base64!".into(),
        "é".into(),
        payment().to_string(),
        base64(""),
        base64("null"),
        base64("[]"),
        base64("\"text\""),
        base64("{}"),
        base64("{\"x402Version\":2"),
        base64(&format!("{} {{}}", payment())),
        format!(" {}", base64(&payment().to_string())),
        format!("{},{}", base64(&payment().to_string()), base64(&payment().to_string())),
    ];
    for member in ["x402Version", "accepted", "payload"] {
        let mut without = payment();
        without.as_object_mut().unwrap().remove(member);
        headers.push(base64(&without.to_string()));
        for value in [Value::Null, json!(true), json!("x"), json!([1])] {
            let mut wrong = payment();
            wrong[member] = value;
            headers.push(base64(&wrong.to_string()));
        }
    }
    for member in ["scheme", "network", "amount", "asset", "payTo", "maxTimeoutSeconds"] {
        let mut without = payment();
        without["accepted"].as_object_mut().unwrap().remove(member);
        headers.push(base64(&without.to_string()));
        for value in [Value::Null, json!(true), json!(""), json!({})] {
            let mut wrong = payment();
            wrong["accepted"][member] = value;
            headers.push(base64(&wrong.to_string()));
        }
    }
    for header in headers {
        assert!(PaymentPayload::from_header(header.as_bytes()).is_err(), "{header}");
    }
}

#[test]
fn s_2_an_offer_says_everything_in_its_one_form() {
    for (member, value) in [
        ("amount", json!("0")),
        ("maxTimeoutSeconds", json!(0)),
        ("network", json!("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp")),
    ] {
        let mut payment = payment();
        payment["accepted"][member] = value.clone();
        assert!(read(&payment.to_string()).is_ok(), "{member} {value}");
    }
    for (member, value) in [
        ("amount", json!("00")),
        ("amount", json!("1\u{661}")),
        ("network", json!("eip155")),
        ("network", json!("eip155:01")),
        ("network", json!("base sepolia")),
        ("maxTimeoutSeconds", json!(-1)),
        ("maxTimeoutSeconds", json!(1.5)),
        ("maxTimeoutSeconds", json!("60")),
        ("extra", json!([])),
        ("extra", json!("x")),
    ] {
        let mut payment = payment();
        payment["accepted"][member] = value.clone();
        assert!(read(&payment.to_string()).is_err(), "{member} {value}");
    }
}

#[test]
fn c_15_a_member_stands_once() {
    for text in [
        payment().to_string().replacen("\"value\":", "\"value\":\"1\",\"value\":", 1),
        payment().to_string().replacen("\"amount\":", "\"amount\":\"1\",\"amount\":", 1),
        payment().to_string().replacen("\"x402Version\":", "\"x402Version\":1,\"x402Version\":", 1),
        payment().to_string().replacen("\"value\":", "\"v\\u0061lue\":\"1\",\"value\":", 1),
    ] {
        assert!(matches!(read(&text), Err(Malformed::Json(_))), "{text}");
    }
}

#[test]
fn c_16_nesting_ends() {
    let nested = |levels: usize| {
        let text = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        payment().to_string().replacen("\"USDC\"", &text, 1)
    };
    // The payment, `accepted` and `extra` are three levels of the 32.
    assert!(read(&nested(29)).is_ok());
    let started = Instant::now();
    for levels in [30, 124, 20_000, 30_000] {
        assert!(matches!(read(&nested(levels)), Err(Malformed::Json(_))), "{levels}");
    }
    assert!(started.elapsed() < Duration::from_secs(5), "reading what is too deep takes no time");
}

#[test]
fn c_17_length_ends() {
    let padded = |length: usize| {
        let text = payment().to_string();
        let spaces = " ".repeat(length - text.len());
        text + &spaces
    };
    assert!(read(&padded(LONGEST)).is_ok());
    for length in [LONGEST + 1, 6 * 1024 * 1024] {
        let text = padded(length);
        let refused = Malformed::TooLong { longest: LONGEST };
        assert_eq!(PaymentPayload::from_json(text.as_bytes()), Err(refused.clone()));
        assert_eq!(PriceList::from_body(text.as_bytes()), Err(refused.clone()));
        assert_eq!(Settled::from_json(text.as_bytes()), Err(refused.clone()));
        assert!(FacilitatorRequest::from_json(text.as_bytes()).is_err());
        assert_eq!(PaymentPayload::from_header(STANDARD.encode(&text).as_bytes()), Err(refused));
    }
}

#[test]
fn c_18_text_that_readers_see_differently_is_refused() {
    let text = payment().to_string();
    let changed = [
        format!("\u{feff}{text}"),
        format!("{text}\0"),
        text.replacen("\"0xb\"", "\"0xb\0\"", 1),
        text.replacen("\"0xb\"", "\"0xb\\u0000\"", 1),
        text.replacen("\"payTo\"", "\"payTo\\u0000\"", 1),
        text.replacen("\"0xb\"", "\"\\ud800\"", 1),
        text.replacen("\"0xb\"", "\"\\udc00\\ud800\"", 1),
        // Cyrillic letters that look like Latin ones.
        text.replacen("\"payTo\"", "\"p\u{430}yTo\"", 1),
        text.replacen("\"accepted\"", "\"\u{430}ccepted\"", 1),
        text.replacen("\"payTo\"", "\"PayTo\"", 1),
    ];
    for text in changed {
        assert!(read(&text).is_err(), "{text:?}");
    }
    let latin = [b"{\"x402Version\":2,\"error\":\"".as_slice(), b"\xe9\"}"].concat();
    assert!(PriceList::from_body(&latin).is_err());
}

#[test]
fn h_08_extensions_are_bounded_and_none_is_a_prototype() {
    let with = |extensions: Value| {
        let mut payment = payment();
        payment["extensions"] = extensions;
        payment.to_string()
    };
    let many: serde_json::Map<_, _> = (0..100).map(|index| (format!("x{index}"), json!({"info": {}}))).collect();
    assert!(read(&with(many.into())).is_ok());
    let large: serde_json::Map<_, _> =
        (0..100).map(|index| (format!("x{index}"), "x".repeat(LONGEST).into())).collect();
    assert!(matches!(PaymentPayload::from_json(with(large.into()).as_bytes()), Err(Malformed::TooLong { .. })));
    for extensions in [json!({"__proto__": {}}), json!({"x": {"info": [{"__proto__": 1}]}})] {
        assert!(matches!(read(&with(extensions)), Err(Malformed::Json(_))));
    }
    assert!(read(&with(json!([]))).is_err());
}

#[test]
fn s_8_only_true_is_a_success() {
    for body in ["{}", r#"{"success":"true"}"#, r#"{"success":1}"#, "<html></html>", r#"{"success":true"#, "true", ""] {
        assert!(Settled::from_json(body.as_bytes()).is_err(), "{body}");
    }
    for body in ["{}", r#"{"isValid":"true"}"#, r#"{"isValid":1}"#, "<html></html>", r#"{"isValid":true"#] {
        assert!(Verified::from_json(body.as_bytes()).is_err(), "{body}");
    }
}

mod any {
    use super::*;
    use farthing_dialects::x402::facilitator::Kind;
    use farthing_dialects::x402::{Accepted, Answers, Network, Requirements, Resource, Version};
    use farthing_money::{Amount, Asset, Home, Price, Rounding};
    use farthing_protocol::JsonObject;
    use proptest::prelude::*;

    const TEXT: &str = "[^\0]{1,12}";

    fn object() -> impl Strategy<Value = JsonObject> {
        let leaf = prop_oneof![Just(Value::Null), any::<i64>().prop_map(Value::from), "[^\0]*".prop_map(Value::from)];
        let value = leaf.prop_recursive(3, 12, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-z]{0,4}", inner, 0..4)
                    .prop_map(|members| members.into_iter().collect()),
            ]
        });
        prop::collection::btree_map("[a-z]{0,6}", value, 0..4).prop_map(|members| members.into_iter().collect())
    }

    fn requirements() -> impl Strategy<Value = Requirements> {
        let chain = prop_oneof![Just(8453), Just(84_532), any::<u64>().prop_map(|chain| chain.max(1))];
        (TEXT, chain, any::<u128>(), TEXT, TEXT, any::<u64>(), object()).prop_map(
            |(scheme, chain, amount, asset, pay_to, max_timeout_seconds, extra)| Requirements {
                scheme,
                network: Network::evm(chain),
                amount: Amount::new(amount),
                asset,
                pay_to,
                max_timeout_seconds,
                extra,
            },
        )
    }

    proptest! {
        #[test]
        fn bytes_never_panic(bytes: Vec<u8>, text: String) {
            for bytes in [bytes.as_slice(), text.as_bytes()] {
                let _ = (PriceList::from_header(bytes), PriceList::from_body(bytes));
                let _ = (PaymentPayload::from_header(bytes), PaymentPayload::from_json(bytes));
                let _ = (Settled::from_header(bytes), Settled::from_json(bytes), Verified::from_json(bytes));
                let _ = (FacilitatorRequest::from_json(bytes), Supported::from_json(bytes));
            }
            let _ = Network::read(&text);
        }

        #[test]
        fn objects_never_panic(mut object in object(), version in 1_u64..=2) {
            object.insert("x402Version".to_owned(), version.into());
            let text = Value::Object(object.clone()).to_string();
            let _ = (PriceList::from_body(text.as_bytes()), PaymentPayload::from_json(text.as_bytes()));
            let _ = (FacilitatorRequest::from_json(text.as_bytes()), CatalogueItem::read(&object));
        }

        #[test]
        fn a_list_reads_back(accepts in prop::collection::vec(requirements(), 0..4), url in TEXT, extensions in object()) {
            let resource = Resource { url, description: Some(String::new()), mime_type: None };
            let list = PaymentRequired { version: Version::V2, error: None, resource, accepts, extensions };
            prop_assert_eq!(PaymentRequired::from_header(list.to_header().as_bytes()), Ok(list));
        }

        #[test]
        fn a_payment_reads_back(offer in requirements(), payload in object(), resource in object(), extensions in object()) {
            let resource = Some(resource).filter(|resource| !resource.is_empty());
            let answers = Answers::Offer(Accepted::from(offer));
            let payment = PaymentPayload { version: Version::V2, answers, payload, resource, extensions };
            prop_assert_eq!(PaymentPayload::from_header(payment.to_header().as_bytes()), Ok(payment.clone()));
            let shown = format!("{payment:?}");
            prop_assert!(!shown.contains("payload:"));
        }

        #[test]
        fn an_outcome_reads_back(texts in (TEXT, TEXT, TEXT, TEXT), success: bool, amount: Option<u128>, extensions in object()) {
            let (reason, payer, transaction, network) = texts;
            let amount = amount.map(Amount::new);
            let (error_reason, error_message, payer) = (Some(reason.clone()), Some(reason), Some(payer));
            let settled = Settled { success, error_reason, error_message, payer, transaction, network, amount, extensions };
            prop_assert_eq!(Settled::from_header(settled.to_header().as_bytes()), Ok(settled));
        }

        #[test]
        fn what_a_facilitator_does_reads_back(scheme in TEXT, chain: u64, extra in object()) {
            let kind = Kind { version: Version::V2, scheme, network: Network::evm(chain.max(1)), extra };
            let supported = Supported { kinds: vec![kind], ..Supported::default() };
            let text = Value::Object(supported.to_object()).to_string();
            prop_assert_eq!(Supported::from_json(text.as_bytes()), Ok(supported));
        }

        #[test]
        fn k_03_one_price_is_one_amount_in_every_protocol(millionths: u64, decimals in 0u8..=18, offer in requirements()) {
            let asset = Asset::new("USDC", decimals, Home::Ledger).unwrap();
            let price = Price::from_millionths(millionths, "USD".parse().unwrap());
            let amount = price.in_asset(&asset, Rounding::Up).unwrap().amount;
            let (to_18, from_6) = (10_u128.pow(18 - u32::from(decimals)), 10_u128.pow(12));
            prop_assert!(amount.units() * to_18 >= u128::from(millionths) * from_6, "never less than the price");
            let offer = Requirements { amount, network: Network::evm(8453), ..offer };
            let text = Value::from(amount.to_string());
            let request = offer.to_request().to_object();
            prop_assert_eq!(request.get("amount"), Some(&text));
            let second = offer.to_object();
            prop_assert_eq!(second.get("amount"), Some(&text));
            let first = offer.to_first_version(&Resource { url: "x".into(), ..Resource::default() }).unwrap();
            prop_assert_eq!(first.get("maxAmountRequired"), Some(&text));
            prop_assert_eq!(Requirements::read(&first, Version::V1), Ok(offer.clone()));
            prop_assert_eq!(Requirements::from_request(&offer.scheme, &offer.to_request()), Ok(offer.clone()));
        }
    }
}
