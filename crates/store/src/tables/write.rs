//! The changed rows of a batch, into an open transaction.

use std::collections::HashMap;

use farthing_books::{Account, AccountId, PaymentRecord, Shelf};
use farthing_protocol::Timestamp;
use farthing_rail::PayerId;
use rusqlite::params;

use super::rows::{headers_text, key_of_challenge, keys_text, phase_words};
use super::{approval, audit, bank, budget, session, topup};
use crate::StoreError;
use crate::engine::Connection;

/// Writes them; several changes of one row are one write.
pub(crate) fn changes(
    connection: &Connection,
    account_rows: &mut HashMap<AccountId, i64>,
    shelf: &Shelf,
) -> Result<(), StoreError> {
    accounts(connection, account_rows, shelf)?;
    transfers(connection, account_rows, shelf)?;
    payments(connection, shelf)?;
    session::changes(connection, shelf)?;
    responses(connection, shelf)?;
    visits(connection, shelf)?;
    movements(connection, shelf)?;
    cursors(connection, shelf)?;
    budget::changes(connection, shelf)?;
    approval::changes(connection, shelf)?;
    topup::changes(connection, shelf)?;
    bank::changes(connection, shelf)?;
    audit::changes(connection, shelf)
}

fn accounts(
    connection: &Connection,
    account_rows: &mut HashMap<AccountId, i64>,
    shelf: &Shelf,
) -> Result<(), StoreError> {
    let mut last = None;
    for change in shelf.accounts.changes() {
        let Some(account) = change.row else { continue };
        let Account { id, debits, credits, debits_pending, credits_pending } = account;
        let sums = [debits, credits, debits_pending, credits_pending].map(ToString::to_string);
        let [debits, credits, debits_pending, credits_pending] = &sums;
        if change.stored {
            let update = "UPDATE accounts SET debits = ?2, credits = ?3, debits_pending = ?4, credits_pending = ?5 \
                 WHERE id = ?1";
            let row = row_of(connection, account_rows, id)?;
            connection.write(update, params![row, debits, credits, debits_pending, credits_pending])?;
        } else {
            let insert = "INSERT INTO accounts (id, name, asset, debits, credits, debits_pending, credits_pending) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
            let (name, asset) = (id.kind.to_string(), id.asset.to_string());
            let row = match last {
                Some(last) => last + 1,
                None => last_row(connection)? + 1,
            };
            last = Some(row);
            connection.write(insert, params![row, name, asset, debits, credits, debits_pending, credits_pending])?;
            account_rows.insert(id.clone(), row);
        }
    }
    Ok(())
}

/// The largest row number of an account. Nobody else adds one before the batch ends.
fn last_row(connection: &Connection) -> Result<i64, StoreError> {
    let found = connection.one("SELECT coalesce(max(id), 0) FROM accounts", &[], |row| row.get(0))?;
    Ok(found.unwrap_or_default())
}

/// The row number of an account: remembered, or looked up.
pub(super) fn row_of(
    connection: &Connection,
    account_rows: &mut HashMap<AccountId, i64>,
    id: &AccountId,
) -> Result<i64, StoreError> {
    if let Some(row) = account_rows.get(id) {
        return Ok(*row);
    }
    let select = "SELECT id FROM accounts WHERE name = ?1 AND asset = ?2";
    let found = connection.one(select, params![id.kind.to_string(), id.asset.to_string()], |row| row.get(0))?;
    let row = found.ok_or_else(|| StoreError::Damaged(format!("the account {id} is gone")))?;
    account_rows.insert(id.clone(), row);
    Ok(row)
}

fn transfers(
    connection: &Connection,
    account_rows: &mut HashMap<AccountId, i64>,
    shelf: &Shelf,
) -> Result<(), StoreError> {
    let insert = "INSERT INTO transfers (id, debit, credit, amount, phase, hold, payment, at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    for transfer in shelf.transfers.changes().filter_map(|change| change.row) {
        let debit = row_of(connection, account_rows, &transfer.debit)?;
        let credit = row_of(connection, account_rows, &transfer.credit)?;
        let (phase, hold) = phase_words(transfer.phase);
        let values = params![
            transfer.id.0,
            debit,
            credit,
            transfer.amount.to_string(),
            phase,
            hold,
            transfer.payment.map(|payment| *payment.as_bytes()),
            transfer.at.unix_millis(),
        ];
        connection.write(insert, values)?;
    }
    Ok(())
}

/// What is there already comes first, because it may let go of a key that what is new takes.
fn payments(connection: &Connection, shelf: &Shelf) -> Result<(), StoreError> {
    let changed = || shelf.payments.changes().filter_map(|change| Some((change.stored, change.row?)));
    changed().filter(|(stored, _)| *stored).try_for_each(|(_, payment)| update_payment(connection, payment))?;
    changed().filter(|(stored, _)| !*stored).try_for_each(|(_, payment)| insert_payment(connection, payment))
}

