//! Orders to fund a balance, to and from SQL.

use farthing_books::Shelf;
use farthing_books::topup::{NewTopUp, TopUpId, TopUpRecord, TopUpState};
use farthing_books::touches::Wanted;
use farthing_protocol::Timestamp;
use farthing_rail::PayerId;
use rusqlite::params;

use super::fill;
use super::rows::{damaged, instant, parsed};
use crate::StoreError;
use crate::engine::lookup::Lookups;
use crate::engine::{Connection, Row};

/// The columns of an order, in the order in which [`record`] reads them.
pub(crate) const TOPUP: &str = "id, payer, rail, reference, asset, expected, created_at, state, credited, updated_at";

/// The open orders of a payer; more than anybody may have are not needed.
const OPEN: &str = "SELECT id FROM topups WHERE payer = ?1 AND state = 'open' LIMIT 64";

pub(crate) fn record(row: &Row<'_>) -> Result<TopUpRecord, StoreError> {
    let state = row.get_ref(7)?.as_str().ok().and_then(TopUpState::from_word);
    Ok(TopUpRecord {
        order: NewTopUp {
            id: TopUpId::from_bytes(row.get(0)?),
            payer: PayerId::new(row.get::<Box<str>>(1)?),
            rail: row.get(2)?,
            reference: row.get(3)?,
            asset: parsed(row, 4, "asset")?,
            expected: row.get::<Option<String>>(5)?.is_some().then(|| parsed(row, 5, "expected")).transpose()?,
            at: instant(row, 6)?,
        },
        state: state.ok_or_else(|| damaged("state"))?,
        credited: parsed(row, 8, "credited")?,
        updated_at: instant(row, 9)?,
    })
}

/// Looks up what is wanted of orders.
pub(crate) fn look_up(lookups: &mut Lookups<'_>, wanted: &Wanted) {
    let id = |row: &Row<'_>| Ok(TopUpId::from_bytes(row.get(0)?));
    let by_reference = "SELECT id FROM topups WHERE reference = ?1";
    fill(lookups, by_reference, &wanted.references, String::clone, |shelf| &mut shelf.references, id);
    let by_id = format!("SELECT {TOPUP} FROM topups WHERE id = ?1");
    fill(lookups, by_id, &wanted.topups, |id| id.as_bytes().to_vec(), |shelf| &mut shelf.topups, record);
    let payer = |payer: &PayerId| vec![payer.as_str().to_owned().into()];
    lookups.add(OPEN, wanted.standing.iter().cloned(), payer, id, |shelf, payer, open| {
        shelf.standing.load(payer, Some(open));
        Ok(())
    });
}

/// Writes the orders that a batch changed.
pub(crate) fn changes(connection: &Connection, shelf: &Shelf) -> Result<(), StoreError> {
    for change in shelf.topups.changes() {
        let Some(TopUpRecord { order, state, credited, updated_at }) = change.row else { continue };
        if change.stored {
            let sql = "UPDATE topups SET state = ?2, credited = ?3, updated_at = ?4 WHERE id = ?1";
            connection.write(
                sql,
                params![order.id.as_bytes(), state.as_str(), credited.to_string(), updated_at.unix_millis()],
            )?;
            continue;
        }
        let sql = "INSERT INTO topups (id, payer, rail, reference, asset, expected, created_at, state, credited, \
                   updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
        connection.write(
            sql,
            params![
                order.id.as_bytes(),
                order.payer.as_str(),
                order.rail,
                order.reference,
                order.asset.to_string(),
                order.expected.map(|expected| expected.to_string()),
                Timestamp::unix_millis(order.at),
                state.as_str(),
                credited.to_string(),
                updated_at.unix_millis(),
            ],
        )?;
    }
    Ok(())
}
