//! Counters and reservations to and from SQL.

use std::borrow::Cow;
use std::time::Duration;

use farthing_books::Shelf;
use farthing_books::budget::{
    Bucket, BudgetCharge, BudgetCounter, BudgetKey, Counts, Reservation, ReservationRecord, ReservationState, Rolling,
    Window,
};
use farthing_money::{Currency, Price};
use farthing_protocol::Timestamp;
use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::approval;
use super::rows::{damaged, instant, parsed};
use crate::StoreError;
use crate::engine::{Connection, Row};

/// The columns of a reservation, in the order in which [`reservation`] reads them.
pub(crate) const RESERVATION: &str =
    "id, wallet, cost, currency, charges, origin, request, challenge, state, receipt, reason, at, updated_at, approval";

/// How many columns that are.
pub(crate) const RESERVATION_COLUMNS: usize = 14;

/// The columns of a budget counter, in the order in which [`counter`] reads them.
pub(crate) const COUNTER: &str = "key, counts, spent, reserved, \"window\"";

/// A charge as it is stored: the key and the limit, and where it is not money since the beginning,
/// what it counts (`None` is money in the currency of the cost) and the length of its window.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Charge<'a> {
    Plain(Cow<'a, str>, u64),
    Whole(Cow<'a, str>, u64, Option<Cow<'a, str>>, Option<u64>),
}

/// A rolling window as it is stored: its length, the latest instant seen, its parts with spent and reserved.
#[derive(Serialize, Deserialize)]
struct StoredWindow {
    millis: u64,
    newest: i64,
    parts: Vec<(i64, u64, u64)>,
}

pub(crate) fn reservation(row: &Row<'_>) -> Result<ReservationRecord, StoreError> {
    let currency = parsed(row, 3, "currency")?;
    let charges = row.get_ref(4)?.as_str().map_err(|_| damaged("charges"))?;
    Ok(ReservationRecord {
        reservation: Reservation {
            id: row.get(0)?,
            wallet: row.get(1)?,
            cost: Price::from_millionths(parsed(row, 2, "cost")?, currency),
            charges: read_charges(charges, currency).ok_or_else(|| damaged("charges"))?,
            origin: row.get(5)?,
            request: row.get(6)?,
            challenge: row.get(7)?,
            decided: None,
            approval: row
                .get::<Option<String>>(13)?
                .map(|text| approval::read_use(&text).ok_or_else(|| damaged("approval")))
                .transpose()?,
            at: instant(row, 11)?,
        },
        state: ReservationState::from_word(row.get_ref(8)?.as_str().map_err(|_| damaged("state"))?)
            .ok_or_else(|| damaged("state"))?,
        receipt: row.get(9)?,
        reason: row.get(10)?,
        updated_at: instant(row, 12)?,
    })
}

fn read_charges(text: &str, currency: Currency) -> Option<Vec<BudgetCharge>> {
    let stored: Vec<Charge<'_>> = serde_json::from_str(text).ok()?;
    let read = |charge| {
        let (key, limit, counts, window) = match charge {
            Charge::Plain(key, limit) => (key, limit, None, None),
            Charge::Whole(key, limit, counts, window) => (key, limit, counts, window),
        };
        Some(BudgetCharge {
            key: BudgetKey(key.into_owned()),
            counts: counts.map_or(Some(Counts::Money(currency)), |word| Counts::from_word(&word))?,
            limit,
            window: match window {
                Some(millis) => Some(Rolling::new(Duration::from_millis(millis))?),
                None => None,
            },
        })
    };
    stored.into_iter().map(read).collect()
}

fn charges_text(reservation: &Reservation) -> Result<String, StoreError> {
    text_of(&reservation.charges.iter().map(stored_charge).collect::<Vec<_>>())
}

