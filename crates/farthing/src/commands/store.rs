//! `farthing store`: where the books are.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use farthing_store::{AddressError, Location, move_books};
use serde_json::json;

use crate::failure::Failure;
use crate::terminal;

/// Where the books are.
#[derive(Subcommand)]
pub(crate) enum Store {
    /// Move books to another store, checked, while no gateway runs on them.
    #[command(
        after_help = "Example:\n  farthing store migrate sqlite:./seller/farthing.db postgres://gate@db/money\n\n\
        Everything is written and checked in one transaction: all totals are computed anew on both sides and every \
        balance is compared. The old books stay as they are. Then write the new place as `store` of the configuration \
        and start the gateways."
    )]
    Migrate(Migrate),
}

/// The two places.
#[derive(Args)]
pub(crate) struct Migrate {
    /// Where the books are: sqlite:PATH or postgres://user@host/database?schema=NAME.
    #[arg(value_parser = read)]
    from: Location,
    /// Where they are to go, and there are none yet.
    #[arg(value_parser = read)]
    to: Location,
    /// Say what was moved as JSON.
    #[arg(long)]
    json: bool,
}

fn read(text: &str) -> Result<Location, AddressError> {
    text.parse()
}

impl Store {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        let Self::Migrate(Migrate { from, to, json }) = self;
        let waiting = terminal::spinner(&format!("moving the books to {to}"));
        let moved = move_books(from, to.clone()).await;
        waiting.finish_and_clear();
        let moved = moved.map_err(|error| Failure::new(error.to_string()))?;
        if json {
            let tables: serde_json::Map<_, _> =
                moved.tables.iter().map(|(table, rows)| ((*table).to_owned(), json!(rows))).collect();
            terminal::say_json(&json!({ "to": to.to_string(), "rows": tables, "verified": true }));
            return Ok(ExitCode::SUCCESS);
        }
        for (table, rows) in moved.tables.iter().filter(|(_, rows)| *rows > 0) {
            terminal::say(&format!("{rows:>12} {table}"));
        }
        terminal::say(&format!("all of it is at {to}, and both books say the same"));
        Ok(ExitCode::SUCCESS)
    }
}
