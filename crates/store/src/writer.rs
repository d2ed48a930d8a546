//! The one writer: takes everything that waits, makes it durable in one commit, then answers.

use std::thread;
use std::time::Duration;

use farthing_books::store::run;
use farthing_books::{Command, Outcome, Shelf};
use tokio::sync::mpsc::{UnboundedReceiver, error::TryRecvError};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::engine::Connection;
use crate::engine::sqlite::checkpoint::Checkpointer;
use crate::engine::sqlite::file::Lock;
use crate::engine::sqlite::turns::Turns;
use crate::standing::Standing;
use crate::tables::Tables;
use crate::{Location, Sharing, StoreError};

/// The most commands of one commit: more would make the first wait for the last.
pub(crate) const LARGEST_BATCH: usize = 512;
/// Rows of a kind kept between batches by an owner of the file.
const KEPT_ROWS: usize = 50_000;
/// How long commands nobody waits for rest after a failed commit, before they are tried again.
const RETRY: Duration = Duration::from_millis(100);
/// How often a batch is begun anew when others came in between, or the connection was lost before its commit.
const ATTEMPTS: usize = 5;

/// Something for the writer.
pub(crate) enum Job {
    /// A command, and who waits for its outcome.
    Apply(Command, Option<Waiter>),
    /// Show others that this process lives.
    Beat,
    /// Everything before it is durable, then the writer ends.
    Stop(oneshot::Sender<Result<(), StoreError>>),
}

/// Who waits for an outcome; holds a place in the queue until then.
pub(crate) struct Waiter {
    pub(crate) answer: oneshot::Sender<Result<Outcome, StoreError>>,
    pub(crate) _place: OwnedSemaphorePermit,
}

/// The writer's side of the books.
pub(crate) struct Writer {
    pub(crate) store: Tables,
    pub(crate) queue: UnboundedReceiver<Job>,
    /// The queue of the processes that write to a file too, where there may be any.
    pub(crate) turns: Option<Turns>,
    pub(crate) checkpointer: Option<Checkpointer>,
    /// Rows kept between batches; `None` when other processes write too and nothing says whether they did.
    pub(crate) keep: Option<usize>,
    pub(crate) standing: Standing,
    /// Held until the store is closed: declared last, dropped last.
    pub(crate) _lock: Option<Lock>,
}

impl Writer {
    /// Opens the books for writing.
    pub(crate) fn open(
        place: &Location,
        sharing: Sharing,
        queue: UnboundedReceiver<Job>,
        standing: Standing,
    ) -> Result<Self, StoreError> {
        let Some(path) = place.file() else {
            let store = Tables::new(Connection::writer(place, sharing)?);
            let keep = Some(KEPT_ROWS);
            let writer = Self { store, queue, turns: None, checkpointer: None, keep, standing, _lock: None };
            if sharing == Sharing::Exclusive {
                writer.beat();
            }
            return Ok(writer);
        };
        let lock = Lock::take(path, sharing)?;
        let connection = Connection::writer(place, sharing)?;
        let owner = sharing == Sharing::Exclusive;
        let checkpointer = owner.then(|| Checkpointer::start(path, &connection)).transpose()?;
        let turns = (!owner).then(|| Turns::at(path)).transpose()?;
        let keep = owner.then_some(KEPT_ROWS);
        Ok(Self { store: Tables::new(connection), queue, turns, checkpointer, keep, standing, _lock: lock })
    }

    /// Runs until it is stopped or every handle is gone.
    pub(crate) fn run(mut self) {
        let mut shelf = Shelf::default();
        let mut jobs = Vec::with_capacity(LARGEST_BATCH);
        let mut batch = Batch::default();
        loop {
            let open = self.wait(&mut jobs, batch.commands.is_empty());
            if !open && batch.commands.is_empty() {
                return;
            }
            let turn = self.turns.as_mut().map(Turns::take).transpose();
            // One commit carries what came while others had their turn.
            self.take_waiting(&mut jobs);
            let (mut stop, mut beats) = (None, false);
            for job in jobs.drain(..) {
                match job {
                    Job::Apply(command, waiter) => batch.push(command, waiter),
                    Job::Beat => beats = true,
                    Job::Stop(answer) => stop = Some(answer),
                }
            }
            match &turn {
                Ok(_) => self.commit(&mut shelf, &mut batch),
                Err(error) => batch.fail(error),
            }
            if beats {
                self.beat();
            }
            if let Some(answer) = stop {
                self.queue.close();
                let closed = batch.nothing_left().and_then(|()| self.store.connection.finish());
                drop(self);
                let _ = answer.send(closed);
                return;
            }
            if !open {
                return;
            }
        }
    }

