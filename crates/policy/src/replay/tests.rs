use farthing_protocol::Timestamp;

use super::*;
use crate::decide::tests::{level, price, purchase};

const API: &str = "https://api.example.com";

fn at(minute: u32) -> Timestamp {
    Timestamp::parse(&format!("2026-11-21T{:02}:{:02}:00Z", minute / 60, minute % 60)).unwrap()
}

fn reason(rule: &str) -> Reason {
    Reason { level: "agent".into(), rule: rule.into(), sentence: None }
}

/// A payment in a minute, decided by a policy now. What was allowed then was reserved, under the minute's name.
fn decided(minute: u8, cost: &str, was: Answer, policy: &str) -> Past {
    let reserved = (was == Answer::Allowed).then(|| ([minute; 16], price(cost)));
    Past::Decided(Box::new(Decided {
        sequence: minute.into(),
        now: at(minute.into()),
        purchase: purchase(cost, API),
        known: Known::default(),
        levels: vec![level("agent", policy)],
        was,
        reserved,
    }))
}

fn allowed(minute: u8, cost: &str, policy: &str) -> Past {
    decided(minute, cost, Answer::Allowed, policy)
}

/// What comes out differently: the number, the answer, and the rule.
fn differences(past: Vec<Past>) -> Vec<(u64, &'static str, String)> {
    let told = |difference: Difference| {
        let rule = difference.would_be.reason().map(|reason| reason.rule.clone()).unwrap_or_default();
        (difference.sequence, difference.would_be.as_str(), rule)
    };
    replay(past).differences.into_iter().map(told).collect()
}

fn told(sequence: u64, answer: &'static str, rule: &str) -> (u64, &'static str, String) {
    (sequence, answer, rule.to_owned())
}

#[test]
fn the_same_policy_changes_nothing_and_a_tighter_one_names_what_it_denies() {
    let past =
        |policy| vec![allowed(1, "0.1 USD", policy), allowed(2, "0.2 USD", policy), allowed(3, "0.1 USD", policy)];
    assert_eq!(replay(past("total = \"1 USD\"")).differences, []);
    let tight = replay(past("total = \"0.2 USD\""));
    let denied = &tight.differences[0];
    assert_eq!((tight.differences.len(), denied.sequence, denied.would_be.as_str()), (1, 2, "denied"));
    let Some(Reason { level, rule, sentence: Some(sentence) }) = denied.would_be.reason() else { panic!() };
    assert_eq!((level.as_str(), rule.as_str()), ("agent", "total"));
    assert_eq!(sentence, "it costs 0.2 USD, and of the total limit of 0.2 USD, 0.1 USD would have been used");
    assert_eq!((tight.was.allowed, tight.was.paid), (3, vec![price("0.4 USD")]));
    assert_eq!((tight.would_be.allowed, tight.would_be.denied), (2, 1));
    assert_eq!(tight.would_be.paid, [price("0.2 USD")]);
}

#[test]
fn what_was_denied_and_is_allowed_now_counts_from_then_on() {
    let policy = "total = \"0.2 USD\"";
    let denied = decided(1, "0.15 USD", Answer::Denied(reason("per-payment")), policy);
    let found = differences(vec![denied, allowed(2, "0.1 USD", policy)]);
    assert_eq!(found, [told(1, "allowed", ""), told(2, "denied", "total")]);
}

#[test]
fn another_rule_with_the_same_answer_is_no_difference() {
    let denied = decided(1, "0.3 USD", Answer::Denied(reason("per-payment")), "total = \"0.2 USD\"");
    assert_eq!(differences(vec![denied]), []);
}

#[test]
fn windows_move_along_and_payments_are_counted() {
    let policy = "total = \"9 USD\"\n[[limit]]\npayments = 2\nwindow = \"10m\"";
    let past = [0, 5, 9, 11, 12].map(|minute| allowed(minute, "0.1 USD", policy));
    // At 11 the first has left, at 12 those of 5 and 11 are in it; what was denied at 9 never came in.
    assert_eq!(differences(past.to_vec()), [told(9, "denied", "limit"), told(12, "denied", "limit")]);
}

