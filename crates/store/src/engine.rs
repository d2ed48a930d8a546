//! What the two engines have in common: statements go in with their values, rows come out.
//!
//! The statements and whoever reads their rows are written once, in `tables`. Values are those of `rusqlite` on either
//! engine, and places for them are written `?1`, `?2`. What needs many round trips to a server one by one is said in one
//! go: what a batch looks up ([`Connection::look_up`]), and what it writes ([`Connection::write`], sent by
//! [`Connection::commit`]).

pub(crate) mod lookup;
pub(crate) mod postgres;
pub(crate) mod row;
pub(crate) mod sqlite;

use std::time::Instant;

use farthing_books::Shelf;
use rusqlite::{OptionalExtension as _, ToSql};

use crate::{Location, Sharing, StoreError};
use lookup::Lookups;
use postgres::link::Role;
use postgres::session::Session;
pub(crate) use postgres::turn::Became;
pub(crate) use postgres::watch::{BEAT, Seen};
pub(crate) use row::Row;
use sqlite::database::Database;

/// One connection to books.
pub(crate) enum Connection {
    /// To a file.
    File(Database),
    /// To a server.
    Server(Box<Session>),
}

/// A statement that is worded in another way for each engine.
pub(crate) struct Wording {
    pub(crate) file: String,
    pub(crate) server: String,
}

impl Connection {
    /// A connection to write with, to books that are made or brought to the newest schema where they are not.
    pub(crate) fn writer(place: &Location, sharing: Sharing) -> Result<Self, StoreError> {
        match place {
            Location::File(path) => Ok(Self::File(sqlite::file::writer(path)?.into())),
            Location::Server(address) => {
                let server =
                    Session::open(address, if sharing == Sharing::Exclusive { Role::Node } else { Role::Visitor })?;
                postgres::schema::migrate(&server)?;
                Ok(Self::Server(Box::new(server)))
            }
        }
    }

    /// A connection to read with beside the writer.
    pub(crate) fn reader(place: &Location) -> Result<Self, StoreError> {
        match place {
            Location::File(path) => Ok(Self::File(sqlite::file::reader(path)?.into())),
            Location::Server(address) => {
                let server = Session::open(address, Role::Reader)?;
                postgres::schema::check(&server)?;
                Ok(Self::Server(Box::new(server)))
            }
        }
    }

    /// The number of this process among those that share the books; 0 for a file.
    pub(crate) fn node(&self) -> i64 {
        match self {
            Self::File(file) => file.node(),
            Self::Server(server) => server.node(),
        }
    }

    /// Says that this process lives, and looks who else does; nothing for a file, which has one process or many that
    /// leave nothing behind.
    pub(crate) fn beat(&self, stands_back: bool) -> Result<Option<Seen>, StoreError> {
        match self {
            Self::File(file) => file.beat(stands_back),
            Self::Server(server) => server.beat(stands_back).map(Some),
        }
    }

    /// Until when nobody can have taken this process for dead; nothing where nobody looks.
    pub(crate) fn lives_until(&self) -> Option<Instant> {
        match self {
            Self::File(file) => file.lives_until(),
            Self::Server(server) => server.lives_until(),
        }
    }

    /// Takes those whose death was seen out of the list of processes, as a part of the batch: what they were at is
    /// nobody's from here, and what they still write is refused. Whether there were any.
    pub(crate) fn bury_the_dead(&self) -> Result<bool, StoreError> {
        match self {
            Self::File(file) => file.bury_the_dead(),
            Self::Server(server) => server.bury_the_dead(),
        }
    }

    /// A batch that takes accounts to send from, all or none. Of a file there is one process.
    pub(crate) fn send_from(&self, names: &[String]) -> Result<(), StoreError> {
        match self {
            Self::File(_) => Ok(()),
            Self::Server(server) => server.send_from(names),
        }
    }

    /// An account that another process took while this one was thought to be dead: this one is over.
    pub(crate) fn displaced(&self) -> Option<String> {
        match self {
            Self::File(_) => None,
            Self::Server(server) => server.displaced(),
        }
    }

    /// Whether there is no list of processes that share the books.
    pub(crate) fn is_alone(&self) -> bool {
        matches!(self, Self::File(file) if file.is_alone())
    }

    /// Starts a batch: nobody else writes from here until its end.
    pub(crate) fn begin(&self) -> Result<(), StoreError> {
        match self {
            Self::File(file) => file.begin(),
            Self::Server(server) => server.begin(),
        }
    }

    /// Whether somebody else wrote between the batch before and this one, as far as the engine can tell.
    pub(crate) fn others_wrote(&self) -> bool {
        match self {
            Self::File(file) => file.others_wrote(),
            Self::Server(server) => server.others_wrote(),
        }
    }

    /// Makes what was written durable.
    pub(crate) fn commit(&self) -> Result<(), StoreError> {
        match self {
            Self::File(file) => file.commit(),
            Self::Server(server) => server.commit(),
        }
    }

    /// What became of the last batch, which failed: asked before anything else is written.
    pub(crate) fn became(&self) -> Result<Became, StoreError> {
        match self {
            Self::File(file) => file.became(),
            Self::Server(server) => server.became(),
        }
    }

    /// Lets nobody hear of the commits to come, or of all again: for simulations.
    pub(crate) fn silence(&self, is_silent: bool) {
        if let Self::File(file) = self {
            file.silence(is_silent);
        }
    }

