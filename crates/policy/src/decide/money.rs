use std::collections::BTreeMap;

use farthing_money::Price;
use farthing_protocol::Timestamp;

use super::Denial;
use crate::{Authority, Held, Level, Policy, Purchase, Rule};

/// What a purchase comes to, in the currency that the policies count in.
pub(super) struct Sums {
    /// The whole of it.
    pub(super) cost: Price,
    /// What a unit costs: of a charge, the whole of it.
    pub(super) unit: Price,
    /// What lies in sessions on the same terms.
    locked: Price,
    /// What lies in all sessions.
    locked_in_all: Price,
    /// The same for the levels that count more than the wallet's own.
    held: BTreeMap<String, Price>,
}

/// The sums, or the level that cannot count them.
pub(super) fn sums<'a>(levels: &'a [Level], purchase: &Purchase, now: Timestamp) -> Result<Sums, (&'a Level, Denial)> {
    let in_common = |price| in_common_currency(levels, price, now);
    let cost = in_common(purchase.cost)?;
    let nothing = Price::from_millionths(0, cost.currency());
    Ok(match &purchase.authority {
        Authority::Charge | Authority::Recurring { .. } => {
            Sums { cost, unit: cost, locked: nothing, locked_in_all: nothing, held: BTreeMap::new() }
        }
        Authority::TopUp { unit } | Authority::Voucher { unit, .. } => {
            let (unit, held) = (in_common(*unit)?, BTreeMap::new());
            Sums { cost, unit, locked: nothing, locked_in_all: nothing, held }
        }
        Authority::Deposit { unit, locked, locked_in_all, held, .. } => Sums {
            cost,
            unit: in_common(*unit)?,
            locked: in_common(*locked)?,
            locked_in_all: in_common(*locked_in_all)?,
            held: held_by_level(levels, held, now)?,
        },
    })
}

/// What lies in the sessions that each level counts, for those that limit it.
fn held_by_level<'a>(
    levels: &'a [Level],
    held: &[Held],
    now: Timestamp,
) -> Result<BTreeMap<String, Price>, (&'a Level, Denial)> {
    let mut sums = BTreeMap::new();
    for level in levels.iter().filter(|level| level.policy.locked.is_some()) {
        let Some(held) = held.iter().find(|held| held.level == level.name) else { continue };
        let mut sum = 0_u64;
        for price in &held.locked {
            let converted = in_common_currency(levels, *price, now).map_err(|(_, (rule, _))| {
                let sentence = format!(
                    "{price} lies in sessions that the policy of {} limits, and no rate for it is good now; record one, or \
                     close them",
                    level.name
                );
                (level, (rule, sentence))
            })?;
            sum = sum.saturating_add(converted.millionths());
        }
        sums.insert(level.name.clone(), Price::from_millionths(sum, level.policy.currency));
    }
    Ok(sums)
}

/// The price in the currency of all levels. Where several know a rate, what costs most counts.
fn in_common_currency(levels: &[Level], price: Price, now: Timestamp) -> Result<Price, (&Level, Denial)> {
    let mut dearest: Option<Price> = None;
    let mut stale = None;
    let mut currency = None;
    for level in levels {
        let policy: &Policy = &level.policy;
        let common = *currency.get_or_insert(policy.currency);
        if policy.currency != common {
            let sentence =
                format!("the policy of {} counts in {}, and others in {common}", level.name, policy.currency);
            return Err((level, (Rule::Currency, sentence)));
        }
        let Some(rate) = policy.rates.iter().find(|rate| rate.currency == price.currency()) else { continue };
        if rate.date > now || now.since(rate.date) > policy.rates_valid {
            stale = Some((level, rate.date));
            continue;
        }
        let Some(converted) = rate.convert(price, common) else {
            let sentence = format!("it costs {price}, which is more in {common} than any limit");
            return Err((level, (Rule::Rate, sentence)));
        };
        dearest = Some(dearest.map_or(converted, |known| dearer(known, converted)));
    }
    let level = levels.first().zip(currency);
    match (level, dearest, stale) {
        (Some((_, common)), _, _) if common == price.currency() => Ok(price),
        (_, Some(dearest), _) => Ok(dearest),
        (_, None, Some((level, date))) => {
            let (of, date) = (price.currency(), date.to_rfc3339());
            let sentence = format!(
                "it costs {price}, and the rate for {of} in the policy of {} is from {date}, which does not count now; \
                 record a newer one",
                level.name
            );
            Err((level, (Rule::Rate, sentence)))
        }
        (Some((level, common)), None, None) => {
            let sentence = format!("it costs {price}, and the policy of {} allows only {common}", level.name);
            Err((level, (Rule::Currency, sentence)))
        }
        // There is no level; the caller has seen to that.
        (None, None, None) => Ok(price),
    }
}

