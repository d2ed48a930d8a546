//! Tables of a program's own beside the books: in a file, or in the schema of the books on a server.
//!
//! Changes come one after the other, whichever process makes them, and each is durable or did not happen. They have
//! nothing to do with the turns of the books: the two are not changed in one piece.

use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use rusqlite::ToSql;
use rusqlite::types::FromSql;
use tokio::sync::oneshot;

use crate::engine::postgres::link::Role;
use crate::engine::postgres::session::Session;
use crate::engine::{Connection, Row};
use crate::{Address, StoreError};

/// A handle to tables beside the books; cheap to clone. The connection has a thread of its own, which ends with the
/// last handle.
#[derive(Clone)]
pub struct Beside {
    works: Works,
}

/// Where the work on the tables is done.
#[derive(Clone)]
enum Works {
    /// On a thread.
    There(mpsc::Sender<Job>),
    /// Where it is asked for.
    Here(Arc<Mutex<Connection>>),
}

type Job = Box<dyn FnOnce(&Statements<'_>) + Send>;

/// What makes a program's own tables on a server.
#[derive(Clone, Copy, Debug)]
pub struct OwnTables {
    /// What the statement that begins each change locks, so that there is one at a time: `SELECT ... FOR UPDATE`.
    pub lock: &'static str,
    /// A table of one row with the version, `BIGINT`. It is made first.
    pub version: &'static str,
    /// What brings the tables from each version to the next. Released ones are never edited.
    pub migrations: &'static [&'static str],
}

/// Statements of one change, or one look.
pub struct Statements<'a> {
    connection: &'a Connection,
    lock: &'static str,
}

/// A row that was found.
pub struct Found<'a>(&'a Row<'a>);

impl Found<'_> {
    /// A column as a value of a type.
    pub fn get<T: FromSql>(&self, column: usize) -> Result<T, StoreError> {
        self.0.get(column)
    }
}

impl Beside {
    /// Tables in the schema of books on a server, where there must be books; made or brought to their newest version.
    pub fn on_server(address: &Address, tables: OwnTables) -> Result<Self, StoreError> {
        let address = address.clone();
        Self::start(tables.lock, move || {
            let connection = Connection::Server(Box::new(Session::open(&address, Role::Visitor)?));
            migrate(&connection, &tables)?;
            Ok(connection)
        })
    }

    /// Tables in a file that was opened, and brought to its newest version, elsewhere.
    pub fn in_file(file: rusqlite::Connection) -> Result<Self, StoreError> {
        Self::start("", move || Ok(Connection::File(file.into())))
    }

    /// The same without a thread: whoever asks works. For simulations.
    pub fn in_place(file: rusqlite::Connection) -> Self {
        Self { works: Works::Here(Arc::new(Mutex::new(Connection::File(file.into())))) }
    }

    fn start(
        lock: &'static str,
        open: impl FnOnce() -> Result<Connection, StoreError> + Send + 'static,
    ) -> Result<Self, StoreError> {
        let (queue, waiting) = mpsc::channel::<Job>();
        let (opened, outcome) = mpsc::channel();
        let body = move || {
            let connection = match open() {
                Ok(connection) => connection,
                Err(error) => return drop(opened.send(Err(error))),
            };
            drop(opened.send(Ok(())));
            let statements = Statements { connection: &connection, lock };
            while let Ok(job) = waiting.recv() {
                job(&statements);
            }
        };
        let spawned = thread::Builder::new().name("beside-the-books".to_owned()).spawn(body);
        spawned.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        outcome.recv().map_err(|_| StoreError::Closed)??;
        Ok(Self { works: Works::There(queue) })
    }

