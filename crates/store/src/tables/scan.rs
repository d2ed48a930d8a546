//! Every row of the books, shown to an auditor.

use farthing_books::Auditor;

use super::rows::{self, ACCOUNT, MOVEMENT, PAYMENT, TRANSFERS};
use super::session::{self, SESSION};
use super::{bank, budget, retention, topup};
use crate::StoreError;
use crate::engine::{Connection, Row};
use budget::{COUNTER, RESERVATION};

/// Shows every row to an auditor, in one read transaction. A row that cannot be read is a finding.
pub(crate) fn scan(connection: &Connection, auditor: &mut Auditor) -> Result<(), StoreError> {
    connection.snapshot(|books| show_all(books, auditor))
}

/// The same as they stand in the transaction that is open.
pub(crate) fn show_all(books: &Connection, auditor: &mut Auditor) -> Result<(), StoreError> {
    show(books, auditor, retention::PRUNED, retention::pruned, |auditor, pruned| auditor.pruned(pruned))?;
    show(books, auditor, retention::CARRIED, retention::carried, |auditor, (account, debits, credits)| {
        auditor.carried(&account, debits, credits);
    })?;
    show(books, auditor, &format!("{TRANSFERS} ORDER BY t.sequence"), rows::transfer, |auditor, row| {
        auditor.transfer(&row);
    })?;
    show(books, auditor, &format!("SELECT {ACCOUNT} FROM accounts"), rows::account, |auditor, (account, _)| {
        auditor.account(&account);
    })?;
    show(books, auditor, &format!("SELECT {PAYMENT} FROM payments"), rows::payment, |auditor, row| {
        auditor.payment(&row);
    })?;
    show(books, auditor, session::DEPOSITS, session::deposit, |auditor, (key, session)| {
        auditor.deposit(&key, session);
    })?;
    show(books, auditor, &format!("SELECT {SESSION} FROM sessions"), session::record, |auditor, row| {
        auditor.session(&row);
    })?;
    show(books, auditor, &format!("SELECT {MOVEMENT} FROM movements"), rows::movement, |auditor, row| {
        auditor.movement(&row);
    })?;
    show_banks(books, auditor)?;
    show(books, auditor, &format!("SELECT {RESERVATION} FROM reservations"), budget::reservation, |auditor, row| {
        auditor.reservation(&row);
    })?;
    show(books, auditor, &format!("SELECT {COUNTER} FROM budgets"), budget::counter, |auditor, row| {
        auditor.counter(&row);
    })?;
    for complaint in books.complaints()? {
        auditor.find(format!("the file itself: {complaint}"));
    }
    Ok(())
}

/// Accounts elsewhere, and the orders that they fund.
fn show_banks(books: &Connection, auditor: &mut Auditor) -> Result<(), StoreError> {
    let payouts = format!("SELECT {} FROM payouts", bank::payout::PAYOUT);
    show(books, auditor, &payouts, bank::payout::record, |auditor, row| auditor.payout(&row))?;
    let entries = format!("SELECT {} FROM bank_entries", bank::ENTRY);
    show(books, auditor, &entries, bank::entry, |auditor, row| auditor.bank_entry(&row))?;
    let said = format!("SELECT {} FROM assignments ORDER BY entry, number", bank::ASSIGNMENT);
    show(books, auditor, &said, bank::assignment, |auditor, (entry, row)| auditor.assignment(entry, &row))?;
    let statements = format!("SELECT {} FROM bank_statements", bank::statement::STATEMENT);
    show(books, auditor, &statements, bank::statement::record, |auditor, row| auditor.bank_statement(&row))?;
    let orders = format!("SELECT {} FROM topups", topup::TOPUP);
    show(books, auditor, &orders, topup::record, |auditor, row| auditor.topup(&row))
}

fn show<T>(
    books: &Connection,
    auditor: &mut Auditor,
    sql: &str,
    read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
    to: impl Fn(&mut Auditor, T),
) -> Result<(), StoreError> {
    books.each(sql, &[], |row| {
        match read(row) {
            Ok(row) => to(auditor, row),
            Err(unreadable) => auditor.find(format!("{unreadable} (a row of: {sql})")),
        }
        Ok(())
    })
}