fn dearer(left: Price, right: Price) -> Price {
    if left.millionths() < right.millionths() { right } else { left }
}

/// The limits of one payment.
pub(super) fn denied(level: &Level, purchase: &Purchase, sums: &Sums) -> Option<Denial> {
    let policy: &Policy = &level.policy;
    match &purchase.authority {
        Authority::Charge => above_max(purchase, purchase.cost, sums.cost)
            .or_else(|| above(Rule::PerPayment, "the limit per payment", policy.per_payment?, sums.cost)),
        Authority::Recurring { .. } => above_max(purchase, purchase.cost, sums.cost)
            .or_else(|| nothing_recurring(policy))
            .or_else(|| above(Rule::PerPayment, "the limit per payment", policy.per_payment?, sums.cost)),
        Authority::TopUp { unit } => {
            above(Rule::PerPayment, "the limit per payment", policy.per_payment.unwrap_or(sums.unit), sums.unit)
                .or_else(|| above_max(purchase, *unit, sums.unit))
                .or_else(|| nothing_prepaid(policy))
        }
        Authority::Voucher { streams, .. } => {
            let piece = if *streams { sums.unit } else { sums.cost };
            above(Rule::PerPayment, "the limit per payment", policy.per_payment.unwrap_or(piece), piece)
                .or_else(|| above_max(purchase, purchase.cost, sums.cost))
        }
        Authority::Deposit { unit, sessions, held, .. } => {
            let counted = held.iter().find(|held| held.level == level.name);
            let sessions = counted.map_or(*sessions, |held| held.sessions);
            let in_all = sums.held.get(&level.name).copied().unwrap_or(sums.locked_in_all);
            above(Rule::PerPayment, "the limit per payment", policy.per_payment.unwrap_or(sums.unit), sums.unit)
                .or_else(|| above_max(purchase, *unit, sums.unit))
                .or_else(|| denied_deposit(policy, sums, in_all, sessions))
        }
    }
}

/// A policy that does not speak of balances at sellers allows none.
fn nothing_prepaid(policy: &Policy) -> Option<Denial> {
    let sentence = "it tops up a balance at the seller, and the policy lets nothing be prepaid; set prepaid, the most at \
                    one seller";
    policy.prepaid.is_none().then(|| (Rule::Prepaid, sentence.to_owned()))
}

/// A policy that does not speak of subscriptions allows none.
fn nothing_recurring(policy: &Policy) -> Option<Denial> {
    let sentence = "it would be collected again every period, and the policy lets nothing recur; set recurring, the most for \
                    one period of all subscriptions";
    policy.recurring.is_none().then(|| (Rule::Recurring, sentence.to_owned()))
}

fn denied_deposit(policy: &Policy, sums: &Sums, in_all: Price, sessions: u32) -> Option<Denial> {
    let with = |locked: Price| {
        Price::from_millionths(sums.cost.millionths().saturating_add(locked.millionths()), sums.cost.currency())
    };
    let limits = [
        (Rule::SessionDeposit, policy.most_in_a_session(), "the most that may lie in a session", with(sums.locked)),
        (Rule::Locked, policy.locked, "the most that may lie in all sessions", with(in_all)),
    ];
    let too_much = limits.into_iter().find_map(|(rule, limit, name, held)| above(rule, name, limit?, held));
    too_much.or_else(|| {
        let most = policy.open_sessions.filter(|most| sessions > *most)?;
        Some((Rule::OpenSessions, format!("it would be session number {sessions}, and at most {most} may be open")))
    })
}

/// The caller's own limit, in the currency of the offer or of the policies.
fn above_max(purchase: &Purchase, offered: Price, counted: Price) -> Option<Denial> {
    let max = purchase.max?;
    let cost = if max.currency() == offered.currency() { offered } else { counted };
    above(Rule::Max, "the limit for this call", max, cost)
}

/// The denial of a cost above a limit, or of a limit in another currency.
fn above(rule: Rule, name: &str, limit: Price, cost: Price) -> Option<Denial> {
    if limit.currency() != cost.currency() {
        return Some((rule, format!("{name} is {limit}, and what it costs is counted in {}", cost.currency())));
    }
    (cost.millionths() > limit.millionths()).then(|| (rule, format!("it costs {cost}, and {name} is {limit}")))
}
