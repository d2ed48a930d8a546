//! Moving books from one place to another, whole and checked, or not at all.

use std::thread;

use farthing_books::{Account, Auditor, Verification};
use rusqlite::ToSql;
use rusqlite::types::Value;
use tokio::sync::oneshot;

use crate::engine::lookup::owned_column;
use crate::engine::sqlite::file::Lock;
use crate::engine::{Connection, Wording};
use crate::tables::rows::{self, ACCOUNT};
use crate::tables::show_all;
use crate::{Location, Sharing, StoreError};

/// Every table, those first that others refer to.
const TABLES: [&str; 23] = [
    "identity",
    "accounts",
    "pruned",
    "carried",
    "transfers",
    "payments",
    "responses",
    "visits",
    "movements",
    "cursors",
    "sessions",
    "deposits",
    "budgets",
    "reservations",
    "approvals",
    "audit_start",
    "policies",
    "audit",
    "topups",
    "bank_entries",
    "assignments",
    "bank_statements",
    "payouts",
];

/// So many rows go to a server at a time.
const AT_A_TIME: u64 = 1_000;

/// Why books were not moved. Nothing is where they were to go.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MoveError {
    /// One of the two places did not answer, or may not be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There are books already.
    #[error("the books at {0} are not empty; name a place where there are none, such as another schema")]
    NotEmpty(String),
    /// Processes write to the books that are to be moved.
    #[error("gateways are writing to the books at {0}; stop them first")]
    InUse(String),
    /// The books contradict themselves where they are.
    #[error("the books that are to be moved do not add up: {0}; run `farthing books verify`")]
    Unsound(String),
    /// What arrived is something else than what left.
    #[error("what arrived is something else than what left ({0}), so nothing was kept of it; this is a fault of ours")]
    Different(&'static str),
}

/// What was moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Each table with how many rows.
    pub tables: Vec<(&'static str, u64)>,
    /// What both books say of themselves.
    pub verification: Verification,
}

/// Moves books to a place where there are none. Everything is written and checked in one transaction: every total is
/// computed anew on both sides, and every balance is compared.
pub async fn move_books(from: Location, to: Location) -> Result<Moved, MoveError> {
    let (answer, moved) = oneshot::channel();
    let work = move || drop(answer.send(moved_on_this_thread(&from, &to)));
    let spawned = thread::Builder::new().name("books-move".to_owned()).spawn(work);
    spawned.map_err(|error| StoreError::Unavailable(error.to_string()))?;
    moved.await.map_err(|_| StoreError::Closed)?
}

fn moved_on_this_thread(from: &Location, to: &Location) -> Result<Moved, MoveError> {
    let _locks = [lock(from)?, lock(to)?];
    if from.file().is_some_and(|file| !file.exists()) {
        return Err(StoreError::Unavailable(format!("there are no books at {from}")).into());
    }
    let source = Connection::reader(from)?;
    let target = Connection::writer(to, Sharing::Shared)?;
    if count(&source, "nodes WHERE watched = 1")? > 0 {
        return Err(MoveError::InUse(from.to_string()));
    }
    target.begin()?;
    let moved = source.snapshot(|source| Ok(copy(source, &target, to)))?;
    match moved {
        Ok(moved) => {
            target.commit()?;
            target.finish()?;
            Ok(moved)
        }
        Err(error) => {
            target.abandon();
            Err(error)
        }
    }
}

fn lock(place: &Location) -> Result<Option<Lock>, StoreError> {
    place.file().map_or(Ok(None), |file| Lock::take(file, Sharing::Exclusive))
}

fn copy(source: &Connection, target: &Connection, to: &Location) -> Result<Moved, MoveError> {
    target.take_time()?;
    for table in TABLES.into_iter().filter(|table| *table != "audit_start") {
        if count(target, table)? > 0 {
            return Err(MoveError::NotEmpty(to.to_string()));
        }
    }
    let mut tables = Vec::with_capacity(TABLES.len());
    for table in TABLES {
        tables.push((table, copy_table(source, target, table)?));
    }
    let (left, arrived) = (verified(source)?, verified(target)?);
    if let Some(finding) = left.findings.first() {
        return Err(MoveError::Unsound(finding.clone()));
    }
    if left != arrived {
        return Err(MoveError::Different("its totals"));
    }
    if accounts(source)? != accounts(target)? {
        return Err(MoveError::Different("its balances"));
    }
    Ok(Moved { tables, verification: arrived })
}

fn copy_table(source: &Connection, target: &Connection, table: &'static str) -> Result<u64, StoreError> {
    let columns = columns(source, table)?;
    let names = columns.iter().map(|column| format!("\"{column}\"")).collect::<Vec<_>>().join(", ");
    let places = (1..=columns.len()).map(|place| format!("?{place}")).collect::<Vec<_>>().join(", ");
    let has_order = columns.iter().any(|column| column == "sequence");
    let order = if has_order { " ORDER BY sequence" } else { "" };
    let insert = format!("INSERT INTO {table} ({names}) VALUES ({places})");
    let mut rows = 0;
    source.each(&format!("SELECT {names} FROM {table}{order}"), &[], |row| {
        let values = (0..columns.len()).map(|index| owned_column(row, index)).collect::<Result<Vec<Value>, _>>()?;
        let values: Vec<&dyn ToSql> = values.iter().map(|value| value as &dyn ToSql).collect();
        target.write(&insert, &values)?;
        rows += 1;
        if rows % AT_A_TIME == 0 { target.flush() } else { Ok(()) }
    })?;
    target.flush()?;
    if has_order {
        target.go_on_from_last_sequence(table)?;
    }
    Ok(rows)
}

fn columns(connection: &Connection, table: &str) -> Result<Vec<String>, StoreError> {
    let sql = Wording {
        file: "SELECT name FROM pragma_table_info(?1)".to_owned(),
        server: "SELECT column_name::text FROM information_schema.columns WHERE table_name = ?1 \
                 AND table_schema = current_schema() ORDER BY ordinal_position"
            .to_owned(),
    };
    connection.many(connection.words(&sql), &[&table], |row| row.get(0))
}

/// How many rows there are; none where a file has no such table.
fn count(connection: &Connection, of: &str) -> Result<i64, StoreError> {
    if matches!(connection, Connection::File(_)) && of.starts_with("nodes") {
        return Ok(0);
    }
    let found = connection.one(&format!("SELECT count(*) FROM {of}"), &[], |row| row.get(0))?;
    Ok(found.unwrap_or_default())
}

fn verified(connection: &Connection) -> Result<Verification, StoreError> {
    let mut auditor = Auditor::default();
    show_all(connection, &mut auditor)?;
    Ok(auditor.finish())
}

fn accounts(connection: &Connection) -> Result<Vec<Account>, StoreError> {
    let sql = format!("SELECT {ACCOUNT} FROM accounts ORDER BY name, asset");
    connection.many(&sql, &[], |row| Ok(rows::account(row)?.0))
}
