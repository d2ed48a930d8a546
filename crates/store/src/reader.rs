//! Reads beside the writer, on threads of their own, so that no asynchronous task waits for a disk or a server.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use tokio::sync::oneshot;

use crate::engine::Connection;
use crate::outage::Outage;
use crate::{Location, StoreError};

pub(crate) type Read = Box<dyn FnOnce(&Connection) + Send>;

/// A handle to the reading threads; they end when the last one is dropped.
#[derive(Clone)]
pub(crate) enum Readers {
    Threads(mpsc::Sender<Read>, Outage),
    /// No thread: whoever asks reads.
    Here(Arc<Mutex<Connection>>),
}

impl Readers {
    /// Starts so many threads, each with its own connection.
    pub(crate) fn start(place: &Location, threads: usize) -> Result<Self, StoreError> {
        let (queue, waiting) = mpsc::channel::<Read>();
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..threads {
            let (place, waiting) = (place.clone(), Arc::clone(&waiting));
            let (opened, open) = mpsc::channel();
            let spawned = thread::Builder::new().name("books-reader".to_owned()).spawn(move || {
                let connection = match Connection::reader(&place) {
                    Ok(connection) => connection,
                    Err(error) => return drop(opened.send(Err(error))),
                };
                drop(opened.send(Ok(())));
                while let Some(read) = next(&waiting) {
                    // Whoever asked hears of a panic by having no answer; the thread is for the others too.
                    let _ = catch_unwind(AssertUnwindSafe(|| read(&connection)));
                }
            });
            spawned.map_err(|error| StoreError::Unavailable(error.to_string()))?;
            open.recv().map_err(|_| StoreError::Closed)??;
        }
        Ok(Self::Threads(queue, Outage::none("read")))
    }

    /// Reads where it is asked.
    pub(crate) fn here(connection: Connection) -> Self {
        Self::Here(Arc::new(Mutex::new(connection)))
    }

    /// Runs a read and resolves to what it found.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (queue, outage) = match self {
            Self::Threads(queue, outage) => (queue, outage),
            Self::Here(connection) => return read(&connection.lock().unwrap_or_else(PoisonError::into_inner)),
        };
        let (answer, found) = oneshot::channel();
        let job: Read = Box::new(move |connection| {
            let _ = answer.send(read(connection));
        });
        queue.send(job).map_err(|_| StoreError::Closed)?;
        let found = found.await.map_err(|_| StoreError::Closed)?;
        match &found {
            Ok(_) => outage.worked(),
            Err(error @ (StoreError::Unavailable(_) | StoreError::Interrupted(_))) => outage.failed(error),
            Err(_) => {}
        }
        found
    }
}

fn next(waiting: &Mutex<mpsc::Receiver<Read>>) -> Option<Read> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::sqlite::file;

    #[tokio::test]
    async fn a_read_that_panics_has_no_answer_and_the_next_one_has() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("books.db");
        drop(file::writer(&path).unwrap());
        let readers = Readers::start(&Location::from(&path), 1).unwrap();
        let panics = |_: &Connection| -> Result<(), StoreError> { panic!("a test asked for this") };
        assert_eq!(readers.read(panics).await, Err(StoreError::Closed));
        assert_eq!(readers.read(|_| Ok(7)).await, Ok(7));
    }
}
