use std::fmt;

use farthing_books::budget::{BudgetCharge, BudgetKey, Counts};
use farthing_money::Price;
use farthing_protocol::Timestamp;
use farthing_rail::{Origin, Quote};

use super::{OriginLimit, Policy};

/// What is to be decided besides the quote.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The wallet that would pay.
    pub wallet: &'a str,
    /// The most for this call, on top of the policy.
    pub max: Option<Price>,
    /// Now.
    pub now: Timestamp,
    /// Where the caller sent the request, when a redirect to another origin led to the offer.
    pub redirected_from: Option<&'a Origin>,
    /// The accounts that signed the offer; each signature is good.
    pub offer_signers: &'a [String],
}

/// The answer to a quote.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// It may be paid if every one of these counters has room for it.
    Allow {
        /// What it counts toward.
        charges: Vec<BudgetCharge>,
    },
    /// It may not.
    Deny {
        /// The rule that says so.
        rule: Rule,
        /// The reason, with the figures, in one sentence.
        sentence: String,
    },
}

/// What can say no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// The wallet has no policy.
    NoPolicy,
    /// The wallet is frozen.
    Frozen,
    /// The cost is in another currency than the policy.
    Currency,
    /// The origin is not on the list.
    Origins,
    /// A redirect led to an origin that the list does not name.
    Redirect,
    /// Somebody else than the origin's `payees` would be paid.
    Payee,
    /// The offer is not signed by the origin's `offer_signer`.
    OfferSigner,
    /// The caller's own limit for this call.
    Max,
    /// `per_payment`.
    PerPayment,
    /// `total`.
    Total,
    /// `per_day`.
    PerDay,
    /// The limit of this origin.
    OriginLimit,
    /// `session_deposit`.
    SessionDeposit,
    /// A person has to allow it.
    Approval,
    /// The clock stands before what the log of decisions has seen.
    Clock,
}

/// Decides. The counters are not looked at here: whether there is room is for the reservation to say,
/// because only there it is certain.
pub fn decide(policy: &Policy, quote: &Quote, subject: &Subject<'_>) -> Decision {
    match first_denial(policy, quote, subject) {
        Some((rule, sentence)) => Decision::Deny { rule, sentence },
        None => Decision::Allow { charges: charges(policy, &quote.origin, subject) },
    }
}

/// Where money would go.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) origin: &'a Origin,
    /// Who is paid, where the method names one.
    pub(super) payee: Option<&'a str>,
}

fn first_denial(policy: &Policy, quote: &Quote, subject: &Subject<'_>) -> Option<(Rule, String)> {
    let (cost, place) = (quote.cost, Place { origin: &quote.origin, payee: quote.payee.as_deref() });
    if let Some(denial) = denied_currency(policy, cost, subject).or_else(|| denied_place(policy, place, subject)) {
        return Some(denial);
    }
    let single = [
        (Rule::Max, subject.max, "the limit for this call"),
        (Rule::PerPayment, policy.per_payment, "the limit per payment"),
        (Rule::PerDay, policy.per_day, "the limit per day"),
        (Rule::Total, policy.total, "the total limit"),
        (Rule::OriginLimit, origin_limit(policy, &quote.origin), "the limit for this origin"),
    ];
    single.into_iter().find_map(|(rule, limit, name)| above(rule, name, limit?, cost, subject))
}

/// The denial of a cost above a limit, or of a limit in another currency.
pub(super) fn above(
    rule: Rule,
    name: &str,
    limit: Price,
    cost: Price,
    subject: &Subject<'_>,
) -> Option<(Rule, String)> {
    let currency = cost.currency();
    if limit.currency() != currency {
        let sentence = format!("{name} is {limit}, and the policy of {} counts in {currency}", subject.wallet);
        return Some((rule, sentence));
    }
    (cost.millionths() > limit.millionths()).then(|| (rule, format!("it costs {cost}, and {name} is {limit}")))
}

pub(super) fn denied_currency(policy: &Policy, cost: Price, subject: &Subject<'_>) -> Option<(Rule, String)> {
    let currency = policy.currency;
    (cost.currency() != currency).then(|| {
        (Rule::Currency, format!("it costs {cost}, and the policy of {} allows only {currency}", subject.wallet))
    })
}

