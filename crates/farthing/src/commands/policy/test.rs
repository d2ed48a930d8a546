//! `farthing policy test`: what a policy would have said to the payments that were recorded.

use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use farthing_protocol::Timestamp;
use farthing_wallet::WalletName;
use farthing_wallet::policy::{Answer, Difference, Replayed, Totals};
use serde_json::{Value, json};

use crate::commands::home::Home;
use crate::commands::key::delegated::Lasting;
use crate::failure::Failure;
use crate::{clock, terminal};

#[derive(Args)]
pub(crate) struct Test {
    /// The policy, in TOML; docs/policy.md says what can be in it.
    file: PathBuf,
    /// The wallet whose policy it would be.
    #[arg(long, default_value = "agent")]
    wallet: WalletName,
    /// Only what was decided since: so long ago (30d, 12h), or an instant such as 2026-11-01T00:00:00Z. What was paid
    /// earlier counts as it counted. Without it, as if the policy had always been there.
    #[arg(long)]
    since: Option<Since>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    home: Home,
}

/// Where a span of the history begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Since {
    Ago(Duration),
    At(Timestamp),
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(at) = Timestamp::parse(text) {
            return Ok(Self::At(at));
        }
        let ago: Result<Lasting, _> = text.parse();
        ago.map(|Lasting(ago)| Self::Ago(ago))
            .map_err(|_| format!("\"{text}\" is neither a duration such as 30d nor such as 2026-11-01T00:00:00Z"))
    }
}

impl Test {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let policy = super::read(&self.file)?;
        let since = self.since.map(|since| match since {
            Since::Ago(ago) => clock::now().before(ago),
            Since::At(at) => at,
        });
        let wallets = self.home.wallets()?;
        let replayed = wallets.try_policy(&self.wallet, policy, since).await;
        let replayed = replayed.map_err(|error| Failure::new(error.to_string()))?;
        if self.json {
            terminal::say_json(&to_json(&replayed));
        } else {
            say(&replayed);
        }
        Ok(if replayed.differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn say(replayed: &Replayed) {
    for difference in &replayed.differences {
        terminal::say(&line(difference));
    }
    let Totals { allowed, denied, asked, .. } = replayed.was;
    let (looked_at, different) = (allowed + denied + asked, replayed.differences.len());
    terminal::say(&format!("{different} of {looked_at} recorded payments would have come out differently"));
    terminal::say(&format!("as it was: {}", counted(&replayed.was)));
    terminal::say(&format!("with this: {}", counted(&replayed.would_be)));
}

/// A payment that comes out differently, in one line, and why.
fn line(difference: &Difference) -> String {
    let Difference { sequence, at, purchase, was, would_be } = difference;
    let (cost, origin, path) = (purchase.cost, &purchase.origin, shown(&purchase.path));
    // Where it would be allowed, what speaks is the rule that stood in the way.
    let reason = would_be.reason().or(was.reason());
    let by = reason.map(|reason| format!(", by {} of {}", reason.rule, reason.level)).unwrap_or_default();
    let sentence = reason.and_then(|reason| reason.sentence.as_ref());
    let why = sentence.map(|sentence| format!(": {sentence}")).unwrap_or_default();
    let (method, change) = (shown(&purchase.http_method), change(was, would_be));
    format!("{sequence:>6} {} {cost} {method} {origin}{path} {change}{by}{why}", at.to_rfc3339())
}

fn change(was: &Answer, would_be: &Answer) -> String {
    format!("{} -> {}", was.as_str(), would_be.as_str())
}

/// A caller's word on a terminal.
fn shown(word: &str) -> String {
    word.chars().filter(|letter| !letter.is_control()).collect()
}

fn counted(totals: &Totals) -> String {
    let Totals { allowed, denied, asked, .. } = totals;
    format!("{allowed} allowed, {denied} denied, {asked} asked, {} paid", paid(totals).join(" and "))
}

fn paid(totals: &Totals) -> Vec<String> {
    let paid: Vec<_> = totals.paid.iter().map(ToString::to_string).collect();
    if paid.is_empty() { vec!["nothing".to_owned()] } else { paid }
}

fn to_json(replayed: &Replayed) -> Value {
    let differences = replayed.differences.iter().map(|difference| {
        let Difference { sequence, at, purchase, was, would_be } = difference;
        json!({
            "sequence": sequence,
            "at": at.to_rfc3339(),
            "purchase": purchase,
            "was": answer_json(was),
            "would_be": answer_json(would_be),
        })
    });
    json!({
        "differences": differences.collect::<Vec<_>>(),
        "was": totals_json(&replayed.was),
        "would_be": totals_json(&replayed.would_be),
    })
}

fn answer_json(answer: &Answer) -> Value {
    let reason = answer.reason();
    json!({
        "answer": answer.as_str(),
        "level": reason.map(|reason| &reason.level),
        "rule": reason.map(|reason| &reason.rule),
        "sentence": reason.and_then(|reason| reason.sentence.as_ref()),
    })
}

fn totals_json(totals: &Totals) -> Value {
    let Totals { allowed, denied, asked, paid } = totals;
    let paid: Vec<_> = paid.iter().map(ToString::to_string).collect();
    json!({ "allowed": allowed, "denied": denied, "asked": asked, "paid": paid })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_begins_so_long_ago_or_at_an_instant() {
        let month = Duration::from_secs(30 * 86_400);
        assert_eq!("30d".parse(), Ok(Since::Ago(month)));
        let instant = "2026-11-01T00:00:00Z";
        assert_eq!(instant.parse(), Ok(Since::At(Timestamp::parse(instant).unwrap())));
        assert!("yesterday".parse::<Since>().is_err());
    }
}
