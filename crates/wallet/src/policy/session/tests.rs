use farthing_protocol::Timestamp;
use farthing_rail::SessionQuote;

use super::*;
use crate::policy::tests::quote;

const POLICY: &str = "total = \"1 USD\"\nper_payment = \"0.01 USD\"\nsession_deposit = \"0.1 USD\"\n\
    [[origin]]\nurl = \"https://api.example.com\"\npayees = [\"0xab\"]";

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

fn subject(max: Option<&str>) -> Subject<'static> {
    let now = Timestamp::from_unix_millis(0);
    Subject { wallet: "agent", max: max.map(price), now, redirected_from: None, offer_signers: &[] }
}

fn deposit(cost: &str, unit: &str, payee: &str) -> Deposit {
    let charge = quote(unit, "https://api.example.com");
    let quote = SessionQuote {
        challenge: charge.challenge,
        origin: charge.origin,
        unit_amount: charge.amount,
        unit_cost: charge.cost,
        unit: None,
        asset: charge.asset,
        payee: Some(payee.into()),
        suggested_deposit: None,
        least_delta: Amount::ZERO,
        terms: "terms".into(),
        hint: None,
    };
    let amount = Amount::new(u128::from(price(cost).millionths()));
    Deposit { first: quote.unit_amount, quote, amount, fee: Amount::ZERO, cost: price(cost) }
}

fn denied(policy: &str, deposit: &Deposit, locked: &str, max: Option<&str>) -> Option<Rule> {
    let policy = policy.parse().unwrap();
    denied_deposit(&policy, deposit, price(locked), &subject(max)).map(|(rule, _)| rule)
}

#[test]
fn what_lies_in_a_session_is_limited_with_what_lies_there_already() {
    let tenth = deposit("0.1 USD", "0.001 USD", "0xAB");
    assert_eq!(denied(POLICY, &tenth, "0 USD", None), None);
    assert_eq!(denied(POLICY, &tenth, "0.000001 USD", None), Some(Rule::SessionDeposit));
    let silent = "total = \"1 USD\"\nper_payment = \"0.01 USD\"";
    assert_eq!(denied(silent, &tenth, "0 USD", None), Some(Rule::SessionDeposit), "per_payment is the limit then");
    assert_eq!(denied("total = \"1 USD\"", &tenth, "0 USD", None), None);
}

#[test]
fn a_unit_is_a_payment_and_a_deposit_goes_where_payments_go() {
    let dear = deposit("0.1 USD", "0.010001 USD", "0xAB");
    assert_eq!(denied(POLICY, &dear, "0 USD", None), Some(Rule::PerPayment));
    let other = deposit("0.1 USD", "0.001 USD", "0xCD");
    assert_eq!(denied(POLICY, &other, "0 USD", None), Some(Rule::Payee));
    let fair = deposit("0.1 USD", "0.001 USD", "0xAB");
    assert_eq!(denied(POLICY, &fair, "0 USD", Some("0.0009 USD")), Some(Rule::Max));
    assert_eq!(denied("total = \"0.05 USD\"", &fair, "0 USD", None), Some(Rule::Total));
}

fn voucher(cumulative: u128, cost: &str, streams: bool, closes: bool, max: Option<&str>) -> Option<Rule> {
    let charge = quote("0.001 USD", "https://api.example.com");
    let voucher = VoucherQuote {
        challenge: charge.challenge,
        origin: charge.origin,
        cumulative: Amount::new(cumulative),
        cost: price("0.001 USD"),
        closes,
    };
    let (deposit, unit) = (Amount::new(100_000), price("0.001 USD"));
    let call = Call { payee: Some("0xab"), deposit, unit, cost: price(cost), streams };
    denied_voucher(&POLICY.parse().unwrap(), &voucher, &call, &subject(max)).map(|(rule, _)| rule)
}

#[test]
fn vouchers_stay_within_the_deposit_and_the_call() {
    assert_eq!(voucher(100_000, "0.001 USD", false, false, None), None);
    assert_eq!(voucher(100_001, "0.001 USD", false, false, None), Some(Rule::SessionDeposit));
    assert_eq!(voucher(100_001, "0.001 USD", false, true, None), Some(Rule::SessionDeposit));
    assert_eq!(voucher(1, "0.010001 USD", false, false, None), Some(Rule::PerPayment));
    assert_eq!(voucher(1, "0.02 USD", true, false, None), None, "each piece of a stream is a payment");
    assert_eq!(voucher(1, "0.02 USD", true, false, Some("0.019999 USD")), Some(Rule::Max));
    assert_eq!(voucher(1, "0.02 USD", false, true, Some("0.001 USD")), None, "what closes asks for nothing new");
}
