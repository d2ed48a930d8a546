use farthing_books::budget::{BudgetCharge, BudgetKey, Counts};
use farthing_money::Price;
use farthing_protocol::Timestamp;
use farthing_rail::Origin;

use crate::{Level, Policy, Purchase, Rule};

/// The counters that every payment counts toward, limited or not, so that a limit set later knows what was
/// spent before.
#[derive(Clone, Copy, Debug)]
pub enum Counter<'a> {
    /// Ever.
    Total,
    /// The calendar day, UTC, of this instant.
    Day(Timestamp),
    /// Ever, at one origin.
    Origin(&'a Origin),
}

/// A limit that stands behind a counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limited {
    /// The level that set it.
    pub level: String,
    /// The rule.
    pub rule: Rule,
    /// What people call it: `total`, `day`.
    pub name: String,
}

impl Counter<'_> {
    /// Its name, which begins with the level's.
    pub fn key(&self, level: &str) -> BudgetKey {
        BudgetKey(match self {
            Self::Total => format!("{level}/total"),
            Self::Day(now) => format!("{level}/day/{}", now.to_rfc3339().get(..10).unwrap_or_default()),
            Self::Origin(origin) => format!("{level}/origin/{origin}"),
        })
    }
}

/// A counter of a payment, and the limit it is there for.
struct Counted {
    charge: BudgetCharge,
    limited: Limited,
}

/// What a purchase counts toward, on every level.
pub(crate) fn charges(levels: &[Level], purchase: &Purchase, now: Timestamp) -> Vec<BudgetCharge> {
    levels.iter().flat_map(|level| counted(level, purchase, now)).map(|counted| counted.charge).collect()
}

/// Which limit stands behind a counter of this purchase, for the sentence that says it has no room.
pub fn limit_behind(levels: &[Level], purchase: &Purchase, now: Timestamp, key: &BudgetKey) -> Option<Limited> {
    let mut counted = levels.iter().flat_map(|level| counted(level, purchase, now));
    counted.find(|counted| counted.charge.key == *key).map(|counted| counted.limited)
}

fn counted(level: &Level, purchase: &Purchase, now: Timestamp) -> Vec<Counted> {
    let policy: &Policy = &level.policy;
    let of_origin = policy.listed(&purchase.origin).and_then(|listed| listed.limit);
    let limits = [
        (Counter::Total, policy.total, Rule::Total),
        (Counter::Day(now), policy.per_day, Rule::PerDay),
        (Counter::Origin(&purchase.origin), of_origin, Rule::OriginLimit),
    ];
    let counted = |(counter, limit, rule): (Counter<'_>, Option<Price>, Rule)| Counted {
        charge: BudgetCharge {
            key: counter.key(&level.name),
            counts: Counts::Money(policy.currency),
            limit: limit.map_or(u64::MAX, Price::millionths),
            window: None,
        },
        limited: Limited { level: level.name.clone(), rule, name: rule.to_string() },
    };
    limits.into_iter().map(counted).collect()
}
