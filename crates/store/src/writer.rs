//! The one writer: takes everything that waits, makes it durable in one commit, then answers.

mod batch;

use std::thread;
use std::time::{Duration, Instant};

use farthing_books::store::{BatchError, run};
use farthing_books::{Command, Outcome, Shelf};
use tokio::sync::mpsc::{UnboundedReceiver, error::TryRecvError};
use tokio::sync::oneshot;

use crate::chore::{Chore, Told};
use crate::engine::Connection;
use crate::engine::sqlite::checkpoint::Checkpointer;
use crate::engine::sqlite::file::Lock;
use crate::engine::sqlite::turns::Turns;
use crate::outage::Outage;
use crate::standing::Standing;
use crate::tables::Tables;
use crate::tables::retention::TakenOut;
use crate::{Location, PruneError, Sharing, StoreError, failpoint};
pub(crate) use batch::{Batch, Waiter};

/// The most commands of one commit: more would make the first wait for the last.
pub(crate) const LARGEST_BATCH: usize = 512;
/// Rows of a kind kept between batches by an owner of the file.
pub(crate) const KEPT_ROWS: usize = 50_000;
/// How long commands nobody waits for rest after a failed commit, before they are tried again.
const RETRY: Duration = Duration::from_millis(100);
/// How often a batch is begun anew when others came in between, or the connection was lost before its commit, and until
/// when.
const ATTEMPTS: usize = 5;
const PATIENCE: Duration = Duration::from_secs(5);

/// Something for the writer.
pub(crate) enum Job {
    /// A command, and who waits for its outcome.
    Apply(Command, Option<Waiter>),
    /// Something to be done between two batches, and who waits for it.
    Chore(Box<Chore>, Told),
    /// Show others that this process lives.
    Beat,
    /// Everything before it is durable, then the writer ends.
    Stop(oneshot::Sender<Result<(), StoreError>>),
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
    pub(crate) outage: Outage,
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
            let outage = Outage::none("written");
            let mut writer =
                Self { store, queue, turns: None, checkpointer: None, keep, standing, outage, _lock: None };
            if sharing == Sharing::Exclusive {
                writer.beat(&mut Batch::default());
            }
            return Ok(writer);
        };
        let lock = Lock::take(path, sharing)?;
        let connection = Connection::writer(place, sharing)?;
        let owner = sharing == Sharing::Exclusive;
        let checkpointer = owner.then(|| Checkpointer::start(path, &connection)).transpose()?;
        let turns = (!owner).then(|| Turns::at(path)).transpose()?;
        let keep = owner.then_some(KEPT_ROWS);
        let (store, outage) = (Tables::new(connection), Outage::none("written"));
        Ok(Self { store, queue, turns, checkpointer, keep, standing, outage, _lock: lock })
    }

    /// Runs until it is stopped or every handle is gone.
    pub(crate) fn run(mut self) {
        let mut shelf = Shelf::default();
        let mut jobs = Vec::with_capacity(LARGEST_BATCH);
        let mut batch = Batch::default();
        loop {
            let open = self.wait(&mut jobs, batch.is_empty());
            if !open && batch.is_empty() {
                return;
            }
            let turn = self.turns.as_mut().map(Turns::take).transpose();
            // One commit carries what came while others had their turn.
            self.take_waiting(&mut jobs);
            let (mut stop, mut beats, mut chores) = (None, false, Vec::new());
            for job in jobs.drain(..) {
                match job {
                    Job::Apply(command, waiter) => batch.push(command, waiter),
                    Job::Chore(chore, told) => chores.push((chore, told)),
                    Job::Beat => beats = true,
                    Job::Stop(answer) => stop = Some(answer),
                }
            }
            match &turn {
                Ok(_) => self.commit(&mut shelf, &mut batch),
                Err(error) => self.fail(&mut batch, error),
            }
            for (chore, told) in chores {
                let done = match &turn {
                    Ok(_) => self.do_chore(&mut shelf, &mut batch, &chore),
                    Err(error) => Err(error.clone().into()),
                };
                let _ = told.send(done);
            }
            if beats {
                self.beat(&mut batch);
            }
            if let Some(account) = self.store.connection.displaced() {
                tracing::error!(
                    account,
                    "this process was held up and taken for dead, and another sends from its account by now; it writes no more"
                );
                return;
            }
            if let Some(answer) = stop {
                self.queue.close();
                // What it sent from is another's from here.
                self.standing.lives(self.store.connection.node(), None);
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

    /// Does something beside the batches. What the shelf remembers may be gone after it.
    pub(crate) fn do_chore(
        &mut self,
        shelf: &mut Shelf,
        batch: &mut Batch,
        chore: &Chore,
    ) -> Result<TakenOut, PruneError> {
        self.settle(batch)?;
        shelf.clear();
        chore.done_by(&mut self.store)
    }

    pub(crate) fn beat(&mut self, batch: &mut Batch) {
        let stands_back = self.standing.stands_back();
        match self.settle(batch).and_then(|()| self.store.connection.beat(stands_back)) {
            Ok(Some(seen)) => {
                self.outage.beat_worked();
                self.standing.remember(seen);
                self.standing.lives(self.store.connection.node(), self.store.connection.lives_until());
            }
            Ok(None) => {}
            Err(error) => self.outage.beat_failed(&error),
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
        if let Err(error) = self.settle(batch) {
            return self.fail(batch, &error);
        }
        if batch.is_empty() {
            return;
        }
        failpoint::reach(failpoint::BEFORE_COMMIT, batch.commands());
        match self.run_batch(shelf, batch.commands()) {
            Ok(outcomes) => {
                failpoint::reach(failpoint::AFTER_COMMIT, batch.commands());
                let size = batch.len();
                self.outage.worked();
                self.standing.lives(self.store.connection.node(), self.store.connection.lives_until());
                batch.answer(outcomes);
                if let Some(checkpointer) = &mut self.checkpointer {
                    checkpointer.after_commit(&self.store.connection, size);
                }
            }
            Err(error) => {
                if let BatchError::Commit(_, outcomes) = &error {
                    batch.doubt(outcomes);
                }
                self.fail(batch, &error.into());
            }
        }
    }

    /// Finds out what became of a batch whose commit failed, before anything else is written: after that nobody could
    /// tell it from what came next.
    fn settle(&mut self, batch: &mut Batch) -> Result<(), StoreError> {
        if batch.is_in_doubt() {
            batch.learn(self.store.connection.became()?);
        }
        Ok(())
    }

    fn fail(&self, batch: &mut Batch, error: &StoreError) {
        self.outage.failed(error);
        batch.fail(error);
    }

    /// Runs a batch, again where nothing of it was written because of others.
    fn run_batch(&mut self, shelf: &mut Shelf, commands: &[Command]) -> Result<Vec<Outcome>, BatchError<StoreError>> {
        let (mut attempt, began) = (1, Instant::now());
        loop {
            match run(&mut self.store, shelf, commands, self.keep) {
                Err(
                    BatchError::Store(StoreError::Interrupted(why))
                    | BatchError::Commit(StoreError::Interrupted(why), _),
                ) if attempt < ATTEMPTS && began.elapsed() < PATIENCE => {
                    tracing::debug!(why, attempt, "a batch is begun anew");
                    attempt += 1;
                }
                ran => return ran,
            }
        }
    }
}