#[test]
fn what_did_not_happen_or_cost_less_makes_room() {
    let policy = "total = \"0.2 USD\"\n[[limit]]\npayments = 2\nwindow = \"1h\"";
    let ended = |minute: u8, cost: Option<&str>| Past::Ended { id: [minute; 16], cost: cost.map(price) };
    let (first, second, third) =
        (allowed(1, "0.2 USD", policy), allowed(2, "0.1 USD", policy), allowed(3, "0.1 USD", policy));
    let unended = vec![first.clone(), second.clone()];
    assert_eq!(differences(unended), [told(2, "denied", "total")]);
    let released = vec![first.clone(), ended(1, None), second.clone(), third.clone()];
    assert_eq!(differences(released), [], "neither its money nor its number counts");
    let cheaper = replay(vec![first, ended(1, Some("0.1 USD")), second, third]);
    assert_eq!((cheaper.differences.len(), cheaper.differences[0].sequence), (1, 3), "its number counts");
    assert_eq!((cheaper.was.paid, cheaper.would_be.paid), (vec![price("0.3 USD")], vec![price("0.2 USD")]));
}

#[test]
fn what_is_not_in_question_counts_and_is_not_judged() {
    let policy = "total = \"0.2 USD\"";
    let Decision::Allow { cost, charges } =
        decide(&[level("agent", policy)], &purchase("0.15 USD", API), &Known::default(), at(0))
    else {
        panic!("denied")
    };
    let counted = Counted { id: [9; 16], cost, charges, at: at(0), purchase: None };
    let past = vec![Past::Counted(Box::new(counted)), allowed(1, "0.1 USD", policy)];
    let found = replay(past);
    assert_eq!((found.differences.len(), found.was.allowed), (1, 1));
    assert!(found.would_be.paid.is_empty());
}

#[test]
fn a_policy_that_asks_more_knows_who_was_paid_before() {
    let policy = "total = \"9 USD\"\n[ask]\nnew_payee = true\nprice_rise = \"25%\"";
    let past = ["0.1 USD", "0.11 USD", "0.13 USD", "0.13 USD"];
    let past = past.into_iter().zip(1..).map(|(cost, minute)| allowed(minute, cost, policy));
    assert_eq!(differences(past.collect()), [told(1, "asked", "new-payee"), told(3, "asked", "price-rise")]);
    let unanswered = decided(1, "0.1 USD", Answer::Asked(reason("new-payee")), policy);
    let again = decided(2, "0.1 USD", Answer::Asked(reason("new-payee")), policy);
    assert_eq!(differences(vec![unanswered, again]), [], "nobody said yes, so nobody was paid");
}

#[test]
fn a_payment_that_did_not_happen_makes_nobody_known() {
    let policy = "total = \"9 USD\"\n[ask]\nnew_payee = true\nprice_rise = \"25%\"";
    let [bait, other, next, dearer] = [(1, "0.5 USD"), (2, "0.1 USD"), (3, "0.1 USD"), (4, "0.4 USD")]
        .map(|(minute, cost)| allowed(minute, cost, policy));
    let ended = |minute: u8, cost: Option<&str>| Past::Ended { id: [minute; 16], cost: cost.map(price) };
    let past = vec![bait.clone(), ended(1, None), other.clone(), ended(2, Some("0.1 USD")), next, dearer.clone()];
    let asked = [told(1, "asked", "new-payee"), told(2, "asked", "new-payee"), told(4, "asked", "price-rise")];
    assert_eq!(differences(past), asked, "it is as new as before, and its price is not the first");
    let past = vec![bait, other, ended(2, Some("0.1 USD")), ended(1, None), dearer];
    let asked = [told(1, "asked", "new-payee"), told(4, "asked", "price-rise")];
    assert_eq!(differences(past), asked, "what was paid meanwhile is what is known");
}
