//! `farthing store`: where the books are.

use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use farthing_store::{AddressError, Location, move_books};
use serde_json::json;

use super::password;
use crate::failure::Failure;
use crate::terminal;

/// Where the books are.
#[derive(Subcommand)]
pub(crate) enum Store {
    /// Move books to another store, checked, while nothing runs on them: those of a gateway, or of wallets.
    #[command(
        after_help = "Examples:\n  farthing store migrate sqlite:./seller/farthing.db postgres://gate@db/money\n  \
        farthing store migrate ~/.farthing \"postgres://agents@db/money?schema=agents\"\n\n\
        Everything is written and checked in one transaction: all totals are computed anew on both sides and every \
        balance is compared. The old books stay as they are. Of a gateway, write the new place as `store` of the \
        configuration then, and start the gateways. Wallets, which are named by their home directory, pay out of the \
        new place from then on; their keys stay where they are, and wallets of other machines may join them with: \
        farthing wallet import NAME FILE --store ADDRESS. A password comes from PGPASSWORD or PGPASSFILE."
    )]
    Migrate(Migrate),
}

/// The two places.
#[derive(Args)]
pub(crate) struct Migrate {
    /// Where the books are: sqlite:PATH, postgres://user@host/database?schema=NAME, or a home directory of wallets.
    #[arg(value_parser = read)]
    from: Location,
    /// Where they are to go, and there are none yet.
    to: String,
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
        if let Some(home) = from.file().filter(|file| file.is_dir()) {
            return move_wallets(home, &to, json).await;
        }
        let to = password::add_to(read(&to).map_err(|error| Failure::wrong_use(error.to_string()))?);
        let from = password::add_to(from);
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

/// Moves what the wallets of a home counted to a server, where wallets of other machines may count, too.
async fn move_wallets(home: &Path, to: &str, json: bool) -> Result<ExitCode, Failure> {
    password::must_not_be_in(to)?;
    let said = |error: farthing_wallet::WalletsError| Failure::new(error.to_string());
    let waiting = terminal::spinner("moving what the wallets counted");
    let moved = farthing_rails::wallets(home).map_err(said)?.move_to(to, password::add).await;
    waiting.finish_and_clear();
    let place = moved.map_err(said)?.store().unwrap_or_default();
    match json {
        true => terminal::say_json(&json!({ "to": place, "verified": true })),
        false => terminal::say(&format!("the wallets in {} have their books at {place} now", home.display())),
    }
    Ok(ExitCode::SUCCESS)
}
