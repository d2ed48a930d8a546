//! Cards and wallets through Stripe.

use std::sync::Arc;

use farthing_gateway::config::RailContext;
use farthing_keys::Surroundings;
use farthing_rail::Acceptor;
use farthing_rail_stripe::seller::Around;
use farthing_rail_stripe::subscription::period_from;
use farthing_rail_stripe::{Stripe, StripeSubscriptions};
use toml::{Table, Value};

use crate::{clock, environment};

/// The key of the table that says how long a period of its subscriptions is.
const PERIOD: &str = "subscription";

/// From its `[rails.NAME]` table: charges, and subscriptions where it says a period.
pub(super) fn rails(table: &Table, context: &RailContext<'_>) -> Result<Vec<Acceptor>, String> {
    let mut table = table.clone();
    let period = table.remove(PERIOD).map(|value| match value {
        Value::String(text) => period_from(&text),
        _ => Err("a period is a text, such as \"1 month\"".to_owned()),
    });
    let wrong = |reason: String| format!("rails.{}.{PERIOD}: {reason}", context.name);
    let period = period.transpose().map_err(wrong)?;
    let around = Surroundings { variable: &environment::variable, directory: context.directory };
    let secrets = |table: &Table, name: &str| around.secret(table, name);
    let around = Around { name: context.name, development: context.development, secrets: &secrets, data: context.data };
    let charges = Arc::new(Stripe::from_table(&table, around, Arc::new(clock::now))?);
    let mut acceptors = vec![Acceptor::External(Arc::clone(&charges) as _)];
    if let Some(period) = period {
        let subscriptions = StripeSubscriptions::over(charges, period).map_err(|error| wrong(error.to_string()))?;
        acceptors.push(Acceptor::External(Arc::new(subscriptions)));
    }
    Ok(acceptors)
}
