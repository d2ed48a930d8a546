use farthing_books::budget::{BudgetCharge, BudgetKey, Counts};
use farthing_money::Price;
use farthing_protocol::Timestamp;
use farthing_rail::Origin;

use crate::{Authority, Level, Limit, Policy, Purchase, Rule, Window};

/// The counters that every payment counts toward, limited or not, so that a limit set later knows what was
/// spent before. What a `[[limit]]` counts begins when the limit is written.
#[derive(Clone, Copy, Debug)]
pub enum Counter<'a> {
    /// Ever.
    Total,
    /// The calendar day, UTC, of this instant.
    Day(Timestamp),
    /// Ever, at one origin.
    Origin(&'a Origin),
    /// What balances at sellers were topped up with, ever.
    Prepaid,
    /// The same at one origin.
    PrepaidAt(&'a Origin),
    /// What one period of all subscriptions costs, ever.
    Recurring,
}

/// A limit that stands behind a counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limited {
    /// The level that set it.
    pub level: String,
    /// The rule.
    pub rule: Rule,
    /// What people call it: `total`, `per-day`, `1h for each origin`.
    pub name: String,
}

impl Counter<'_> {
    /// Its name, which begins with the level's.
    pub fn key(&self, level: &str) -> BudgetKey {
        BudgetKey(match self {
            Self::Total => format!("{level}/total"),
            Self::Day(now) => format!("{level}/day/{}", now.to_rfc3339().get(..10).unwrap_or_default()),
            Self::Origin(origin) => format!("{level}/origin/{origin}"),
            Self::Prepaid => format!("{level}/prepaid"),
            Self::PrepaidAt(origin) => format!("{level}/prepaid/{origin}"),
            Self::Recurring => format!("{level}/recurring"),
        })
    }
}

/// A counter of a payment, and the limit it is there for.
pub(crate) struct Counted<'a> {
    pub(crate) charge: BudgetCharge,
    pub(crate) rule: Rule,
    level: &'a Level,
    limit: Option<&'a Limit>,
}

impl Counted<'_> {
    pub(crate) fn limited(&self) -> Limited {
        let name = self.limit.map_or_else(|| self.rule.to_string(), Limit::shown);
        Limited { level: self.level.name.clone(), rule: self.rule, name }
    }
}

/// Which limit stands behind a counter of this purchase, for the sentence that says it has no room.
pub fn limit_behind(levels: &[Level], purchase: &Purchase, now: Timestamp, key: &BudgetKey) -> Option<Limited> {
    let mut counted = levels.iter().flat_map(|level| counted(level, purchase, now));
    counted.find(|counted| counted.charge.key == *key).map(|counted| counted.limited())
}

/// What a purchase counts toward on one level.
pub(crate) fn counted<'a>(level: &'a Level, purchase: &Purchase, now: Timestamp) -> Vec<Counted<'a>> {
    let policy: &Policy = &level.policy;
    let of_origin = policy.listed(&purchase.origin).and_then(|listed| listed.limit);
    let money = |key, limit: Option<Price>, window| BudgetCharge {
        key,
        counts: Counts::Money(policy.currency),
        limit: limit.map_or(u64::MAX, Price::millionths),
        window,
    };
    let named = |(counter, limit, rule): (Counter<'_>, _, _)| Counted {
        charge: money(counter.key(&level.name), limit, None),
        rule,
        level,
        limit: None,
    };
    if matches!(purchase.authority, Authority::TopUp { .. }) {
        let in_all = policy.prepaid_in_all.or(policy.prepaid);
        let prepaid = [
            (Counter::PrepaidAt(&purchase.origin), policy.prepaid, Rule::Prepaid),
            (Counter::Prepaid, in_all, Rule::Prepaid),
        ];
        return prepaid.into_iter().map(named).collect();
    }
    let always = [
        (Counter::Day(now), policy.per_day, Rule::PerDay),
        (Counter::Total, policy.total, Rule::Total),
        (Counter::Origin(&purchase.origin), of_origin, Rule::OriginLimit),
    ];
    let mut all: Vec<Counted<'a>> = Vec::with_capacity(always.len() + policy.limits.len());
    all.extend(always.into_iter().map(named));
    if matches!(purchase.authority, Authority::Recurring { .. }) {
        all.push(named((Counter::Recurring, policy.recurring, Rule::Recurring)));
    }
    for limit in &policy.limits {
        let Some(mark) = limit.mark(policy, purchase) else { continue };
        let charges = charges_of(level, limit, &mark, now);
        all.extend(charges.map(|charge| Counted { charge, rule: Rule::Limit, level, limit: Some(limit) }));
    }
    all
}

/// What a limit counts of a purchase that it is for, after its mark.
fn charges_of(level: &Level, limit: &Limit, mark: &str, now: Timestamp) -> impl Iterator<Item = BudgetCharge> {
    let (window, rolling) = (limit.window.mark(now), limit.window.rolling());
    let charge = |word: &str, counts, limit| {
        let key = BudgetKey(format!("{}/limit/{window}/{word}{mark}", level.name));
        BudgetCharge { key, counts, limit, window: rolling }
    };
    let money = limit.amount.map(|amount| charge("money", Counts::Money(level.policy.currency), amount.millionths()));
    let payments = limit.payments.map(|payments| charge("payments", Counts::Payments, payments));
    money.into_iter().chain(payments)
}

/// A counter that every payment counts toward, whatever it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Always {
    /// The counter and its limit.
    pub charge: BudgetCharge,
    /// Whether it never empties.
    pub is_for_ever: bool,
}

/// The limited counters of a level that bound all of what can be paid by it.
pub fn counted_always(level: &Level, now: Timestamp) -> Vec<Always> {
    let policy: &Policy = &level.policy;
    let counts = Counts::Money(policy.currency);
    let usual = [(Counter::Total, policy.total, true), (Counter::Day(now), policy.per_day, false)];
    let usual = usual.into_iter().filter_map(|(counter, limit, is_for_ever)| {
        let (key, limit) = (counter.key(&level.name), limit?.millionths());
        Some(Always { charge: BudgetCharge { key, counts, limit, window: None }, is_for_ever })
    });
    let limits = policy.limits.iter().filter(|limit| limit.of.is_none() && limit.only.is_everything());
    let limits = limits.flat_map(|limit| {
        let is_for_ever = limit.window == Window::Ever;
        charges_of(level, limit, "", now).map(move |charge| Always { charge, is_for_ever })
    });
    usual.chain(limits).collect()
}
