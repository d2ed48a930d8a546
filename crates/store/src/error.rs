use farthing_books::Invalid;
use farthing_books::store::BatchError;

/// Why the books could not be opened, or did not answer. Money must not move on any of these: a
/// command that was answered so may or may not be in the books, and is safe to send again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The disk or the database failed.
    #[error("the books did not answer: {0}; check that the disk, or the database server, has room and is well")]
    Unavailable(String),
    /// Nothing of the batch was written: another process came in between, or the database went away before the end.
    #[error("the database interrupted a batch, of which nothing was written: {0}; try again")]
    Interrupted(String),
    /// The way to the database is not safe, or cannot be made so. Says what to do about it.
    #[error("the books were not opened: {0}")]
    Encryption(String),
    /// Another process has the books.
    #[error("the books at {0} are in use by another process; stop it, or look at them read-only")]
    InUse(String),
    /// Another process that shares the books sends from an account.
    #[error(
        "another gateway that shares the books sends from {0}, and two would number their transactions alike; give each \
         gateway a signer of its own, or stop the other one first"
    )]
    AccountTaken(String),
    /// Another process that shares the books has the turn to write, and keeps it.
    #[error(
        "another process has been writing to the books at {path} for {seconds} s; end it if it hangs, and try again"
    )]
    Held {
        /// Which file.
        path: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The file was written by a newer version of this program.
    #[error("the books at {path} have schema version {found}, this program knows {known}; use the newer program")]
    Newer {
        /// Which file.
        path: String,
        /// Its version.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// The file was written by an older version, and may only be looked at.
    #[error("the books at {path} have schema version {found}; open them once for writing to bring them to {known}")]
    Older {
        /// Which file.
        path: String,
        /// Its version.
        found: i64,
        /// The version needed.
        known: i64,
    },
    /// A folder, where a file was to be named.
    #[error("{0} is a folder; name the file of the books in it, such as {0}/farthing.db")]
    Folder(String),
    /// The file is a database of something else.
    #[error("{0} is not the books of this program; name another file")]
    Foreign(String),
    /// A row does not read back as what was written.
    #[error("the books are damaged: {0}; restore a backup, or run `farthing books verify`")]
    Damaged(String),
    /// A command for books that were opened to look at.
    #[error("the books were opened read-only")]
    ReadOnly,
    /// The books were closed.
    #[error("the books are closed")]
    Closed,
    /// A command that cannot be carried out.
    #[error(transparent)]
    Refused(#[from] Invalid),
    /// An answer of another kind than the command asks for, or a fault in the core.
    #[error("a fault in the books: {0}")]
    Fault(String),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<BatchError<StoreError>> for StoreError {
    fn from(error: BatchError<StoreError>) -> Self {
        match error {
            BatchError::Store(error) | BatchError::Commit(error, _) => error,
            BatchError::Fault(missing) => Self::Fault(missing.to_string()),
            below @ BatchError::BelowBound { .. } => Self::Damaged(below.to_string()),
        }
    }
}
