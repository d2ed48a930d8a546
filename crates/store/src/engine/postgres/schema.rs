//! The schema on a server and its migrations: forward only, each in one transaction with its version.
//!
//! A migration leaves alone what programs of the version before it read and write, so that nodes can be replaced one
//! after the other while the others go on. One that cannot makes their statements fail, so that they answer 503.

use super::session::Session;
use crate::StoreError;

/// What brings a schema from each version to the next. Released ones are never edited.
const MIGRATIONS: [&str; 6] = [
    include_str!("migrations/0001.sql"),
    include_str!("migrations/0002.sql"),
    include_str!("migrations/0003.sql"),
    include_str!("migrations/0004.sql"),
    include_str!("migrations/0005.sql"),
    include_str!("migrations/0006.sql"),
];

/// Where rows go by time, room is made ahead by whoever starts.
const ROOM: &str = "SELECT make_room_for_responses()";

/// Makes the schema if there is none. Two processes may do this at once, and one of them is told to try again.
const FIRST: &str = "CREATE TABLE IF NOT EXISTS farthing_books (id BIGINT PRIMARY KEY CHECK (id = 1), \
     version BIGINT NOT NULL); INSERT INTO farthing_books (id, version) VALUES (1, 0) ON CONFLICT (id) DO NOTHING";

const ATTEMPTS: usize = 5;

/// Brings the books to the newest version.
pub(crate) fn migrate(server: &Session) -> Result<(), StoreError> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        match try_to_migrate(server) {
            Err(StoreError::Unavailable(_) | StoreError::Interrupted(_)) if attempt < ATTEMPTS => {
                let _ = server.run("ROLLBACK");
            }
            migrated => {
                migrated?;
                if let Err(error) = server.run(ROOM) {
                    tracing::warn!(%error, "no room could be made ahead for responses; they are kept all the same");
                }
                return Ok(());
            }
        }
    }
}

fn try_to_migrate(server: &Session) -> Result<(), StoreError> {
    if !exists(server)? {
        server.run(&format!("CREATE SCHEMA IF NOT EXISTS {}", server.address().schema))?;
        if holds_others(server)? {
            return Err(StoreError::Foreign(server.address().to_string()));
        }
        server.run(FIRST)?;
    }
    if known(server)? == newest() {
        return Ok(());
    }
    for (migration, version) in MIGRATIONS.iter().zip(1_i64..) {
        server.run("BEGIN; SET LOCAL statement_timeout = 0; SELECT version FROM farthing_books FOR UPDATE")?;
        if known(server)? < version {
            server.run(&format!("{migration}; UPDATE farthing_books SET version = {version}"))?;
        }
        server.run("COMMIT")?;
    }
    Ok(())
}

/// Drops the parts of a table whose rows all are from before an instant, in milliseconds: their names end with theirs.
/// Room for the year to come is made at the same time.
pub(crate) fn drop_parts(server: &Session, table: &str, until: i64) -> Result<(), StoreError> {
    server.run(ROOM)?;
    let parts = "SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid \
         WHERE i.inhparent = to_regclass(?1)";
    let mut over = Vec::new();
    server.select(parts, &[&table], &mut |row| {
        let part: String = row.get(0)?;
        let end = part.rsplit_once("_until_").and_then(|(_, end)| end.parse::<i64>().ok());
        over.extend(end.is_some_and(|end| end <= until).then_some(part));
        Ok(())
    })?;
    over.iter().try_for_each(|part| server.run(&format!("DROP TABLE \"{part}\"")))
}

/// Refuses books of any other version than the newest, for those who may not change them.
pub(crate) fn check(server: &Session) -> Result<(), StoreError> {
    if !exists(server)? {
        return Err(StoreError::Unavailable(format!("there are no books at {}", server.address())));
    }
    let (found, known) = (known(server)?, newest());
    if found < known {
        return Err(StoreError::Older { path: server.address().to_string(), found, known });
    }
    Ok(())
}

fn exists(server: &Session) -> Result<bool, StoreError> {
    count(server, "AND table_name = 'farthing_books'").map(|tables| tables > 0)
}

fn holds_others(server: &Session) -> Result<bool, StoreError> {
    count(server, "AND table_name <> 'farthing_books'").map(|tables| tables > 0)
}

fn count(server: &Session, which: &str) -> Result<i64, StoreError> {
    let sql = format!("SELECT count(*) FROM information_schema.tables WHERE table_schema = ?1 {which}");
    let mut tables = 0;
    server.select(&sql, &[&server.address().schema], &mut |row| {
        tables = row.get(0)?;
        Ok(())
    })?;
    Ok(tables)
}

fn known(server: &Session) -> Result<i64, StoreError> {
    let mut found = 0;
    server.select("SELECT version FROM farthing_books", &[], &mut |row| {
        found = row.get(0)?;
        Ok(())
    })?;
    if found > newest() {
        return Err(StoreError::Newer { path: server.address().to_string(), found, known: newest() });
    }
    Ok(found)
}

fn newest() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}
