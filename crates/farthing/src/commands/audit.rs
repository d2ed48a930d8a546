//! `farthing audit`: what was decided about every payment, and whether that record is whole.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use farthing_books::audit::{AuditRecord, RecordHash};
use farthing_protocol::Timestamp;
use farthing_store::AuditFilter;
use farthing_wallet::{WalletName, WalletsError};
use serde_json::{Value, json};

use super::home::Home;
use crate::failure::Failure;
use crate::terminal::{self, Colour};

/// Records that are read at a time.
const PAGE: u32 = 1_000;

/// The log of decisions: it only grows, and every record holds the hash of the one before.
#[derive(Subcommand)]
pub(crate) enum Audit {
    /// What was decided, reserved, paid, released, asked, answered, frozen, and which policies took effect.
    #[command(after_help = "Examples:\n  farthing audit list --wallet agent\n  \
        farthing audit list --since 2026-11-01T00:00:00Z --json")]
    List(List),
    /// Check that nothing was changed, make every decision again, and add the budgets up again.
    #[command(after_help = "Examples:\n  farthing audit verify\n  farthing audit verify --head 5f0c... --json\n\n\
        The hash that `farthing audit head` printed earlier proves that nothing was cut off since.\n\n\
        Exit code 1 when anything differs; the first difference is named.")]
    Verify(Verify),
    /// The hash of the newest record, to keep where nobody who can change the log can change it.
    #[command(after_help = "Example:\n  farthing audit head > /media/owner/farthing-audit-head")]
    Head(Head),
}

#[derive(Args)]
pub(crate) struct List {
    /// Of one wallet, and of all together.
    #[arg(long)]
    wallet: Option<WalletName>,
    /// From this instant on, such as 2026-11-01T00:00:00Z.
    #[arg(long, value_parser = Timestamp::parse)]
    since: Option<Timestamp>,
    /// Print JSON, one record a line, as they were written.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    home: Home,
}

#[derive(Args)]
pub(crate) struct Verify {
    /// The hash of a record that must be there, as `farthing audit head` printed it.
    #[arg(long, value_name = "HASH")]
    head: Option<RecordHash>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    home: Home,
}

#[derive(Args)]
pub(crate) struct Head {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    home: Home,
}

impl Audit {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::List(list) => list.run().await,
            Self::Verify(verify) => verify.run().await,
            Self::Head(head) => head.run().await,
        }
    }
}

impl List {
    async fn run(self) -> Result<ExitCode, Failure> {
        let wallets = self.home.wallets()?;
        let mut after = 0;
        loop {
            let wallet = self.wallet.as_ref().map(ToString::to_string);
            let filter = AuditFilter { wallet, since: self.since, after, limit: PAGE };
            let page = wallets.audit(filter).await.map_err(said)?;
            let Some(last) = page.last() else { return Ok(ExitCode::SUCCESS) };
            after = last.sequence;
            for record in &page {
                terminal::say(&if self.json { record.with_hash() } else { line(record) });
            }
        }
    }
}

impl Verify {
    async fn run(self) -> Result<ExitCode, Failure> {
        let found = self.home.wallets()?.verify_audit(self.head).await.map_err(said)?;
        let clean = found.findings.is_empty();
        if self.json {
            terminal::say_json(&json!({
                "clean": clean,
                "records": found.records,
                "decisions": found.decisions,
                "head": found.head.to_string(),
                "first_difference": found.findings.first(),
                "findings": found.findings,
            }));
        } else {
            for finding in &found.findings {
                terminal::say(&format!("{} {finding}", terminal::coloured("differs", Colour::Red)));
            }
            let verdict = match clean {
                true => terminal::coloured("The log is whole", Colour::Green),
                false => "The log is not whole".into(),
            };
            terminal::say(&format!(
                "{verdict}: {} records, {} decisions made again, the newest {}.",
                found.records, found.decisions, found.head
            ));
        }
        Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

impl Head {
    async fn run(self) -> Result<ExitCode, Failure> {
        let head = self.home.wallets()?.audit_head().await.map_err(said)?;
        if self.json {
            let at = (head.sequence > 0).then(|| head.at.to_rfc3339());
            terminal::say_json(&json!({ "hash": head.hash.to_string(), "sequence": head.sequence, "at": at }));
        } else {
            terminal::say(&head.hash.to_string());
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// A record in one line: when, of which wallet, what, and what matters most about it.
fn line(record: &AuditRecord) -> String {
    let value: Value = serde_json::from_str(&record.text).unwrap_or_default();
    let text = |path: &str| value.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    let details = [
        "/books/cost",
        "/decided/purchase/cost",
        "/books/request",
        "/decided/purchase/path",
        "/books/origin",
        "/decided/purchase/origin",
        "/books/level",
        "/books/rule",
        "/decided/outcome/level",
        "/decided/outcome/rule",
        "/books/counter",
        "/books/reason",
        "/decided/sentence",
    ];
    let mut shown: Vec<String> = Vec::new();
    for detail in details.map(text) {
        if !detail.is_empty() && !shown.contains(&detail) {
            shown.push(detail);
        }
    }
    let wallet = if record.wallet.is_empty() { "*" } else { &record.wallet };
    format!("{:>6} {} {wallet} {} {}", record.sequence, record.at.to_rfc3339(), text("/event"), shown.join(" "))
}

fn said(error: WalletsError) -> Failure {
    Failure::new(error.to_string())
}
