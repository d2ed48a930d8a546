//! The schema and its migrations: forward only, each in one transaction with its version.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::StoreError;

/// "FRTH": says in the file's header whose it is.
const APPLICATION: i64 = 0x4652_5448;

/// What brings a file from each version to the next. Released ones are never edited.
const MIGRATIONS: [&str; 11] = [
    include_str!("migrations/0001.sql"),
    include_str!("migrations/0002.sql"),
    include_str!("migrations/0003.sql"),
    include_str!("migrations/0004.sql"),
    include_str!("migrations/0005.sql"),
    include_str!("migrations/0006.sql"),
    include_str!("migrations/0007.sql"),
    include_str!("migrations/0008.sql"),
    include_str!("migrations/0009.sql"),
    include_str!("migrations/0010.sql"),
    include_str!("migrations/0011.sql"),
];

/// Brings the file to the newest version.
pub(crate) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    if look(connection, path)? == newest() {
        // Nothing to write, and no turn to wait for.
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = known(&transaction, path)?;
    for (migration, version) in MIGRATIONS.iter().zip(1_i64..).filter(|(_, version)| *version > found) {
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "user_version", version)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.commit()?;
    Ok(())
}

/// Refuses a file of any other version than the newest, for those who may not change it.
pub(crate) fn check(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let (found, known) = (look(connection, path)?, newest());
    if found < known {
        return Err(StoreError::Older { path: path.display().to_string(), found, known });
    }
    Ok(())
}

/// The file's version, read from one state of the file: another process may be making it just now.
pub(crate) fn look(connection: &Connection, path: &Path) -> Result<i64, StoreError> {
    let state = connection.unchecked_transaction()?;
    known(&state, path)
}

/// The file's version, 0 for an empty file; refuses a newer one and files of other programs.
fn known(connection: &Connection, path: &Path) -> Result<i64, StoreError> {
    let application: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application != APPLICATION && (application != 0 || tables > 0) {
        return Err(StoreError::Foreign(path.display().to_string()));
    }
    if found > newest() {
        return Err(StoreError::Newer { path: path.display().to_string(), found, known: newest() });
    }
    Ok(found)
}

fn newest() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}
