//! Accounts elsewhere, to and from SQL.

pub(crate) mod payout;
pub(crate) mod statement;

use farthing_books::bank::{AssignmentRecord, Credited, EntryRecord, NewAssignment, Resting};
use farthing_books::touches::Wanted;
use farthing_books::{PayoutId, Shelf, TopUpId};
use farthing_rail::{Direction, EntryKey, PayerId};
use rusqlite::params;

use super::fill;
use super::rows::{damaged, instant, parsed};
use crate::StoreError;
use crate::engine::lookup::Lookups;
use crate::engine::{Connection, Row};

/// The columns of an entry, in the order in which [`entry`] reads them.
pub(crate) const ENTRY: &str = "id, parts, rail, asset, currency, direction, reversal, amount, booked, bank_reference, \
     details, notified, at, confirmed, resting, payer, balance, topup, payout, taken, assignments";

/// The columns of what a person said, in the order in which [`assignment`] reads them.
pub(crate) const ASSIGNMENT: &str = "entry, number, payer, asset, said_by, reason, takes_back, at";

pub(crate) fn entry(row: &Row<'_>) -> Result<EntryRecord, StoreError> {
    let direction = row.get_ref(5)?.as_str().ok().and_then(Direction::from_word);
    Ok(EntryRecord {
        key: EntryKey::from_bytes(row.get(0)?),
        parts: row.get(1)?,
        rail: row.get(2)?,
        asset: parsed(row, 3, "asset")?,
        currency: parsed(row, 4, "currency")?,
        direction: direction.ok_or_else(|| damaged("direction"))?,
        reversal: row.get(6)?,
        amount: parsed(row, 7, "amount")?,
        booked: instant(row, 8)?,
        bank_reference: row.get(9)?,
        details: row.get(10)?,
        notified: row.get(11)?,
        at: instant(row, 12)?,
        confirmed: row.get(13)?,
        resting: resting(row)?,
        assignments: row.get(20)?,
    })
}

fn resting(row: &Row<'_>) -> Result<Resting, StoreError> {
    let payer = row.get::<Option<Box<str>>>(15)?.map(PayerId::new);
    let order = row.get::<Option<[u8; 16]>>(17)?.map(TopUpId::from_bytes);
    let credited = || -> Result<Credited, StoreError> {
        let payer = payer.clone().ok_or_else(|| damaged("payer"))?;
        Ok(Credited { payer, asset: parsed(row, 16, "balance")?, order })
    };
    let payout = || -> Result<PayoutId, StoreError> {
        let id = row.get::<Option<[u8; 16]>>(18)?.ok_or_else(|| damaged("payout"))?;
        Ok(PayoutId::from_bytes(id))
    };
    Ok(match row.get_ref(14)?.as_str().map_err(|_| damaged("resting"))? {
        "credited" => Resting::Credited(credited()?),
        "suspense" => Resting::Suspense,
        "withdrawn" => Resting::Withdrawn,
        "fee" => Resting::Fee,
        "paid-out" => Resting::PaidOut(payout()?),
        "returned" => Resting::Returned(payout()?, credited()?),
        "taken-back" => Resting::TakenBack(credited()?, parsed(row, 19, "taken")?),
        _ => return Err(damaged("resting")),
    })
}

/// A person's word, with the entry that it is about.
pub(crate) fn assignment(row: &Row<'_>) -> Result<(EntryKey, AssignmentRecord), StoreError> {
    let entry = EntryKey::from_bytes(row.get(0)?);
    let to = Some((PayerId::new(row.get::<Box<str>>(2)?), parsed(row, 3, "asset")?));
    let said = NewAssignment { entry, to, by: row.get(4)?, reason: row.get(5)?, at: instant(row, 7)? };
    Ok((entry, AssignmentRecord { number: row.get(1)?, said, takes_back: row.get(6)? }))
}