fn insert_payment(connection: &Connection, payment: &PaymentRecord) -> Result<(), StoreError> {
    let insert = "INSERT INTO payments (id, challenge, proof_key, method, intent, route, request, payer, amount, asset, prepaid, \
         idempotency, kept, state, reference, fee, refund, reason, deadline, status, claimed_at, settled_at, \
         updated_at, consumed, confirm_at, passed_on, rail, session, tops_up, taken_back, node) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, \
         ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31)";
    connection.write(
        insert,
        params![
            payment.id.as_bytes(),
            payment.challenge.as_str(),
            key_of_its_own(payment),
            payment.method,
            payment.intent,
            payment.route,
            payment.request,
            payment.payer.as_ref().map(|payer| payer.as_str()),
            payment.amount.to_string(),
            payment.asset.to_string(),
            payment.prepaid,
            payment.idempotency,
            payment.kept,
            payment.state.as_str(),
            payment.reference,
            payment.fee.to_string(),
            payment.refund,
            payment.reason,
            payment.deadline.map(Timestamp::unix_millis),
            payment.status,
            payment.claimed_at.unix_millis(),
            payment.settled_at.map(Timestamp::unix_millis),
            payment.updated_at.unix_millis(),
            keys_text(&payment.consumed)?,
            payment.confirm_at.map(Timestamp::unix_millis),
            payment.passed_on.to_string(),
            payment.rail,
            payment.session.map(|session| *session.as_bytes()),
            payment.tops_up.as_ref().map(ToString::to_string),
            taken_back(payment),
            connection.node(),
        ],
    )?;
    Ok(())
}

/// The key of its proof, where it says more than its challenge.
fn key_of_its_own(payment: &PaymentRecord) -> Option<&str> {
    let is_derived = payment.prepaid && payment.key == key_of_challenge(&payment.method, payment.challenge.as_str());
    (!is_derived).then(|| payment.key.as_str())
}

/// What a step may change. The idempotency key is let go of by itself, so that its index is left
/// alone on the usual way.
fn update_payment(connection: &Connection, payment: &PaymentRecord) -> Result<(), StoreError> {
    let update = "UPDATE payments SET state = ?2, reference = ?3, fee = ?4, refund = ?5, reason = ?6, deadline = ?7, \
         status = ?8, settled_at = ?9, updated_at = ?10, consumed = ?11, confirm_at = ?12, passed_on = ?13, \
         amount = ?14, taken_back = ?15, node = ?16 WHERE id = ?1";
    connection.write(
        update,
        params![
            payment.id.as_bytes(),
            payment.state.as_str(),
            payment.reference,
            payment.fee.to_string(),
            payment.refund,
            payment.reason,
            payment.deadline.map(Timestamp::unix_millis),
            payment.status,
            payment.settled_at.map(Timestamp::unix_millis),
            payment.updated_at.unix_millis(),
            keys_text(&payment.consumed)?,
            payment.confirm_at.map(Timestamp::unix_millis),
            payment.passed_on.to_string(),
            payment.amount.to_string(),
            taken_back(payment),
            connection.node(),
        ],
    )?;
    if payment.idempotency.is_none() && payment.state.frees_its_key() {
        let free = "UPDATE payments SET idempotency = NULL WHERE id = ?1 AND idempotency IS NOT NULL";
        connection.write(free, params![payment.id.as_bytes()])?;
    }
    Ok(())
}

/// Nothing where no balance was topped up.
fn taken_back(payment: &PaymentRecord) -> Option<String> {
    (!payment.taken_back.is_zero()).then(|| payment.taken_back.to_string())
}

fn responses(connection: &Connection, shelf: &Shelf) -> Result<(), StoreError> {
    for change in shelf.responses.changes() {
        let Some(response) = change.row else { continue };
        let insert = "INSERT INTO responses (payment, status, headers, body, at) VALUES (?1, ?2, ?3, ?4, ?5)";
        // It is kept with the payment's last step.
        let at = shelf.payments.get(change.key).ok().flatten().map_or(0, |payment| payment.updated_at.unix_millis());
        let (payment, status, headers) = (change.key.as_bytes(), response.status, headers_text(response)?);
        connection.write(insert, params![payment, status, headers, response.body, at])?;
    }
    Ok(())
}

fn visits(connection: &Connection, shelf: &Shelf) -> Result<(), StoreError> {
    for change in shelf.visits.changes() {
        let Some(until) = change.row else { continue };
        let insert = "INSERT INTO visits (id, until) VALUES (?1, ?2)";
        connection.write(insert, params![change.key.as_bytes(), until.unix_millis()])?;
    }
    Ok(())
}

fn movements(connection: &Connection, shelf: &Shelf) -> Result<(), StoreError> {
    for record in shelf.movements.changes().filter_map(|change| change.row) {
        let write = "INSERT INTO movements (key, payment, suspended, rail, reference, payer, amount, asset, at, direction) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (key) DO UPDATE SET payment = excluded.payment, \
             suspended = excluded.suspended, rail = excluded.rail, reference = excluded.reference, \
             payer = excluded.payer, amount = excluded.amount, asset = excluded.asset, at = excluded.at, \
             direction = excluded.direction";
        let seen = record.seen.as_ref();
        connection.write(
            write,
            params![
                record.key.as_str(),
                record.payment.map(|payment| *payment.as_bytes()),
                record.suspended,
                seen.map(|seen| seen.rail.as_str()),
                seen.map(|seen| seen.reference.as_str()),
                seen.and_then(|seen| seen.payer.as_ref()).map(PayerId::as_str),
                seen.map(|seen| seen.amount.to_string()),
                seen.map(|seen| seen.asset.to_string()),
                seen.map(|seen| seen.at.unix_millis()),
                seen.map(|seen| seen.direction.as_str()),
            ],
        )?;
    }
    Ok(())
}

fn cursors(connection: &Connection, shelf: &Shelf) -> Result<(), StoreError> {
    for change in shelf.cursors.changes() {
        let Some(cursor) = change.row else { continue };
        let write = "INSERT INTO cursors (source, cursor) VALUES (?1, ?2) \
             ON CONFLICT (source) DO UPDATE SET cursor = excluded.cursor";
        connection.write(write, params![change.key, cursor.0])?;
    }
    Ok(())
}
