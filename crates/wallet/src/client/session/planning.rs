use farthing_money::{Amount, Price};
use farthing_rail::{Deposit, NotPayable, SessionPayer, SessionQuote};

use crate::client::Order;
use crate::policy::{Level, most_in_a_session};

/// How many units a session is for, where the seller suggests nothing.
const USUAL_UNITS: u128 = 100;
/// How many units a session is for at least: for fewer, a session is not worth its deposit.
const FEWEST_UNITS: u128 = 3;

/// What to deposit: what the caller says, else what the seller suggests, and no more than the policy lets lie
/// in a session; enough for what is bought first and a few units.
pub(super) fn deposit(
    payer: &dyn SessionPayer,
    quote: &SessionQuote,
    first: Amount,
    locked: Price,
    levels: &[Level],
    order: &Order,
) -> Result<Deposit, NotPayable> {
    let least = least_deposit(quote, first)?;
    let usual = quote.unit_amount.checked_mul(USUAL_UNITS).unwrap_or(least);
    let wanted = quote.suggested_deposit.unwrap_or(usual).max(least);
    let most = most(quote, locked, levels, order);
    let whole = payer.deposit(quote, wanted, first)?;
    match most {
        Some(most) if whole.cost.millionths() > most.millionths() => {}
        // The caller wants more than the seller suggests.
        Some(most) if order.deposit.is_some() => return scaled(payer, quote, first, &whole, most, least),
        _ => return Ok(whole),
    }
    scaled(payer, quote, first, &whole, most.unwrap_or(whole.cost), least)
}

fn least_deposit(quote: &SessionQuote, first: Amount) -> Result<Amount, NotPayable> {
    let few = quote.unit_amount.checked_mul(FEWEST_UNITS).and_then(|few| few.max(first).checked_add(quote.least_delta));
    few.ok_or_else(|| NotPayable("the price of a unit is larger than any this wallet pays".to_owned()))
}

/// The most that may be put in now, if anything says.
fn most(quote: &SessionQuote, locked: Price, levels: &[Level], order: &Order) -> Option<Price> {
    let of_policy = most_in_a_session(levels)
        .map(|most| Price::from_millionths(most.millionths().saturating_sub(locked.millionths()), most.currency()));
    let same = |price: &Price| price.currency() == quote.unit_cost.currency();
    [of_policy, order.deposit].into_iter().flatten().filter(same).min_by_key(|price| price.millionths())
}

/// The deposit that costs this much, fees included, or a little less.
fn scaled(
    payer: &dyn SessionPayer,
    quote: &SessionQuote,
    first: Amount,
    known: &Deposit,
    most: Price,
    least: Amount,
) -> Result<Deposit, NotPayable> {
    let with_fee = known.amount.checked_add(known.fee).unwrap_or(known.amount);
    let scaled = with_fee.units().checked_mul(u128::from(most.millionths()));
    let scaled = scaled.map_or(0, |product| product / u128::from(known.cost.millionths()).max(1));
    let amount = Amount::new(scaled.saturating_sub(known.fee.units())).max(least);
    payer.deposit(quote, amount, first)
}
