//! Whose turn it is to write, among the processes that share the books.
//!
//! SQLite lets a process that finds the file locked try again after a pause, which is slow, and unfair to whoever
//! pauses at the wrong moments. Here processes sleep until they are woken, in the order in which they came. Two locked
//! files make the queue: whoever writes has `.turn`, the one that comes after it has `.next` and waits for `.turn`, and
//! all others wait for `.next`, so that nobody who was just served comes before anybody who waits. The kernel lets go
//! of what a dead process had. The queue keeps order and nothing else: what keeps two writers apart is SQLite's own lock.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::file::{beside, private, unavailable};
use crate::StoreError;

/// How long a process waits for its turn: longer than any batch of the others takes.
const PATIENCE: Duration = Duration::from_secs(10);

/// A process's place in the queue; its writer's alone.
pub(crate) struct Turns {
    queue: Arc<Queue>,
    /// Whether there is a thread that waits. It starts when there is something to wait for.
    has_helper: bool,
    patience: Duration,
    books: String,
}

/// It is this process's turn, until this is dropped.
pub(crate) struct Turn(Arc<Queue>);

struct Queue {
    next: File,
    turn: File,
    wait: Mutex<Wait>,
    changed: Condvar,
}

/// What stands between the writer and the thread that waits for it, because a lock cannot be waited for with an end.
#[derive(Debug)]
enum Wait {
    /// Nothing is waited for.
    Idle,
    /// The writer wants its turn.
    Wanted,
    /// The writer wanted its turn and lost patience; should it come, it goes to whoever is next.
    GivenUp,
    /// The turn has come, or it cannot be waited for.
    Over(io::Result<()>),
    /// There is no writer any more.
    Gone,
}

impl Turns {
    /// The queue for these books.
    pub(crate) fn at(books: &Path) -> Result<Self, StoreError> {
        let open = |ending| {
            let path = beside(books, ending);
            private(&path).map_err(|error| unavailable(&path, &error))
        };
        let (next, turn) = (open(".next")?, open(".turn")?);
        let queue = Arc::new(Queue { next, turn, wait: Mutex::new(Wait::Idle), changed: Condvar::new() });
        Ok(Self { queue, has_helper: false, patience: PATIENCE, books: books.display().to_string() })
    }

    /// Waits for its turn, for as long as it has patience.
    pub(crate) fn take(&mut self) -> Result<Turn, StoreError> {
        let failed = |error: io::Error| StoreError::Unavailable(error.to_string());
        if matches!(*self.queue.lock(), Wait::Idle) && self.queue.take_at_once().map_err(failed)? {
            return Ok(Turn(Arc::clone(&self.queue)));
        }
        self.start_helper()?;
        match self.queue.await_turn(self.patience) {
            Some(came) => came.map(|()| Turn(Arc::clone(&self.queue))).map_err(failed),
            None => Err(StoreError::Held { path: self.books.clone(), seconds: self.patience.as_secs() }),
        }
    }

    fn start_helper(&mut self) -> Result<(), StoreError> {
        if !self.has_helper {
            let queue = Arc::clone(&self.queue);
            let spawned = thread::Builder::new().name("books-turn".to_owned()).spawn(move || queue.help());
            spawned.map_err(|error| StoreError::Unavailable(error.to_string()))?;
            self.has_helper = true;
        }
        Ok(())
    }
}

impl Drop for Turns {
    fn drop(&mut self) {
        *self.queue.lock() = Wait::Gone;
        self.queue.changed.notify_all();
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Err(error) = self.0.turn.unlock() {
            tracing::error!(%error, "the turn to write could not be passed on");
        }
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Wait> {
        self.wait.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the turn if nobody has it and nobody waits. Otherwise it may have become next, which is kept.
    fn take_at_once(&self) -> io::Result<bool> {
        if !taken(self.next.try_lock())? {
            return Ok(false);
        }
        let came = taken(self.turn.try_lock());
        if !matches!(came, Ok(false)) {
            self.next.unlock()?;
        }
        came
    }

    /// Waits for the turn, without an end.
    fn take(&self) -> io::Result<()> {
        let came = wait_for(&self.next).and_then(|()| wait_for(&self.turn));
        came.and(self.next.unlock())
    }

    /// What came of waiting; `None` when it took too long.
    fn await_turn(&self, patience: Duration) -> Option<io::Result<()>> {
        let mut wait = self.lock();
        *wait = Wait::Wanted;
        self.changed.notify_all();
        let waited = self.changed.wait_timeout_while(wait, patience, |wait| matches!(wait, Wait::Wanted));
        let (mut wait, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *wait, Wait::Idle) {
            Wait::Over(came) => Some(came),
            _ => {
                *wait = Wait::GivenUp;
                None
            }
        }
    }

    /// Waits whenever the writer wants its turn, until there is no writer.
    fn help(&self) {
        loop {
            let waited = self.changed.wait_while(self.lock(), |wait| !matches!(wait, Wait::Wanted | Wait::Gone));
            let wait = waited.unwrap_or_else(PoisonError::into_inner);
            if matches!(*wait, Wait::Gone) {
                return;
            }
            drop(wait);
            let came = self.take();
            let mut wait = self.lock();
            match *wait {
                Wait::Wanted => *wait = Wait::Over(came),
                _ => {
                    let _ = self.turn.unlock();
                    if matches!(*wait, Wait::GivenUp) {
                        *wait = Wait::Idle;
                    }
                }
            }
            self.changed.notify_all();
        }
    }
}

fn wait_for(file: &File) -> io::Result<()> {
    loop {
        match file.lock() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            came => return came,
        }
    }
}

fn taken(tried: Result<(), TryLockError>) -> io::Result<bool> {
    match tried {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests;
