//! What the books write into a record, and read back from it. The fields stand in the order of their names, and
//! figures are texts, because JSON's numbers end at 53 bits.

use std::borrow::Cow;
use std::time::Duration;

use farthing_money::Price;
use farthing_protocol::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{AuditRecord, Event};
use crate::approval::ApprovalRecord;
use crate::budget::{BudgetCharge, BudgetKey, Counts, Reservation, ReservationId, Rolling};

/// What a record says that the books did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Facts {
    /// A payment was reserved.
    Allowed {
        /// The reservation.
        id: ReservationId,
        /// What it counts, on which counters; `at` is the instant it counts at.
        cost: Price,
        /// See `cost`.
        charges: Vec<BudgetCharge>,
        /// See `cost`.
        at: Timestamp,
    },
    /// A reservation was confirmed, at what it cost.
    Confirmed {
        /// Which.
        id: ReservationId,
        /// What it cost.
        cost: Price,
    },
    /// A reservation was released.
    Released {
        /// Which.
        id: ReservationId,
    },
    /// Anything else changes no counter.
    Other(Event),
}

/// Why a record does not read as one that the books wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the record's {0} is missing or no such thing")]
pub struct ReadError(pub &'static str);

/// A reserved payment as it is written.
#[derive(Serialize, Deserialize)]
pub(crate) struct Allowed<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    approval: Option<String>,
    at: String,
    challenge: Cow<'a, str>,
    charges: Vec<Charge<'a>>,
    cost: String,
    origin: Cow<'a, str>,
    request: Cow<'a, str>,
    reservation: String,
}

/// Key, limit (nothing for none), what it counts, and the length of its window in milliseconds.
type Charge<'a> = (Cow<'a, str>, Option<String>, Cow<'a, str>, Option<u64>);

/// A refused one: why, and the figures of the counter that has no room.
#[derive(Serialize)]
pub(crate) struct Denied<'a> {
    pub(crate) cost: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) counter: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reserved: Option<String>,
    pub(crate) rule: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) spent: Option<String>,
}

/// The end of a reservation as it is written.
#[derive(Serialize, Deserialize)]
pub(crate) struct Ended<'a> {
    pub(crate) cost: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) receipt: Option<Cow<'a, str>>,
    pub(crate) reservation: String,
}

/// What is asked of a person, or answered.
#[derive(Serialize)]
pub(crate) struct Asked<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    allow: Option<bool>,
    approval: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'a str>,
    cost: String,
    deadline: String,
    facts: String,
    level: &'a str,
    rule: &'a str,
}

/// The part of a record that this module reads.
#[derive(Deserialize)]
struct Read {
    #[serde(default)]
    books: Value,
    event: String,
}

impl<'a> Allowed<'a> {
    pub(crate) fn of(reservation: &'a Reservation) -> Self {
        Self {
            approval: reservation.approval.map(|used| used.id.to_string()),
            at: reservation.at.to_rfc3339(),
            challenge: reservation.challenge.as_str().into(),
            charges: reservation.charges.iter().map(written).collect(),
            cost: reservation.cost.to_string(),
            origin: reservation.origin.as_str().into(),
            request: reservation.request.as_str().into(),
            reservation: hex(reservation.id),
        }
    }
}

impl<'a> Asked<'a> {
    pub(crate) fn of(record: &'a ApprovalRecord) -> Self {
        let facts = record.facts.digest().0;
        Self {
            allow: record.answer.as_ref().map(|answer| answer.allow),
            approval: record.id.to_string(),
            by: record.answer.as_ref().map(|answer| answer.by.as_str()),
            cost: record.facts.cost.to_string(),
            deadline: record.deadline.to_rfc3339(),
            facts: facts.iter().map(|byte| format!("{byte:02x}")).collect(),
            level: &record.level,
            rule: &record.rule,
        }
    }
}

fn written(charge: &BudgetCharge) -> Charge<'_> {
    let limit = (charge.limit != u64::MAX).then(|| charge.limit.to_string());
    let window = charge.window.map(|rolling| u64::try_from(rolling.length().as_millis()).unwrap_or(u64::MAX));
    (charge.key.0.as_str().into(), limit, charge.counts.word().to_owned().into(), window)
}

pub(crate) fn hex(id: ReservationId) -> String {
    format!("{:032x}", u128::from_be_bytes(id))
}

impl AuditRecord {
    /// What the record says that the books did.
    pub fn facts(&self) -> Result<Facts, ReadError> {
        let Read { books, event } = serde_json::from_str(&self.text).map_err(|_| ReadError("form"))?;
        let event = Event::from_word(&event).ok_or(ReadError("event"))?;
        match event {
            Event::Allowed => read_allowed(books),
            Event::Confirmed | Event::Released => {
                let ended: Ended<'_> = serde_json::from_value(books).map_err(|_| ReadError("books"))?;
                let (id, cost) = (read_id(&ended.reservation)?, ended.cost.parse().map_err(|_| ReadError("cost"))?);
                Ok(if event == Event::Confirmed { Facts::Confirmed { id, cost } } else { Facts::Released { id } })
            }
            other => Ok(Facts::Other(other)),
        }
    }
}

fn read_allowed(books: Value) -> Result<Facts, ReadError> {
    let allowed: Allowed<'_> = serde_json::from_value(books).map_err(|_| ReadError("books"))?;
    let charge = |(key, limit, counts, window): Charge<'_>| {
        let window = match window {
            Some(millis) => Some(Rolling::new(Duration::from_millis(millis))?),
            None => None,
        };
        let limit = limit.map_or(Some(u64::MAX), |limit| limit.parse().ok())?;
        Some(BudgetCharge { key: BudgetKey(key.into_owned()), counts: Counts::from_word(&counts)?, limit, window })
    };
    Ok(Facts::Allowed {
        id: read_id(&allowed.reservation)?,
        cost: allowed.cost.parse().map_err(|_| ReadError("cost"))?,
        charges: allowed.charges.into_iter().map(charge).collect::<Option<_>>().ok_or(ReadError("charges"))?,
        at: Timestamp::parse(&allowed.at).map_err(|_| ReadError("at"))?,
    })
}

fn read_id(text: &str) -> Result<ReservationId, ReadError> {
    u128::from_str_radix(text, 16).map(u128::to_be_bytes).map_err(|_| ReadError("reservation"))
}
