//! A page of a statement file: its entries one after the other, and with the last page its statements.

use farthing_money::{Amount, Asset};
use farthing_protocol::Timestamp;
use farthing_rail::{AccountStatement, Cursor};

use super::take::{self, take};
use super::{BankOutcome, BankPage, StatementRecord, Taken};
use crate::ledger::posting::{Refused, post};
use crate::ledger::{EntryPurpose, Phase};
use crate::shelf::{Missing, Shelf};
use crate::touches::{Wanted, want};
use crate::{AccountId, AccountKind, Outcome, Transfer, TransferId};

/// Where the cursor of a file stands when all of it was taken.
const DONE: &str = "done";

impl BankPage {
    /// Under which the books remember how far a file was taken.
    pub fn source(file: &[u8; 32]) -> String {
        let digits: String = file.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("statement file {digits}")
    }

    /// The page that comes next of a file whose cursor stands there; `None` when all of it was taken.
    pub fn next(cursor: &Cursor) -> Option<u32> {
        if cursor.0 == DONE { None } else { Some(cursor.0.parse().unwrap_or_default()) }
    }

    /// The accounts that any entry may move something on.
    fn accounts(&self) -> impl Iterator<Item = AccountId> {
        let of_rail = [
            AccountKind::Confirmed,
            AccountKind::Clearing,
            AccountKind::Withdrawals,
            AccountKind::Fees,
            AccountKind::Losses,
            AccountKind::Opening,
        ];
        let of_rail = of_rail.into_iter().map(|kind| kind(self.rail.clone()));
        let others = [AccountKind::Suspense, AccountKind::Conversion(self.currency)];
        of_rail.chain(others).map(|kind| AccountId::new(kind, &self.asset))
    }
}

/// Adds the rows that a page touches, as far as the shelf lets it be known.
pub(crate) fn touches(page: &BankPage, shelf: &Shelf, wanted: &mut Wanted) {
    want(&shelf.cursors, &mut wanted.cursors, BankPage::source(&page.file));
    for account in page.accounts() {
        want(&shelf.accounts, &mut wanted.accounts, account);
    }
    for entry in &page.entries {
        take::touches(page, entry, shelf, wanted);
    }
    if let Some(statements) = &page.statements {
        want(&shelf.first_statements, &mut wanted.first_statements, page.asset.clone());
        for statement in statements {
            let key = StatementRecord::key(&page.asset, &statement.id);
            want(&shelf.bank_statements, &mut wanted.bank_statements, key);
            want(&shelf.transfers, &mut wanted.transfers, TransferId::of_entry(&key, EntryPurpose::Opening));
        }
    }
}

/// Takes a page. One that does not come next changes nothing.
pub(crate) fn apply(shelf: &mut Shelf, page: &BankPage) -> Result<Outcome, Missing> {
    let mut wanted = Wanted::default();
    touches(page, shelf, &mut wanted);
    if !wanted.is_empty() {
        return Err(Missing("a row of a statement's page"));
    }
    let source = BankPage::source(&page.file);
    let expected = BankPage::next(&shelf.cursors.get(&source)?.cloned().unwrap_or_default());
    if expected != Some(page.number) {
        return Ok(Outcome::Bank(BankOutcome::Expects(expected)));
    }
    if let Some(other) = other_statement(shelf, page)? {
        return Ok(Outcome::Bank(BankOutcome::OtherStatement(other)));
    }
    let mut taken = Taken::default();
    for entry in &page.entries {
        match take(shelf, page, entry) {
            Ok(one) => taken = taken.and(one),
            Err(refused) => return refused.outcome(),
        }
    }
    for statement in page.statements.iter().flatten() {
        if let Err(refused) = keep(shelf, page, statement) {
            return refused.outcome();
        }
    }
    let next = page.number.checked_add(1).filter(|_| page.statements.is_none());
    shelf.cursors.put(source, Cursor(next.map_or_else(|| DONE.to_owned(), |next| next.to_string())));
    Ok(Outcome::Bank(BankOutcome::Taken(taken)))
}

/// A statement that is known with other balances.
fn other_statement(shelf: &Shelf, page: &BankPage) -> Result<Option<String>, Missing> {
    for statement in page.statements.iter().flatten() {
        let known = shelf.bank_statements.get(&StatementRecord::key(&page.asset, &statement.id))?;
        if known.is_some_and(|known| known.statement != *statement) {
            return Ok(Some(statement.id.clone()));
        }
    }
    Ok(None)
}

/// Keeps a statement. What was on the account before the earliest one is what that one opens with.
fn keep(shelf: &mut Shelf, page: &BankPage, statement: &AccountStatement) -> Result<(), Refused> {
    let key = StatementRecord::key(&page.asset, &statement.id);
    if shelf.bank_statements.get(&key)?.is_some() {
        return Ok(());
    }
    let record = StatementRecord {
        rail: page.rail.clone(),
        asset: page.asset.clone(),
        statement: statement.clone(),
        file: page.file,
        at: page.at,
    };
    let first = shelf.first_statements.get(&page.asset)?;
    if first.is_none_or(|first| record.place() < first.place()) {
        let known = first.map_or(0, |first| first.statement.opening);
        if let Some(transfer) = opening(&record, known, page.at) {
            post(shelf, &[transfer])?;
        }
        shelf.first_statements.put(page.asset.clone(), record.clone());
    }
    shelf.bank_statements.put(key, record);
    Ok(())
}

/// What makes the opening balance that of this statement instead of the one that was the first.
fn opening(record: &StatementRecord, known: i128, at: Timestamp) -> Option<Transfer> {
    let more = record.statement.opening.saturating_sub(known);
    let account = |kind: fn(String) -> AccountKind, asset: &Asset| AccountId::new(kind(record.rail.clone()), asset);
    let confirmed = account(AccountKind::Confirmed, &record.asset);
    let before = account(AccountKind::Opening, &record.asset);
    let (debit, credit) = if more > 0 { (confirmed, before) } else { (before, confirmed) };
    let key = StatementRecord::key(&record.asset, &record.statement.id);
    (more != 0).then(|| Transfer {
        id: TransferId::of_entry(&key, EntryPurpose::Opening),
        debit,
        credit,
        amount: Amount::new(more.unsigned_abs()),
        phase: Phase::Single,
        payment: None,
        at,
    })
}
