use std::fs::File;
use std::path::Path;
use std::time::Duration;

use farthing_keys::{FileError, private_file};
use rusqlite::Connection;

use super::SessionsError;

/// How long one process waits for another's change.
const BUSY: Duration = Duration::from_secs(10);

const VERSION: i64 = 2;

/// The names that the tables have on a server, too, where the books have sessions and deposits of their own.
const RENAMED: &str = "
    ALTER TABLE sessions RENAME TO wallet_sessions;
    ALTER TABLE deposits RENAME TO wallet_deposits;
    ALTER TABLE purchases RENAME TO wallet_purchases;";

/// The first version. Amounts are 39 decimal digits, so that they compare as text. The triggers hold what the code
/// holds.
const SCHEMA: &str = "
    CREATE TABLE sessions (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        wallet TEXT NOT NULL,
        origin TEXT NOT NULL,
        method TEXT NOT NULL,
        terms TEXT NOT NULL,
        asset TEXT NOT NULL,
        payee TEXT,
        unit TEXT NOT NULL,
        unit_cost INTEGER NOT NULL,
        currency TEXT NOT NULL,
        state TEXT NOT NULL,
        owner TEXT,
        channel TEXT,
        kept BLOB NOT NULL,
        deposit TEXT NOT NULL,
        signed TEXT NOT NULL,
        free TEXT NOT NULL,
        spent TEXT NOT NULL,
        challenge TEXT NOT NULL,
        url TEXT NOT NULL,
        reason TEXT,
        collect_until INTEGER,
        opened_at INTEGER NOT NULL,
        used_at INTEGER NOT NULL,
        CHECK (signed <= deposit OR channel IS NULL),
        CHECK (spent <= signed)
    ) STRICT;
    CREATE UNIQUE INDEX one_at_a_time ON sessions (wallet, origin, terms) WHERE state IN ('opening', 'open');
    CREATE TRIGGER signed_never_falls BEFORE UPDATE OF signed ON sessions WHEN NEW.signed < OLD.signed
        BEGIN SELECT RAISE(ABORT, 'the total signed for would go down'); END;
    CREATE TRIGGER deposit_never_falls BEFORE UPDATE OF deposit ON sessions WHEN NEW.deposit < OLD.deposit
        BEGIN SELECT RAISE(ABORT, 'the deposit would go down'); END;
    CREATE TABLE deposits (
        reservation BLOB PRIMARY KEY,
        session INTEGER NOT NULL,
        amount TEXT NOT NULL,
        fee TEXT NOT NULL,
        cost INTEGER NOT NULL,
        standing TEXT NOT NULL
    ) STRICT;
    CREATE INDEX deposits_of_session ON deposits (session);
    CREATE TABLE purchases (
        id BLOB PRIMARY KEY,
        session INTEGER NOT NULL,
        wallet TEXT NOT NULL,
        kind TEXT NOT NULL,
        fingerprint BLOB NOT NULL,
        owner TEXT,
        total TEXT NOT NULL,
        added TEXT NOT NULL,
        sealed BLOB NOT NULL,
        at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX purchases_of_session ON purchases (session);
    CREATE INDEX purchases_of_call ON purchases (wallet, fingerprint);";

pub(super) fn open(path: &Path) -> Result<Connection, SessionsError> {
    let _turn = turn_to_open(path)?;
    // Made before SQLite makes it, so that nobody else can read what was bought.
    private_file::ensure(path)?;
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let change = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let found: i64 = change.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > VERSION {
        return Err(SessionsError::Newer);
    }
    for (migration, version) in [SCHEMA, RENAMED].into_iter().zip(1..).filter(|(_, version)| *version > found) {
        change.execute_batch(migration)?;
        change.pragma_update(None, "user_version", version)?;
    }
    change.commit()?;
    Ok(connection)
}

/// Opens one at a time, until it is dropped: SQLite does not wait for its turn when a file that is new becomes
/// one with a write-ahead log.
fn turn_to_open(path: &Path) -> Result<File, SessionsError> {
    let path = path.with_extension("opening");
    private_file::ensure(&path)?;
    let file = File::options().read(true).write(true).open(&path).map_err(FileError::system(&path))?;
    file.lock().map_err(FileError::system(&path))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_of_the_first_version_are_still_there() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("sessions.db");
        private_file::ensure(&path).unwrap();
        let old = Connection::open(&path).unwrap();
        old.execute_batch(SCHEMA).unwrap();
        old.pragma_update(None, "user_version", 1).unwrap();
        old.execute("INSERT INTO deposits VALUES (x'01', 1, '1', '0', 1, 'in')", []).unwrap();
        drop(old);
        let new = open(&path).unwrap();
        let kept: i64 = new.query_row("SELECT count(*) FROM wallet_deposits", [], |row| row.get(0)).unwrap();
        assert_eq!(kept, 1);
    }
}
