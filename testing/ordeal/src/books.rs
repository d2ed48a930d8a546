//! What the books of a running gateway say, as its operator reads them.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use farthing_protocol::Timestamp;
use serde_json::Value;

/// Longer than a trial waits for a deadline.
const LONG: Duration = Duration::from_secs(600);

/// The books at one moment. Amounts are in millionths.
#[derive(Clone, Debug, Default)]
pub struct Books {
    /// Every payment.
    pub payments: Vec<Payment>,
    /// Every session.
    pub sessions: Vec<Session>,
    /// What each account is worth, its credits above its debits.
    pub accounts: BTreeMap<String, i128>,
}

/// A payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub state: String,
    /// The challenge that it answers.
    pub challenge: String,
    /// Its method.
    pub method: String,
    /// Who paid, where that is known.
    pub payer: String,
    /// How much.
    pub amount: u128,
    /// Whether it is owed for long: a payer whose gateway died may come back for an hour.
    pub is_owed_for_long: bool,
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its name on the wire.
    pub channel: String,
    /// Where it stands.
    pub state: String,
    /// Who pays.
    pub payer: String,
    /// What was put in.
    pub deposit: u128,
    /// What was signed for.
    pub accepted: u128,
    /// What is promised.
    pub held: u128,
    /// What was delivered.
    pub spent: u128,
}

impl Payment {
    /// Whether its money was taken, be it that it went back.
    pub fn is_paid(&self) -> bool {
        !["claimed", "unknown", "rejected"].contains(&self.state.as_str())
    }

    /// Whether something is still being done about it, or will be soon.
    pub fn is_in_progress(&self) -> bool {
        let going_on = ["claimed", "unknown", "posted", "delivered", "refunding"];
        going_on.contains(&self.state.as_str()) || self.state == "entitled" && !self.is_owed_for_long
    }

    /// Whether its money went back.
    pub fn is_paid_back(&self) -> bool {
        self.state == "refunded"
    }
}

/// Reads everything from the operator's address.
pub async fn read(admin: &str) -> anyhow::Result<Books> {
    let payments = pages(admin, "payments").await?.iter().map(payment).collect::<Option<_>>();
    let sessions = pages(admin, "sessions").await?.iter().map(session).collect::<Option<_>>();
    let accounts = get(&format!("{admin}/admin/accounts")).await?;
    let accounts = accounts["accounts"].as_array().context("no accounts")?.iter().map(account).collect::<Option<_>>();
    Ok(Books {
        payments: payments.context("a payment cannot be read")?,
        sessions: sessions.context("a session cannot be read")?,
        accounts: accounts.context("an account cannot be read")?,
    })
}

/// What the gateway itself finds when it adds everything up again; nothing is as it should be.
pub async fn verify(admin: &str) -> anyhow::Result<Vec<String>> {
    let found = get(&format!("{admin}/admin/ledger/verify")).await?;
    let findings = found["findings"].as_array().with_context(|| format!("no findings in {found}"))?;
    Ok(findings.iter().map(Value::to_string).collect())
}

async fn get(place: &str) -> anyhow::Result<Value> {
    let answer = reqwest::get(place).await?;
    let status = answer.status();
    let text = answer.text().await?;
    ensure!(status.is_success(), "{place} answers {status}: {text}");
    serde_json::from_str(&text).with_context(|| format!("{place} does not answer with JSON"))
}

async fn pages(admin: &str, kind: &str) -> anyhow::Result<Vec<Value>> {
    let mut all: Vec<Value> = Vec::new();
    loop {
        let after = all.last().and_then(|last| last["id"].as_str()).map(|id| format!("&after={id}"));
        let place = format!("{admin}/admin/{kind}?limit=1000{}", after.unwrap_or_default());
        let page = get(&place).await?;
        let page = page[kind].as_array().with_context(|| format!("{place} lists nothing"))?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page.iter().cloned());
    }
}

fn text(record: &Value, name: &str) -> Option<String> {
    record[name].as_str().map(str::to_owned)
}

fn units(record: &Value, name: &str) -> Option<u128> {
    record[name].as_str()?.parse().ok()
}

fn payment(record: &Value) -> Option<Payment> {
    let time = |name: &str| Timestamp::parse(record[name].as_str()?).ok();
    let is_late = |deadline: Timestamp| Some(deadline > time("updated_at")?.after(LONG));
    Some(Payment {
        id: text(record, "id")?,
        state: text(record, "state")?,
        challenge: text(record, "challenge")?,
        method: text(record, "method")?,
        payer: text(record, "payer").unwrap_or_default(),
        amount: units(record, "amount")?,
        is_owed_for_long: time("deadline").and_then(is_late).unwrap_or(false),
    })
}

fn session(record: &Value) -> Option<Session> {
    Some(Session {
        channel: text(record, "channel")?,
        state: text(record, "state")?,
        payer: text(record, "payer")?,
        deposit: units(record, "deposit")?,
        accepted: units(record, "accepted")?,
        held: units(record, "held")?,
        spent: units(record, "spent")?,
    })
}

fn account(record: &Value) -> Option<(String, i128)> {
    let side = |name| record[name].as_str()?.parse::<i128>().ok();
    Some((text(record, "account")?, side("credits")? - side("debits")?))
}
