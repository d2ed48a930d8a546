//! `farthing books`: what was sold, to whom, and whether it adds up.

mod fees;
mod import;
mod payout;
mod prune;
mod suspense;
mod verify;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use farthing_books::PaymentState;
use farthing_books::statement::Totals;
use farthing_money::Asset;
use farthing_protocol::Timestamp;
use farthing_rail::PaymentId;
use farthing_store::{AddressError, Books as Store, Location, Sharing};
use serde_json::{Value, json};

use super::admin::Admin;
use super::differences::{Differences, Reconcile};
use super::password;
use crate::failure::{Failure, OrFail};
use crate::terminal;

/// A seller's books.
#[derive(Subcommand)]
pub(crate) enum Books {
    /// Recompute every balance from the transfers and check every invariant.
    #[command(
        after_help = "Examples:\n  farthing books verify --data ./seller\n  farthing books verify --data ./seller --with ./other --json\n\nExit code 1 when anything does not add up, or a balance is on its way between the two."
    )]
    Verify(verify::Verify),
    /// What was sold: per payer, route and rail, with totals.
    #[command(after_help = "Example:\n  farthing books statement --data ./seller --json")]
    Statement(Statement),
    /// What each rail really cost per sold dollar, beside what it was expected to cost.
    #[command(
        after_help = "Examples:\n  farthing books fees --data ./seller\n  farthing books fees --data ./seller --config farthing.toml --since 2026-11-01T00:00:00Z --json\n\nWith --config the fees that its rails state are shown beside the real ones. What filling balances cost is on the line of the balances that pay."
    )]
    Fees(fees::Fees),
    /// One payment, from claim to close.
    #[command(after_help = "Example:\n  farthing books payment pay_0123... --data ./seller")]
    Payment(Payment),
    /// Read the rails' own statements now, match them with the payments, and name what differs.
    #[command(
        after_help = "Example:\n  farthing books reconcile --admin http://127.0.0.1:4021\n\nA running gateway does it by itself every minute. Exit code 1 when something differs."
    )]
    Reconcile(Reconcile),
    /// Take statements of a bank account: what their references explain goes to balances, the rest to suspense.
    #[command(
        after_help = "Examples:\n  farthing books import statement.xml --admin http://127.0.0.1:4021\n  farthing books import 2026/*.xml --config farthing.toml\n\nA file that does not add up is refused whole. Importing twice is importing once."
    )]
    Import(import::Import),
    /// Money that arrived and of which no reference says whose it is.
    #[command(subcommand)]
    Suspense(suspense::Suspense),
    /// Write what was withdrawn into a payment file (pain.001) for the bank, each payment into one file, ever.
    #[command(after_help = "Example:\n  farthing books payout --out ./payments --admin http://127.0.0.1:4021")]
    Payout(payout::Payout),
    /// Let go of payments out of balances that are long over, and of kept responses; their sums are carried forward.
    #[command(after_help = "Example:\n  farthing books prune --before 2026-01-01T00:00:00Z --data ./seller\n\n\
        What is open stays, and what a rail moved, and everything less than a week older than the newest payment. \
        Books in a file: stop their gateway first, or let it do this by itself ([gateway] keep = \"400d\").")]
    Prune(prune::Prune),
    /// Pay a payment back, whole and once: one that was delivered, or one that is still owed.
    #[command(
        after_help = "Example:\n  farthing books refund pay_0123... --admin http://127.0.0.1:4021\n\nRefunding twice is refunding once. Exit code 1 when it cannot be paid back now."
    )]
    Refund(Refund),
}

