//! What a wallet signs and sends itself that is no payment, such as a change of what a contract may move:
//! on disk before it is sent, and until it is known what came of it.
//!
//! A call that dies in between, or does not learn what came of it, leaves the file behind, and the next
//! one sends the same bytes and signs nothing anew. An empty file means that nothing is under way. The
//! file itself is the lock.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use farthing_keys::{FileError, private_file};

use crate::failpoint::reach;

/// One thing under way, held by this call.
#[derive(Debug)]
pub struct Undertaking {
    path: PathBuf,
    file: File,
}

/// Why something cannot be undertaken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UndertakingError {
    /// Another call does the same.
    #[error("another command is doing the same just now; wait until it has ended")]
    Busy,
    /// See [`FileError`].
    #[error(transparent)]
    File(#[from] FileError),
}

impl Undertaking {
    pub(crate) fn take_up(directory: &Path, name: &str) -> Result<Self, UndertakingError> {
        let path = directory.join(format!("{name}.undertaking"));
        private_file::ensure(&path)?;
        let file = File::options().read(true).write(true).open(&path).map_err(FileError::system(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { path, file }),
            Err(TryLockError::WouldBlock) => Err(UndertakingError::Busy),
            Err(TryLockError::Error(error)) => Err(FileError::system(&path)(error).into()),
        }
    }

    /// What an earlier call kept and may have sent. What is torn was never sent.
    pub fn kept(&mut self) -> Result<Option<Vec<u8>>, UndertakingError> {
        let mut text = String::new();
        let read = self.file.rewind().and_then(|()| self.file.read_to_string(&mut text));
        read.map_err(FileError::system(&self.path))?;
        Ok(text.strip_suffix('\n').and_then(|line| STANDARD.decode(line).ok()))
    }

    /// Keeps what is about to be sent; durable when this returns.
    pub fn keep(&mut self, bytes: &[u8]) -> Result<(), UndertakingError> {
        self.empty()?;
        let line = format!("{}\n", STANDARD.encode(bytes));
        let written = self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_all());
        written.map_err(FileError::system(&self.path))?;
        private_file::sync_directory(&self.path)?;
        reach("wallet-after-undertaking");
        Ok(())
    }

    /// Says that it is known what came of it. Should the machine stop before that is on disk, it is sent
    /// once more, which changes nothing.
    pub fn finish(&mut self) -> Result<(), UndertakingError> {
        reach("wallet-before-finish");
        self.empty()
    }

    fn empty(&mut self) -> Result<(), UndertakingError> {
        let emptied = self.file.set_len(0).and_then(|()| self.file.rewind());
        Ok(emptied.map_err(FileError::system(&self.path))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_comes_back_to_the_next_call_until_it_is_finished() {
        let directory = tempfile::tempdir().unwrap();
        let take_up = || Undertaking::take_up(directory.path(), "eip155-1");
        let mut first = take_up().unwrap();
        assert_eq!(first.kept().unwrap(), None);
        first.keep(b"a longer one").unwrap();
        first.keep(b"bytes").unwrap();
        assert!(matches!(take_up(), Err(UndertakingError::Busy)));
        drop(first);
        let mut second = take_up().unwrap();
        assert_eq!(second.kept().unwrap().as_deref(), Some(b"bytes".as_slice()));
        second.finish().unwrap();
        drop(second);
        assert_eq!(take_up().unwrap().kept().unwrap(), None);
    }

    #[test]
    fn what_is_torn_was_never_sent() {
        let directory = tempfile::tempdir().unwrap();
        let mut torn = Undertaking::take_up(directory.path(), "eip155-1").unwrap();
        torn.keep(b"bytes").unwrap();
        let length = torn.file.metadata().unwrap().len();
        torn.file.set_len(length - 1).unwrap();
        assert_eq!(torn.kept().unwrap(), None);
    }
}