/// Where the money would go: to an origin on the list, if there is one; after a redirect to another origin
/// only to one that the list names; there only for an offer that its pinned account signed; and to nobody but
/// its pinned payees.
pub(super) fn denied_place(policy: &Policy, place: Place<'_>, subject: &Subject<'_>) -> Option<(Rule, String)> {
    let (origin, wallet) = (place.origin, subject.wallet);
    let listed = allowed(policy, origin);
    if policy.origins.is_some() && listed.is_none() {
        return Some((Rule::Origins, format!("{origin} is not on the list of origins that {wallet} may pay")));
    }
    if let Some(from) = subject.redirected_from.filter(|_| listed.is_none()) {
        let sentence = format!(
            "{from} sent the request on to {origin}, which asks for the payment; call {origin} itself, or put it on \
             the list of origins that {wallet} may pay"
        );
        return Some((Rule::Redirect, sentence));
    }
    let listed = listed?;
    if let Some(pinned) = &listed.offer_signer
        && !subject.offer_signers.iter().any(|signer| signer.eq_ignore_ascii_case(pinned))
    {
        let sentence =
            format!("the offer is not signed by {pinned}, whose word {wallet} wants for what {origin} offers");
        return Some((Rule::OfferSigner, sentence));
    }
    let payees = listed.payees.as_ref()?;
    let payee = place.payee?;
    let is_pinned = payees.iter().any(|pinned| pinned.eq_ignore_ascii_case(payee));
    (!is_pinned).then(|| {
        let payee: String = payee.chars().take(128).filter(|letter| !letter.is_control()).collect();
        (Rule::Payee, format!("it would pay {payee}, and {wallet} pays at {origin} only those its policy names"))
    })
}

fn allowed<'a>(policy: &'a Policy, origin: &Origin) -> Option<&'a OriginLimit> {
    policy.origins.as_ref()?.iter().find(|allowed| allowed.origin == *origin)
}

/// Every payment counts toward all three counters, limited or not, so that a limit set later knows
/// what was spent before.
pub(super) fn charges(policy: &Policy, origin: &Origin, subject: &Subject<'_>) -> Vec<BudgetCharge> {
    let limits = [
        (Counter::Total, policy.total),
        (Counter::Day(subject.now), policy.per_day),
        (Counter::Origin(origin), origin_limit(policy, origin)),
    ];
    limits
        .into_iter()
        .map(|(counter, limit)| BudgetCharge {
            key: counter.key(subject.wallet),
            counts: Counts::Money(policy.currency),
            limit: limit.map_or(u64::MAX, Price::millionths),
            window: None,
        })
        .collect()
}

pub(super) fn origin_limit(policy: &Policy, origin: &Origin) -> Option<Price> {
    allowed(policy, origin)?.limit
}

/// The counters of a wallet.
pub(crate) enum Counter<'a> {
    Total,
    /// The calendar day, UTC, of this instant.
    Day(Timestamp),
    Origin(&'a Origin),
}

