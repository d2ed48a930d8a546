//! The sessions of all wallets of a home directory, on disk before anything of them leaves.
//!
//! Several processes share the file. What it holds to, whatever they do: the total signed for never goes
//! down; no two purchases are ever signed with the same total, since a total is written down only by whoever
//! still finds the one it counted from; and one session at a time is opened or open on the same terms.

mod alive;
mod file;
mod life;
mod purchase;
mod record;
mod rows;
mod unsigned;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use farthing_keys::FileError;
use farthing_rail::Origin;
use rusqlite::{Connection, Transaction, TransactionBehavior};

pub(crate) use alive::Owner;
use alive::Owners;
pub(crate) use life::NewSession;
pub(crate) use purchase::{Kind, Purchase, Raise, Told};
pub use record::{KeptDeposit, KeptSession, SessionState};
pub(crate) use unsigned::GivenUp;

/// The file; cheap to clone.
#[derive(Clone)]
pub(crate) struct Sessions {
    connection: Arc<Mutex<Connection>>,
    owners: Arc<Owners>,
}

/// Why the sessions cannot be asked; nothing is signed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionsError {
    /// The file cannot be used.
    #[error("the wallet's sessions cannot be read or written: {0}; check the disk and the home directory")]
    Unavailable(String),
    /// A later version wrote it.
    #[error("the wallet's sessions were written by a later version of this software; use that one")]
    Newer,
    /// See [`FileError`].
    #[error(transparent)]
    File(#[from] FileError),
}

impl From<rusqlite::Error> for SessionsError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl Sessions {
    /// The sessions under this home directory.
    pub(crate) fn open(home: &Path) -> Result<Self, SessionsError> {
        let connection = Arc::new(Mutex::new(file::open(&home.join("sessions.db"))?));
        Ok(Self { connection, owners: Arc::new(Owners::new(home.join("sessions"))) })
    }

    /// Says that this process is at work on something, for others to see for as long as it lives.
    pub(crate) fn owner(&self, ambient: &crate::Ambient) -> Result<Owner, SessionsError> {
        self.owners.this_process(ambient)
    }

    /// Whether whoever was at work on something is gone: another process that ended, or a call of this one.
    pub(crate) fn is_gone(&self, owner: &Owner) -> Result<bool, SessionsError> {
        self.owners.is_gone(owner)
    }

    /// Changes the file, durably, in one piece, off this thread.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, SessionsError> {
        let connection = Arc::clone(&self.connection);
        let changed = tokio::task::spawn_blocking(move || {
            let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let answer = change(&transaction)?;
            transaction.commit()?;
            Ok(answer)
        });
        changed.await.unwrap_or_else(|_| Err(SessionsError::Unavailable("the change was interrupted".to_owned())))
    }

    /// Looks at one state of the file, off this thread.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, SessionsError> {
        let connection = Arc::clone(&self.connection);
        let looked = tokio::task::spawn_blocking(move || {
            let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            let state = connection.unchecked_transaction()?;
            Ok(look(&state)?)
        });
        looked.await.unwrap_or_else(|_| Err(SessionsError::Unavailable("the reading was interrupted".to_owned())))
    }

    /// The sessions of a wallet, those of its cards and runs among them, the newest first.
    pub(crate) async fn of_wallet(&self, wallet: &str) -> Result<Vec<KeptSession>, SessionsError> {
        let wallet = wallet.to_owned();
        self.read(move |file| rows::sessions(file, "wallet = ?1 OR wallet LIKE ?1 || '/%' ORDER BY id DESC", [wallet]))
            .await
    }

    /// Those of every wallet of this home in which something may still lie.
    pub(crate) async fn all_living(&self) -> Result<Vec<KeptSession>, SessionsError> {
        self.read(|file| rows::sessions(file, "state != 'closed'", [])).await
    }

    /// The session of this number.
    pub(crate) async fn session(&self, id: i64) -> Result<Option<KeptSession>, SessionsError> {
        Ok(self.read(move |file| rows::sessions(file, "id = ?1", [id])).await?.pop())
    }

    /// What is opened or open on these terms, and what is unspent elsewhere on them.
    pub(crate) async fn on_terms(
        &self,
        wallet: &str,
        origin: &Origin,
        terms: &str,
    ) -> Result<Vec<KeptSession>, SessionsError> {
        let key = [wallet.to_owned(), origin.to_string(), terms.to_owned()];
        let of = "wallet = ?1 AND origin = ?2 AND terms = ?3 AND state != 'closed' ORDER BY id";
        self.read(move |file| rows::sessions(file, of, key)).await
    }
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Sessions(..)")
    }
}

#[cfg(test)]
mod tests;
