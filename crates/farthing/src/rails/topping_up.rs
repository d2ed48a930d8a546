//! Topping up balances over any rail whose money is out in the world: `top_up = "5 USD"` in its table.

use std::sync::Arc;

use farthing_gateway::config::RailContext;
use farthing_money::Price;
use farthing_rail::{Acceptor, Protocol};
use farthing_rail_balance::{Balance, TopUp};
use toml::{Table, Value};

/// The key of any rail's table that says how much a top-up over it brings.
const KEY: &str = "top_up";

/// A rail's own table, and the top-up that it says.
pub(super) fn amount(table: &Table) -> Result<(Table, Option<Price>), String> {
    let mut table = table.clone();
    let Some(value) = table.remove(KEY) else { return Ok((table, None)) };
    let wrong = |reason: String| format!("top_up is what a top-up brings, such as \"5 USD\": {reason}");
    let Value::String(text) = value else { return Err(wrong("it is not a text".to_owned())) };
    let amount = text.parse::<Price>().map_err(|error| wrong(error.to_string()))?;
    Ok((table, Some(amount)))
}

/// The acceptors, with one more for each that can fill balances.
pub(super) fn offered(
    mut built: Vec<Acceptor>,
    top_up: Option<Price>,
    context: &RailContext<'_>,
) -> Result<Vec<Acceptor>, String> {
    let Some(amount) = top_up else { return Ok(built) };
    let settlers: Vec<_> = built.iter().filter_map(settler).collect();
    if settlers.is_empty() {
        return Err("top_up fills balances over a rail whose money is elsewhere; this one cannot".to_owned());
    }
    let issuer = context.public_url.unwrap_or(context.realm.as_str());
    let balance = Balance::in_currency(amount.currency(), issuer).map_err(|error| error.to_string())?;
    for settler in settlers {
        let top_up = TopUp::over(settler, amount, &balance).map_err(|error| error.to_string())?;
        built.push(Acceptor::External(Arc::new(top_up)));
    }
    Ok(built)
}

/// Who charges in the words of the Payment scheme.
fn settler(acceptor: &Acceptor) -> Option<Arc<dyn farthing_rail::Settler>> {
    let Acceptor::External(settler) = acceptor else { return None };
    let terms = settler.terms();
    (terms.protocol == Protocol::Payment && terms.intent.as_str() == "charge").then(|| Arc::clone(settler))
}
