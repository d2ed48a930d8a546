//! The [`Store`] trait over the tables that both engines have: every statement and who reads its rows.

pub(crate) mod approval;
pub(crate) mod audit;
pub(crate) mod bank;
pub(crate) mod budget;
pub(crate) mod retention;
pub(crate) mod rows;
mod scan;
pub(crate) mod session;
pub(crate) mod topup;
mod write;

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use farthing_books::shelf::{LeftBehind, Rows};
use farthing_books::touches::Wanted;
use farthing_books::{AccountId, Auditor, Shelf, Store, TransferId};
use farthing_protocol::Timestamp;
use farthing_rail::{Cursor, PaymentId, ProofKey};
use rusqlite::types::Value;

use crate::StoreError;
use crate::engine::lookup::Lookups;
use crate::engine::{Connection, Row};
use approval::APPROVAL;
use budget::{COUNTER, RESERVATION};
use rows::{ACCOUNT, IN_PROGRESS, MOVEMENT, PAYMENT, TRANSFERS};
pub(crate) use scan::{scan, show_all};
use session::SESSION;

/// More row numbers than this are not remembered.
const REMEMBERED_ACCOUNTS: usize = 200_000;

/// The writing side of the books.
pub(crate) struct Tables {
    pub(crate) connection: Connection,
    /// The row numbers of accounts, which transfers refer to. They never change.
    account_rows: HashMap<AccountId, i64>,
}

impl Tables {
    pub(crate) fn new(connection: Connection) -> Self {
        Self { connection, account_rows: HashMap::new() }
    }
}

impl Store for Tables {
    type Error = StoreError;

    fn begin(&mut self) -> Result<(), StoreError> {
        if self.account_rows.len() > REMEMBERED_ACCOUNTS {
            self.account_rows.clear();
        }
        self.connection.begin()
    }

    fn others_wrote(&self) -> bool {
        self.connection.others_wrote()
    }

    fn load(&mut self, wanted: &Wanted, shelf: &mut Shelf) -> Result<(), StoreError> {
        let buried = wanted.left_behind && self.connection.bury_the_dead()?;
        let mut lookups = Lookups::default();
        look_up_accounts(&mut lookups, wanted, &mut self.account_rows);
        look_up_payments(&mut lookups, wanted, self.connection.node());
        look_up_limits(&mut lookups, wanted);
        topup::look_up(&mut lookups, wanted);
        bank::look_up(&mut lookups, wanted);
        if wanted.left_behind {
            look_up_what_is_left(&mut lookups, &self.connection);
        }
        if buried {
            look_up_what_is_shared(&mut lookups);
        }
        self.connection.look_up(lookups, shelf)
    }

    fn commit(&mut self, shelf: &Shelf) -> Result<(), StoreError> {
        if shelf.is_changed() {
            write::changes(&self.connection, &mut self.account_rows, shelf)?;
        }
        self.connection.commit()
    }

    fn abandon(&mut self) {
        // Row numbers of accounts that were created in this batch are void.
        self.account_rows.clear();
        self.connection.abandon();
    }

    fn scan(&mut self, auditor: &mut Auditor) -> Result<(), StoreError> {
        scan(&self.connection, auditor)
    }
}

fn look_up_accounts<'a>(lookups: &mut Lookups<'a>, wanted: &Wanted, rows: &'a mut HashMap<AccountId, i64>) {
    let by_name = format!("SELECT {ACCOUNT} FROM accounts WHERE name = ?1 AND asset = ?2");
    let key = |id: &AccountId| vec![id.kind.to_string().into(), id.asset.to_string().into()];
    lookups.add(by_name, wanted.accounts.iter().cloned(), key, rows::account, |shelf, id, found| {
        let account = found.into_iter().next().map(|(account, row)| {
            rows.insert(id.clone(), row);
            account
        });
        if let Some(below) = account.as_ref().filter(|account| !account.keeps_its_bound()) {
            return Err(StoreError::Damaged(format!("{} stands below its bound", below.id)));
        }
        shelf.accounts.load(id, account);
        Ok(())
    });
    let by_id = format!("{TRANSFERS} WHERE t.id = ?1");
    fill(lookups, by_id, &wanted.transfers, |id| id.0.to_vec(), |shelf| &mut shelf.transfers, rows::transfer);
    let by_hold = "SELECT id FROM transfers WHERE hold = ?1";
    let transfer_id = |row: &Row<'_>| Ok(TransferId(row.get(0)?));
    fill(lookups, by_hold, &wanted.resolutions, |hold| hold.0.to_vec(), |shelf| &mut shelf.resolutions, transfer_id);
}

