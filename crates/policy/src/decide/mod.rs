use farthing_money::Price;
use farthing_protocol::Timestamp;

use crate::counter::charges;
use crate::{Authority, Decision, Known, Level, Policy, Purchase, Rule};

mod place;

/// What a rule that says no comes to: its name and the reason in one sentence.
type Denial = (Rule, String);

/// Decides. Every level must allow; the first that does not speaks. The counters are not looked at here:
/// whether there is room is for the reservation to say, because only there it is certain.
pub fn decide(levels: &[Level], purchase: &Purchase, _known: &Known, now: Timestamp) -> Decision {
    let Some(first) = levels.first() else {
        let sentence = "no policy says that anything may be paid, so nothing is paid".to_owned();
        return Decision::Deny { level: String::new(), rule: Rule::NoPolicy, sentence };
    };
    for level in levels {
        if let Some((rule, sentence)) = denied(level, purchase) {
            return Decision::Deny { level: level.name.clone(), rule, sentence };
        }
    }
    match purchase.authority {
        Authority::Voucher { .. } => {
            let nothing = Price::from_millionths(0, first.policy.currency);
            Decision::Allow { cost: nothing, charges: Vec::new() }
        }
        Authority::Charge | Authority::Deposit { .. } => {
            Decision::Allow { cost: purchase.cost, charges: charges(levels, purchase, now) }
        }
    }
}

fn denied(level: &Level, purchase: &Purchase) -> Option<Denial> {
    match &purchase.authority {
        Authority::Charge => denied_always(level, purchase, purchase.cost).or_else(|| denied_charge(level, purchase)),
        Authority::Deposit { unit, locked } => {
            denied_always(level, purchase, purchase.cost).or_else(|| denied_deposit(level, purchase, *unit, *locked))
        }
        Authority::Voucher { cumulative, deposit, .. } if cumulative > deposit => {
            let sentence = "the voucher would be for more than is deposited in the session".to_owned();
            Some((Rule::SessionDeposit, sentence))
        }
        Authority::Voucher { closes: true, .. } => None,
        Authority::Voucher { unit, streams, .. } => {
            let piece = if *streams { *unit } else { purchase.cost };
            denied_always(level, purchase, *unit).or_else(|| denied_voucher(level, purchase, piece))
        }
    }
}

/// What holds for whatever is paid: the currency, and the place it goes to.
fn denied_always(level: &Level, purchase: &Purchase, cost: Price) -> Option<Denial> {
    denied_currency(level, cost).or_else(|| place::denied(level, purchase))
}

fn denied_charge(level: &Level, purchase: &Purchase) -> Option<Denial> {
    let policy: &Policy = &level.policy;
    let limits = [
        (Rule::Max, purchase.max, "the limit for this call"),
        (Rule::PerPayment, policy.per_payment, "the limit per payment"),
        (Rule::PerDay, policy.per_day, "the limit per day"),
        (Rule::Total, policy.total, "the total limit"),
        (Rule::OriginLimit, origin_limit(policy, purchase), "the limit for this origin"),
    ];
    limits.into_iter().find_map(|(rule, limit, name)| above(rule, name, limit?, purchase.cost, level))
}

fn denied_deposit(level: &Level, purchase: &Purchase, unit: Price, locked: Price) -> Option<Denial> {
    let (policy, cost): (&Policy, _) = (&level.policy, purchase.cost);
    let held = Price::from_millionths(cost.millionths().saturating_add(locked.millionths()), cost.currency());
    let limits = [
        (Rule::PerPayment, policy.per_payment, "the limit per payment", unit),
        (Rule::Max, purchase.max, "the limit for this call", unit),
        (Rule::SessionDeposit, policy.most_in_a_session(), "the most that may lie in a session", held),
        (Rule::PerDay, policy.per_day, "the limit per day", cost),
        (Rule::Total, policy.total, "the total limit", cost),
        (Rule::OriginLimit, origin_limit(policy, purchase), "the limit for this origin", cost),
    ];
    limits.into_iter().find_map(|(rule, limit, name, cost)| above(rule, name, limit?, cost, level))
}

fn denied_voucher(level: &Level, purchase: &Purchase, piece: Price) -> Option<Denial> {
    let limits = [
        (Rule::PerPayment, level.policy.per_payment, "the limit per payment", piece),
        (Rule::Max, purchase.max, "the limit for this call", purchase.cost),
    ];
    limits.into_iter().find_map(|(rule, limit, name, cost)| above(rule, name, limit?, cost, level))
}

fn origin_limit(policy: &Policy, purchase: &Purchase) -> Option<Price> {
    policy.listed(&purchase.origin)?.limit
}

/// The denial of a cost above a limit, or of a limit in another currency.
fn above(rule: Rule, name: &str, limit: Price, cost: Price, level: &Level) -> Option<Denial> {
    let currency = cost.currency();
    if limit.currency() != currency {
        let sentence = format!("{name} is {limit}, and the policy of {} counts in {currency}", level.name);
        return Some((rule, sentence));
    }
    (cost.millionths() > limit.millionths()).then(|| (rule, format!("it costs {cost}, and {name} is {limit}")))
}

fn denied_currency(level: &Level, cost: Price) -> Option<Denial> {
    let currency = level.policy.currency;
    (cost.currency() != currency)
        .then(|| (Rule::Currency, format!("it costs {cost}, and the policy of {} allows only {currency}", level.name)))
}

#[cfg(test)]
pub(crate) mod tests;
