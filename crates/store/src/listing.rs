//! Lists for people and the admin API.

use std::time::Duration;

use farthing_books::{AccountKind, MovementRecord, PaymentFilter, PaymentRecord, Statement, Transfer};
use farthing_protocol::Timestamp;
use rusqlite::types::Value;
use rusqlite::{ToSql, params};

use crate::StoreError;
use crate::engine::{Connection, Wording};
use crate::tables::rows::{self, IN_PROGRESS, MOVEMENT, PAYMENT, TRANSFERS};
use crate::tables::session::{self, SESSION};

/// The payments that a filter lets through, in the order in which they were claimed.
pub(crate) fn payments(books: &Connection, filter: &PaymentFilter) -> Result<Vec<PaymentRecord>, StoreError> {
    let conditions: [(&str, Option<Value>); 6] = [
        ("state = ?", filter.state.map(|state| state.as_str().to_owned().into())),
        ("route = ?", filter.route.clone().map(Value::from)),
        ("payer = ?", filter.payer.as_ref().map(|payer| payer.as_str().to_owned().into())),
        ("claimed_at >= ?", filter.since.map(|since| since.unix_millis().into())),
        ("claimed_at < ?", filter.until.map(|until| until.unix_millis().into())),
        (
            "sequence > (SELECT sequence FROM payments WHERE id = ?)",
            filter.after.map(|after| after.as_bytes().to_vec().into()),
        ),
    ];
    let sql = format!("SELECT {PAYMENT} FROM payments WHERE TRUE");
    let (sql, values) = filtered(sql, conditions, filter.limit);
    books.many(&sql, &values_of(&values), rows::payment)
}

/// A statement with the conditions that have a value, in the order of `sequence`, and the values of all its places.
pub(crate) fn filtered<const N: usize>(
    mut sql: String,
    conditions: [(&str, Option<Value>); N],
    limit: u32,
) -> (String, Vec<Value>) {
    let mut values = Vec::new();
    for (condition, value) in conditions {
        if let Some(value) = value {
            sql.push_str(" AND ");
            sql.push_str(condition);
            values.push(value);
        }
    }
    sql.push_str(" ORDER BY sequence LIMIT ?");
    values.push(Value::from(i64::from(limit)));
    (sql, values)
}

pub(crate) fn values_of(values: &[Value]) -> Vec<&dyn ToSql> {
    values.iter().map(|value| value as &dyn ToSql).collect()
}

/// The payments a resolver must look at, the longest due first.
pub(crate) fn due(books: &Connection, now: Timestamp, limit: u32) -> Result<Vec<PaymentRecord>, StoreError> {
    books.many(&due_sql(), params![now.unix_millis(), limit], rows::payment)
}

fn due_sql() -> String {
    format!(
        "SELECT {PAYMENT} FROM payments WHERE {IN_PROGRESS} \
         AND (state = 'refunding' OR (state IN ('unknown', 'entitled') AND deadline <= ?1)) ORDER BY deadline LIMIT ?2"
    )
}

/// The payments that a process claimed and that are nothing more, the oldest first.
pub(crate) fn claimed_before(
    books: &Connection,
    node: i64,
    before: Timestamp,
    limit: u32,
) -> Result<Vec<PaymentRecord>, StoreError> {
    books.many(&claimed_sql(), params![before.unix_millis(), limit, node], rows::payment)
}

/// The sign keeps SQLite from walking through all of history in the order that is asked for.
fn claimed_sql() -> String {
    format!(
        "SELECT {PAYMENT} FROM payments WHERE {IN_PROGRESS} AND state = 'claimed' AND +claimed_at < ?1 AND node = ?3 \
         ORDER BY +claimed_at LIMIT ?2"
    )
}

/// Settled payments that their rail must be asked about again, the longest due first.
pub(crate) fn to_confirm(books: &Connection, now: Timestamp, limit: u32) -> Result<Vec<PaymentRecord>, StoreError> {
    books.many(&to_confirm_sql(), params![now.unix_millis(), limit], rows::payment)
}

fn to_confirm_sql() -> String {
    format!("SELECT {PAYMENT} FROM payments WHERE confirm_at <= ?1 ORDER BY confirm_at LIMIT ?2")
}

/// What rests in suspense, the oldest first.
pub(crate) fn suspense(books: &Connection, limit: u32) -> Result<Vec<MovementRecord>, StoreError> {
    books.many(&suspense_sql(), params![limit], rows::movement)
}

fn suspense_sql() -> String {
    format!("SELECT {MOVEMENT} FROM movements WHERE suspended = 1 AND direction = 'in' ORDER BY at LIMIT ?1")
}

/// A rail that is asked about a payment this rarely can take it back for months, and shows it at once all the same.
const RARELY: Duration = Duration::from_secs(60 * 60);

