//! `farthing books verify`: whether everything adds up, in one books and between several.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use farthing_books::Verification;
use farthing_books::verify::{Comparison, compare};
use farthing_protocol::Timestamp;
use serde_json::{Value, json};

use super::{Place, open};
use crate::failure::{Failure, OrFail};
use crate::terminal::{self, Colour};

#[derive(Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    place: Place,
    /// Other books that balances moved to or came from: whether all of them say the same of that. May be repeated.
    #[arg(long, value_name = "DATA")]
    with: Vec<PathBuf>,
}

impl Verify {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let mut all = vec![verified(&self.place.data).await?];
        for data in &self.with {
            all.push(verified(data).await?);
        }
        let comparison = (!self.with.is_empty()).then(|| compare(&all));
        let between = comparison.as_ref().is_none_or(|found| found.findings.is_empty() && found.under_way.is_empty());
        let clean = between && all.iter().all(Verification::is_clean);
        if self.place.json {
            terminal::say_json(&self.shown(clean, &all, comparison.as_ref()));
        } else {
            for (data, verification) in std::iter::once(&self.place.data).chain(&self.with).zip(&all) {
                say(data, verification, !self.with.is_empty());
            }
            comparison.iter().for_each(say_comparison);
        }
        Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn shown(&self, clean: bool, all: &[Verification], comparison: Option<&Comparison>) -> Value {
        let mut shown = all.first().map_or_else(|| json!({}), figures);
        if let (Some(members), Some(comparison)) = (shown.as_object_mut(), comparison) {
            members.insert("with".into(), all.iter().skip(1).map(figures).collect());
            let between = json!({
                "whole": comparison.whole,
                "under_way": comparison.under_way,
                "findings": comparison.findings,
            });
            members.insert("between".into(), between);
            members.insert("clean".into(), clean.into());
        }
        shown
    }
}

async fn verified(data: &Path) -> Result<Verification, Failure> {
    open(data)?.verify().await.or_fail("the books cannot be read")
}

fn figures(verification: &Verification) -> Value {
    json!({
        "clean": verification.is_clean(),
        "transfers": verification.transfers,
        "accounts": verification.accounts,
        "payments": verification.payments,
        "pruned": {
            "payments": verification.pruned.payments,
            "transfers": verification.pruned.transfers,
            "until": verification.pruned.until.map(Timestamp::to_rfc3339),
        },
        "findings": verification.findings,
    })
}

fn say(data: &Path, verification: &Verification, with_name: bool) {
    for finding in &verification.findings {
        terminal::say(&format!("{} {finding}", terminal::coloured("broken", Colour::Red)));
    }
    let verdict = if verification.is_clean() {
        terminal::coloured("The books balance", Colour::Green)
    } else {
        "The books do not balance".into()
    };
    let name = if with_name { named(data) } else { String::new() };
    terminal::say(&format!(
        "{name}{verdict}: {} payments, {} transfers, {} accounts recomputed.",
        verification.payments, verification.transfers, verification.accounts
    ));
    if let (Some(until), pruned) = (verification.pruned.until, verification.pruned) {
        let until = until.to_rfc3339();
        let (payments, transfers) = (pruned.payments, pruned.transfers);
        terminal::say(&format!("{payments} payments from before {until} left, {transfers} transfers carried forward."));
    }
}

/// The books' place, without what stands before the server's name.
fn named(data: &Path) -> String {
    let text = data.display().to_string();
    let shown = text.rsplit_once('@').map_or(text.as_str(), |(_, rest)| rest);
    format!("{shown}: ")
}

fn say_comparison(comparison: &Comparison) {
    for finding in &comparison.findings {
        terminal::say(&format!("{} {finding}", terminal::coloured("broken", Colour::Red)));
    }
    for under_way in &comparison.under_way {
        terminal::say(under_way);
    }
    terminal::say(&format!("{} balances moved between these books and are whole.", comparison.whole));
}
