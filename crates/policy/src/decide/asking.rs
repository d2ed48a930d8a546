use std::time::Duration;

use farthing_money::Price;

use super::money::Sums;
use super::shown;
use crate::{Ask, Authority, Known, Level, Purchase, Rule};

/// A rule that asks: its name, why it asks in one sentence, and how long an answer is waited for.
type Question = (Rule, String, Duration);

/// Why a level wants a person to be asked, if it does.
pub(super) fn asks(level: &Level, purchase: &Purchase, sums: &Sums, known: &Known) -> Option<Question> {
    let ask = level.policy.ask?;
    let (rule, sentence) = of_seller(ask, purchase, known)
        .or_else(|| risen(ask, purchase, known))
        .or_else(|| large(ask, purchase, sums, level))?;
    Some((rule, sentence, ask.deadline))
}

/// A session is asked about when money is put into it, not at each voucher.
fn of_seller(ask: Ask, purchase: &Purchase, known: &Known) -> Option<(Rule, String)> {
    let is_voucher = matches!(purchase.authority, Authority::Voucher { .. });
    if !ask.new_payee || known.payee_paid || is_voucher {
        return None;
    }
    let payee = purchase.payee.as_deref().map_or_else(|| purchase.origin.to_string(), shown);
    Some((Rule::NewPayee, format!("{payee} was never paid at {} before", purchase.origin)))
}

/// A rise counts from the price that was first paid or last approved, so that many small steps are seen too.
fn risen(ask: Ask, purchase: &Purchase, known: &Known) -> Option<(Rule, String)> {
    let (percent, pinned) = (ask.price_rise?, known.pinned?);
    let price = unit_price(purchase);
    let most = u128::from(pinned.millionths()) * (100 + u128::from(percent));
    if price.currency() == pinned.currency() && u128::from(price.millionths()) * 100 <= most {
        return None;
    }
    Some((Rule::PriceRise, format!("it costs {price} now and cost {pinned}, which is more than {percent}% above")))
}

fn large(ask: Ask, purchase: &Purchase, sums: &Sums, level: &Level) -> Option<(Rule, String)> {
    let threshold = ask.amount_above?;
    let is_voucher = matches!(purchase.authority, Authority::Voucher { .. });
    let fits = sums.cost.currency() == threshold.currency() && sums.cost.millionths() <= threshold.millionths();
    (!fits && !is_voucher).then(|| {
        let (cost, name) = (sums.cost, &level.name);
        (Rule::AmountAbove, format!("it costs {cost}, and {name} asks before it pays more than {threshold}"))
    })
}

/// What the seller asks for one of what it sells, as it says it: what is pinned.
pub(crate) fn unit_price(purchase: &Purchase) -> Price {
    match &purchase.authority {
        Authority::Charge | Authority::Recurring { .. } => purchase.cost,
        Authority::TopUp { unit } | Authority::Deposit { unit, .. } | Authority::Voucher { unit, .. } => *unit,
    }
}
