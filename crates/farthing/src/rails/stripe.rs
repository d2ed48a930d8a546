//! Cards and wallets through Stripe.

use std::sync::Arc;

use farthing_gateway::config::RailContext;
use farthing_keys::Surroundings;
use farthing_rail_stripe::Stripe;
use farthing_rail_stripe::seller::Around;
use toml::Table;

use crate::{clock, environment};

/// From its `[rails.NAME]` table.
pub(super) fn rail(table: &Table, context: &RailContext<'_>) -> Result<Stripe, String> {
    let around = Surroundings { variable: &environment::variable, directory: context.directory };
    let secrets = |table: &Table, name: &str| around.secret(table, name);
    let around = Around { name: context.name, development: context.development, secrets: &secrets, data: context.data };
    Stripe::from_table(table, around, Arc::new(clock::now))
}
