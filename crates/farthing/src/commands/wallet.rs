//! `farthing wallet`: wallets, one per agent.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use farthing_books::budget::ReservationState;
use farthing_money::Price;
use farthing_store::Books;
use farthing_wallet::{Used, WalletName, WalletSummary, Wallets};
use serde_json::{Value, json};

use super::home::Home;
use crate::failure::{Failure, OrFail};
use crate::terminal;

/// How many of its last payments `show` lists.
const RECENT: u32 = 10;

/// Wallets, one per agent.
#[derive(Subcommand)]
pub(crate) enum Wallet {
    /// Make a wallet with a fresh key. It pays nothing until it has a policy.
    #[command(after_help = "Example:\n  farthing wallet create agent")]
    Create(One),
    /// The wallets there are.
    #[command(after_help = "Example:\n  farthing wallet list --json")]
    List(All),
    /// One wallet: its payer's name, limits, what it spent, its last payments.
    #[command(after_help = "Example:\n  farthing wallet show agent --json")]
    Show(One),
    /// Stop a wallet at once: it signs nothing until it is thawed.
    #[command(after_help = "Example:\n  farthing wallet freeze agent")]
    Freeze(One),
    /// Let a frozen wallet sign again.
    #[command(after_help = "Example:\n  farthing wallet thaw agent")]
    Thaw(One),
    /// Write a wallet's encrypted key file to standard output.
    #[command(after_help = "Example:\n  farthing wallet export agent > agent.json")]
    Export(One),
    /// Take an exported key file as a new wallet.
    #[command(after_help = "Example:\n  farthing wallet import agent agent.json")]
    Import(Import),
}

#[derive(Args)]
pub(crate) struct One {
    /// The wallet.
    name: WalletName,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    home: Home,
}

#[derive(Args)]
pub(crate) struct All {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    home: Home,
}

#[derive(Args)]
pub(crate) struct Import {
    /// What to call it here.
    name: WalletName,
    /// The exported file.
    file: PathBuf,
    #[command(flatten)]
    home: Home,
}

impl Wallet {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Create(one) => one.create(),
            Self::List(all) => all.list(),
            Self::Show(one) => one.show().await,
            Self::Freeze(one) => one.freeze(),
            Self::Thaw(one) => one.thaw(),
            Self::Export(one) => one.export(),
            Self::Import(import) => import.run(),
        }
    }
}