/// Looks up what is wanted of accounts elsewhere.
pub(crate) fn look_up(lookups: &mut Lookups<'_>, wanted: &Wanted) {
    let by_id = format!("SELECT {ENTRY} FROM bank_entries WHERE id = ?1");
    let bytes = |key: &EntryKey| key.as_bytes().to_vec();
    fill(lookups, by_id, &wanted.bank_entries, bytes, |shelf| &mut shelf.bank_entries, entry);
    statement::look_up(lookups, wanted);
    payout::look_up(lookups, wanted);
}

/// Writes what a batch changed of them.
pub(crate) fn changes(connection: &Connection, shelf: &Shelf) -> Result<(), StoreError> {
    for change in shelf.bank_entries.changes() {
        match change.row {
            Some(record) if change.stored => update(connection, record)?,
            Some(record) => insert(connection, record)?,
            None => {}
        }
    }
    for (entry, record) in shelf.assignments.changes().filter_map(|change| change.row.map(|row| (change.key.0, row))) {
        let Some((payer, asset)) = &record.said.to else { continue };
        let sql = "INSERT INTO assignments (entry, number, payer, asset, said_by, reason, takes_back, at) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        connection.write(
            sql,
            params![
                entry.as_bytes(),
                record.number,
                payer.as_str(),
                asset.to_string(),
                record.said.by,
                record.said.reason,
                record.takes_back,
                record.said.at.unix_millis(),
            ],
        )?;
    }
    statement::changes(connection, shelf)?;
    payout::changes(connection, shelf)
}

/// How an entry rests, in columns.
struct Rests<'a> {
    word: &'static str,
    credited: Option<&'a Credited>,
    payout: Option<PayoutId>,
    taken: Option<String>,
}

impl<'a> Rests<'a> {
    fn of(resting: &'a Resting) -> Self {
        let (word, credited, payout, taken) = match resting {
            Resting::Credited(to) => ("credited", Some(to), None, None),
            Resting::Suspense => ("suspense", None, None, None),
            Resting::Withdrawn => ("withdrawn", None, None, None),
            Resting::Fee => ("fee", None, None, None),
            Resting::PaidOut(payout) => ("paid-out", None, Some(*payout), None),
            Resting::Returned(payout, to) => ("returned", Some(to), Some(*payout), None),
            Resting::TakenBack(from, taken) => ("taken-back", Some(from), None, Some(taken.to_string())),
        };
        Self { word, credited, payout, taken }
    }
}

fn insert(connection: &Connection, record: &EntryRecord) -> Result<(), StoreError> {
    let sql = "INSERT INTO bank_entries (id, parts, rail, asset, currency, direction, reversal, amount, booked, \
               bank_reference, details, notified, at, confirmed, resting, payer, balance, topup, payout, taken, \
               assignments) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, \
               ?19, ?20, ?21)";
    let rests = Rests::of(&record.resting);
    connection.write(
        sql,
        params![
            record.key.as_bytes(),
            record.parts,
            record.rail,
            record.asset.to_string(),
            record.currency.as_str(),
            record.direction.as_str(),
            record.reversal,
            record.amount.to_string(),
            record.booked.unix_millis(),
            record.bank_reference,
            record.details,
            record.notified,
            record.at.unix_millis(),
            record.confirmed,
            rests.word,
            rests.credited.map(|to| to.payer.as_str()),
            rests.credited.map(|to| to.asset.to_string()),
            rests.credited.and_then(|to| to.order).map(|order| *order.as_bytes()),
            rests.payout.map(|payout| *payout.as_bytes()),
            rests.taken,
            record.assignments,
        ],
    )?;
    Ok(())
}

/// What may change of an entry: that it is confirmed, and what a person said of it.
fn update(connection: &Connection, record: &EntryRecord) -> Result<(), StoreError> {
    let sql = "UPDATE bank_entries SET confirmed = ?2, resting = ?3, payer = ?4, balance = ?5, assignments = ?6 \
               WHERE id = ?1";
    let rests = Rests::of(&record.resting);
    connection.write(
        sql,
        params![
            record.key.as_bytes(),
            record.confirmed,
            rests.word,
            rests.credited.map(|to| to.payer.as_str()),
            rests.credited.map(|to| to.asset.to_string()),
            record.assignments,
        ],
    )?;
    Ok(())
}