    fn beat(&self) {
        match self.store.connection.beat() {
            Ok(seen) => seen.into_iter().for_each(|seen| self.standing.remember(seen)),
            Err(error) => tracing::debug!(%error, "the other processes that share the books cannot be seen"),
        }
    }

    /// Takes what waits, or waits for something; false when every handle is gone. With commands left
    /// over from a failed commit it only rests a while.
    fn wait(&mut self, jobs: &mut Vec<Job>, nothing_left: bool) -> bool {
        if nothing_left {
            return self.queue.blocking_recv_many(jobs, LARGEST_BATCH) > 0;
        }
        thread::sleep(RETRY);
        self.take_waiting(jobs) || !jobs.is_empty()
    }

    /// Takes what waits just now; false when every handle is gone.
    pub(crate) fn take_waiting(&mut self, jobs: &mut Vec<Job>) -> bool {
        while jobs.len() < LARGEST_BATCH {
            match self.queue.try_recv() {
                Ok(job) => jobs.push(job),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
        true
    }

    pub(crate) fn commit(&mut self, shelf: &mut Shelf, batch: &mut Batch) {
        if batch.commands.is_empty() {
            return;
        }
        match self.run_batch(shelf, &batch.commands) {
            Ok(outcomes) => {
                let size = batch.commands.len();
                batch.answer(outcomes);
                if let Some(checkpointer) = &mut self.checkpointer {
                    checkpointer.after_commit(&self.store.connection, size);
                }
            }
            Err(error) => batch.fail(&error),
        }
    }

    /// Runs a batch, again where nothing of it was written because of others.
    fn run_batch(&mut self, shelf: &mut Shelf, commands: &[Command]) -> Result<Vec<Outcome>, StoreError> {
        let mut attempt = 1;
        loop {
            match run(&mut self.store, shelf, commands, self.keep).map_err(StoreError::from) {
                Err(StoreError::Interrupted(why)) if attempt < ATTEMPTS => {
                    tracing::warn!(why, attempt, "a batch is begun anew");
                    attempt += 1;
                }
                ran => return ran,
            }
        }
    }

    /// Makes a batch durable, and lets nobody hear of it but that the books did not answer.
    pub(crate) fn commit_unheard(&mut self, shelf: &mut Shelf, batch: &mut Batch, said: &StoreError) {
        let ran = self.run_batch(shelf, &batch.commands);
        batch.fail(ran.err().as_ref().unwrap_or(said));
    }
}

/// The commands of one commit, each with who waits for it.
#[derive(Default)]
pub(crate) struct Batch {
    commands: Vec<Command>,
    waiters: Vec<Option<Waiter>>,
}

impl Batch {
    pub(crate) fn push(&mut self, command: Command, waiter: Option<Waiter>) {
        self.commands.push(command);
        self.waiters.push(waiter);
    }

    pub(crate) fn len(&self) -> usize {
        self.commands.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    fn answer(&mut self, outcomes: Vec<Outcome>) {
        self.commands.clear();
        for (waiter, outcome) in self.waiters.drain(..).zip(outcomes) {
            match (waiter, outcome) {
                (Some(waiter), outcome) => waiter.tell(Ok(outcome)),
                (None, Outcome::OutOfOrder(payment)) => {
                    tracing::warn!(payment = %payment.id, state = payment.state.as_str(), "a step came out of order");
                }
                (None, _) => {}
            }
        }
    }

    fn nothing_left(&self) -> Result<(), StoreError> {
        match self.commands.len() {
            0 => Ok(()),
            left => Err(StoreError::Unavailable(format!("{left} steps could not be made durable before the end"))),
        }
    }

    /// Tells everybody that it failed. What nobody waits for stays, in its order, for another try.
    pub(crate) fn fail(&mut self, error: &StoreError) {
        let commands = std::mem::take(&mut self.commands);
        let waiters = std::mem::take(&mut self.waiters);
        for (command, waiter) in commands.into_iter().zip(waiters) {
            match waiter {
                Some(waiter) => waiter.tell(Err(error.clone())),
                None => self.push(command, None),
            }
        }
        tracing::error!(%error, kept = self.commands.len(), "a batch could not be made durable");
    }
}

impl Waiter {
    pub(crate) fn tell(self, answer: Result<Outcome, StoreError>) {
        // Whoever went away meanwhile finds the outcome by asking again.
        let _ = self.answer.send(answer);
    }
}
