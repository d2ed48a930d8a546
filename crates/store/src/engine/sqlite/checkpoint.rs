//! Moving the write-ahead log into the file beside the writer, so that a commit never waits for it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use super::file;
use crate::StoreError;
use crate::engine::Connection;

/// After so many commands the log is moved. Between two moves nearly every index page is written, and each is moved once:
/// fewer moves are less work, and the log stays below a hundred megabytes.
const COMMANDS: usize = 8_000;

/// How much the moving thread yields to others that share its core; on Linux this is the thread's own.
const BACKGROUND: i32 = 15;

/// The writer's side: says when it is time, and finishes what the other thread began.
///
/// The other thread moves the bulk while the writer goes on appending. The log starts over only when
/// all of it was moved, so the writer moves the small rest itself, right after a commit.
pub(crate) struct Checkpointer {
    wake: SyncSender<()>,
    moved: Arc<AtomicBool>,
    commands: usize,
}

impl Checkpointer {
    /// Starts the thread with its own connection, and leaves the log to it; it ends when this is dropped.
    pub(crate) fn start(path: &Path, writer: &Connection) -> Result<Self, StoreError> {
        if let Connection::File(writer) = writer {
            writer.pragma_update(None, "wal_autocheckpoint", 0)?;
        }
        let connection = Connection::File(file::writer(path)?.into());
        let moved = Arc::new(AtomicBool::new(false));
        let (wake, woken) = sync_channel(1);
        let done = Arc::clone(&moved);
        let body = move || {
            // Whoever waits for a commit goes first; a refusal changes nothing but that.
            let _ = rustix::process::nice(BACKGROUND);
            while woken.recv().is_ok() {
                move_log(&connection);
                done.store(true, Ordering::Release);
            }
        };
        let spawned = thread::Builder::new().name("books-checkpoint".to_owned()).spawn(body);
        spawned.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(Self { wake, moved, commands: 0 })
    }

    /// Called by the writer after each commit.
    pub(crate) fn after_commit(&mut self, books: &Connection, commands: usize) {
        self.commands += commands;
        if self.moved.swap(false, Ordering::Acquire) {
            move_log(books);
        } else if self.commands >= COMMANDS && self.wake.try_send(()).is_ok() {
            self.commands = 0;
        }
    }
}

fn move_log(books: &Connection) {
    let Connection::File(file) = books else { return };
    if let Err(error) = file.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
        tracing::warn!(%error, "the write-ahead log could not be moved into the file");
    }
}