    /// Ends a batch without a trace.
    pub(crate) fn abandon(&self) {
        let ended = match self {
            Self::File(file) => file.abandon(),
            Self::Server(server) => server.abandon(),
        };
        if let Err(error) = ended {
            tracing::error!(%error, "a batch could not be rolled back");
        }
    }

    /// The last word to the books: a file is made whole, a server is told that this process is gone.
    pub(crate) fn finish(&self) -> Result<(), StoreError> {
        match self {
            Self::File(file) => Ok(file.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?),
            Self::Server(server) => server.finish(),
        }
    }

    /// Writes as a part of the batch: now, or together with its like at the end. So statements may change their order;
    /// those that are alike keep theirs, and kinds come in the order in which each was first used. A row is therefore
    /// never inserted and changed in one batch: where another of its table was changed before, the change would come first.
    pub(crate) fn write(&self, sql: &str, values: &[&dyn ToSql]) -> Result<(), StoreError> {
        match self {
            Self::File(file) => {
                file.prepare_cached(sql)?.execute(values)?;
                Ok(())
            }
            Self::Server(server) => server.write(sql, values),
        }
    }

    /// Sends what was written so far, without an end of the batch.
    pub(crate) fn flush(&self) -> Result<(), StoreError> {
        match self {
            Self::File(_) => Ok(()),
            Self::Server(server) => server.flush(),
        }
    }

    /// Lets this batch take as long as it takes, and read whole tables.
    pub(crate) fn take_time(&self) -> Result<(), StoreError> {
        match self {
            Self::File(_) => Ok(()),
            Self::Server(server) => server.run(
                "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; \
                 SET LOCAL enable_seqscan = on; SET LOCAL enable_hashjoin = on",
            ),
        }
    }

    /// Lets go, as a part of the batch, of the parts of a table whose rows all are from before an instant, in
    /// milliseconds, where the engine keeps it in parts; a file does not.
    pub(crate) fn drop_parts(&self, table: &str, until: i64) -> Result<(), StoreError> {
        match self {
            Self::File(_) => Ok(()),
            Self::Server(server) => postgres::schema::drop_parts(server, table, until),
        }
    }

    /// Lets the next row of a table that rows were copied into come after them.
    pub(crate) fn go_on_from_last_sequence(&self, table: &str) -> Result<(), StoreError> {
        let Self::Server(server) = self else { return Ok(()) };
        let next = "coalesce(max(sequence), 0) + 1, false";
        let sql = format!("SELECT setval(pg_get_serial_sequence('{table}', 'sequence'), {next}) FROM {table}");
        // A log's numbers are the log's own.
        if table == "audit" { Ok(()) } else { server.run(&sql) }
    }

    /// Looks everything up, and puts what there is, or that there is nothing, on the shelf.
    pub(crate) fn look_up(&self, lookups: Lookups<'_>, shelf: &mut Shelf) -> Result<(), StoreError> {
        match self {
            Self::File(file) => sqlite::look_up(file, lookups, shelf),
            Self::Server(server) => server.look_up(lookups, shelf),
        }
    }

    /// The only row there is, if there is one.
    pub(crate) fn one<T>(
        &self,
        sql: &str,
        values: &[&dyn ToSql],
        read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        match self {
            Self::File(file) => {
                file.prepare_cached(sql)?.query_row(values, |row| Ok(read(&Row::File(row)))).optional()?.transpose()
            }
            Self::Server(server) => {
                let mut found = None;
                server.select(sql, values, &mut |row| {
                    if found.is_none() {
                        found = Some(read(row)?);
                    }
                    Ok(())
                })?;
                Ok(found)
            }
        }
    }

    /// All rows.
    pub(crate) fn many<T>(
        &self,
        sql: &str,
        values: &[&dyn ToSql],
        read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut found = Vec::new();
        self.each(sql, values, |row| {
            found.push(read(row)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// Hands every row to `take`, one at a time: there may be more of them than fit into memory.
    pub(crate) fn each(
        &self,
        sql: &str,
        values: &[&dyn ToSql],
        mut take: impl FnMut(&Row<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        match self {
            Self::File(file) => {
                let mut statement = file.prepare_cached(sql)?;
                let mut rows = statement.query(values)?;
                while let Some(row) = rows.next()? {
                    take(&Row::File(row))?;
                }
                Ok(())
            }
            Self::Server(server) => server.select(sql, values, &mut take),
        }
    }

    /// Runs reads that all see the books as they are at one moment, however long that takes.
    pub(crate) fn snapshot<T>(&self, reads: impl FnOnce(&Self) -> Result<T, StoreError>) -> Result<T, StoreError> {
        match self {
            Self::File(file) => {
                let _state = file.unchecked_transaction()?;
                reads(self)
            }
            Self::Server(server) => {
                server.begin_reading()?;
                let read = reads(self);
                server.abandon()?;
                read
            }
        }
    }

    /// What the engine itself finds wrong with how it keeps the rows.
    pub(crate) fn complaints(&self) -> Result<Vec<String>, StoreError> {
        match self {
            Self::File(_) => {
                let all = self.many("PRAGMA integrity_check", &[], |row| row.get::<String>(0))?;
                Ok(all.into_iter().filter(|complaint| complaint != "ok").collect())
            }
            Self::Server(_) => Ok(Vec::new()),
        }
    }

    /// The wording for this engine.
    pub(crate) fn words<'a>(&self, wording: &'a Wording) -> &'a str {
        match self {
            Self::File(_) => &wording.file,
            Self::Server(_) => &wording.server,
        }
    }
}
