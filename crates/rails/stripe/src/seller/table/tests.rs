use super::*;
use farthing_rail::{Method as _, Order};
use std::sync::Arc;

const LEAST: &str = "asset = \"USD\"\nnetwork_id = \"profile_1\"\nsecret_key = { env = \"KEY\" }\n";

fn read(text: &str) -> Result<Stripe, String> {
    let secrets = |table: &Table, name: &str| match table.get(name) {
        Some(_) => Ok(Zeroizing::new("sk_test_Secret".to_owned())),
        None => Err("is missing; write { env = \"NAME\" }".to_owned()),
    };
    let around = Around { name: "stripe", development: true, secrets: &secrets, data: Path::new(".") };
    Stripe::from_table(&text.parse().unwrap(), around, Arc::new(|| Timestamp::from_unix_millis(0)))
}

fn order(price: &str) -> Order {
    Order { price: price.parse().unwrap(), description: None, external_id: None }
}

#[test]
fn three_lines_are_a_whole_configuration() {
    let stripe = read(LEAST).unwrap();
    assert_eq!(stripe.terms().asset.to_string(), "USD.2@account:stripe");
    assert_eq!((stripe.terms().floor, stripe.terms().fee), (Amount::new(50), USUAL_FEE));
    let request = stripe.request(&order("5 USD")).unwrap();
    assert_eq!(request["amount"], "500");
    assert_eq!(request["methodDetails"]["paymentMethodTypes"][0], "card");
}

#[test]
fn every_key_is_read() {
    let text = format!(
        "{LEAST}version = \"2026-07-29.preview\"\ntoken_parameter = \"top_level\"\napi_base = \"http://127.0.0.1:1\"\n\
         payment_method_types = [\"card\", \"link\"]\nfloor = \"1.00 USD\"\nvalidity = \"90s\"\n\
         statement_from = \"2026-11-01\"\nfee = {{ percent = \"1.5\", fixed = \"0.25 USD\" }}\n[metadata]\nshop = \"x\"\n\
         [connect]\naccount = \"acct_1\"\napplication_fee_amount = 10\n"
    );
    let stripe = read(&text).unwrap();
    assert_eq!(stripe.terms().floor, Amount::new(100));
    assert_eq!(stripe.terms().fee, ExpectedFee { fixed: Amount::new(25), per_million: 15_000, gas: false });
    assert_eq!(stripe.settings.spelling, Spelling::TopLevel);
    assert_eq!(stripe.settings.connect.account.as_deref(), Some("acct_1"));
    assert!(stripe.settings.statement_from.is_some());
}

#[test]
fn s_20_what_a_charge_cannot_carry_is_refused_when_the_gateway_starts() {
    let stripe = read(LEAST).unwrap();
    let refused = |stripe: &Stripe, price: &str| stripe.request(&order(price)).unwrap_err().to_string();
    assert!(refused(&stripe, "0.49 USD").contains("below 0.5 USD"));
    assert!(refused(&stripe, "0.505 USD").contains("0.505 USD"));
    assert!(refused(&stripe, "5 EUR").contains("price it in USD"));
    let shared = read(&format!("{LEAST}[connect]\ntransfer_data = {{ destination = \"acct_2\", amount = 501 }}\n"));
    assert!(refused(&shared.unwrap(), "5 USD").contains("transfer_data.amount"));
}

#[test]
fn a_wrong_table_is_refused_with_the_remedy_and_no_secret() {
    for (line, words) in [
        ("token = 1", "has no key \"token\""),
        ("version = \"latest\"", "2026-04-22.preview"),
        ("token_parameter = \"flat\"", "\"nested\" or \"top_level\""),
        ("api_base = \"http://api.example.com\"", "without TLS"),
        ("payment_method_types = []", "[\"card\", \"link\"]"),
        ("floor = \"1 EUR\"", "is in USD"),
        ("validity = \"7d\"", "\"5m\""),
        ("statement_from = \"yesterday\"", "2026-11-01"),
        ("fee = { percent = 2.9 }", "is a text"),
        ("fee = { percent = \"2.99999\" }", "four decimals"),
        ("metadata = { farthing_payment = \"x\" }", "not ours"),
        ("metadata = { a = 1 }", "500 characters"),
        ("connect = { account = \"1\" }", "acct_"),
        ("connect = { transfer_data = { amount = 1 } }", "destination"),
        ("connect = { application_fee_amount = -1 }", "whole number"),
    ] {
        let refusal = read(&format!("{LEAST}{line}\n")).err().unwrap_or_else(|| panic!("{line} was taken"));
        assert!(refusal.contains(words), "{line}: {refusal}");
        assert!(!refusal.contains("Secret"), "{refusal}");
    }
    assert!(read("asset = \"USD\"").unwrap_err().contains("secret_key"));
    assert!(read("asset = \"XAU\"\nsecret_key = \"x\"").unwrap_err().contains("XAU"));
    let without = LEAST.replace("network_id", "payment_method_types = [\"card\"]\n#");
    assert!(read(&without).unwrap_err().contains("network_id: is missing"));
}
