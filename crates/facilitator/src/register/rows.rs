use std::path::Path;

use farthing_dialects::x402::facilitator::CatalogueItem;
use farthing_money::Amount;
use farthing_protocol::Timestamp;
use farthing_rail::ProofKey;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value;

use super::{End, Entry, Found};

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS settlements (
        proof      TEXT PRIMARY KEY,
        attempt    INTEGER NOT NULL,
        caller     TEXT NOT NULL,
        take       TEXT,
        claimed_at INTEGER NOT NULL,
        state      INTEGER NOT NULL,
        reference  TEXT,
        told       TEXT
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS days (
        caller      TEXT NOT NULL,
        day         INTEGER NOT NULL,
        settlements INTEGER NOT NULL,
        PRIMARY KEY (caller, day)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS resources (
        url     TEXT NOT NULL,
        kind    TEXT NOT NULL,
        item    TEXT NOT NULL,
        updated INTEGER NOT NULL,
        PRIMARY KEY (url, kind)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS resources_by_time ON resources (updated);";

/// States of a settlement.
const BEGUN: i64 = 0;
const SETTLED: i64 = 1;
const REJECTED: i64 = 2;

/// The catalogue holds no more; the oldest go.
const MOST_LISTED: u32 = 1_000;
const DAY: i64 = 24 * 3600 * 1000;

pub(super) fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    // Two owners would settle one payment twice: the lock is held for as long as the file is open.
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch("BEGIN IMMEDIATE; COMMIT;")?;
    connection.execute_batch(SCHEMA)?;
    Ok(connection)
}

struct Row {
    attempt: u32,
    take: Option<Amount>,
    claimed_at: Timestamp,
    state: i64,
    reference: Option<String>,
}

pub(super) fn begin(connection: &Connection, entry: &Entry) -> rusqlite::Result<Found> {
    let attempt = match find(connection, &entry.proof)? {
        Some(Row { state: SETTLED, take, reference, .. }) => {
            return Ok(Found::Settled { take, reference: reference.unwrap_or_default() });
        }
        Some(Row { state: BEGUN, attempt, take, claimed_at, .. }) => {
            return Ok(Found::Begun { attempt, take, claimed_at });
        }
        Some(rejected) => rejected.attempt.saturating_add(1),
        None => 1,
    };
    if !entry.is_ready {
        return Ok(Found::NotReady);
    }
    if !count(connection, entry)? {
        return Ok(Found::Spent);
    }
    let mut statement = connection.prepare_cached(
        "INSERT OR REPLACE INTO settlements (proof, attempt, caller, take, claimed_at, state, reference)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, NULL)",
    )?;
    let take = entry.take.map(|take| take.to_string());
    statement.execute(params![entry.proof.as_str(), attempt, entry.caller, take, entry.now.unix_millis(), BEGUN])?;
    Ok(Found::Begin { attempt })
}

/// Counts one more settlement of the caller's today, if there may be one.
fn count(connection: &Connection, entry: &Entry) -> rusqlite::Result<bool> {
    let day = entry.now.unix_millis().div_euclid(DAY);
    let mut statement = connection.prepare_cached(
        "INSERT INTO days (caller, day, settlements) VALUES (?1, ?2, 1)
         ON CONFLICT (caller, day) DO UPDATE SET settlements = settlements + 1 WHERE settlements < ?3",
    )?;
    let limit = entry.limit.map_or(i64::MAX, i64::from);
    Ok(limit > 0 && statement.execute(params![entry.caller, day, limit])? > 0)
}

pub(super) fn end(connection: &Connection, proof: &ProofKey, end: &End) -> rusqlite::Result<()> {
    let mut statement = connection
        .prepare_cached("UPDATE settlements SET state = ?2, reference = ?3 WHERE proof = ?1 AND state = ?4")?;
    let (state, reference) = match end {
        End::Settled { reference } => (SETTLED, Some(reference.as_str())),
        End::Rejected => (REJECTED, None),
    };
    statement.execute(params![proof.as_str(), state, reference, BEGUN]).map(drop)
}

/// Whether a settlement may be told of to whoever goes by this name: to the first, and to the same again.
pub(super) fn tell(connection: &Connection, proof: &ProofKey, name: &str) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached(
        "UPDATE settlements SET told = ?2
         WHERE proof = ?1 AND state = ?3 AND (told IS NULL OR (told = ?2 AND ?2 <> ''))",
    )?;
    Ok(statement.execute(params![proof.as_str(), name, SETTLED])? > 0)
}

fn find(connection: &Connection, proof: &ProofKey) -> rusqlite::Result<Option<Row>> {
    let mut statement = connection
        .prepare_cached("SELECT attempt, take, claimed_at, state, reference FROM settlements WHERE proof = ?1")?;
    let row = statement.query_row([proof.as_str()], |row| {
        let take: Option<String> = row.get(1)?;
        Ok(Row {
            attempt: row.get(0)?,
            take: take.and_then(|take| take.parse().ok()),
            claimed_at: Timestamp::from_unix_millis(row.get(2)?),
            state: row.get(3)?,
            reference: row.get(4)?,
        })
    });
    row.optional()
}

pub(super) fn list(connection: &Connection, item: &CatalogueItem) -> rusqlite::Result<()> {
    let mut statement = connection
        .prepare_cached("INSERT OR REPLACE INTO resources (url, kind, item, updated) VALUES (?1, ?2, ?3, ?4)")?;
    let text = Value::Object(item.to_object()).to_string();
    statement.execute(params![item.resource.url, item.kind, text, item.last_updated.unix_millis()])?;
    let mut statement = connection.prepare_cached(
        "DELETE FROM resources WHERE updated <
         (SELECT updated FROM resources ORDER BY updated DESC LIMIT 1 OFFSET ?1)",
    )?;
    statement.execute([MOST_LISTED - 1]).map(drop)
}

pub(super) fn listed(connection: &Connection) -> rusqlite::Result<Vec<CatalogueItem>> {
    let mut statement = connection.prepare_cached("SELECT item FROM resources ORDER BY updated DESC, url")?;
    let items = statement.query_map([], |row| row.get::<_, String>(0))?;
    let read = |text: String| CatalogueItem::read(serde_json::from_str::<Value>(&text).ok()?.as_object()?).ok();
    Ok(items.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().filter_map(read).collect())
}
