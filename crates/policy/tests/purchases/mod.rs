//! Purchases for tests.
#![allow(dead_code, reason = "each test program uses a part")]

use std::collections::BTreeMap;
use std::sync::Arc;

use farthing_money::Price;
use farthing_policy::{Authority, Decision, Known, Level, Purchase, Rule, decide};
use farthing_protocol::Timestamp;

pub(crate) const API: &str = "https://api.example.com";

pub(crate) fn price(text: &str) -> Price {
    text.parse().unwrap()
}

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// A Saturday.
pub(crate) fn now() -> Timestamp {
    at("2026-11-21T12:00:00Z")
}

pub(crate) fn charge(cost: &str) -> Purchase {
    Purchase {
        origin: API.parse().unwrap(),
        http_method: "GET".into(),
        path: "/v1/x".into(),
        method: "tempo/charge".into(),
        asset: "USDC.6@eip155:8453/0x8335".into(),
        chain: Some("eip155:8453".into()),
        payee: Some("0xAB".into()),
        cost: price(cost),
        authority: Authority::Charge,
        tags: BTreeMap::new(),
        max: None,
        redirected_from: None,
        offer_signers: Vec::new(),
    }
}

pub(crate) fn level(name: &str, policy: &str) -> Level {
    Level { name: name.into(), policy: Arc::new(policy.parse().unwrap_or_else(|error| panic!("{error}: {policy}"))) }
}

pub(crate) fn tagged(purchase: Purchase, name: &str, value: &str) -> Purchase {
    let mut tags = purchase.tags.clone();
    tags.insert(name.into(), value.into());
    Purchase { tags, ..purchase }
}

pub(crate) fn decided(policy: &str, purchase: &Purchase) -> Decision {
    decided_knowing(policy, purchase, Known::default())
}

pub(crate) fn decided_knowing(policy: &str, purchase: &Purchase, known: Known) -> Decision {
    decide(&[level("agent", policy)], purchase, &known, now())
}

/// `None` when it is allowed.
pub(crate) fn stopped_by(decision: &Decision) -> Option<Rule> {
    match decision {
        Decision::Allow { .. } => None,
        Decision::Deny { rule, sentence, .. } | Decision::Ask { rule, sentence, .. } => {
            assert!(!sentence.contains('\n') && sentence.len() > 20, "{sentence}");
            Some(*rule)
        }
    }
}

pub(crate) fn rule(policy: &str, purchase: &Purchase) -> Option<Rule> {
    stopped_by(&decided(policy, purchase))
}
