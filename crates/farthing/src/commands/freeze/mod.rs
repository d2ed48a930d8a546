//! `farthing freeze` and `farthing thaw`: stopping signatures at once, in every process.

pub(super) mod permissions;
mod unwind;

use std::process::ExitCode;

use clap::Args;
use farthing_books::audit::Event;
use farthing_wallet::{Card, WalletName, Wallets};
use serde_json::json;

use super::exposure;
use super::home::Home;
use crate::failure::Failure;
use crate::terminal;

/// The exit code of something that can still leave.
const STILL_OUT: u8 = 5;

/// What is stopped, or may go on.
#[derive(Args)]
#[group(id = "which", required = true, multiple = false, args = ["all", "wallet", "card"])]
pub(crate) struct Which {
    /// Every wallet of this home, those that are made later included.
    #[arg(long)]
    all: bool,
    /// One wallet.
    #[arg(long)]
    wallet: Option<WalletName>,
    /// One virtual card, by its id or how that begins.
    #[arg(long, value_name = "ID")]
    card: Option<String>,
}

#[derive(Args)]
pub(crate) struct Freeze {
    #[command(flatten)]
    which: Which,
    /// Take back what is out of the wallet, too: with --all that is done anyway.
    #[arg(long, requires = "wallet")]
    unwind: bool,
    /// With --all: only freeze; leave sessions, allowances and cards as they are.
    #[arg(long, requires = "all")]
    only: bool,
    /// Print JSON, in the end.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    home: Home,
}

#[derive(Args)]
pub(crate) struct Thaw {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    home: Home,
}

impl Freeze {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        let wallets = self.home.wallets()?;
        let (sentence, whose, names) = match (&self.which.wallet, &self.which.card) {
            (Some(name), _) => {
                wallets.freeze(name).map_err(said)?;
                (format!("{name} is frozen and signs nothing"), Some(name.clone()), vec![name.clone()])
            }
            (None, Some(card)) => {
                let card = wallets.freeze_card(card).map_err(said)?;
                (format!("the card {} is frozen and signs nothing", card.id), Some(card.wallet), Vec::new())
            }
            (None, None) => {
                wallets.freeze_all().map_err(said)?;
                let names = wallets.list().map_err(said)?.into_iter().map(|wallet| wallet.name);
                ("everything is frozen and nothing is signed".to_owned(), None, names.collect())
            }
        };
        terminal::note(&sentence);
        note(&wallets, Event::Frozen, whose.as_ref(), &sentence).await;
        let unwinds = self.unwind || self.which.all && !self.only;
        if !unwinds {
            if self.json {
                terminal::say_json(&json!({ "frozen": true, "sentence": sentence }));
            }
            return Ok(ExitCode::SUCCESS);
        }
        self.unwind(&wallets, &names).await
    }

    /// Takes back what is out, and says what remains.
    async fn unwind(&self, wallets: &Wallets, names: &[WalletName]) -> Result<ExitCode, Failure> {
        let mut steps = Vec::new();
        for name in names {
            match unwind::wallet(&self.home, wallets, name).await {
                Ok(taken) => steps.extend(taken),
                Err(failure) => {
                    let what = "taking back what is out".to_owned();
                    let obstacle = Some(failure.to_string());
                    let step = unwind::Step { wallet: name.clone(), kind: "wallet", what, obstacle };
                    step.say();
                    steps.push(step);
                }
            }
        }
        let found = exposure::find(&self.home, wallets, names).await?;
        let is_over = found.iter().all(exposure::Found::is_nothing) && steps.iter().all(|step| step.obstacle.is_none());
        if self.json {
            let steps: Vec<_> = steps.iter().map(unwind::Step::to_json).collect();
            let found: Vec<_> = found.iter().map(exposure::Found::to_json).collect();
            terminal::say_json(&json!({ "frozen": true, "steps": steps, "exposure": found, "over": is_over }));
        } else {
            found.iter().for_each(exposure::Found::say);
            if !is_over {
                terminal::note("something is still out; the same command goes on with it");
            }
        }
        Ok(if is_over { ExitCode::SUCCESS } else { ExitCode::from(STILL_OUT) })
    }
}

impl Thaw {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        let wallets = self.home.wallets()?;
        let (sentence, whose) = match (&self.which.wallet, &self.which.card) {
            (_, Some(card)) => {
                let card = wallets.thaw_card(card).map_err(said)?;
                (card_thawed(&card), Some(card.wallet))
            }
            (Some(name), None) => {
                wallets.thaw(name).map_err(said)?;
                (wallet_thawed(&wallets, name), Some(name.clone()))
            }
            (None, None) => {
                wallets.thaw_all().map_err(said)?;
                let sentence = "the wallets sign again, within their policies; what was frozen by itself stays frozen";
                (sentence.to_owned(), None)
            }
        };
        terminal::say(&sentence);
        note(&wallets, Event::Thawed, whose.as_ref(), &sentence).await;
        Ok(ExitCode::SUCCESS)
    }
}

/// What a card that was thawed may do now.
pub(super) fn card_thawed(card: &Card) -> String {
    match &card.stopped {
        Some(stopped) => format!("the card {} is not frozen by itself any more, but {stopped}", card.id),
        None => format!("the card {} pays again, within its limits", card.id),
    }
}

/// What a wallet that was thawed may do now.
pub(super) fn wallet_thawed(wallets: &Wallets, name: &WalletName) -> String {
    match wallets.stopped(name) {
        Some(stopped) => format!("{name} is not frozen by itself any more, but {stopped}"),
        None => format!("{name} signs again, within its policy"),
    }
}

/// Writes it into the log; what was done stands without that, too.
pub(super) async fn note(wallets: &Wallets, event: Event, wallet: Option<&WalletName>, sentence: &str) {
    if let Err(error) = wallets.note_stop(event, wallet, sentence).await {
        terminal::complain(&format!("it is not in the log of decisions: {error}"));
    }
}

fn said(error: impl std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}
