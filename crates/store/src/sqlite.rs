//! The [`Store`] trait over one SQLite file.

pub(crate) mod approval;
pub(crate) mod audit;
pub(crate) mod bank;
pub(crate) mod budget;
pub(crate) mod file;
pub(crate) mod rows;
pub(crate) mod session;
pub(crate) mod topup;
mod write;

use std::collections::HashMap;
use std::hash::Hash;

use farthing_books::shelf::Rows;
use farthing_books::touches::Wanted;
use farthing_books::{AccountId, Auditor, Shelf, Store, TransferId};
use farthing_protocol::Timestamp;
use farthing_rail::{Cursor, PaymentId, ProofKey};
use rusqlite::{Connection, OptionalExtension, Row, ToSql};

use crate::StoreError;
use approval::APPROVAL;
use budget::{COUNTER, RESERVATION};
use rows::{ACCOUNT, IN_PROGRESS, MOVEMENT, PAYMENT, TRANSFERS};
use session::SESSION;

/// More row numbers than this are not remembered.
const REMEMBERED_ACCOUNTS: usize = 200_000;

/// The writing side of the file.
pub(crate) struct Sqlite {
    connection: Connection,
    /// The row numbers of accounts, which transfers refer to. They never change.
    account_rows: HashMap<AccountId, i64>,
}

impl Sqlite {
    pub(crate) fn new(connection: Connection) -> Self {
        connection.set_prepared_statement_cache_capacity(64);
        Self { connection, account_rows: HashMap::new() }
    }

    /// Moves what is in the write-ahead log into the file as far as readers allow.
    pub(crate) fn checkpoint(&self) -> Result<(), StoreError> {
        Ok(self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?)
    }

    /// Ends the log: everything is in the file itself.
    pub(crate) fn finish(&self) -> Result<(), StoreError> {
        Ok(self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
    }

    fn run(&self, sql: &str) -> Result<(), StoreError> {
        self.connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    }
}

impl Store for Sqlite {
    type Error = StoreError;

    fn begin(&mut self) -> Result<(), StoreError> {
        if self.account_rows.len() > REMEMBERED_ACCOUNTS {
            self.account_rows.clear();
        }
        self.run("BEGIN IMMEDIATE")
    }

    fn load(&mut self, wanted: &Wanted, shelf: &mut Shelf) -> Result<(), StoreError> {
        self.load_accounts(wanted, shelf)?;
        let connection = &self.connection;
        let by_id = format!("{TRANSFERS} WHERE t.id = ?1");
        fill(connection, &by_id, &wanted.transfers, |id| id.0, &mut shelf.transfers, rows::transfer)?;
        let by_hold = "SELECT id FROM transfers WHERE hold = ?1";
        let transfer_id = |row: &Row<'_>| Ok(TransferId(row.get(0)?));
        fill(connection, by_hold, &wanted.resolutions, |hold| hold.0, &mut shelf.resolutions, transfer_id)?;
        let by_id = format!("SELECT {PAYMENT} FROM payments WHERE id = ?1");
        fill(connection, &by_id, &wanted.payments, |id| *id.as_bytes(), &mut shelf.payments, rows::payment)?;
        let text_of = |key: &ProofKey| key.as_str().to_owned();
        let payment_id = |row: &Row<'_>| Ok(PaymentId::from_bytes(row.get(0)?));
        fill(connection, session::BY_PROOF, &wanted.proofs, text_of, &mut shelf.proofs, session::proof_use)?;
        let by_id = format!("SELECT {SESSION} FROM sessions WHERE id = ?1");
        fill(connection, &by_id, &wanted.sessions, |id| *id.as_bytes(), &mut shelf.sessions, session::record)?;
        let by_key = "SELECT id FROM payments WHERE idempotency = ?1";
        fill(connection, by_key, &wanted.keys, |key| *key, &mut shelf.keys, payment_id)?;
        let by_key = format!("SELECT {MOVEMENT} FROM movements WHERE key = ?1");
        fill(connection, &by_key, &wanted.movements, text_of, &mut shelf.movements, rows::movement)?;
        let by_source = "SELECT cursor FROM cursors WHERE source = ?1";
        let cursor = |row: &Row<'_>| Ok(Cursor(row.get(0)?));
        fill(connection, by_source, &wanted.cursors, String::clone, &mut shelf.cursors, cursor)?;
        let by_key = format!("SELECT {COUNTER} FROM budgets WHERE key = ?1");
        fill(connection, &by_key, &wanted.counters, |key| key.0.clone(), &mut shelf.counters, budget::counter)?;
        let by_id = format!("SELECT {RESERVATION} FROM reservations WHERE id = ?1");
        fill(connection, &by_id, &wanted.reservations, |id| *id, &mut shelf.reservations, budget::reservation)?;
        self.load_approvals(wanted, shelf)?;
        topup::load(connection, wanted, shelf)?;
        bank::load(connection, wanted, shelf)?;
        let level = String::clone;
        fill(connection, audit::NEWEST_POLICY, &wanted.policies, level, &mut shelf.policies, audit::policy)?;
        if wanted.audit {
            shelf.audit.head = Some(audit::head(connection)?);
        }
        if wanted.all_in_progress {
            self.load_in_progress(shelf)?;
        }
        Ok(())
    }

