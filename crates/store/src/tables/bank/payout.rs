//! Payouts, to and from SQL.

use farthing_books::bank::{NewPayout, PayoutRecord, PayoutState};
use farthing_books::touches::Wanted;
use farthing_books::{PayoutId, Shelf};
use farthing_rail::PayerId;
use rusqlite::params;

use crate::StoreError;
use crate::engine::lookup::Lookups;
use crate::engine::{Connection, Row};
use crate::tables::fill;
use crate::tables::rows::{damaged, instant, parsed};

/// The columns of a payout, in the order in which [`record`] reads them.
pub(crate) const PAYOUT: &str = "id, payer, asset, rail, account, currency, leaving, payee_name, payee_account, \
     ordered_by, ordered_at, state, file, updated_at";

pub(crate) fn record(row: &Row<'_>) -> Result<PayoutRecord, StoreError> {
    let state = row.get_ref(11)?.as_str().ok().and_then(PayoutState::from_word);
    Ok(PayoutRecord {
        order: NewPayout {
            id: PayoutId::from_bytes(row.get(0)?),
            payer: PayerId::new(row.get::<Box<str>>(1)?),
            asset: parsed(row, 2, "asset")?,
            rail: row.get(3)?,
            account: parsed(row, 4, "account")?,
            currency: parsed(row, 5, "currency")?,
            leaving: parsed(row, 6, "leaving")?,
            payee_name: row.get(7)?,
            payee_account: row.get(8)?,
            by: row.get(9)?,
            at: instant(row, 10)?,
        },
        state: state.ok_or_else(|| damaged("state"))?,
        file: row.get(12)?,
        updated_at: instant(row, 13)?,
    })
}

pub(super) fn look_up(lookups: &mut Lookups<'_>, wanted: &Wanted) {
    let by_id = format!("SELECT {PAYOUT} FROM payouts WHERE id = ?1");
    fill(lookups, by_id, &wanted.payouts, |id| id.as_bytes().to_vec(), |shelf| &mut shelf.payouts, record);
    let in_file = "SELECT id FROM payouts WHERE file = ?1 ORDER BY sequence";
    let id = |row: &Row<'_>| Ok(PayoutId::from_bytes(row.get(0)?));
    let file = |file: &String| vec![file.clone().into()];
    lookups.add(in_file, wanted.payout_files.iter().cloned(), file, id, |shelf, file, written| {
        shelf.payout_files.load(file, Some(written));
        Ok(())
    });
}

pub(super) fn changes(connection: &Connection, shelf: &Shelf) -> Result<(), StoreError> {
    for change in shelf.payouts.changes() {
        let Some(PayoutRecord { order, state, file, updated_at }) = change.row else { continue };
        if change.stored {
            let sql = "UPDATE payouts SET state = ?2, file = ?3, updated_at = ?4 WHERE id = ?1";
            connection.write(sql, params![order.id.as_bytes(), state.as_str(), file, updated_at.unix_millis()])?;
            continue;
        }
        let sql = "INSERT INTO payouts (id, payer, asset, rail, account, currency, leaving, payee_name, payee_account, \
                   ordered_by, ordered_at, state, file, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, \
                   ?11, ?12, ?13, ?14)";
        connection.write(
            sql,
            params![
                order.id.as_bytes(),
                order.payer.as_str(),
                order.asset.to_string(),
                order.rail,
                order.account.to_string(),
                order.currency.as_str(),
                order.leaving.to_string(),
                order.payee_name,
                order.payee_account,
                order.by,
                order.at.unix_millis(),
                state.as_str(),
                file,
                updated_at.unix_millis(),
            ],
        )?;
    }
    Ok(())
}
