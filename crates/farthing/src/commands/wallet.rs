//! `farthing wallet`: wallets, one per agent.

mod allow;
mod chain;
mod coins;
mod create;
mod fund;
mod sharing;
mod transfer;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use farthing_books::audit::Event;
use farthing_books::budget::ReservationState;
use farthing_money::Price;
use farthing_ows::OwsVault;
use farthing_rail_evm::buyer::Delegation;
use farthing_store::Books;
use farthing_wallet::client::Settled;
use farthing_wallet::{Used, WalletName, WalletSummary, Wallets};
use serde_json::{Value, json};

use super::freeze;
use super::home::Home;
use crate::failure::{Failure, OrFail};
use crate::{chains, terminal};

/// How many of its last payments `show` lists.
const RECENT: u32 = 10;

/// Wallets, one per agent.
#[derive(Subcommand)]
pub(crate) enum Wallet {
    /// Make a wallet with fresh keys, and with limits from a template or as they are named. Without limits it pays
    /// nothing until it has a policy.
    #[command(after_help = "Examples:\n  farthing wallet create agent\n  \
        farthing wallet create reader --template careful --origin https://api.example.com\n  \
        farthing wallet create job-7 --template batch --set origin=https://api.example.com --total \"5 USD\"\n  \
        farthing wallet create scout --total \"2 USD\" --parent research --for \"prices of flights\" --expires 7d \\\n    \
        --fund-from balance --fund-from tempo\n  \
        farthing wallet create agent --phrase-file phrase.txt --path \"m/44'/60'/0'/0/1\"\n  \
        farthing wallet create agent --total \"20 USD\" --store \"postgres://agents@db/money?schema=agents\"")]
    Create(Box<create::Create>),
    /// The templates that a wallet can be made from.
    #[command(after_help = "Example:\n  farthing wallet templates --json")]
    Templates(create::Templates),
    /// The wallets there are.
    #[command(after_help = "Example:\n  farthing wallet list --json")]
    List(All),
    /// One wallet: its payer's name, limits, what it spent, its last payments.
    #[command(after_help = "Example:\n  farthing wallet show agent --json")]
    Show(One),
    /// What a wallet's account has on chains.
    #[command(after_help = "Example:\n  farthing wallet balance agent --chain tempo --json")]
    Balance(coins::OnChains),
    /// What came and went on chains, the newest first.
    #[command(after_help = "Example:\n  farthing wallet history agent --chain tempo --limit 50")]
    History(coins::History),
    /// Where to send money for a wallet; on a development chain, money for the asking; a card to pay with.
    #[command(after_help = "Examples:\n  farthing wallet fund agent --chain tempo\n  \
        farthing wallet fund agent --chain devnet --from-devnet \"100 USD\"\n  \
        farthing wallet fund agent --stripe --payment-method pm_1abc --key-env STRIPE_AGENT_KEY")]
    Fund(fund::Fund),
    /// What Permit2 may move out of a wallet's account, and a change of it. Offers that are paid by Permit2
    /// (x402's upto) need an allowance; it moves nothing by itself, and every payment stays within the
    /// wallet's limits.
    #[command(after_help = "Examples:\n  farthing wallet allow agent\n  \
        farthing wallet allow agent --chain base --token USDC --amount \"10 USD\"\n  \
        farthing wallet allow agent --chain base --token USDC --amount 0\n\n\
        Exit codes: 0 it is so, 1 it is not, 2 wrong use, 5 outcome unknown (the same command again\n\
        sends the same transaction and signs nothing new).")]
    Allow(allow::Allow),
    /// Find out what became of payments whose outcome is unknown, and stop counting those that can no
    /// longer be made.
    #[command(after_help = "Example:\n  farthing wallet settle agent --json")]
    Settle(One),
    /// The chains that wallets pay on.
    #[command(subcommand)]
    Chain(chain::Chain),
    /// Stop a wallet at once: it signs nothing until it is thawed.
    #[command(after_help = "Example:\n  farthing wallet freeze agent")]
    Freeze(One),
    /// Let a frozen wallet sign again.
    #[command(after_help = "Example:\n  farthing wallet thaw agent")]
    Thaw(One),
    /// Write a wallet's encrypted key file to standard output, or into a vault of the Open Wallet Standard.
    #[command(after_help = "Examples:\n  farthing wallet export agent > agent.json\n  \
        farthing wallet export agent --vault ~/.ows\n\n\
        The file opens with the wallet's passphrase. With --ows or --vault it has only what other software writes,\n\
        too: taken back from there, the wallet has another key for prepaid balances.")]
    Export(transfer::Export),
    /// Take an exported key file, or a wallet of a vault of the Open Wallet Standard, as a new wallet.
    #[command(after_help = "Examples:\n  farthing wallet import agent agent.json\n  \
        farthing wallet import agent --vault ~/.ows --from treasury\n  \
        farthing wallet import agent agent.json --store \"postgres://agents@db/money?schema=agents\"\n\n\
        A wallet of other software is opened with OWS_PASSPHRASE, if that is set, and then kept under the passphrase of\n\
        the wallets here.")]
    Import(transfer::Import),
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
    /// List the wallets of this vault of the Open Wallet Standard instead.
    #[arg(long)]
    vault: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    home: Home,
}

impl Wallet {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Create(create) => create.run(),
            Self::Templates(templates) => templates.run(),
            Self::List(all) => all.list(),
            Self::Show(one) => one.show().await,
            Self::Balance(on) => on.balance().await,
            Self::History(history) => history.run().await,
            Self::Fund(fund) => fund.run().await,
            Self::Allow(allow) => allow.run().await,
            Self::Settle(one) => one.settle().await,
            Self::Chain(chain) => chain.run().await,
            Self::Freeze(one) => one.freeze().await,
            Self::Thaw(one) => one.thaw().await,
            Self::Export(export) => export.run(),
            Self::Import(import) => import.run(),
        }
    }
}

