use std::sync::Arc;

use farthing_money::Amount;

use super::*;
use crate::limit_behind;

const POLICY: &str = "total = \"0.5 USD\"\nper_payment = \"0.01 USD\"\nper_day = \"0.2 USD\"\n\
    [[origin]]\nurl = \"https://api.example.com\"\nlimit = \"0.1 USD\"\n[[origin]]\nurl = \"https://b.example\"";
const SESSIONS: &str = "total = \"1 USD\"\nper_payment = \"0.01 USD\"\nsession_deposit = \"0.1 USD\"\n\
    [[origin]]\nurl = \"https://api.example.com\"\npayees = [\"0xab\"]";
const API: &str = "https://api.example.com";

pub(crate) fn price(text: &str) -> Price {
    text.parse().unwrap()
}

/// A charge of this price.
pub(crate) fn purchase(cost: &str, origin: &str) -> Purchase {
    Purchase {
        origin: origin.parse().unwrap(),
        http_method: "GET".into(),
        path: "/v1/x".into(),
        method: "balance/charge".into(),
        asset: "USD.6@ledger".into(),
        chain: None,
        payee: None,
        cost: price(cost),
        authority: Authority::Charge,
        tags: std::collections::BTreeMap::new(),
        max: None,
        redirected_from: None,
        offer_signers: Vec::new(),
    }
}

pub(crate) fn level(name: &str, policy: &str) -> Level {
    Level { name: name.into(), policy: Arc::new(policy.parse().unwrap()) }
}

pub(crate) fn now() -> Timestamp {
    Timestamp::parse("2026-11-21T23:59:59Z").unwrap()
}

pub(crate) fn decided(policy: &str, purchase: &Purchase) -> Decision {
    decide(&[level("agent", policy)], purchase, &Known::default(), now())
}

/// The rule that denies; `None` when it is allowed.
pub(crate) fn denied_by(policy: &str, purchase: &Purchase) -> Option<Rule> {
    match decided(policy, purchase) {
        Decision::Deny { level, rule, sentence } => {
            assert!(!sentence.contains('\n') && sentence.len() > 20, "{sentence}");
            assert_eq!(level, "agent");
            Some(rule)
        }
        Decision::Allow { .. } => None,
        Decision::Ask { sentence, .. } => panic!("asks: {sentence}"),
    }
}

fn charge_denied_by(policy: &str, cost: &str, origin: &str, max: Option<&str>) -> Option<Rule> {
    denied_by(policy, &Purchase { max: max.map(price), ..purchase(cost, origin) })
}

#[test]
fn nothing_is_paid_without_a_policy() {
    let decision = decide(&[], &purchase("0 USD", API), &Known::default(), now());
    assert!(matches!(decision, Decision::Deny { rule: Rule::NoPolicy, .. }));
}

#[test]
fn an_allowed_payment_counts_toward_every_counter() {
    let Decision::Allow { charges, cost } = decided(POLICY, &purchase("0.001 USD", API)) else { panic!("denied") };
    assert_eq!(cost, price("0.001 USD"));
    let charges: Vec<_> =
        charges.iter().map(|charge| (charge.key.0.as_str(), charge.counts.show(charge.limit).to_string())).collect();
    let expected = [
        ("agent/day/2026-11-21", "0.2 USD"),
        ("agent/total", "0.5 USD"),
        ("agent/origin/https://api.example.com", "0.1 USD"),
    ];
    assert_eq!(charges, expected.map(|(key, limit)| (key, limit.to_owned())));
}

#[test]
fn a_counter_knows_its_rule() {
    let (levels, purchase) = ([level("agent", POLICY)], purchase("0.001 USD", API));
    let Decision::Allow { charges, .. } = decide(&levels, &purchase, &Known::default(), now()) else { panic!() };
    let rules = charges.iter().map(|charge| limit_behind(&levels, &purchase, now(), &charge.key).unwrap().rule);
    assert_eq!(rules.collect::<Vec<_>>(), [Rule::PerDay, Rule::Total, Rule::OriginLimit]);
}

#[test]
fn every_rule_says_no() {
    assert_eq!(charge_denied_by(POLICY, "0.001 EUR", API, None), Some(Rule::Currency));
    for origin in ["https://c.example", "http://api.example.com", "https://api.example.com:8443"] {
        assert_eq!(charge_denied_by(POLICY, "0.001 USD", origin, None), Some(Rule::Origins));
    }
    assert_eq!(charge_denied_by(POLICY, "0.010001 USD", API, None), Some(Rule::PerPayment));
    assert_eq!(charge_denied_by(POLICY, "0.001 USD", API, Some("0.000999 USD")), Some(Rule::Max));
    assert_eq!(charge_denied_by(POLICY, "0.001 USD", API, Some("1 EUR")), Some(Rule::Max));
    assert_eq!(charge_denied_by("total = \"1 USD\"", "1.000001 USD", API, None), Some(Rule::Total));
    assert_eq!(charge_denied_by("per_day = \"1 USD\"", "1.000001 USD", API, None), Some(Rule::PerDay));
    let origin = "total = \"1 USD\"\n[[origin]]\nurl = \"https://api.example.com\"\nlimit = \"0.1 USD\"";
    assert_eq!(charge_denied_by(origin, "0.100001 USD", API, None), Some(Rule::OriginLimit));
    assert_eq!(charge_denied_by("total = \"1 USD\"\norigin = []", "0.1 USD", API, None), Some(Rule::Origins));
}

