//! `farthing approvals`: payments that wait for a person.

mod shown;
mod webhook;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use farthing_wallet::approvals::Desk;
use farthing_wallet::{ApprovalId, ApprovalRecord, ApprovalState, Reply, WalletName};

use super::home::Home;
use crate::failure::{Failure, OrFail};
use crate::terminal;

/// Payments that wait for a person.
#[derive(Subcommand)]
pub(crate) enum Approvals {
    /// What waits for an answer.
    #[command(
        after_help = "Examples:\n  farthing approvals list\n  farthing approvals list --wallet agent --all --json"
    )]
    List(List),
    /// All that is known of one.
    #[command(after_help = "Example:\n  farthing approvals show 8f3a")]
    Show(One),
    /// Let it be paid: exactly what is shown, once, until the deadline.
    #[command(after_help = "Example:\n  farthing approvals allow 8f3a")]
    Allow(Allow),
    /// Keep it from being paid. What was allowed and is not paid yet can be denied, too.
    #[command(after_help = "Example:\n  farthing approvals deny 8f3a --reason \"use the cheaper feed\"")]
    Deny(Deny),
    /// Who is told of what waits, and may answer.
    #[command(subcommand)]
    Webhook(webhook::Webhook),
}

#[derive(Args)]
pub(crate) struct List {
    /// Those of one wallet.
    #[arg(long)]
    wallet: Option<WalletName>,
    /// Those that are over, too.
    #[arg(long)]
    all: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    home: Home,
}

#[derive(Args)]
pub(crate) struct One {
    /// The approval's name, or how it begins.
    id: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    home: Home,
}

#[derive(Args)]
pub(crate) struct Allow {
    #[command(flatten)]
    one: One,
    /// Do not ask once more on a terminal.
    #[arg(long)]
    yes: bool,
}

#[derive(Args)]
pub(crate) struct Deny {
    #[command(flatten)]
    one: One,
    /// Why; the agent is told.
    #[arg(long)]
    reason: Option<String>,
}

impl Approvals {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::List(list) => list.run().await,
            Self::Show(one) => {
                shown::one(&one.find().await?, one.json);
                Ok(ExitCode::SUCCESS)
            }
            Self::Allow(allow) => allow.run().await,
            Self::Webhook(webhook) => webhook.run(),
            Self::Deny(deny) => {
                let reply = Reply { allow: false, reason: deny.reason, by: "owner".to_owned() };
                deny.one.answer(reply).await
            }
        }
    }
}

impl List {
    async fn run(self) -> Result<ExitCode, Failure> {
        let desk = self.home.wallets()?.desk(self.wallet.as_ref()).map_err(said)?;
        let mut records = desk.all().await.map_err(said)?;
        records.retain(|record| self.all || record.state == ApprovalState::Pending);
        shown::list(&records, self.json);
        Ok(ExitCode::SUCCESS)
    }
}

impl Allow {
    async fn run(self) -> Result<ExitCode, Failure> {
        let record = self.one.find().await?;
        if !self.yes && !self.one.json && record.state == ApprovalState::Pending {
            shown::one(&record, false);
            if !terminal::confirms("Let this be paid, once?").or_fail("the answer cannot be read")? {
                terminal::note("farthing: nothing was answered");
                return Ok(ExitCode::SUCCESS);
            }
        }
        let reply = Reply { allow: true, reason: None, by: "owner".to_owned() };
        self.one.answer(reply).await
    }
}

impl One {
    /// The only approval whose name begins so.
    async fn find(&self) -> Result<ApprovalRecord, Failure> {
        let desk = self.desk()?;
        if let Ok(id) = self.id.parse::<ApprovalId>() {
            return desk.one(id).await.map_err(said);
        }
        let begins = self.id.to_ascii_lowercase();
        let known = desk.all().await.map_err(said)?;
        let mut found = known.into_iter().filter(|record| record.id.to_string().starts_with(&begins));
        match (found.next(), found.next()) {
            (Some(record), None) => Ok(record),
            (None, _) => Err(Failure::wrong_use(format!(
                "no approval begins with \"{begins}\"; see them with: farthing approvals list --all"
            ))),
            (Some(_), Some(_)) => {
                Err(Failure::wrong_use(format!("several approvals begin with \"{begins}\"; write more of the name")))
            }
        }
    }

    fn desk(&self) -> Result<Desk, Failure> {
        self.home.wallets()?.desk(None).map_err(said)
    }

    async fn answer(&self, reply: Reply) -> Result<ExitCode, Failure> {
        let record = self.find().await?;
        let mut desk = self.desk()?;
        if reply.allow {
            desk = desk.opened_by(self.home.owner_passphrase()?);
        }
        let answered = desk.answer(record.id, &reply).await.map_err(said)?;
        match (self.json, reply.allow) {
            (true, _) => shown::one(&answered, true),
            (false, true) => terminal::say(&format!(
                "{} is allowed: {} to {}, once, until {}",
                answered.id,
                answered.facts.cost,
                answered.facts.origin,
                answered.deadline.to_rfc3339()
            )),
            (false, false) => terminal::say(&format!("{} is denied", answered.id)),
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn said(error: impl std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}