    fn commit(&mut self, shelf: &Shelf) -> Result<(), StoreError> {
        if shelf.is_changed() {
            write::changes(&self.connection, &mut self.account_rows, shelf)?;
        }
        self.run("COMMIT")
    }

    fn abandon(&mut self) {
        // Row numbers of accounts that were created in this batch are void.
        self.account_rows.clear();
        if !self.connection.is_autocommit()
            && let Err(error) = self.run("ROLLBACK")
        {
            tracing::error!(%error, "a batch could not be rolled back");
        }
    }

    fn scan(&mut self, auditor: &mut Auditor) -> Result<(), StoreError> {
        scan(&self.connection, auditor)
    }
}

impl Sqlite {
    fn load_accounts(&mut self, wanted: &Wanted, shelf: &mut Shelf) -> Result<(), StoreError> {
        let by_name = format!("SELECT {ACCOUNT} FROM accounts WHERE name = ?1 AND asset = ?2");
        let mut statement = self.connection.prepare_cached(&by_name)?;
        for id in &wanted.accounts {
            let key = (id.kind.to_string(), id.asset.to_string());
            let found = statement.query_row(key, |row| Ok(rows::account(row))).optional()?.transpose()?;
            let account = found.map(|(account, row)| {
                self.account_rows.insert(id.clone(), row);
                account
            });
            if let Some(below) = account.as_ref().filter(|account| !account.keeps_its_bound()) {
                return Err(StoreError::Damaged(format!("{} stands below its bound", below.id)));
            }
            shelf.accounts.load(id.clone(), account);
        }
        Ok(())
    }

    fn load_approvals(&self, wanted: &Wanted, shelf: &mut Shelf) -> Result<(), StoreError> {
        let connection = &self.connection;
        let by_id = format!("SELECT {APPROVAL} FROM approvals WHERE id = ?1");
        fill(connection, &by_id, &wanted.approvals, |id| id.0, &mut shelf.approvals, approval::record)?;
        fill(connection, approval::BY_DIGEST, &wanted.asked, |digest| digest.0, &mut shelf.asked, approval::id)?;
        if wanted.latest {
            let latest = connection.prepare_cached(approval::LATEST)?.query_row([], |row| row.get(0))?;
            shelf.latest = Some(Timestamp::from_unix_millis(latest));
        }
        Ok(())
    }

