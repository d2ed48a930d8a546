//! The one writer: takes everything that waits, makes it durable in one commit, then answers.

use std::thread;
use std::time::{Duration, Instant};

use farthing_books::store::run;
use farthing_books::{Command, Outcome, Shelf};
use tokio::sync::mpsc::{UnboundedReceiver, error::TryRecvError};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

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
            let writer = Self { store, queue, turns: None, checkpointer: None, keep, standing, outage, _lock: None };
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
        let (store, outage) = (Tables::new(connection), Outage::none("written"));
        Ok(Self { store, queue, turns, checkpointer, keep, standing, outage, _lock: lock })
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
                    Ok(_) => self.do_chore(&mut shelf, &chore),
                    Err(error) => Err(error.clone().into()),
                };
                let _ = told.send(done);
            }
            if beats {
                self.beat();
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
    pub(crate) fn do_chore(&mut self, shelf: &mut Shelf, chore: &Chore) -> Result<TakenOut, PruneError> {
        shelf.clear();
        chore.done_by(&mut self.store)
    }

    pub(crate) fn beat(&self) {
        match self.store.connection.beat() {
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
        if batch.commands.is_empty() {
            return;
        }
        failpoint::reach(failpoint::BEFORE_COMMIT, &batch.commands);
        match self.run_batch(shelf, &batch.commands) {
            Ok(outcomes) => {
                failpoint::reach(failpoint::AFTER_COMMIT, &batch.commands);
                let size = batch.commands.len();
                self.outage.worked();
                self.standing.lives(self.store.connection.node(), self.store.connection.lives_until());
                batch.answer(outcomes);
                if let Some(checkpointer) = &mut self.checkpointer {
                    checkpointer.after_commit(&self.store.connection, size);
                }
            }
            Err(error) => self.fail(batch, &error),
        }
    }

    fn fail(&self, batch: &mut Batch, error: &StoreError) {
        self.outage.failed(error);
        batch.fail(error);
    }

    /// Runs a batch, again where nothing of it was written because of others.
    fn run_batch(&mut self, shelf: &mut Shelf, commands: &[Command]) -> Result<Vec<Outcome>, StoreError> {
        let (mut attempt, began) = (1, Instant::now());
        loop {
            match run(&mut self.store, shelf, commands, self.keep).map_err(StoreError::from) {
                Err(StoreError::Interrupted(why)) if attempt < ATTEMPTS && began.elapsed() < PATIENCE => {
                    tracing::debug!(why, attempt, "a batch is begun anew");
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
    }
}

impl Waiter {
    pub(crate) fn tell(self, answer: Result<Outcome, StoreError>) {
        // Whoever went away meanwhile finds the outcome by asking again.
        let _ = self.answer.send(answer);
    }
}
