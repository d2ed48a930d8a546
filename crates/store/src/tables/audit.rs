//! The log of decisions, and the policies that decided, to and from SQL.

use farthing_books::Shelf;
use farthing_books::audit::{AuditRecord, Head, PolicyVersion, RecordHash};
use rusqlite::params;

use super::rows::{damaged, instant};
use crate::StoreError;
use crate::engine::{Connection, Row};

/// The columns of a record, in the order in which [`record`] reads them.
pub(crate) const RECORD: &str = "sequence, wallet, at, record, hash";

/// The newest policy of a level, in the order in which [`policy`] reads it.
pub(crate) const NEWEST_POLICY: &str =
    "SELECT version, hash, text, at FROM policies WHERE level = ?1 ORDER BY version DESC LIMIT 1";

pub(crate) fn record(row: &Row<'_>) -> Result<AuditRecord, StoreError> {
    Ok(AuditRecord {
        sequence: number(row, 0, "sequence")?,
        wallet: row.get(1)?,
        at: instant(row, 2)?,
        text: row.get(3)?,
        hash: RecordHash(row.get(4)?),
    })
}

pub(crate) fn policy(row: &Row<'_>) -> Result<PolicyVersion, StoreError> {
    let version = number(row, 0, "version")?;
    Ok(PolicyVersion { version, hash: row.get(1)?, text: row.get(2)?, at: instant(row, 3)? })
}

fn number(row: &Row<'_>, index: usize, column: &'static str) -> Result<u64, StoreError> {
    u64::try_from(row.get::<i64>(index)?).map_err(|_| damaged(column))
}

/// The newest record, in the order in which [`head`] reads it.
pub(crate) const NEWEST: &str = "SELECT sequence, at, hash FROM audit ORDER BY sequence DESC LIMIT 1";

pub(crate) fn head(row: &Row<'_>) -> Result<Head, StoreError> {
    Ok(Head { sequence: number(row, 0, "sequence")?, at: instant(row, 1)?, hash: RecordHash(row.get(2)?) })
}

/// Writes what a batch appended.
pub(crate) fn changes(connection: &Connection, shelf: &Shelf) -> Result<(), StoreError> {
    for change in shelf.policies.changes() {
        let Some(policy) = change.row else { continue };
        let insert = "INSERT INTO policies (level, version, hash, text, at) VALUES (?1, ?2, ?3, ?4, ?5)";
        let version = i64::try_from(policy.version).map_err(|_| damaged("version"))?;
        connection.write(insert, params![change.key, version, policy.hash, policy.text, policy.at.unix_millis()])?;
    }
    for record in shelf.audit.appended() {
        let insert = "INSERT INTO audit (sequence, wallet, at, record, hash) VALUES (?1, ?2, ?3, ?4, ?5)";
        let sequence = i64::try_from(record.sequence).map_err(|_| damaged("sequence"))?;
        connection
            .write(insert, params![sequence, record.wallet, record.at.unix_millis(), record.text, record.hash.0])?;
    }
    Ok(())
}
