//! A decision as the log keeps it, and made again from there.

use std::collections::HashMap;
use std::sync::Arc;

use farthing_books::audit::{self, Entry, Event, RecordHash};
use farthing_books::budget::BudgetCharge;
use farthing_policy::{Decision, Known, Level, Policy, Purchase, Rule, decide};
use farthing_protocol::Timestamp;
use farthing_store::{Books, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::approve::{Grounds, Refused};

/// Everything that a decision was made on, and what it came to.
#[derive(Serialize, Deserialize)]
pub(super) struct Decided<P> {
    pub(super) known: Known,
    pub(super) levels: Vec<Judge>,
    pub(super) now: String,
    pub(super) outcome: Verdict,
    pub(super) purchase: P,
}

/// A level, by its name and the hash of its policy in the archive.
#[derive(Serialize, Deserialize)]
pub(super) struct Judge {
    pub(super) hash: String,
    pub(super) name: String,
}

/// What a decision came to, without the words that people read.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Verdict {
    Allowed,
    Denied { level: String, rule: String },
    Asked { level: String, rule: String },
}

impl Verdict {
    fn of(decision: &Decision) -> Self {
        let words = |level: &str, rule: &Rule| (level.to_owned(), rule.to_string());
        match decision {
            Decision::Allow { .. } => Self::Allowed,
            Decision::Deny { level, rule, .. } => {
                let (level, rule) = words(level, rule);
                Self::Denied { level, rule }
            }
            Decision::Ask { level, rule, .. } => {
                let (level, rule) = words(level, rule);
                Self::Asked { level, rule }
            }
        }
    }
}

/// A decision for the log; the policies that it names are in the archive when this returns.
pub(super) async fn for_the_log(
    books: &Books,
    grounds: &Grounds<'_>,
    (purchase, known): (&Purchase, Known),
    decision: &Decision,
) -> Result<Option<audit::Grounds>, StoreError> {
    let mut levels = Vec::with_capacity(grounds.levels.len());
    for level in grounds.levels {
        let text = level.policy.to_toml().map_err(|error| StoreError::Fault(error.to_string()))?;
        let hash = RecordHash(books.archive_policy(&level.name, &text, grounds.now).await?).to_string();
        levels.push(Judge { hash, name: level.name.clone() });
    }
    let (now, outcome) = (grounds.now.to_rfc3339(), Verdict::of(decision));
    Ok(audit::Grounds::of(&Decided { known, levels, now, outcome, purchase }))
}

/// Writes a denial into the log. It stands whether or not that succeeds.
pub(super) async fn note_denial(
    books: &Books,
    grounds: &Grounds<'_>,
    decided: Result<Option<audit::Grounds>, StoreError>,
) {
    let noted = match decided {
        Ok(decided) => {
            let (event, wallet, at) = (Event::Denied, grounds.wallet.to_owned(), grounds.now);
            books.log(Entry { event, wallet, decided, at }).await
        }
        Err(error) => Err(error),
    };
    if let Err(error) = noted {
        tracing::warn!(%error, wallet = grounds.wallet, "a denial could not be written into the log");
    }
}

/// Refuses by policies that cannot be followed, and writes that into the log: there are none to decide again by.
pub(crate) async fn refuse_unreadable(
    books: &Books,
    wallet: &str,
    error: impl std::fmt::Display,
    at: Timestamp,
) -> Refused {
    let refused = Refused::policy(error);
    let outcome = Verdict::Denied { level: wallet.to_owned(), rule: Rule::NoPolicy.to_string() };
    let decided = audit::Grounds::of(&serde_json::json!({ "outcome": outcome, "sentence": refused.to_string() }));
    let entry = Entry { event: Event::Denied, wallet: wallet.to_owned(), decided, at };
    if let Err(error) = books.log(entry).await {
        tracing::warn!(%error, wallet, "a denial could not be written into the log");
    }
    refused
}

/// Makes the decision of a record again, and says what comes out otherwise.
pub(crate) fn made_again(record: &Value, archive: &HashMap<RecordHash, Box<str>>) -> Option<String> {
    let decided = record.get("decided")?;
    // What is no payment (a freeze, a thaw) was decided by a person; a policy nobody can read decides nothing.
    decided.get("purchase")?;
    again(record, decided, archive).err()
}

fn again(record: &Value, decided: &Value, archive: &HashMap<RecordHash, Box<str>>) -> Result<(), String> {
    let decided: Decided<Purchase> = Deserialize::deserialize(decided)
        .map_err(|error| format!("the grounds of its decision cannot be read: {error}"))?;
    let now = Timestamp::parse(&decided.now).map_err(|error| error.to_string())?;
    let levels = decided.levels.iter().map(|judge| level(judge, archive)).collect::<Result<Vec<_>, _>>()?;
    let decision = decide(&levels, &decided.purchase, &decided.known, now);
    let verdict = Verdict::of(&decision);
    if verdict != decided.outcome {
        return Err(format!("it says {:?}, and its grounds come to {verdict:?}", decided.outcome));
    }
    let books = |name: &str| record.pointer(&format!("/books/{name}"));
    let fits = match (record.get("event").and_then(Value::as_str), &decision) {
        (Some("allowed"), Decision::Allow { cost, charges }) => {
            books("cost") == Some(&cost.to_string().into()) && counts_toward(charges, books("charges"))
        }
        (Some("allowed"), Decision::Ask { cost, charges, .. }) => {
            let counted = books("cost") == Some(&cost.to_string().into()) && counts_toward(charges, books("charges"));
            counted && books("approval").is_some()
        }
        // A counter had no room, or the clock stood behind: the books say which.
        (Some("denied"), Decision::Allow { .. }) => books("rule").is_some(),
        (Some("denied"), _) | (Some("asked"), Decision::Ask { .. }) => true,
        _ => false,
    };
    if fits { Ok(()) } else { Err("what was done does not follow from what was decided".to_owned()) }
}

fn level(judge: &Judge, archive: &HashMap<RecordHash, Box<str>>) -> Result<Level, String> {
    let text = judge.hash.parse().ok().and_then(|hash: RecordHash| archive.get(&hash));
    let text = text.ok_or_else(|| format!("the policy {} of {} is not in the archive", judge.hash, judge.name))?;
    let policy: Policy = text.parse().map_err(|error| format!("the policy {} cannot be read: {error}", judge.hash))?;
    Ok(Level { name: judge.name.clone(), policy: Arc::new(policy) })
}

/// Whether a reservation counted toward these counters and limits.
fn counts_toward(charges: &[BudgetCharge], written: Option<&Value>) -> bool {
    let Some(written) = written.and_then(Value::as_array) else { return false };
    let same = |charge: &BudgetCharge, written: &Value| {
        let limit = (charge.limit != u64::MAX).then(|| charge.limit.to_string());
        let window = charge.window.map(|rolling| u64::try_from(rolling.length().as_millis()).unwrap_or(u64::MAX));
        *written == serde_json::json!([charge.key.0, limit, charge.counts.word(), window])
    };
    charges.len() == written.len() && charges.iter().zip(written).all(|(charge, written)| same(charge, written))
}
