//! Opening the file: who may, with which rights and settings.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::schema;
use crate::{Sharing, StoreError};

/// How long one process waits for another's batch.
const BUSY: Duration = Duration::from_secs(10);
/// The pages a writer keeps in memory: the upper levels of every index, and where rows are added.
const CACHE_KIBIBYTES: i64 = 16_384;
/// How long an opener waits for a process that is just closing the file.
const CLOSING: Duration = Duration::from_millis(500);

/// Says that a process uses the books, for as long as it is held: an owner alone, or several that
/// take turns.
#[derive(Debug)]
pub(crate) struct Lock(#[allow(dead_code, reason = "the lock ends when the file is dropped")] File);

impl Lock {
    pub(crate) fn take(books: &Path, sharing: Sharing) -> Result<Option<Self>, StoreError> {
        if books.is_dir() {
            return Err(StoreError::Folder(books.display().to_string()));
        }
        if sharing == Sharing::ReadOnly {
            return Ok(None);
        }
        let path = beside(books, ".lock");
        let file = private(&path).map_err(|error| unavailable(&path, &error))?;
        let started = Instant::now();
        loop {
            let taken = if sharing == Sharing::Exclusive { file.try_lock() } else { file.try_lock_shared() };
            match taken {
                Ok(()) => return Ok(Some(Self(file))),
                Err(TryLockError::WouldBlock) if started.elapsed() < CLOSING => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(TryLockError::WouldBlock) => return Err(StoreError::InUse(books.display().to_string())),
                Err(TryLockError::Error(error)) => return Err(unavailable(&path, &error)),
            }
        }
    }
}

/// Opens for writing, creating the file (readable by its owner alone) and bringing it to the newest
/// schema.
pub(crate) fn writer(path: &Path) -> Result<Connection, StoreError> {
    let _turn = turn_to_open(path)?;
    make(path).map_err(|error| unavailable(path, &error))?;
    let mut connection = Connection::open_with_flags(path, flags(OpenFlags::SQLITE_OPEN_READ_WRITE))?;
    prepare(&connection)?;
    schema::look(&connection, path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // NORMAL loses acknowledged payments in a power cut.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIBIBYTES)?;
    connection.set_prepared_statement_cache_capacity(64);
    schema::migrate(&mut connection, path)?;
    Ok(connection)
}

/// Makes the file if there is none. One that is there is not opened: to close it would end the locks that this process
/// has on it by another connection, and whoever closes the file elsewhere would then take away the log that is written.
fn make(path: &Path) -> std::io::Result<()> {
    if path.try_exists()? { Ok(()) } else { private(path).map(drop) }
}

/// Opens one at a time, until it is dropped: SQLite does not wait for its turn when a file that is
/// new becomes one with a write-ahead log.
fn turn_to_open(books: &Path) -> Result<File, StoreError> {
    let path = beside(books, ".opening");
    let file = private(&path).map_err(|error| unavailable(&path, &error))?;
    file.lock().map_err(|error| unavailable(&path, &error))?;
    Ok(file)
}

/// Opens for reading beside the writer.
pub(crate) fn reader(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(path, flags(OpenFlags::SQLITE_OPEN_READ_ONLY))?;
    prepare(&connection)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.set_prepared_statement_cache_capacity(32);
    schema::check(&connection, path)?;
    Ok(connection)
}

pub(crate) fn prepare(connection: &Connection) -> Result<(), StoreError> {
    connection.busy_timeout(BUSY)?;
    // Without it a cached statement is planned anew whenever another value is bound to it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

fn flags(access: OpenFlags) -> OpenFlags {
    access | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

/// Opens or creates a file that only its owner may read.
pub(crate) fn private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

pub(crate) fn unavailable(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Unavailable(format!("{}: {error}", path.display()))
}