#[test]
fn every_level_must_allow() {
    let levels = [level("agent", "total = \"1 USD\""), level("group/research", "total = \"0.1 USD\"")];
    let decided = |cost| decide(&levels, &purchase(cost, API), &Known::default(), now());
    assert!(matches!(decided("0.2 USD"), Decision::Deny { level, rule: Rule::Total, .. } if level == "group/research"));
    let Decision::Allow { charges, .. } = decided("0.1 USD") else { panic!("denied") };
    let keys: Vec<_> = charges.iter().map(|charge| charge.key.0.as_str()).collect();
    assert!(keys.contains(&"agent/total") && keys.contains(&"group/research/total"), "{keys:?}");
}

#[test]
fn a_redirect_to_another_origin_is_paid_only_where_the_list_names_it() {
    let redirected_from = Some("https://a.example".parse().unwrap());
    let redirected = Purchase { redirected_from, ..purchase("0.001 USD", API) };
    assert_eq!(denied_by("total = \"1 USD\"", &redirected), Some(Rule::Redirect));
    assert_eq!(denied_by(POLICY, &redirected), None);
}

#[test]
fn i_03_nobody_but_the_pinned_payees_is_paid() {
    let pinned = "total = \"1 USD\"\n[[origin]]\nurl = \"https://api.example.com\"\npayees = [\"0xAB\"]";
    let paying = |payee: Option<&str>| Purchase { payee: payee.map(str::to_owned), ..purchase("0.001 USD", API) };
    assert_eq!(denied_by(pinned, &paying(Some("0xab"))), None);
    assert_eq!(denied_by(pinned, &paying(Some("0xcd"))), Some(Rule::Payee));
    assert_eq!(denied_by(pinned, &paying(None)), None, "a method that names nobody pays the server itself");
}

#[test]
fn a_limit_includes_its_own_value() {
    assert_eq!(charge_denied_by(POLICY, "0.01 USD", "https://b.example", Some("0.01 USD")), None);
}

fn deposit(cost: &str, unit: &str, payee: &str, locked: &str) -> Purchase {
    let authority = Authority::Deposit {
        unit: price(unit),
        locked: price(locked),
        locked_in_all: price(locked),
        sessions: 1,
        held: Vec::new(),
    };
    Purchase { authority, payee: Some(payee.into()), ..purchase(cost, API) }
}

#[test]
fn what_lies_in_a_session_is_limited_with_what_lies_there_already() {
    let tenth = |locked| deposit("0.1 USD", "0.001 USD", "0xAB", locked);
    assert_eq!(denied_by(SESSIONS, &tenth("0 USD")), None);
    assert_eq!(denied_by(SESSIONS, &tenth("0.000001 USD")), Some(Rule::SessionDeposit));
    let silent = "total = \"1 USD\"\nper_payment = \"0.01 USD\"";
    assert_eq!(denied_by(silent, &tenth("0 USD")), Some(Rule::SessionDeposit), "per_payment is the limit then");
    assert_eq!(denied_by("total = \"1 USD\"", &tenth("0 USD")), None);
}

#[test]
fn a_unit_is_a_payment_and_a_deposit_goes_where_payments_go() {
    let dear = deposit("0.1 USD", "0.010001 USD", "0xAB", "0 USD");
    assert_eq!(denied_by(SESSIONS, &dear), Some(Rule::PerPayment));
    let other = deposit("0.1 USD", "0.001 USD", "0xCD", "0 USD");
    assert_eq!(denied_by(SESSIONS, &other), Some(Rule::Payee));
    let fair = deposit("0.1 USD", "0.001 USD", "0xAB", "0 USD");
    assert_eq!(denied_by(SESSIONS, &Purchase { max: Some(price("0.0009 USD")), ..fair.clone() }), Some(Rule::Max));
    assert_eq!(denied_by("total = \"0.05 USD\"", &fair), Some(Rule::Total));
}

fn voucher(cumulative: u128, cost: &str, streams: bool, closes: bool, max: Option<&str>) -> Option<Rule> {
    let authority = Authority::Voucher {
        unit: price("0.001 USD"),
        cumulative: Amount::new(cumulative),
        deposit: Amount::new(100_000),
        streams,
        closes,
    };
    let (payee, max) = (Some("0xab".into()), max.map(price));
    denied_by(SESSIONS, &Purchase { authority, payee, max, ..purchase(cost, API) })
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
