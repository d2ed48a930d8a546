//! The log as a history that another policy can be tried on.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use farthing_books::audit::{AuditRecord, Event, Facts, PolicyVersion, RecordHash};
use farthing_books::budget::{BudgetKey, ReservationId};
use farthing_money::Price;
use farthing_policy::{
    Answer, Counted, Decided, Decision, Level, Past, Policy, Purchase, Reason, decide, limit_behind, with_parents,
};
use farthing_protocol::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::approve::exceeded;
use super::decided::{self, Verdict};
use crate::WalletsError;

/// A policy in the place of a wallet's own; cards and groups decide by what they said at that time.
pub(crate) struct History<'a, G> {
    wallet: &'a str,
    policy: Arc<Policy>,
    since: Option<Timestamp>,
    archive: HashMap<RecordHash, Arc<Policy>>,
    /// The policy of a group as it stands, for one that did not decide at that time.
    group: G,
}

impl<'a, G: Fn(&str) -> Result<Option<Arc<Policy>>, WalletsError>> History<'a, G> {
    /// What came before `since` counts and is not in question.
    pub(crate) fn new(
        wallet: &'a str,
        policy: Policy,
        since: Option<Timestamp>,
        archive: &[PolicyVersion],
        group: G,
    ) -> Self {
        let read = |kept: &PolicyVersion| Some((RecordHash(kept.hash), Arc::new(kept.text.parse().ok()?)));
        let archive = archive.iter().filter_map(read).collect();
        Self { wallet, policy: Arc::new(policy), since, archive, group }
    }

    /// What the records say that happened.
    pub(crate) fn read(&self, records: &[AuditRecord]) -> Result<Vec<Past>, WalletsError> {
        let mut parsed = Vec::with_capacity(records.len());
        for record in records {
            let value: Value = serde_json::from_str(&record.text).map_err(|error| unreadable(record, &error))?;
            parsed.push((record, value));
        }
        let is_event = |value: &Value, event: Event| text(value, "/event") == Some(event.as_str());
        // A question and the payment that an answer allowed are one payment.
        let answered = parsed.iter().filter(|(_, value)| is_event(value, Event::Allowed));
        let answered: HashSet<_> = answered.filter_map(|(_, value)| text(value, "/books/approval")).collect();
        let mut past = Vec::with_capacity(parsed.len());
        for (record, value) in &parsed {
            let was_answered = text(value, "/books/approval").is_some_and(|approval| answered.contains(approval));
            if is_event(value, Event::Asked) && was_answered {
                continue;
            }
            past.extend(self.happened(record, value)?);
        }
        Ok(past)
    }

    fn happened(&self, record: &AuditRecord, value: &Value) -> Result<Option<Past>, WalletsError> {
        let is_own = record.wallet == self.wallet;
        let is_in_question = is_own && self.since.is_none_or(|since| record.at >= since);
        let decided = match value.get("decided").filter(|decided| decided.get("purchase").is_some()) {
            Some(decided) => Some(Deserialize::deserialize(decided).map_err(|error| unreadable(record, &error))?),
            None => None,
        };
        match record.facts().map_err(|error| unreadable(record, &error))? {
            Facts::Confirmed { id, cost } => Ok(Some(Past::Ended { id, cost: Some(cost) })),
            Facts::Released { id } => Ok(Some(Past::Ended { id, cost: None })),
            Facts::Allowed { id, cost, charges, at } => match decided {
                Some(decided) if is_in_question => self.decided(record, value, decided, Some((id, cost))),
                decided => {
                    let purchase = decided.map(|decided: decided::Decided<_>| decided.purchase).filter(|_| is_own);
                    Ok(Some(Past::Counted(Box::new(Counted { id, cost, charges, at, purchase }))))
                }
            },
            Facts::Other(Event::Denied | Event::Asked) => match decided {
                Some(decided) if is_in_question => self.decided(record, value, decided, None),
                _ => Ok(None),
            },
            Facts::Other(_) => Ok(None),
        }
    }

