//! `farthing books prune`: what is over and needed no more leaves the books.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use farthing_books::retention::SHORTEST;
use farthing_protocol::Timestamp;
use farthing_store::{Books as Store, Look, Sharing};
use serde_json::json;

use super::place_of;
use crate::failure::{Failure, OrFail};
use crate::terminal;

#[derive(Args)]
pub(crate) struct Prune {
    /// Let go of what was over before this instant, such as 2026-01-01T00:00:00Z.
    #[arg(long, value_parser = Timestamp::parse)]
    before: Timestamp,
    /// The gateway's data directory, or what its `store` names: a file, or postgres://user@host/database.
    #[arg(long)]
    data: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Prune {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        let books = Store::open(place_of(&self.data)?, Sharing::Shared).or_fail("the books cannot be opened")?;
        let waiting = terminal::spinner("looking for what is needed no more");
        let pruned = books
            .prune(self.before, Look::Everywhere, |so_far| {
                waiting.set_message(format!("{} payments are carried forward", so_far.payments));
            })
            .await;
        waiting.finish_and_clear();
        let pruned = pruned.map_err(|error| Failure::new(error.to_string()))?;
        books.close().await.or_fail("the books cannot be closed")?;
        let until = pruned.until.to_rfc3339();
        if self.json {
            let (payments, transfers) = (pruned.payments, pruned.transfers);
            terminal::say_json(&json!({ "until": until, "payments": payments, "transfers": transfers }));
            return Ok(ExitCode::SUCCESS);
        }
        if pruned.until < self.before {
            let days = SHORTEST.as_secs() / 86_400;
            terminal::say(&format!("what is less than {days} days older than the newest payment stays, so it is:"));
        }
        terminal::say(&format!(
            "{} payments from before {until} left the books, and the sums of their {} transfers are carried forward",
            pruned.payments, pruned.transfers
        ));
        Ok(ExitCode::SUCCESS)
    }
}