impl One {
    fn create(self) -> Result<ExitCode, Failure> {
        let source = self.home.new_passphrase()?;
        let summary = self.home.wallets()?.create(&self.name, &source).map_err(say)?;
        if self.json {
            terminal::say_json(&summary_json(&summary));
        } else {
            terminal::say(&format!("{}  {}", summary.name, summary.did));
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn show(self) -> Result<ExitCode, Failure> {
        let wallets = self.home.wallets()?;
        let summary = wallets.show(&self.name).map_err(say)?;
        let budgets = wallets.budgets().map_err(say)?;
        let accounts = accounts(&wallets, &summary).await?;
        let recent = recent(&budgets, &summary).await?;
        if self.json {
            let mut shown = summary_json(&summary);
            if let Some(shown) = shown.as_object_mut() {
                shown.insert("accounts".into(), accounts.into());
                shown.insert("recent".into(), recent.into());
            }
            terminal::say_json(&shown);
            return Ok(ExitCode::SUCCESS);
        }
        terminal::say(&format!("{}  {}", summary.name, summary.did));
        terminal::say(if summary.frozen { "frozen: signs nothing" } else { "ready" });
        match &summary.policy {
            Some(policy) => terminal::say(policy.to_toml().or_fail("the policy cannot be shown")?.trim_end()),
            None => terminal::say("no policy: pays nothing"),
        }
        for account in &accounts {
            let text = |member: &str| account.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
            terminal::say(&format!("{}: spent {}, reserved {}", text("budget"), text("spent"), text("reserved")));
        }
        if summary.outgoing > 0 {
            terminal::say(&format!("{} payments have an unknown outcome; repeat the same calls", summary.outgoing));
        }
        Ok(ExitCode::SUCCESS)
    }

    fn freeze(self) -> Result<ExitCode, Failure> {
        self.home.wallets()?.freeze(&self.name).map_err(say)?;
        terminal::say(&format!("{} is frozen and signs nothing", self.name));
        Ok(ExitCode::SUCCESS)
    }

    fn thaw(self) -> Result<ExitCode, Failure> {
        self.home.wallets()?.thaw(&self.name).map_err(say)?;
        terminal::say(&format!("{} signs again, within its policy", self.name));
        Ok(ExitCode::SUCCESS)
    }

    fn export(self) -> Result<ExitCode, Failure> {
        let file = self.home.wallets()?.export(&self.name).map_err(say)?;
        terminal::say(String::from_utf8_lossy(&file).trim_end());
        Ok(ExitCode::SUCCESS)
    }
}

impl All {
    fn list(self) -> Result<ExitCode, Failure> {
        let wallets = self.home.wallets()?.list().map_err(say)?;
        if self.json {
            terminal::say_json(&wallets.iter().map(summary_json).collect());
            return Ok(ExitCode::SUCCESS);
        }
        let rows: Vec<Vec<String>> = wallets
            .iter()
            .map(|wallet| {
                let total = wallet.policy.as_ref().and_then(|policy| policy.total);
                let state = if wallet.frozen { "frozen" } else { "ready" };
                vec![
                    wallet.name.to_string(),
                    wallet.did.clone(),
                    total.map_or("-".into(), |total| total.to_string()),
                    state.into(),
                ]
            })
            .collect();
        terminal::say_table(&["wallet", "payer", "total", "state"], 4, &rows);
        Ok(ExitCode::SUCCESS)
    }
}

impl Import {
    fn run(self) -> Result<ExitCode, Failure> {
        let json = std::fs::read(&self.file)
            .map_err(|error| Failure::wrong_use(format!("{}: {error}", self.file.display())))?;
        let summary = self.home.wallets()?.import(&self.name, &json, &self.home.passphrase()?).map_err(say)?;
        terminal::say(&format!("{}  {}", summary.name, summary.did));
        Ok(ExitCode::SUCCESS)
    }
}

fn say(error: impl std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}

fn summary_json(summary: &WalletSummary) -> Value {
    json!({
        "name": summary.name.as_str(),
        "did": summary.did,
        "created_at": summary.created_at,
        "frozen": summary.frozen,
        "outgoing": summary.outgoing,
        "policy": summary.policy.as_ref().map(super::policy::to_json),
    })
}

/// What the wallet's own counters say.
async fn accounts(wallets: &Wallets, summary: &WalletSummary) -> Result<Vec<Value>, Failure> {
    let Some(spending) = wallets.spending(&summary.name).await.map_err(say)? else { return Ok(Vec::new()) };
    let limits = summary.policy.as_ref().map_or((None, None), |policy| (policy.total, policy.per_day));
    let account = |budget: &str, limit: Option<Price>, used: Used| {
        json!({
            "budget": budget,
            "limit": limit.map(|limit| limit.to_string()),
            "spent": used.spent.to_string(),
            "reserved": used.reserved.to_string(),
        })
    };
    Ok(vec![account("total", limits.0, spending.total), account("today", limits.1, spending.today)])
}

/// Its last payments, the newest first.
async fn recent(budgets: &Books, summary: &WalletSummary) -> Result<Vec<Value>, Failure> {
    let records = budgets.reservations(summary.name.as_str(), RECENT).await.or_fail("the budgets cannot be read")?;
    let listed = records.iter().map(|record| {
        let state = match record.state {
            ReservationState::Reserved => "reserved",
            ReservationState::Confirmed => "paid",
            ReservationState::Released => "released",
        };
        json!({
            "at": record.reservation.at.to_rfc3339(),
            "origin": record.reservation.origin,
            "request": record.reservation.request,
            "cost": record.reservation.cost.to_string(),
            "state": state,
            "receipt": record.receipt,
        })
    });
    Ok(listed.collect())
}
