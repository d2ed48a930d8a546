//! Books that do nothing by themselves: whoever holds the [`Engine`] says when, and whether, a batch is made durable.
//!
//! For simulations. There is no thread, so that one order of events is the only one; the rows are SQLite's, in
//! memory, and outlive every handle and engine of them as long as one is left.

use farthing_books::Shelf;
use rusqlite::OpenFlags;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::unbounded_channel;

use crate::audit::Archived;
use crate::engine::Connection;
use crate::engine::sqlite::{file, schema};
use crate::reader::Readers;
use crate::standing::Standing;
use crate::tables::Tables;
use crate::writer::{Batch, Job, LARGEST_BATCH, Writer};
use crate::{Books, PLACES, StoreError, WriterHandle};

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
        let path = format!("file:{name}?mode=memory&cache=shared");
        let path = Path::new(&path);
        let open = || rusqlite::Connection::open_with_flags(path, OpenFlags::default());
        let mut connection = open()?;
        connection.pragma_update(None, "foreign_keys", true)?;
        schema::migrate(&mut connection, path)?;
        let reading = open()?;
        file::prepare(&reading)?;
        let (queue, waiting) = unbounded_channel();
        let store = Tables::new(Connection::File(connection));
        let writer = Writer {
            store,
            queue: waiting,
            turns: None,
            checkpointer: None,
            keep: None,
            standing: Standing::default(),
            _lock: None,
        };
        let handle = WriterHandle { queue, places: Arc::new(Semaphore::new(PLACES)) };
        let books = Self {
            writer: Some(handle),
            readers: Readers::here(Connection::File(reading)),
            archived: Archived::default(),
            standing: Standing::default(),
        };
        Ok((books, Engine { writer, shelf: Shelf::default(), jobs: Vec::new(), batch: Batch::default() }))
    }
}

impl Engine {
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
        let mut stopped = Vec::new();
        for job in self.jobs.drain(..) {
            match job {
                Job::Apply(command, waiter) => self.batch.push(command, waiter),
                Job::Beat => {}
                Job::Stop(answer) => stopped.push(answer),
            }
        }
        let size = self.batch.len();
        let unanswered = StoreError::Unavailable("the disk did not answer".to_owned());
        match fate {
            Fate::Durable => self.writer.commit(&mut self.shelf, &mut self.batch),
            Fate::Lost => self.batch.fail(&unanswered),
            Fate::Unanswered => self.writer.commit_unheard(&mut self.shelf, &mut self.batch, &unanswered),
        }
        for answer in stopped {
            let _ = answer.send(Ok(()));
        }
        size
    }
}
