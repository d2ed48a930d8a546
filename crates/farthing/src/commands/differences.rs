//! What the rails' statements and the books do not agree on.

use std::process::ExitCode;

use clap::Args;
use farthing_books::movement::SHOWN_WITHIN;
use farthing_books::{MovementRecord, PaymentRecord};
use farthing_store::Books as Store;
use serde_json::{Map, Value, json};

use super::admin::Admin;
use crate::clock;
use crate::failure::{Failure, OrFail};
use crate::terminal::{self, Colour};

/// At most so many of a kind are named.
const NAMED: u32 = 1_000;

/// `farthing books reconcile`.
#[derive(Args)]
pub(crate) struct Reconcile {
    #[command(flatten)]
    admin: Admin,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What a gateway's books name as different, as they stand.
pub(super) struct Differences {
    suspense: Vec<MovementRecord>,
    not_seen: Vec<PaymentRecord>,
}

impl Reconcile {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let report = self.admin.call(http::Method::POST, "/admin/reconcile", Some(json!({}))).await?;
        let clean = report.get("clean").and_then(Value::as_bool).unwrap_or(false);
        if self.json {
            terminal::say_json(&report);
        } else {
            say_report(&report, clean);
        }
        Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

impl Differences {
    pub(super) async fn read(books: &Store) -> Result<Self, Failure> {
        let before = clock::now().before(SHOWN_WITHIN);
        Ok(Self {
            suspense: books.suspense(NAMED).await.or_fail("the books cannot be read")?,
            not_seen: books.not_seen(before, NAMED).await.or_fail("the books cannot be read")?,
        })
    }

    pub(super) fn to_json(&self) -> Map<String, Value> {
        let suspense = self.suspense.iter().filter_map(|record| {
            let seen = record.seen.as_ref()?;
            Some(json!({
                "key": record.key.as_str(),
                "rail": seen.rail,
                "reference": seen.reference,
                "payer": seen.payer.as_ref().map(ToString::to_string),
                "amount": seen.amount.to_string(),
                "asset": seen.asset.to_string(),
                "display": seen.asset.display(seen.amount),
                "at": seen.at.to_rfc3339(),
            }))
        });
        let not_seen = self.not_seen.iter().map(|payment| {
            json!({
                "id": payment.id.to_string(),
                "method": payment.method,
                "reference": payment.reference,
                "display": payment.asset.display(payment.amount),
            })
        });
        let lists = [("suspense", suspense.collect::<Vec<_>>()), ("not_seen", not_seen.collect())];
        lists.into_iter().map(|(name, list)| (name.to_owned(), Value::Array(list))).collect()
    }

    pub(super) fn say(&self) {
        say_lists(&Value::Object(self.to_json()));
    }
}

fn say_report(report: &Value, clean: bool) {
    for rail in list(report, "rails") {
        let count = |member: &str| rail.get(member).and_then(Value::as_u64).unwrap_or(0);
        let sums = [("matched", "matched"), ("suspended", "unexplained"), ("withdrawn", "withdrawn")];
        let sums = sums.map(|(member, word)| format!("{} {word}", count(member))).join(", ");
        let read = format!("{}: {sums}", text(rail, "source"));
        match rail.get("failed").and_then(Value::as_str) {
            Some(reason) => terminal::say(&format!("{read}; not read to its end: {reason}")),
            None => terminal::say(&read),
        }
    }
    say_banks(report);
    say_lists(report);
    if clean {
        terminal::say(&terminal::coloured("The rails and the books agree", Colour::Green));
    }
}

/// Accounts at banks, each against its last statement.
fn say_banks(report: &Value) {
    for bank in list(report, "banks") {
        let (statement, closing) = (text(bank, "statement"), text(bank, "closing_display"));
        let (confirmed, clearing) = (text(bank, "confirmed_display"), text(bank, "clearing_display"));
        terminal::say(&format!(
            "{}: statement {statement} closes with {closing}, the books stand at {confirmed}; on the way: {clearing}",
            text(bank, "rail")
        ));
        for gap in list(bank, "gaps").filter_map(Value::as_array) {
            if let [before, after] = gap.as_slice() {
                let (before, after) = (before.as_str().unwrap_or("?"), after.as_str().unwrap_or("?"));
                terminal::say(&format!("a statement is missing between {before} and {after}"));
            }
        }
    }
    for entry in list(report, "unexplained") {
        let (id, what, details) = (text(entry, "id"), text(entry, "display"), text(entry, "details"));
        terminal::say(&format!(
            "in suspense: {id}, {what}, {details}; `farthing books suspense assign` says whose it is"
        ));
    }
}

/// The differences of a gateway's report or of its books: the members they share.
fn say_lists(report: &Value) {
    for line in list(report, "suspense") {
        let from = line.get("payer").and_then(Value::as_str).unwrap_or("an unknown payer");
        let (what, reference) = (text(line, "display"), text(line, "reference"));
        terminal::say(&format!("in suspense: {what} from {from} over {}, {reference}", text(line, "rail")));
    }
    for payment in list(report, "not_seen") {
        let (id, what, reference) = (text(payment, "id"), text(payment, "display"), text(payment, "reference"));
        terminal::say(&format!("not in the statement of {}: {id}, {what}, {reference}", text(payment, "method")));
    }
}

fn list<'a>(report: &'a Value, member: &str) -> impl Iterator<Item = &'a Value> {
    report.get(member).and_then(Value::as_array).into_iter().flatten()
}

fn text<'a>(object: &'a Value, member: &str) -> &'a str {
    object.get(member).and_then(Value::as_str).unwrap_or("?")
}
