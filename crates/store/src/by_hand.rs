//! Books that do nothing by themselves: whoever holds the [`Engine`] says when, and whether, a batch is made durable.
//!
//! For simulations. There is no thread, so that one order of events is the only one; the rows are SQLite's, in
//! memory, and outlive every handle and engine of them as long as one is left.

use farthing_books::Shelf;
use farthing_protocol::Timestamp;
use rusqlite::OpenFlags;
use rusqlite::backup::Backup;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::unbounded_channel;

use crate::audit::Archived;
use crate::engine::Connection;
use crate::engine::sqlite::database::Database;
use crate::engine::sqlite::{file, schema};
use crate::outage::Outage;
use crate::reader::Readers;
use crate::standing::Standing;
use crate::tables::Tables;
use crate::writer::{Batch, Job, KEPT_ROWS, LARGEST_BATCH, Writer};
use crate::{Books, PLACES, StoreError, WriterHandle, engine};

/// What becomes of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is made durable, and everybody is told so.
    Durable,
    /// It is lost, and everybody is told that the books did not answer.
    Lost,
    /// It is made durable, and everybody is told that the books did not answer.
    Unanswered,
}

/// The writer's side of books by hand. Dropped, it stops as a process that dies: what waits is lost.
pub struct Engine {
    writer: Writer,
    shelf: Shelf,
    jobs: Vec<Job>,
    batch: Batch,
}

impl Books {
    /// The books of this name in this process, made when it is the first one, and what works on them. Each name's
    /// rows are one database, whoever opens it.
    pub fn by_hand(name: &str) -> Result<(Self, Engine), StoreError> {
        Self::made_by_hand(name, false)
    }

    /// The books of this name as one of several nodes holds them, each with an engine of its own: who of them lives,
    /// who leads, and what the dead left, is kept as on a server. [`Engine::beat`] must be called as often as
    /// [`BEAT`] says, in the time of the runtime. `time` is the server's time of day now.
    pub fn by_hand_among_others(name: &str, time: Timestamp) -> Result<(Self, Engine), StoreError> {
        let (books, mut engine) = Self::made_by_hand(name, true)?;
        engine.beat(time);
        Ok((books, engine))
    }

    fn made_by_hand(name: &str, among_others: bool) -> Result<(Self, Engine), StoreError> {
        let path = format!("file:{name}?mode=memory&cache=shared");
        let path = Path::new(&path);
        let open = || rusqlite::Connection::open_with_flags(path, OpenFlags::default());
        let mut connection = open()?;
        connection.pragma_update(None, "foreign_keys", true)?;
        lay_out(&mut connection, path)?;
        let reading = open()?;
        file::prepare(&reading)?;
        let (queue, waiting) = unbounded_channel();
        let database = if among_others { Database::among_others(connection)? } else { connection.into() };
        let standing = if among_others { Standing::among_others() } else { Standing::default() };
        let writer = Writer {
            store: Tables::new(Connection::File(database)),
            queue: waiting,
            turns: None,
            checkpointer: None,
            // Rows that are kept are forgotten when others wrote: that is tried too.
            keep: among_others.then_some(KEPT_ROWS),
            standing: standing.clone(),
            outage: Outage::none("written"),
            _lock: None,
        };
        let handle = WriterHandle { queue, places: Arc::new(Semaphore::new(PLACES)) };
        let books = Self {
            writer: Some(handle),
            readers: Readers::here(Connection::File(reading.into())),
            archived: Archived::default(),
            standing,
        };
        Ok((books, Engine { writer, shelf: Shelf::default(), jobs: Vec::new(), batch: Batch::default() }))
    }
}

/// Makes the tables where there are none. They are copied: making them takes longer than much of a simulation.
fn lay_out(connection: &mut rusqlite::Connection, path: &Path) -> Result<(), StoreError> {
    static EMPTY: Mutex<Option<rusqlite::Connection>> = Mutex::new(None);
    if schema::look(connection, path)? > 0 {
        return schema::migrate(connection, path);
    }
    let mut empty = EMPTY.lock().unwrap_or_else(PoisonError::into_inner);
    let empty = match &mut *empty {
        Some(empty) => empty,
        none => {
            let mut made = rusqlite::Connection::open_in_memory()?;
            schema::migrate(&mut made, path)?;
            none.insert(made)
        }
    };
    Backup::new(empty, connection)?.step(-1)?;
    Ok(())
}

/// How often a node shows that it lives.
pub const BEAT: Duration = engine::BEAT;

impl Engine {
    /// Shows the other nodes that this one lives, and looks which of them do, and at the server's time of day.
    pub fn beat(&mut self, time: Timestamp) {
        self.writer.beat(&mut self.batch);
        self.writer.standing.reads(time);
    }

    /// The number of this node; another one after it was taken for dead, 0 where there is no other.
    pub fn node(&self) -> i64 {
        self.writer.store.connection.node()
    }

    /// Waits until there is something to make durable; false when every handle is gone. What a failed batch left
    /// over waits already.
    pub async fn wait(&mut self) -> bool {
        if !self.jobs.is_empty() || !self.batch.is_empty() {
            return true;
        }
        self.writer.queue.recv_many(&mut self.jobs, LARGEST_BATCH).await > 0
    }

    /// Works on everything that waits now, as one batch. How many commands that were.
    pub fn commit(&mut self, fate: Fate) -> usize {
        self.writer.take_waiting(&mut self.jobs);
        let (mut stopped, mut chores) = (Vec::new(), Vec::new());
        for job in self.jobs.drain(..) {
            match job {
                Job::Apply(command, waiter) => self.batch.push(command, waiter),
                Job::Chore(chore, told) => chores.push((chore, told)),
                Job::Beat => {}
                Job::Stop(answer) => stopped.push(answer),
            }
        }
        let size = self.batch.len();
        self.writer.store.connection.silence(fate == Fate::Unanswered);
        match fate {
            Fate::Durable | Fate::Unanswered => self.writer.commit(&mut self.shelf, &mut self.batch),
            Fate::Lost => self.batch.fail(&StoreError::Unavailable("the disk did not answer".to_owned())),
        }
        self.writer.store.connection.silence(false);
        for (chore, told) in chores {
            let _ = told.send(self.writer.do_chore(&mut self.shelf, &mut self.batch, &chore));
        }
        for answer in stopped {
            let _ = answer.send(Ok(()));
        }
        size
    }
}
