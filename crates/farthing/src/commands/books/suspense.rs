//! `farthing books suspense`: money that arrived and of which no reference says whose it is.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use farthing_rail::EntryKey;
use serde_json::{Value, json};

use crate::commands::admin::Admin;
use crate::failure::Failure;
use crate::{environment, terminal};

/// Money of nobody yet.
#[derive(Subcommand)]
pub(crate) enum Suspense {
    /// What rests in suspense, the oldest first.
    #[command(after_help = "Example:\n  farthing books suspense list --admin http://127.0.0.1:4021")]
    List(List),
    /// Say whose it is: it goes into their balance, and who said so and why is kept.
    #[command(
        after_help = "Example:\n  farthing books suspense assign ent_0123... --payer did:key:z6Mk... --reason \"they called\""
    )]
    Assign(Assign),
    /// Take back what was said, as long as the payer has not spent it.
    #[command(after_help = "Example:\n  farthing books suspense release ent_0123... --reason \"it was another payer\"")]
    Release(Release),
}

#[derive(Args)]
pub(crate) struct List {
    #[command(flatten)]
    admin: Admin,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Which entry, and what is written down with it.
#[derive(Args)]
struct Said {
    /// The entry, as `list` prints it.
    id: EntryKey,
    /// Why.
    #[arg(long)]
    reason: String,
    /// Who says so; the name of whoever is logged in, when it does not say.
    #[arg(long)]
    by: Option<String>,
    #[command(flatten)]
    admin: Admin,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(crate) struct Assign {
    /// Whose it is, as `farthing wallet show` prints it.
    #[arg(long)]
    payer: String,
    #[command(flatten)]
    said: Said,
}

#[derive(Args)]
pub(crate) struct Release {
    #[command(flatten)]
    said: Said,
}

impl Suspense {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::List(list) => list.run().await,
            Self::Assign(assign) => assign.said.run(Some(&assign.payer)).await,
            Self::Release(release) => release.said.run(None).await,
        }
    }
}

impl List {
    async fn run(self) -> Result<ExitCode, Failure> {
        let answer = self.admin.call(http::Method::GET, "/admin/suspense", None).await?;
        if self.json {
            terminal::say_json(&answer);
            return Ok(ExitCode::SUCCESS);
        }
        let entries = answer.get("suspense").and_then(Value::as_array).cloned().unwrap_or_default();
        if entries.is_empty() {
            terminal::say("nothing rests in suspense");
            return Ok(ExitCode::SUCCESS);
        }
        let rows: Vec<Vec<String>> = entries
            .iter()
            .map(|entry| ["id", "booked", "reference", "details", "display"].map(|member| text(entry, member)).to_vec())
            .collect();
        terminal::say_table(&["entry", "booked", "bank's reference", "who and what", "amount"], 4, &rows);
        Ok(ExitCode::SUCCESS)
    }
}

impl Said {
    async fn run(self, payer: Option<&str>) -> Result<ExitCode, Failure> {
        let by = self.by.or_else(|| environment::variable("USER")).unwrap_or_else(|| "operator".to_owned());
        let word = json!({ "payer": payer, "by": by, "reason": self.reason });
        let path = format!("/admin/suspense/{}", self.id);
        let entry = self.admin.call(http::Method::POST, &path, Some(word)).await?;
        if self.json {
            terminal::say_json(&entry);
        } else if let Some(payer) = payer {
            terminal::say(&format!("{} of {} is in the balance of {payer}", text(&entry, "display"), self.id));
        } else {
            terminal::say(&format!("{} of {} is in suspense again", text(&entry, "display"), self.id));
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn text(value: &Value, member: &str) -> String {
    value.get(member).and_then(Value::as_str).unwrap_or_default().to_owned()
}