impl One {
    async fn show(self) -> Result<ExitCode, Failure> {
        let wallets = self.home.wallets()?;
        let summary = wallets.show(&self.name).map_err(say)?;
        let budgets = wallets.budgets().map_err(say)?;
        let accounts = accounts(&wallets, &summary).await?;
        let recent = recent(&budgets, &summary).await?;
        let locked = wallets.locked(&self.name).await.map_err(say)?;
        let delegated = self.delegated(&wallets)?;
        if self.json {
            let mut shown = summary_json(&summary);
            if let Some(shown) = shown.as_object_mut() {
                shown.insert("accounts".into(), accounts.into());
                shown.insert("recent".into(), recent.into());
                let locked: Vec<Value> = locked.iter().map(|locked| locked.to_string().into()).collect();
                shown.insert("locked".into(), locked.into());
                shown.insert("delegated".into(), delegated.into());
                shown.insert("store".into(), wallets.store().into());
            }
            terminal::say_json(&shown);
            return Ok(ExitCode::SUCCESS);
        }
        say_names(&summary);
        if let Some(delegated) = &delegated {
            terminal::say(&format!("pays {}", super::key::delegated::sentence(delegated)));
        }
        terminal::say(if summary.frozen { "frozen: signs nothing" } else { "ready" });
        if let Some(store) = wallets.store() {
            terminal::say(&format!("counts with the wallets of other machines, at {store}"));
        }
        match &summary.policy {
            Some(policy) => terminal::say(policy.to_toml().or_fail("the policy cannot be shown")?.trim_end()),
            None => terminal::say("no policy: pays nothing"),
        }
        for account in &accounts {
            let text = |member: &str| account.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
            terminal::say(&format!("{}: spent {}, reserved {}", text("budget"), text("spent"), text("reserved")));
        }
        for locked in &locked {
            let name = &summary.name;
            terminal::say(&format!("locked in sessions: {locked} of that; see farthing sessions list --wallet {name}"));
        }
        if summary.outgoing > 0 {
            terminal::say(&format!(
                "{} payments have an unknown outcome; repeat the same calls, or: farthing wallet settle {}",
                summary.outgoing, summary.name
            ));
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn settle(self) -> Result<ExitCode, Failure> {
        let client = self.home.client(&self.name).await?;
        let Settled { paid, released, unknown } = client.settle().await.map_err(say)?;
        if self.json {
            terminal::say_json(&json!({ "paid": paid, "released": released, "unknown": unknown }));
        } else {
            terminal::say(&format!(
                "{paid} were made after all, {released} can no longer be made and are not counted any more, \
                 {unknown} are still unknown and counted"
            ));
        }
        Ok(ExitCode::SUCCESS)
    }

    /// What another account lets it spend, if one does.
    fn delegated(&self, wallets: &Wallets) -> Result<Option<Value>, Failure> {
        let Some(text) = wallets.delegation(&self.name).map_err(say)? else { return Ok(None) };
        let delegation = Delegation::from_json(&text).or_fail("the wallet's grant")?;
        Ok(Some(super::key::delegated::described(&delegation, &chains::load(&self.home.directory()?)?)))
    }

    async fn freeze(self) -> Result<ExitCode, Failure> {
        let wallets = self.home.wallets()?;
        wallets.freeze(&self.name).map_err(say)?;
        let sentence = format!("{} is frozen and signs nothing", self.name);
        terminal::say(&sentence);
        freeze::note(&wallets, Event::Frozen, Some(&self.name), &sentence).await;
        Ok(ExitCode::SUCCESS)
    }

    async fn thaw(self) -> Result<ExitCode, Failure> {
        let wallets = self.home.wallets()?;
        wallets.thaw(&self.name).map_err(say)?;
        let sentence = freeze::wallet_thawed(&wallets, &self.name);
        terminal::say(&sentence);
        freeze::note(&wallets, Event::Thawed, Some(&self.name), &sentence).await;
        Ok(ExitCode::SUCCESS)
    }
}

impl All {
    fn list(self) -> Result<ExitCode, Failure> {
        if let Some(vault) = &self.vault {
            super::ows::list_wallets(&OwsVault::at(vault), self.json)?;
            return Ok(ExitCode::SUCCESS);
        }
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
                    wallet.purpose.clone().unwrap_or_default(),
                ]
            })
            .collect();
        terminal::say_table(&["wallet", "payer", "total", "state", "for"], 5, &rows);
        Ok(ExitCode::SUCCESS)
    }
}

fn say(error: impl std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}

/// What the wallet is known as, where it pays from a balance and where it pays on a chain.
fn say_names(summary: &WalletSummary) {
    terminal::say(&format!("{}  {}", summary.name, summary.did));
    if let Some(purpose) = &summary.purpose {
        terminal::say(&format!("for: {purpose}"));
    }
    match &summary.address {
        Some(address) => terminal::say(&format!("on chains: {address}")),
        None => terminal::say(&format!(
            "no account on chains; make one with: farthing key create --wallet {} --type evm",
            summary.name
        )),
    }
}

fn summary_json(summary: &WalletSummary) -> Value {
    json!({
        "name": summary.name.as_str(),
        "did": summary.did,
        "address": summary.address,
        "created_at": summary.created_at,
        "purpose": summary.purpose,
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