    /// Changes the tables in one piece; durable when this resolves. An error of the end itself may come although the
    /// change happened.
    pub async fn change<T: Send + 'static, E: From<StoreError> + Send + 'static>(
        &self,
        change: impl FnOnce(&Statements<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        let (answer, changed) = oneshot::channel();
        self.send(Box::new(move |statements| drop(answer.send(statements.in_one_piece(change)))))?;
        changed.await.map_err(|_| E::from(StoreError::Closed))?
    }

    /// Looks at one state of the tables.
    pub async fn look<T: Send + 'static, E: From<StoreError> + Send + 'static>(
        &self,
        look: impl FnOnce(&Statements<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        let (answer, seen) = oneshot::channel();
        self.send(Box::new(move |statements| drop(answer.send(statements.of_one_state(look)))))?;
        seen.await.map_err(|_| E::from(StoreError::Closed))?
    }

    /// The same as [`Beside::change`] for code that is not asynchronous: this thread waits.
    pub fn change_now<T: Send + 'static, E: From<StoreError> + Send + 'static>(
        &self,
        change: impl FnOnce(&Statements<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        let (answer, changed) = mpsc::channel();
        self.send(Box::new(move |statements| drop(answer.send(statements.in_one_piece(change)))))?;
        changed.recv().map_err(|_| E::from(StoreError::Closed))?
    }

    /// The same as [`Beside::look`] for code that is not asynchronous: this thread waits.
    pub fn look_now<T: Send + 'static, E: From<StoreError> + Send + 'static>(
        &self,
        look: impl FnOnce(&Statements<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        let (answer, seen) = mpsc::channel();
        self.send(Box::new(move |statements| drop(answer.send(statements.of_one_state(look)))))?;
        seen.recv().map_err(|_| E::from(StoreError::Closed))?
    }

    fn send(&self, job: Job) -> Result<(), StoreError> {
        match &self.works {
            Works::There(queue) => queue.send(job).map_err(|_| StoreError::Closed),
            Works::Here(connection) => {
                let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
                job(&Statements { connection: &connection, lock: "" });
                Ok(())
            }
        }
    }
}

impl Statements<'_> {
    fn in_one_piece<T, E: From<StoreError>>(&self, change: impl FnOnce(&Self) -> Result<T, E>) -> Result<T, E> {
        let begun = match self.connection {
            Connection::File(_) => self.connection.begin(),
            Connection::Server(server) => server.begin_with(self.lock),
        };
        let changed = begun.map_err(E::from).and_then(|()| change(self)).and_then(|changed| {
            match self.connection {
                Connection::File(_) => self.connection.commit()?,
                Connection::Server(server) => server.end()?,
            }
            Ok(changed)
        });
        if changed.is_err() {
            self.connection.abandon();
        }
        changed
    }

    fn of_one_state<T, E: From<StoreError>>(&self, look: impl FnOnce(&Self) -> Result<T, E>) -> Result<T, E> {
        // What the look says is carried past the snapshot, whose errors are the store's own.
        self.connection.snapshot(|_| Ok(look(self)))?
    }

    /// Runs a statement; how many rows it changed.
    pub fn execute(&self, sql: &str, values: &[&dyn ToSql]) -> Result<usize, StoreError> {
        match self.connection {
            Connection::File(file) => Ok(file.prepare_cached(sql)?.execute(values)?),
            Connection::Server(server) => server.execute(sql, values),
        }
    }

    /// The only row there is, if there is one; also of a statement that changes and is `RETURNING`.
    pub fn one<T>(
        &self,
        sql: &str,
        values: &[&dyn ToSql],
        read: impl Fn(&Found<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        self.connection.one(sql, values, |row| read(&Found(row)))
    }

    /// All rows.
    pub fn many<T>(
        &self,
        sql: &str,
        values: &[&dyn ToSql],
        read: impl Fn(&Found<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        self.connection.many(sql, values, |row| read(&Found(row)))
    }
}

/// Brings the tables to their newest version, one process after the other.
fn migrate(connection: &Connection, tables: &OwnTables) -> Result<(), StoreError> {
    let OwnTables { version: table, migrations, .. } = tables;
    let newest = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
    let Connection::Server(server) = connection else { return Ok(()) };
    let exists = "SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema() \
                  AND table_name = ?1";
    let found = |name: &str| -> Result<bool, StoreError> {
        Ok(connection.one(exists, &[&name], |row| row.get::<i64>(0))?.unwrap_or_default() > 0)
    };
    if !found("farthing_books")? {
        return Err(StoreError::Unavailable(format!("there are no books at {}", server.address())));
    }
    if !found(table)? {
        // Its row, and so its version, is the lock of the books' version: two processes may come at once.
        server.begin_with("SELECT version FROM farthing_books FOR UPDATE")?;
        server.run(&format!(
            "CREATE TABLE IF NOT EXISTS {table} (id BIGINT PRIMARY KEY CHECK (id = 1), version BIGINT NOT NULL); \
             INSERT INTO {table} (id, version) VALUES (1, 0) ON CONFLICT (id) DO NOTHING"
        ))?;
        server.end()?;
    }
    let version = || connection.one(&format!("SELECT version FROM {table}"), &[], |row| row.get::<i64>(0));
    let refuse_newer = |found: i64| {
        let path = server.address().to_string();
        if found > newest { Err(StoreError::Newer { path, found, known: newest }) } else { Ok(()) }
    };
    let known = version()?.unwrap_or_default();
    refuse_newer(known)?;
    if known == newest {
        return Ok(());
    }
    server.begin_with(&format!("SELECT version FROM {table} FOR UPDATE"))?;
    let known = version()?.unwrap_or_default();
    refuse_newer(known)?;
    for (migration, version) in migrations.iter().zip(1_i64..).filter(|(_, version)| *version > known) {
        server.run(&format!("{migration}; UPDATE {table} SET version = {version}"))?;
    }
    server.end()
}
