//! Every example of docs/policy.md is a policy, and every key that a policy can have is in one of them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

use farthing_policy::Policy;

const PAGE: &str = include_str!("../../../docs/policy.md");

const KEYS: [&str; 41] = [
    "currency",
    "parent",
    "total",
    "per_payment",
    "per_day",
    "session_deposit",
    "open_sessions",
    "locked",
    "expires",
    "methods",
    "required_tags",
    "unmatched",
    "rates_valid",
    "[hours]",
    "from",
    "to",
    "days",
    "offset",
    "[ask]",
    "new_payee",
    "price_rise",
    "amount_above",
    "deadline",
    "[[origin]]",
    "url",
    "deny",
    "category",
    "limit",
    "payees",
    "offer_signer",
    "[[payee]]",
    "account",
    "[[limit]]",
    "name",
    "amount",
    "payments",
    "window",
    "of",
    "only",
    "[[rate]]",
    "source",
];

fn examples() -> Vec<&'static str> {
    PAGE.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

#[test]
fn every_example_reads_and_reads_back() {
    assert!(examples().len() > 8);
    for example in examples() {
        let policy: Policy = example.parse().unwrap_or_else(|error| panic!("{error}\n{example}"));
        let text = policy.to_toml().unwrap();
        assert_eq!(text.parse::<Policy>().unwrap(), policy, "{text}");
    }
}

#[test]
fn every_key_is_in_an_example() {
    let lines: Vec<_> = examples().into_iter().flat_map(str::lines).collect();
    let is_there = |key: &&str| {
        lines.iter().any(|line| line.starts_with(&format!("{key} = ")) || line.split_whitespace().next() == Some(key))
    };
    let missing: Vec<_> = KEYS.iter().filter(|key| !is_there(key)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_mistake_is_one_sentence_that_names_the_key() {
    for (text, named) in [
        ("totl = \"1 USD\"", "totl"),
        ("total = 1", "line 1"),
        ("total = \"1 USD\"\nunmatched = \"perhaps\"", "unmatched"),
        ("total = \"1 USD\"\nexpires = \"tomorrow\"", "expires"),
        ("total = \"1 USD\"\nrates_valid = \"1y\"", "rates_valid"),
        ("total = \"1 USD\"\nparent = \"../x\"", "parent"),
        ("total = \"1 USD\"\nlocked = \"1 EUR\"", "locked"),
        ("total = \"1 USD\"\n[hours]\nfrom = \"8\"\nto = \"18:00\"", "hours.from"),
        ("total = \"1 USD\"\n[hours]\nfrom = \"08:00\"\nto = \"18:00\"\ndays = [\"monday\"]", "hours.days"),
        ("total = \"1 USD\"\n[hours]\nfrom = \"08:00\"\nto = \"18:00\"\noffset = \"CET\"", "hours.offset"),
        ("total = \"1 USD\"\n[ask]\nprice_rise = \"1.5\"", "ask.price_rise"),
        ("total = \"1 USD\"\n[ask]\ndeadline = \"soon\"", "ask.deadline"),
        ("total = \"1 USD\"\n[[limit]]\nwindow = \"1h\"", "the limit 1h"),
        ("total = \"1 USD\"\n[[limit]]\npayments = 1\nwindow = \"fortnight\"", "limit.window"),
        ("total = \"1 USD\"\n[[limit]]\npayments = 1\nwindow = \"1h\"\nof = \"moon\"", "limit.of"),
        (
            "total = \"1 USD\"\n[[limit]]\npayments = 1\nwindow = \"1h\"\n[[limit]]\npayments = 2\nwindow = \"1h\"",
            "limit",
        ),
        ("total = \"1 USD\"\n[[payee]]\naccount = \"0xA\"\n[[payee]]\naccount = \"0xa\"", "payee"),
        (
            "total = \"1 USD\"\n[[rate]]\ncurrency = \"EUR\"\nrate = \"0\"\nsource = \"x\"\ndate = \"2026-11-20\"",
            "rate.rate",
        ),
        (
            "total = \"1 USD\"\n[[rate]]\ncurrency = \"EUR\"\nrate = \"1\"\nsource = \"x\"\ndate = \"20 Nov\"",
            "rate.date",
        ),
        (
            "total = \"1 USD\"\n[[rate]]\ncurrency = \"USD\"\nrate = \"1\"\nsource = \"x\"\ndate = \"2026-11-20\"",
            "rate",
        ),
        ("[[limit]]\namount = \"1 USD\"\nwindow = \"1h\"\nonly = { category = \"x\" }", "total"),
    ] {
        let refusal = text.parse::<Policy>().expect_err(text).to_string();
        assert!(refusal.contains(named) && !refusal.contains('\n'), "{refusal}\n{text}");
    }
}
