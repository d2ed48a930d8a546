//! Statements that were taken, to and from SQL.

use farthing_books::Shelf;
use farthing_books::bank::StatementRecord;
use farthing_books::touches::Wanted;
use farthing_rail::{AccountStatement, EntryKey};
use rusqlite::params;

use crate::StoreError;
use crate::engine::lookup::Lookups;
use crate::engine::{Connection, Row};
use crate::tables::fill;
use crate::tables::rows::{damaged, instant, parsed};

/// The columns of a statement, in the order in which [`record`] reads them.
pub(crate) const STATEMENT: &str = "rail, asset, name, from_day, until_day, number, opening, closing, file, at";

/// In the order of time.
pub(crate) const IN_TIME: &str = "ORDER BY from_day, until_day, number, at";

pub(crate) fn record(row: &Row<'_>) -> Result<StatementRecord, StoreError> {
    let number = row.get::<Option<i64>>(5)?.map(u64::try_from).transpose().map_err(|_| damaged("number"))?;
    Ok(StatementRecord {
        rail: row.get(0)?,
        asset: parsed(row, 1, "asset")?,
        statement: AccountStatement {
            id: row.get(2)?,
            from: instant(row, 3)?,
            until: instant(row, 4)?,
            number,
            opening: parsed(row, 6, "opening")?,
            closing: parsed(row, 7, "closing")?,
        },
        file: row.get(8)?,
        at: instant(row, 9)?,
    })
}

pub(super) fn look_up(lookups: &mut Lookups<'_>, wanted: &Wanted) {
    let by_id = format!("SELECT {STATEMENT} FROM bank_statements WHERE id = ?1");
    let bytes = |key: &EntryKey| key.as_bytes().to_vec();
    fill(lookups, by_id, &wanted.bank_statements, bytes, |shelf| &mut shelf.bank_statements, record);
    let first = format!("SELECT {STATEMENT} FROM bank_statements WHERE asset = ?1 {IN_TIME} LIMIT 1");
    let asset = ToString::to_string;
    fill(lookups, first, &wanted.first_statements, asset, |shelf| &mut shelf.first_statements, record);
}

pub(super) fn changes(connection: &Connection, shelf: &Shelf) -> Result<(), StoreError> {
    for change in shelf.bank_statements.changes() {
        let Some(StatementRecord { rail, asset, statement, file, at }) = change.row else { continue };
        let sql = "INSERT INTO bank_statements (id, rail, asset, name, from_day, until_day, number, opening, closing, \
                   file, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
        let number = statement.number.map(i64::try_from).transpose().map_err(|_| damaged("number"))?;
        connection.write(
            sql,
            params![
                change.key.as_bytes(),
                rail,
                asset.to_string(),
                statement.id,
                statement.from.unix_millis(),
                statement.until.unix_millis(),
                number,
                statement.opening.to_string(),
                statement.closing.to_string(),
                file,
                at.unix_millis(),
            ],
        )?;
    }
    Ok(())
}