fn look_up_payments(lookups: &mut Lookups<'_>, wanted: &Wanted, own: i64) {
    let text_of = |key: &ProofKey| key.as_str().to_owned();
    let payment_id = |row: &Row<'_>| Ok(PaymentId::from_bytes(row.get(0)?));
    let by_id = format!("SELECT {PAYMENT}, node FROM payments WHERE id = ?1");
    let bytes = |id: &PaymentId| id.as_bytes().to_vec();
    let value = |id: &PaymentId| vec![bytes(id).into()];
    lookups.add(by_id, wanted.payments.iter().copied(), value, rows::payment_and_node, move |shelf, id, found| {
        let found = found.into_iter().next();
        if found.as_ref().is_some_and(|(_, node)| *node != own) {
            shelf.elsewhere.insert(id);
        }
        shelf.payments.load(id, found.map(|(payment, _)| payment));
        Ok(())
    });
    let by_id = "SELECT until FROM visits WHERE id = ?1";
    let until = |row: &Row<'_>| Ok(Timestamp::from_unix_millis(row.get(0)?));
    fill(lookups, by_id, &wanted.visits, bytes, |shelf| &mut shelf.visits, until);
    if wanted.horizon {
        let read = |row: &Row<'_>| Ok(Timestamp::from_unix_millis(row.get(0)?));
        lookups.add_all(retention::HORIZON, read, |shelf, found| {
            shelf.horizon = Some(found.into_iter().next().unwrap_or(Timestamp::from_unix_millis(i64::MIN)));
        });
    }
    fill(lookups, session::BY_PROOF, &wanted.proofs, text_of, |shelf| &mut shelf.proofs, session::proof_use);
    let by_key = "SELECT id FROM payments WHERE idempotency = ?1";
    fill(lookups, by_key, &wanted.keys, |key| key.to_vec(), |shelf| &mut shelf.keys, payment_id);
    let by_key = format!("SELECT {MOVEMENT} FROM movements WHERE key = ?1");
    fill(lookups, by_key, &wanted.movements, text_of, |shelf| &mut shelf.movements, rows::movement);
    let by_source = "SELECT cursor FROM cursors WHERE source = ?1";
    let cursor = |row: &Row<'_>| Ok(Cursor(row.get(0)?));
    fill(lookups, by_source, &wanted.cursors, String::clone, |shelf| &mut shelf.cursors, cursor);
    let by_id = format!("SELECT {SESSION} FROM sessions WHERE id = ?1");
    let bytes = |id: &farthing_rail::SessionId| id.as_bytes().to_vec();
    fill(lookups, by_id, &wanted.sessions, bytes, |shelf| &mut shelf.sessions, session::record);
}

/// What a wallet's limits, questions and log need.
fn look_up_limits(lookups: &mut Lookups<'_>, wanted: &Wanted) {
    let by_key = format!("SELECT {COUNTER} FROM budgets WHERE key = ?1");
    fill(lookups, by_key, &wanted.counters, |key| key.0.clone(), |shelf| &mut shelf.counters, budget::counter);
    let by_id = format!("SELECT {RESERVATION} FROM reservations WHERE id = ?1");
    fill(lookups, by_id, &wanted.reservations, |id| id.to_vec(), |shelf| &mut shelf.reservations, budget::reservation);
    let by_id = format!("SELECT {APPROVAL} FROM approvals WHERE id = ?1");
    fill(lookups, by_id, &wanted.approvals, |id| id.0.to_vec(), |shelf| &mut shelf.approvals, approval::record);
    let facts = |digest: &farthing_books::approval::FactsDigest| digest.0.to_vec();
    fill(lookups, approval::BY_DIGEST, &wanted.asked, facts, |shelf| &mut shelf.asked, approval::id);
    let level = String::clone;
    fill(lookups, audit::NEWEST_POLICY, &wanted.policies, level, |shelf| &mut shelf.policies, audit::policy);
    if wanted.latest {
        let read = |row: &Row<'_>| Ok(Timestamp::from_unix_millis(row.get(0)?));
        lookups.add_all(approval::LATEST, read, |shelf, found| shelf.latest = found.into_iter().next());
    }
    if wanted.audit {
        lookups.add_all(audit::NEWEST, audit::head, |shelf, found| {
            shelf.audit.head = Some(found.into_iter().next().unwrap_or(farthing_books::audit::Head::EMPTY));
        });
    }
}