/// Payments that a statement would show by now, settled before an instant, and of whose movements none has shown
/// one: those that are final, and those that only a dispute could still end. What was paid for nothing moves nothing.
pub(crate) fn not_seen(books: &Connection, before: Timestamp, limit: u32) -> Result<Vec<PaymentRecord>, StoreError> {
    let rarely = before.after(RARELY).unix_millis();
    books.many(books.words(&not_seen_sql()), params![before.unix_millis(), limit, rarely], rows::payment)
}

fn not_seen_sql() -> Wording {
    let of_keys = |keys: &str| {
        format!(
            "SELECT {PAYMENT} FROM payments WHERE id IN (SELECT payment FROM movements WHERE rail IS NULL) \
         AND (confirm_at IS NULL OR confirm_at > ?3) AND settled_at < ?1 AND state <> 'reversed' AND amount <> '0' \
         AND NOT EXISTS (SELECT 1 FROM {keys} JOIN movements m ON m.key = k.value WHERE m.rail IS NOT NULL) \
         ORDER BY +sequence LIMIT ?2"
        )
    };
    let server = of_keys("jsonb_array_elements_text(consumed::jsonb) AS k (value)");
    Wording { file: of_keys("json_each(consumed) k"), server }
}

/// The payments claimed in a period, added up.
pub(crate) fn statement(books: &Connection, since: Timestamp, until: Timestamp) -> Result<Statement, StoreError> {
    let sql = format!("SELECT {PAYMENT} FROM payments WHERE claimed_at >= ?1 AND claimed_at < ?2");
    let mut sums = Statement::default();
    books.each(&sql, params![since.unix_millis(), until.unix_millis()], |row| {
        sums.add(&rows::payment(row)?).map_err(|error| StoreError::Fault(error.to_string()))
    })?;
    posted(books, (since, until), &mut sums)?;
    Ok(sums)
}

/// What sessions delivered: posted from their deposits, or from what vouchers are worth, to routes.
pub(crate) fn posted(
    books: &Connection,
    (since, until): (Timestamp, Timestamp),
    sums: &mut Statement,
) -> Result<(), StoreError> {
    let sql = format!(
        "{TRANSFERS} WHERE t.at >= ?1 AND t.at < ?2 AND t.payment IS NULL AND c.name LIKE 'revenue/%' \
         AND (d.name LIKE 'vouchers/%' OR d.name LIKE 'deposit/%')"
    );
    let by_id = format!("SELECT {SESSION} FROM sessions WHERE id = ?1");
    // A connection has one question at a time, so whose the deposits are is asked afterwards.
    let mut found = Vec::new();
    books.each(&sql, params![since.unix_millis(), until.unix_millis()], |row| {
        found.push(rows::transfer(row)?);
        Ok(())
    })?;
    for Transfer { debit, credit, amount, .. } in found {
        let (payer, rail) = match debit.kind {
            AccountKind::Vouchers(method) => (None, method),
            AccountKind::Deposit(session) => match books.one(&by_id, params![session.as_bytes()], session::record)? {
                Some(session) => (Some(session.payer), session.method),
                None => return Err(StoreError::Damaged(format!("{session} has transfers and no record"))),
            },
            _ => continue,
        };
        let AccountKind::Revenue(route) = credit.kind else { continue };
        sums.add_posted(payer, route, rail, credit.asset, amount)
            .map_err(|error| StoreError::Fault(error.to_string()))?;
    }
    Ok(())
}

/// A page of transfers after a sequence number, and the number to go on from.
pub(crate) fn transfers(books: &Connection, after: u64, limit: u32) -> Result<Vec<(u64, Transfer)>, StoreError> {
    let sql =
        TRANSFERS.replacen(" FROM", ", t.sequence FROM", 1) + " WHERE t.sequence > ?1 ORDER BY t.sequence LIMIT ?2";
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    books.many(&sql, params![after, limit], |row| {
        let sequence = row.get::<i64>(10)?;
        Ok((u64::try_from(sequence).unwrap_or_default(), rows::transfer(row)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_is_found_without_reading_every_payment() {
        let folder = tempfile::tempdir().unwrap();
        let books = crate::engine::sqlite::file::writer(&folder.path().join("books.db")).unwrap();
        let cases = [
            (due_sql(), "payments_in_progress"),
            (claimed_sql(), "payments_in_progress"),
            (to_confirm_sql(), "payments_provisional"),
            (suspense_sql(), "movements_suspended"),
            (not_seen_sql().file, "movements_not_seen"),
        ];
        for (sql, index) in cases {
            let mut explain = books.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let plan: Vec<String> = explain
                .query_map(rusqlite::params_from_iter(vec![0; explain.parameter_count()]), |row| row.get(3))
                .unwrap()
                .collect::<Result<_, _>>()
                .unwrap();
            assert!(plan.iter().any(|step| step.contains(index)), "{plan:?}");
        }
    }
}