impl Counter<'_> {
    pub(crate) fn key(&self, wallet: &str) -> BudgetKey {
        BudgetKey(match self {
            Self::Total => format!("{wallet}/total"),
            Self::Day(now) => format!("{wallet}/day/{}", now.to_rfc3339().get(..10).unwrap_or_default()),
            Self::Origin(origin) => format!("{wallet}/origin/{origin}"),
        })
    }

    /// Which rule a full counter speaks for.
    pub(crate) fn rule_of(key: &BudgetKey, wallet: &str) -> Rule {
        match key.0.strip_prefix(wallet).unwrap_or(&key.0).split('/').nth(1) {
            Some("day") => Rule::PerDay,
            Some("origin") => Rule::OriginLimit,
            _ => Rule::Total,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NoPolicy => "no-policy",
            Self::Frozen => "frozen",
            Self::Currency => "currency",
            Self::Origins => "origins",
            Self::Redirect => "redirect",
            Self::Payee => "payee",
            Self::OfferSigner => "offer-signer",
            Self::Max => "max",
            Self::PerPayment => "per-payment",
            Self::Total => "total",
            Self::PerDay => "per-day",
            Self::OriginLimit => "origin-limit",
            Self::SessionDeposit => "session-deposit",
            Self::Approval => "approval",
            Self::Clock => "clock",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::tests::quote;

    const POLICY: &str = "total = \"0.5 USD\"\nper_payment = \"0.01 USD\"\nper_day = \"0.2 USD\"\n\
        [[origin]]\nurl = \"https://api.example.com\"\nlimit = \"0.1 USD\"\n[[origin]]\nurl = \"https://b.example\"";

    fn decided(policy: &str, price: &str, origin: &str, max: Option<&str>) -> Decision {
        let now = Timestamp::parse("2026-11-21T23:59:59Z").unwrap();
        let max = max.map(|max| max.parse().unwrap());
        decide(&policy.parse().unwrap(), &quote(price, origin), &subject(max, now, None))
    }

    fn subject(max: Option<Price>, now: Timestamp, redirected_from: Option<&Origin>) -> Subject<'_> {
        Subject { wallet: "agent", max, now, redirected_from, offer_signers: &[] }
    }

    fn denied(policy: &str, price: &str, origin: &str, max: Option<&str>) -> Rule {
        match decided(policy, price, origin, max) {
            Decision::Deny { rule, sentence } => {
                assert!(!sentence.contains('\n') && sentence.len() > 20, "{sentence}");
                rule
            }
            Decision::Allow { .. } => panic!("{price} to {origin} was allowed"),
        }
    }

    #[test]
    fn an_allowed_payment_counts_toward_every_counter() {
        let Decision::Allow { charges } = decided(POLICY, "0.001 USD", "https://api.example.com", None) else {
            panic!("denied")
        };
        let charges: Vec<_> = charges
            .iter()
            .map(|charge| (charge.key.0.as_str(), charge.counts.show(charge.limit).to_string()))
            .collect();
        let expected = [
            ("agent/total", "0.5 USD"),
            ("agent/day/2026-11-21", "0.2 USD"),
            ("agent/origin/https://api.example.com", "0.1 USD"),
        ];
        assert_eq!(charges, expected.map(|(key, limit)| (key, limit.to_owned())));
    }

    #[test]
    fn every_rule_says_no() {
        let api = "https://api.example.com";
        assert_eq!(denied(POLICY, "0.001 EUR", api, None), Rule::Currency);
        for origin in ["https://c.example", "http://api.example.com", "https://api.example.com:8443"] {
            assert_eq!(denied(POLICY, "0.001 USD", origin, None), Rule::Origins);
        }
        assert_eq!(denied(POLICY, "0.010001 USD", api, None), Rule::PerPayment);
        assert_eq!(denied(POLICY, "0.001 USD", api, Some("0.000999 USD")), Rule::Max);
        assert_eq!(denied(POLICY, "0.001 USD", api, Some("1 EUR")), Rule::Max);
        assert_eq!(denied("total = \"1 USD\"", "1.000001 USD", api, None), Rule::Total);
        assert_eq!(denied("per_day = \"1 USD\"", "1.000001 USD", api, None), Rule::PerDay);
        let origin = "total = \"1 USD\"\n[[origin]]\nurl = \"https://api.example.com\"\nlimit = \"0.1 USD\"";
        assert_eq!(denied(origin, "0.100001 USD", api, None), Rule::OriginLimit);
        assert_eq!(denied("total = \"1 USD\"\norigin = []", "0.1 USD", api, None), Rule::Origins);
    }

    #[test]
    fn a_redirect_to_another_origin_is_paid_only_where_the_list_names_it() {
        let (from, now) = ("https://a.example".parse().unwrap(), Timestamp::from_unix_millis(0));
        let decided = |policy: &str| {
            let quote = quote("0.001 USD", "https://api.example.com");
            decide(&policy.parse().unwrap(), &quote, &subject(None, now, Some(&from)))
        };
        assert!(matches!(decided("total = \"1 USD\""), Decision::Deny { rule: Rule::Redirect, .. }));
        assert!(matches!(decided(POLICY), Decision::Allow { .. }));
    }

    #[test]
    fn i_03_nobody_but_the_pinned_payees_is_paid() {
        let pinned = "total = \"1 USD\"\n[[origin]]\nurl = \"https://api.example.com\"\npayees = [\"0xAB\"]";
        let decided = |payee: Option<&str>| {
            let payee = payee.map(str::to_owned);
            let quote = Quote { payee, ..quote("0.001 USD", "https://api.example.com") };
            decide(&pinned.parse().unwrap(), &quote, &subject(None, Timestamp::from_unix_millis(0), None))
        };
        assert!(matches!(decided(Some("0xab")), Decision::Allow { .. }));
        assert!(matches!(decided(Some("0xcd")), Decision::Deny { rule: Rule::Payee, .. }));
        assert!(matches!(decided(None), Decision::Allow { .. }), "a method that names nobody pays the server itself");
    }

    #[test]
    fn a_limit_includes_its_own_value() {
        let at_the_limit = decided(POLICY, "0.01 USD", "https://b.example", Some("0.01 USD"));
        assert!(matches!(at_the_limit, Decision::Allow { .. }));
    }

    #[test]
    fn a_counter_knows_its_rule() {
        let now = Timestamp::from_unix_millis(0);
        let origin = "https://api.example.com".parse().unwrap();
        let rule = |counter: &Counter<'_>| Counter::rule_of(&counter.key("agent"), "agent");
        assert_eq!(rule(&Counter::Total), Rule::Total);
        assert_eq!(rule(&Counter::Day(now)), Rule::PerDay);
        assert_eq!(rule(&Counter::Origin(&origin)), Rule::OriginLimit);
    }
}
