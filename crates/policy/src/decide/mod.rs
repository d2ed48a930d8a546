use farthing_books::budget::BudgetCharge;
use farthing_money::Price;
use farthing_protocol::Timestamp;

use crate::counter::counted;
use crate::{Authority, Decision, Known, Level, Purchase, Rule};

mod asking;
mod each;
mod money;
mod place;
mod standing;

pub(crate) use asking::unit_price;
pub use each::each_level;
use money::Sums;

/// What a rule that says no comes to: its name and the reason in one sentence.
type Denial = (Rule, String);

/// Decides. Every level must allow; the first that does not speaks. The counters are not looked at here:
/// whether there is room is for the reservation to say, because only there it is certain.
pub fn decide(levels: &[Level], purchase: &Purchase, known: &Known, now: Timestamp) -> Decision {
    let Some(first) = levels.first() else {
        let sentence = "no policy says that anything may be paid, so nothing is paid".to_owned();
        return Decision::Deny { level: String::new(), rule: Rule::NoPolicy, sentence };
    };
    let denied = |level: &Level, (rule, sentence)| Decision::Deny { level: level.name.clone(), rule, sentence };
    if let Authority::Voucher { cumulative, deposit, closes, .. } = &purchase.authority {
        if cumulative > deposit {
            let sentence = "the voucher would be for more than is deposited in the session".to_owned();
            return denied(first, (Rule::SessionDeposit, sentence));
        }
        // What closes a session asks for nothing new.
        if *closes {
            let cost = Price::from_millionths(0, first.policy.currency);
            return Decision::Allow { cost, charges: Vec::new() };
        }
    }
    let sums = match money::sums(levels, purchase, now) {
        Ok(sums) => sums,
        Err((level, denial)) => return denied(level, denial),
    };
    let mut charges = Vec::new();
    for level in levels {
        match allowed(level, purchase, &sums, now) {
            Ok(counted) => charges.extend(counted),
            Err(denial) => return denied(level, denial),
        }
    }
    // The deposit of a voucher was counted when it was made.
    let cost = match purchase.authority {
        Authority::Voucher { .. } => Price::from_millionths(0, first.policy.currency),
        Authority::Charge | Authority::Recurring { .. } | Authority::TopUp { .. } | Authority::Deposit { .. } => {
            sums.cost
        }
    };
    match levels.iter().find_map(|level| Some((level, asking::asks(level, purchase, &sums, known)?))) {
        Some((level, (rule, sentence, patience))) => {
            let (level, deadline) = (level.name.clone(), now.after(patience));
            Decision::Ask { level, rule, sentence, cost, charges, deadline }
        }
        None => Decision::Allow { cost, charges },
    }
}

/// What it counts toward on a level, if that allows it.
fn allowed(level: &Level, purchase: &Purchase, sums: &Sums, now: Timestamp) -> Result<Vec<BudgetCharge>, Denial> {
    let never = standing::denied(level, purchase, now).or_else(|| place::denied(level, purchase));
    if let Some(denial) = never.or_else(|| money::denied(level, purchase, sums)) {
        return Err(denial);
    }
    if matches!(purchase.authority, Authority::Voucher { .. }) {
        return Ok(Vec::new());
    }
    let mut charges = Vec::new();
    for counted in counted(level, purchase, now) {
        let limit = counted.charge.limit;
        if counted.charge.counts.of(sums.cost).is_none_or(|adds| adds > limit) {
            let (cost, shown) = (sums.cost, counted.charge.counts.show(limit));
            return Err((
                counted.rule,
                format!("it costs {cost}, and the {} limit is {shown}", counted.limited().name),
            ));
        }
        charges.push(counted.charge);
    }
    Ok(charges)
}

/// A seller's or a caller's word as a sentence may hold it.
fn shown(word: &str) -> String {
    word.chars().take(128).filter(|letter| !letter.is_control()).collect()
}

#[cfg(test)]
pub(crate) mod tests;
