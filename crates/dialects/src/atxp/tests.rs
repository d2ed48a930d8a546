use serde_json::json;

use super::*;

const PAYEE: &str = "0x52908400098527886E0F7030069857D2E4169EE7";

fn data(charged: Value, amount: &str) -> Value {
    let x402 = json!({ "x402Version": 1, "accepts": [{ "maxAmountRequired": amount }] });
    json!({ "paymentRequestId": "id", "paymentRequestUrl": "https://auth.example/payment-request/id",
        "chargeAmount": charged, "x402": x402 })
}

fn error(code: i64, data: Value) -> JsonObject {
    let error = json!({ "error": { "code": code, "message": "Payment required", "data": data } });
    error.as_object().unwrap().clone()
}

fn by_text(text: &str) -> Option<Demand> {
    let result = json!({ "result": { "isError": true, "content": [{ "type": "text", "text": text }] } });
    Demand::of(result.as_object().unwrap())
}

fn text(charged: &str) -> String {
    format!(
        "MCP error -30402: Payment via ATXP is required. {charged} Please pay at: \
         https://auth.example/payment-request/a-1_b and then try again."
    )
}

fn reference(charged: &str) -> Reference {
    by_text(&text(charged)).unwrap().reference.unwrap()
}

#[test]
fn what_is_offered_in_x402_can_be_paid() {
    for charged in [json!("0.01"), json!(0.01), json!("0.010000"), json!(1)] {
        assert!(Demand::of(&error(PAYMENT_REQUIRED, data(charged.clone(), "10000"))).unwrap().x402.is_some());
        assert!(Demand::of(&error(SHARED_CODE, data(charged, "10000"))).unwrap().x402.is_some());
    }
    assert_eq!(Demand::of(&error(SHARED_CODE, json!({ "challenges": [] }))), None, "another protocol's");
    let kept =
        json!({ "result": { "isError": true, "content": [], "structuredContent": data(json!("0.01"), "10000") } });
    assert!(Demand::of(kept.as_object().unwrap()).unwrap().x402.is_some());
}

#[test]
fn what_is_sold_is_found_where_sellers_write_it() {
    let entry = json!({ "amount": "10000", "resource": "https://shop.example/mcp" });
    let mut data = data(json!("0.01"), "1");
    data["x402"] = json!({ "x402Version": 2, "accepts": [entry] });
    let list = Demand::of(&error(SHARED_CODE, data)).unwrap().x402.unwrap();
    assert_eq!(list["resource"]["url"], "https://shop.example/mcp");
}

#[test]
fn j_11_an_offer_of_more_than_is_charged_is_not_made() {
    for charged in [json!("0.01"), json!("-1"), json!("1e3"), json!(null), json!("0.0000001")] {
        let demand = Demand::of(&error(PAYMENT_REQUIRED, data(charged, "5000000"))).unwrap();
        assert!(demand.x402.is_none() && demand.hindrance.is_some());
    }
}

#[test]
fn j_12_a_text_names_an_address_and_no_terms() {
    let demand = by_text(&text("")).unwrap();
    assert!(demand.x402.is_none() && demand.hindrance.is_some());
    assert_eq!(demand.reference.unwrap().url(), "https://auth.example/payment-request/a-1_b");
    let fine = json!({ "result": { "content": [{ "type": "text", "text": text("") }] } });
    assert_eq!(Demand::of(fine.as_object().unwrap()), None, "a result that is no error asks for nothing");
    assert_eq!(by_text("Please pay at: https://auth.example/payment-request/a"), None, "not in these words");
}

#[test]
fn j_12_an_address_with_more_in_it_than_a_service_and_a_name_is_none() {
    for address in [
        "https://auth.example@evil.example/payment-request/a",
        "https://evil.example/https://auth.example/payment-request/a",
        "https://auth.example/payment-request/../../a",
        "https://auth.example/payment-request/a?b=c",
        "https://auth.example/payment-request/",
        "ftp://auth.example/payment-request/a",
        "https:///payment-request/a",
    ] {
        let demand = by_text(&format!("Payment via ATXP is required. Please pay at: {address} and")).unwrap();
        assert_eq!((demand.reference, demand.hindrance.is_some()), (None, true), "{address}");
    }
    assert!(by_text(&text("You will be charged much.")).unwrap().reference.is_none(), "an amount that cannot be read");
}

#[test]
fn options_in_usdc_on_base_come_to_a_price_list() {
    let option =
        |chain: &str, amount: Value| json!({ "chain": chain, "currency": "USDC", "address": PAYEE, "amount": amount });
    let solana = json!({ "network": "solana", "currency": "USDC", "address": "So1ana", "amount": "0.01" });
    let list = |terms: Value, charged: &str| reference(charged).terms(terms.to_string().as_bytes());
    let old = json!({ "network": "base", "currency": "USDC", "destination": PAYEE, "amount": "0.01" });
    for terms in [
        json!({ "destinations": [solana, option("base", json!("0.01"))] }),
        json!({ "options": [option("base", json!(0.01))] }),
        old,
    ] {
        let list = list(terms, "You will be charged 0.01.").unwrap();
        assert_eq!(list["accepts"].as_array().unwrap().len(), 1);
        let entry = &list["accepts"][0];
        assert_eq!(
            (&entry["amount"], &entry["payTo"], &entry["network"]),
            (&json!("10000"), &json!(PAYEE), &json!("eip155:8453"))
        );
    }
    assert!(list(json!({ "options": [option("base", json!("0.01"))] }), "").is_ok(), "the terms say what it costs");
    let dearer = json!({ "options": [option("base", json!("0.02"))] });
    assert_eq!(list(dearer, "You will be charged 0.01."), Err(DISAGREE));
    let two = json!({ "options": [option("base", json!("0.01")), option("base_sepolia", json!("5"))] });
    assert_eq!(list(two, ""), Err(DISAGREE), "one request has one price");
    for terms in [json!({ "options": [solana] }), json!({}), json!({ "options": [option("base", json!("-1"))] })] {
        assert!(list(terms, "").is_err());
    }
    assert!(reference("").terms(b"<html>").is_err());
}
