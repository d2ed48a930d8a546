//! Cards by encrypted network tokens, of which this program has a sandbox only.

use std::sync::Arc;

use farthing_gateway::config::RailContext;
use farthing_rail_card::seller::Around;
use farthing_rail_card::{Card, machine_randomness};
use toml::Table;

use crate::clock;

/// From its `[rails.NAME]` table.
pub(super) fn rail(table: &Table, context: &RailContext<'_>) -> Result<Card, String> {
    let around = Around {
        name: context.name,
        realm: context.realm,
        development: context.development,
        data: context.data,
        random: machine_randomness(),
    };
    Card::from_table(table, around, Arc::new(clock::now))
}