/// Which books.
#[derive(Args)]
struct Place {
    /// The gateway's data directory, or what its `store` names: a file, or postgres://user@host/database.
    #[arg(long)]
    data: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(crate) struct Statement {
    /// From this instant on, such as 2026-11-01T00:00:00Z.
    #[arg(long, value_parser = Timestamp::parse)]
    since: Option<Timestamp>,
    /// Before this instant.
    #[arg(long, value_parser = Timestamp::parse)]
    until: Option<Timestamp>,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct Payment {
    /// The payment's id.
    id: PaymentId,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct Refund {
    /// The payment's id.
    id: PaymentId,
    /// Why, for the books.
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    admin: Admin,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Books {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Verify(verify) => verify.run().await,
            Self::Statement(statement) => statement.run().await,
            Self::Fees(fees) => fees.run().await,
            Self::Payment(payment) => payment.run().await,
            Self::Reconcile(reconcile) => reconcile.run().await,
            Self::Import(import) => import.run().await,
            Self::Suspense(suspense) => suspense.run().await,
            Self::Payout(payout) => payout.run().await,
            Self::Prune(prune) => prune.run().await,
            Self::Refund(refund) => refund.run().await,
        }
    }
}

/// Opens a gateway's books to look at them, beside the gateway or without it.
pub(crate) fn open(data: &Path) -> Result<Store, Failure> {
    Store::open(place_of(data)?, Sharing::ReadOnly).or_fail("the books cannot be opened")
}

/// Where a gateway's books are.
pub(super) fn place_of(data: &Path) -> Result<Location, Failure> {
    let place = match data.to_str().filter(|text| text.starts_with("postgres")) {
        Some(address) => address.parse().map_err(|error: AddressError| Failure::wrong_use(error.to_string()))?,
        None => file_of(data)?,
    };
    Ok(password::add_to(place))
}

fn file_of(data: &Path) -> Result<Location, Failure> {
    let file = if data.is_dir() { data.join("farthing.db") } else { data.to_owned() };
    if !file.exists() {
        let file = file.display();
        return Err(Failure::new(format!("there are no books at {file}; name the gateway's data directory")));
    }
    Ok(Location::File(file))
}

impl Payment {
    async fn run(self) -> Result<ExitCode, Failure> {
        let found = open(&self.place.data)?.payment(self.id).await.or_fail("the books cannot be read")?;
        let payment = found.ok_or_else(|| Failure::new(format!("there is no payment {} in these books", self.id)))?;
        let shown = json!({
            "id": payment.id.to_string(),
            "state": payment.state.as_str(),
            "method": payment.method,
            "intent": payment.intent,
            "route": payment.route,
            "request": payment.request,
            "payer": payment.payer.as_ref().map(ToString::to_string),
            "amount": payment.amount.to_string(),
            "asset": payment.asset.to_string(),
            "fee": payment.fee.to_string(),
            "passed_on": payment.passed_on.to_string(),
            "rail": payment.rail,
            "movements": (!payment.consumed.is_empty()).then(|| names(&payment.consumed)),
            "confirm_at": payment.confirm_at.map(Timestamp::to_rfc3339),
            "reference": payment.reference,
            "refund": payment.refund,
            "reason": payment.reason,
            "status": payment.status,
            "deadline": payment.deadline.map(Timestamp::to_rfc3339),
            "claimed_at": payment.claimed_at.to_rfc3339(),
            "settled_at": payment.settled_at.map(Timestamp::to_rfc3339),
            "updated_at": payment.updated_at.to_rfc3339(),
        });
        if self.place.json {
            terminal::say_json(&shown);
        } else {
            let lines = shown.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
            for (member, value) in lines {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                terminal::say(&format!("{member:<11} {text}"));
            }
            terminal::say(&format!("{:<11} {}", "amounts to", payment.asset.display(payment.amount)));
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Refund {
    async fn run(self) -> Result<ExitCode, Failure> {
        let path = format!("/admin/payments/{}/refund", self.id);
        let order = json!({ "reason": self.reason });
        let payment = self.admin.call(http::Method::POST, &path, Some(order)).await?;
        if self.json {
            terminal::say_json(&payment);
            return Ok(ExitCode::SUCCESS);
        }
        let text = |member: &str| payment.get(member).and_then(Value::as_str).unwrap_or("?").to_owned();
        if text("state") == PaymentState::Refunded.as_str() {
            terminal::say(&format!("{} is paid back: {}, {}", self.id, text("display"), text("refund")));
        } else {
            terminal::say(&format!(
                "{} is being paid back: {}; the gateway asks the rail until it confirms",
                self.id,
                text("display")
            ));
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Statement {
    async fn run(self) -> Result<ExitCode, Failure> {
        let since = self.since.unwrap_or(Timestamp::from_unix_millis(i64::MIN));
        let until = self.until.unwrap_or(Timestamp::from_unix_millis(i64::MAX));
        let books = open(&self.place.data)?;
        let statement = books.statement(since, until).await.or_fail("the books cannot be read")?;
        let differences = Differences::read(&books).await?;
        if self.place.json {
            let mut shown = to_json(&statement);
            if let Some(shown) = shown.as_object_mut() {
                shown.extend(differences.to_json());
            }
            terminal::say_json(&shown);
        } else {
            say_statement(&statement);
            differences.say();
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn names(keys: &[farthing_rail::ProofKey]) -> String {
    keys.iter().map(farthing_rail::ProofKey::as_str).collect::<Vec<_>>().join(", ")
}

/// A statement as scripts read it: amounts in base units of their asset, as texts.
pub(super) fn to_json(statement: &farthing_books::Statement) -> Value {
    let lines = statement.lines.iter().map(|(key, totals)| {
        let mut line = totals_json(&key.asset, totals);
        if let Some(line) = line.as_object_mut() {
            line.insert("payer".into(), key.payer.as_ref().map(ToString::to_string).into());
            line.insert("route".into(), key.route.clone().into());
            line.insert("rail".into(), key.rail.clone().into());
        }
        line
    });
    let totals = totals(statement);
    let totals = totals.iter().map(|(asset, totals)| totals_json(asset, totals));
    json!({ "lines": lines.collect::<Vec<_>>(), "totals": totals.collect::<Vec<_>>() })
}

/// A statement as people read it.
pub(super) fn say_statement(statement: &farthing_books::Statement) {
    let figures = |asset: &Asset, totals: &Totals| {
        let net = totals.net().map_or_else(|| "below zero".to_owned(), |net| asset.display(net));
        [
            totals.count.to_string(),
            asset.display(totals.gross),
            asset.display(totals.fees),
            asset.display(totals.shares),
            asset.display(totals.refunds),
            asset.display(totals.reversed),
            net,
        ]
    };
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (key, totals) in &statement.lines {
        let payer = key.payer.as_ref().map_or("unknown payer", |payer| payer.as_str());
        let mut row = vec![key.route.clone(), key.rail.clone(), shortened(payer)];
        row.extend(figures(&key.asset, totals));
        rows.push(row);
    }
    for (asset, totals) in totals(statement) {
        let mut row = vec!["total".to_owned(), asset.to_string(), String::new()];
        row.extend(figures(&asset, &totals));
        rows.push(row);
    }
    terminal::say_table(
        &["route", "rail", "payer", "payments", "gross", "fees", "shares", "refunds", "reversed", "net"],
        3,
        &rows,
    );
}

fn totals(statement: &farthing_books::Statement) -> Vec<(Asset, Totals)> {
    let mut assets: Vec<Asset> = statement.lines.keys().map(|key| key.asset.clone()).collect();
    assets.sort();
    assets.dedup();
    assets.into_iter().filter_map(|asset| statement.total(&asset).map(|totals| (asset, totals))).collect()
}

fn totals_json(asset: &Asset, totals: &Totals) -> Value {
    json!({
        "asset": asset.to_string(),
        "count": totals.count,
        "gross": totals.gross.to_string(),
        "fees": totals.fees.to_string(),
        "shares": totals.shares.to_string(),
        "refunds": totals.refunds.to_string(),
        "reversed": totals.reversed.to_string(),
        "net": totals.net().map(|net| net.to_string()),
    })
}

/// The beginning and the end of a long name.
fn shortened(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    match (letters.get(..16), letters.get(letters.len().saturating_sub(6)..)) {
        (Some(head), Some(tail)) if letters.len() > 24 => head.iter().chain(&['.', '.', '.']).chain(tail).collect(),
        _ => name.to_owned(),
    }
}