    fn load_in_progress(&self, shelf: &mut Shelf) -> Result<(), StoreError> {
        let open = format!("SELECT {PAYMENT} FROM payments WHERE {IN_PROGRESS}");
        each(&self.connection, &open, rows::payment, |payment| shelf.payments.load(payment.id, Some(payment)))?;
        let open = format!("SELECT {SESSION} FROM sessions WHERE {}", session::IN_PROGRESS);
        each(&self.connection, &open, session::record, |found| shelf.sessions.load(found.id, Some(found)))?;
        shelf.all_in_progress = true;
        Ok(())
    }
}

/// Shows every row to an auditor, in one read transaction. A row that cannot be read is a finding.
pub(crate) fn scan(connection: &Connection, auditor: &mut Auditor) -> Result<(), StoreError> {
    let books = connection.unchecked_transaction()?;
    show(&books, auditor, &format!("{TRANSFERS} ORDER BY t.sequence"), rows::transfer, |auditor, row| {
        auditor.transfer(&row);
    })?;
    show(&books, auditor, &format!("SELECT {ACCOUNT} FROM accounts"), rows::account, |auditor, (account, _)| {
        auditor.account(&account);
    })?;
    show(&books, auditor, &format!("SELECT {PAYMENT} FROM payments"), rows::payment, |auditor, row| {
        auditor.payment(&row);
    })?;
    show(&books, auditor, session::DEPOSITS, session::deposit, |auditor, (key, session)| {
        auditor.deposit(&key, session);
    })?;
    show(&books, auditor, &format!("SELECT {SESSION} FROM sessions"), session::record, |auditor, row| {
        auditor.session(&row);
    })?;
    show(&books, auditor, &format!("SELECT {MOVEMENT} FROM movements"), rows::movement, |auditor, row| {
        auditor.movement(&row);
    })?;
    show_banks(&books, auditor)?;
    show(&books, auditor, &format!("SELECT {RESERVATION} FROM reservations"), budget::reservation, |auditor, row| {
        auditor.reservation(&row);
    })?;
    show(&books, auditor, &format!("SELECT {COUNTER} FROM budgets"), budget::counter, |auditor, row| {
        auditor.counter(&row);
    })?;
    let complaint = |row: &Row<'_>| Ok(row.get::<_, String>(0)?);
    each(&books, "PRAGMA integrity_check", complaint, |row| {
        if row != "ok" {
            auditor.find(format!("the file itself: {row}"));
        }
    })
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
    each(
        books,
        sql,
        |row| Ok(read(row)),
        |row| match row {
            Ok(row) => to(auditor, row),
            Err(unreadable) => auditor.find(format!("{unreadable} (a row of: {sql})")),
        },
    )
}

/// Hands every row of a query to `take`.
pub(crate) fn each<T>(
    connection: &Connection,
    sql: &str,
    read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
    mut take: impl FnMut(T),
) -> Result<(), StoreError> {
    let mut statement = connection.prepare(sql)?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        take(read(row)?);
    }
    Ok(())
}

/// Looks each wanted key up and puts what there is, or that there is nothing, on the shelf.
fn fill<'a, K, S, V>(
    connection: &Connection,
    sql: &str,
    wanted: impl IntoIterator<Item = &'a K, IntoIter: ExactSizeIterator>,
    stored: impl Fn(&K) -> S,
    rows: &mut Rows<K, V>,
    read: impl Fn(&Row<'_>) -> Result<V, StoreError>,
) -> Result<(), StoreError>
where
    K: Clone + Eq + Hash + 'a,
    S: ToSql,
{
    let wanted = wanted.into_iter();
    if wanted.len() == 0 {
        return Ok(());
    }
    let mut statement = connection.prepare_cached(sql)?;
    for key in wanted {
        let row = statement.query_row([stored(key)], |row| Ok(read(row))).optional()?.transpose()?;
        rows.load(key.clone(), row);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use farthing_books::store::run;
    use farthing_books::testing::samples::{grant, prepaid};
    use farthing_books::{ClaimOutcome, Command, Outcome};

    use super::*;

    #[test]
    fn a_full_disk_refuses_whole_batches_and_room_helps() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Sqlite::new(file::writer(&folder.path().join("books.db")).unwrap());
        let mut shelf = Shelf::default();
        run(&mut store, &mut shelf, &[grant(1, 1, 1_000_000)], Some(100)).unwrap();
        let pages: i64 = store.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        store.connection.pragma_update(None, "max_page_count", pages + 4).unwrap();

        let batch = |from: u32| (from..from + 10).map(|number| Command::Claim(Box::new(prepaid(number, 1, 1))));
        let mut from = 0;
        let failed = loop {
            let commands: Vec<Command> = batch(from).collect();
            match run(&mut store, &mut shelf, &commands, Some(100)) {
                Ok(outcomes) => {
                    let won = |outcome: &Outcome| matches!(outcome, Outcome::Claim(ClaimOutcome::Won(_)));
                    assert!(outcomes.iter().all(won));
                    from += 10;
                }
                Err(error) => break StoreError::from(error),
            }
        };
        assert!(failed.to_string().contains("full"), "{failed}");
        assert!(from > 0, "some batches fit");
        let count = |store: &Sqlite| -> u32 {
            store.connection.query_row("SELECT count(*) FROM payments", [], |row| row.get(0)).unwrap()
        };
        assert_eq!(count(&store), from, "all of a batch or none of it");

        store.connection.pragma_update(None, "max_page_count", 1_000_000).unwrap();
        let commands: Vec<Command> = batch(from).collect();
        run(&mut store, &mut shelf, &commands, Some(100)).unwrap();
        assert_eq!(count(&store), from + 10);
        let mut auditor = Auditor::default();
        store.scan(&mut auditor).unwrap();
        assert_eq!(auditor.finish().findings, Vec::<String>::new());
    }
}