fn stored_charge(charge: &BudgetCharge) -> Charge<'_> {
    let key = Cow::Borrowed(charge.key.0.as_str());
    let counts = match &charge.counts {
        Counts::Money(_) => None,
        Counts::Payments => Some(Cow::Borrowed(charge.counts.word())),
    };
    match (counts, charge.window) {
        (None, None) => Charge::Plain(key, charge.limit),
        (counts, window) => Charge::Whole(key, charge.limit, counts, window.map(millis)),
    }
}

pub(crate) fn counter(row: &Row<'_>) -> Result<BudgetCounter, StoreError> {
    let counts = row.get_ref(1)?.as_str().ok().and_then(Counts::from_word).ok_or_else(|| damaged("counts"))?;
    let window = match row.get_ref(4)?.as_str_or_null().map_err(|_| damaged("window"))? {
        Some(text) => Some(read_window(text).ok_or_else(|| damaged("window"))?),
        None => None,
    };
    Ok(BudgetCounter {
        key: BudgetKey(row.get(0)?),
        counts,
        spent: parsed(row, 2, "spent")?,
        reserved: parsed(row, 3, "reserved")?,
        window,
    })
}

fn read_window(text: &str) -> Option<Window> {
    let StoredWindow { millis, newest, parts } = serde_json::from_str(text).ok()?;
    let rolling = Rolling::new(Duration::from_millis(millis))?;
    let buckets = parts.into_iter().map(|(number, spent, reserved)| (number, Bucket { spent, reserved })).collect();
    Some(Window { rolling, newest: Timestamp::from_unix_millis(newest), buckets })
}

fn window_text(window: &Window) -> Result<String, StoreError> {
    let parts = window.buckets.iter().map(|(number, bucket)| (*number, bucket.spent, bucket.reserved)).collect();
    text_of(&StoredWindow { millis: millis(window.rolling), newest: window.newest.unix_millis(), parts })
}

fn millis(rolling: Rolling) -> u64 {
    u64::try_from(rolling.length().as_millis()).unwrap_or(u64::MAX)
}

fn text_of(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Fault(error.to_string()))
}

/// Writes what a batch changed of both.
pub(crate) fn changes(connection: &Connection, shelf: &Shelf) -> Result<(), StoreError> {
    counters(connection, shelf)?;
    reservations(connection, shelf)
}

fn counters(connection: &Connection, shelf: &Shelf) -> Result<(), StoreError> {
    for counter in shelf.counters.changes().filter_map(|change| change.row) {
        let write = "INSERT INTO budgets (key, counts, spent, reserved, \"window\") VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (key) \
             DO UPDATE SET spent = excluded.spent, reserved = excluded.reserved, \"window\" = excluded.\"window\"";
        let window = counter.window.as_ref().map(window_text).transpose()?;
        let (spent, reserved) = (counter.spent.to_string(), counter.reserved.to_string());
        connection.write(write, params![counter.key.0, counter.counts.word(), spent, reserved, window])?;
    }
    Ok(())
}

fn reservations(connection: &Connection, shelf: &Shelf) -> Result<(), StoreError> {
    for record in shelf.reservations.changes().filter_map(|change| change.row) {
        let write = "INSERT INTO reservations (id, wallet, cost, currency, charges, origin, request, challenge, state, \
             receipt, reason, at, updated_at, approval) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, \
             ?14) \
             ON CONFLICT (id) DO UPDATE SET cost = excluded.cost, state = excluded.state, receipt = excluded.receipt, \
             reason = excluded.reason, updated_at = excluded.updated_at";
        let reservation = &record.reservation;
        connection.write(
            write,
            params![
                reservation.id,
                reservation.wallet,
                reservation.cost.millionths().to_string(),
                reservation.cost.currency().as_str(),
                charges_text(reservation)?,
                reservation.origin,
                reservation.request,
                reservation.challenge,
                record.state.as_str(),
                record.receipt,
                record.reason,
                reservation.at.unix_millis(),
                record.updated_at.unix_millis(),
                reservation.approval.as_ref().map(approval::use_text),
            ],
        )?;
    }
    Ok(())
}