fn look_up_what_is_left(lookups: &mut Lookups<'_>, connection: &Connection) {
    let is_alone = connection.is_alone();
    let open = |columns: &str, table: &str, condition: &str| {
        let of = if is_alone { "" } else { " AND node NOT IN (SELECT node FROM nodes)" };
        format!("SELECT {columns} FROM {table} WHERE {condition}{of}")
    };
    lookups.add_all(open(PAYMENT, "payments", IN_PROGRESS), rows::payment, move |shelf, found| {
        let payments = found.iter().map(|payment| payment.id).collect();
        found.into_iter().for_each(|payment| shelf.payments.load(payment.id, Some(payment)));
        let these = LeftBehind::These { payments, sessions: Vec::new(), shared: Vec::new() };
        shelf.left_behind = Some(if is_alone { LeftBehind::Everything } else { these });
    });
    lookups.add_all(open(SESSION, "sessions", session::IN_PROGRESS), session::record, |shelf, found| {
        if let Some(LeftBehind::These { sessions, .. }) = &mut shelf.left_behind {
            sessions.extend(found.iter().map(|session| session.id));
        }
        found.into_iter().for_each(|session| shelf.sessions.load(session.id, Some(session)));
    });
}

/// Sessions of which something is held, and whose row says that a living process was the last to use them: the dead one
/// may have held something of them before.
fn look_up_what_is_shared(lookups: &mut Lookups<'_>) {
    let held = format!(
        "SELECT {SESSION} FROM sessions WHERE {} AND held <> '0' AND node IN (SELECT node FROM nodes)",
        session::IN_PROGRESS
    );
    lookups.add_all(held, session::record, |shelf, found| {
        if let Some(LeftBehind::These { shared, .. }) = &mut shelf.left_behind {
            shared.extend(found.iter().map(|session| session.id));
        }
        found.into_iter().for_each(|session| shelf.sessions.load(session.id, Some(session)));
    });
}

/// Looks each wanted key up and puts what there is, or that there is nothing, among the rows of its kind.
fn fill<'a, K, S, V>(
    lookups: &mut Lookups<'a>,
    sql: impl Into<String>,
    wanted: &HashSet<K>,
    stored: impl Fn(&K) -> S,
    rows: fn(&mut Shelf) -> &mut Rows<K, V>,
    read: impl Fn(&Row<'_>) -> Result<V, StoreError> + 'a,
) where
    K: Clone + Eq + Hash + 'a,
    S: Into<Value>,
    V: 'a,
{
    let value = |key: &K| vec![stored(key).into()];
    lookups.add(sql, wanted.iter().cloned(), value, read, move |shelf, key, found| {
        rows(shelf).load(key, found.into_iter().next());
        Ok(())
    });
}

#[cfg(test)]
mod tests {
    use farthing_books::store::run;
    use farthing_books::testing::samples::{grant, prepaid};
    use farthing_books::{ClaimOutcome, Command, Outcome};

    use super::*;
    use crate::engine::sqlite::file;

    fn inner(store: &Tables) -> &rusqlite::Connection {
        match &store.connection {
            Connection::File(file) => file,
            Connection::Server(_) => panic!("the books are in a file"),
        }
    }

    #[test]
    fn a_full_disk_refuses_whole_batches_and_room_helps() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Tables::new(Connection::File(file::writer(&folder.path().join("books.db")).unwrap().into()));
        let mut shelf = Shelf::default();
        run(&mut store, &mut shelf, &[grant(1, 1, 1_000_000)], Some(100)).unwrap();
        let pages: i64 = inner(&store).pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        inner(&store).pragma_update(None, "max_page_count", pages + 4).unwrap();

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
        let count = |store: &Tables| -> u32 {
            inner(store).query_row("SELECT count(*) FROM payments", [], |row| row.get(0)).unwrap()
        };
        assert_eq!(count(&store), from, "all of a batch or none of it");

        inner(&store).pragma_update(None, "max_page_count", 1_000_000).unwrap();
        let commands: Vec<Command> = batch(from).collect();
        run(&mut store, &mut shelf, &commands, Some(100)).unwrap();
        assert_eq!(count(&store), from + 10);
        let mut auditor = Auditor::default();
        store.scan(&mut auditor).unwrap();
        assert_eq!(auditor.finish().findings, Vec::<String>::new());
    }
}