    fn decided(
        &self,
        record: &AuditRecord,
        value: &Value,
        decided: decided::Decided<Purchase>,
        reserved: Option<(ReservationId, Price)>,
    ) -> Result<Option<Past>, WalletsError> {
        let decided::Decided { known, levels, now, outcome, purchase } = decided;
        let now = Timestamp::parse(&now).map_err(|error| unreadable(record, &error))?;
        let mut then = Vec::with_capacity(levels.len());
        for decided::Judge { hash, name } in levels {
            let policy = hash.parse().ok().and_then(|hash: RecordHash| self.archive.get(&hash));
            let policy =
                policy.ok_or_else(|| unreadable(record, &format!("the policy {hash} is not in the archive")))?;
            then.push(Level { name, policy: Arc::clone(policy) });
        }
        // The log keeps no words, but the same decision says the same.
        let again = decide(&then, &purchase, &known, now);
        let reason = |level, rule| {
            let sentence = match &again {
                Decision::Deny { sentence, .. } | Decision::Ask { sentence, .. } => Some(sentence.clone()),
                Decision::Allow { .. } => None,
            };
            Reason { level, rule, sentence }
        };
        let was = match (text(value, "/books/rule"), reserved, outcome) {
            // The books refused what the policies allowed.
            (Some("budget"), None, _) => Answer::Denied(full(value, &then, &again, &purchase, now)),
            // A clock that stood wrong and a permission that was used up are not a policy's doing.
            (Some("clock" | "approval"), None, _) => return Ok(None),
            (_, _, Verdict::Allowed) => Answer::Allowed,
            (_, _, Verdict::Denied { level, rule }) => Answer::Denied(reason(level, rule)),
            (_, _, Verdict::Asked { level, rule }) => Answer::Asked(reason(level, rule)),
        };
        let (sequence, levels) = (record.sequence, self.levels_now(&then)?);
        Ok(Some(Past::Decided(Box::new(Decided { sequence, now, purchase, known, levels, was, reserved }))))
    }

    /// The levels of that time with the other policy among them, and with the groups that it names.
    fn levels_now(&self, then: &[Level]) -> Result<Vec<Level>, WalletsError> {
        let below = then.iter().take_while(|level| level.name != self.wallet);
        let mut levels: Vec<Level> = below.cloned().collect();
        let own = Level { name: self.wallet.to_owned(), policy: Arc::clone(&self.policy) };
        let above = with_parents(own, |group| {
            let name = format!("group/{group}");
            match then.iter().find(|level| level.name == name) {
                Some(level) => Ok(Some(Arc::clone(&level.policy))),
                None => (self.group)(group),
            }
        })?;
        for level in above {
            if levels.iter().all(|known| known.name != level.name) {
                levels.push(level);
            }
        }
        Ok(levels)
    }
}

/// Why the books refused: which counter had no room, and its figures.
fn full(value: &Value, then: &[Level], again: &Decision, purchase: &Purchase, now: Timestamp) -> Reason {
    let key = BudgetKey(text(value, "/books/counter").unwrap_or_default().to_owned());
    let limited = limit_behind(then, purchase, now, &key);
    let (level, rule) = limited.as_ref().map_or_else(
        || (String::new(), "limit".to_owned()),
        |limited| (limited.level.clone(), limited.rule.to_string()),
    );
    let figure = |name: &str| text(value, name).and_then(|figure| figure.parse().ok());
    let figures = figure("/books/spent").zip(figure("/books/reserved"));
    let sentence = match again {
        Decision::Allow { cost, charges } | Decision::Ask { cost, charges, .. } => {
            let charge = charges.iter().find(|charge| charge.key == key).zip(figures);
            charge.map(|(charge, (spent, reserved))| exceeded(charge, limited, *cost, [spent, reserved]).1)
        }
        Decision::Deny { .. } => None,
    };
    Reason { level, rule, sentence }
}

fn text<'a>(value: &'a Value, path: &str) -> Option<&'a str> {
    value.pointer(path)?.as_str()
}

fn unreadable(record: &AuditRecord, why: &impl std::fmt::Display) -> WalletsError {
    WalletsError::Log { record: record.sequence, why: why.to_string() }
}
