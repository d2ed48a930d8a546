//! The sessions of all wallets of a home directory, or of a fleet of them, durable before anything of them leaves.
//!
//! Several processes share the tables, in a file or on a server. What they hold to, whatever the processes do: the total
//! signed for never goes down; no two purchases are ever signed with the same total, since a total is written down only
//! by whoever still finds the one it counted from; and one session at a time is opened or open on the same terms.

mod alive;
mod file;
mod life;
mod presence;
mod purchase;
mod record;
mod rows;
mod unsigned;

use std::path::Path;
use std::sync::Arc;

use farthing_keys::FileError;
use farthing_rail::Origin;
use farthing_store::{Beside, Statements, StoreError};
use rusqlite::params;

pub(crate) use alive::Owner;
use alive::Owners;
pub(crate) use life::NewSession;
pub(crate) use purchase::{Kind, Purchase, Raise, Told};
pub use record::{KeptDeposit, KeptSession, SessionState};
pub(crate) use unsigned::GivenUp;

/// The tables; cheap to clone.
#[derive(Clone)]
pub(crate) struct Sessions {
    tables: Beside,
    owners: Arc<Owners>,
}

/// Why the sessions cannot be asked; nothing is signed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionsError {
    /// The file, or the server, cannot be used.
    #[error(
        "the wallet's sessions cannot be read or written: {0}; check the disk and the home directory, or the database \
         server"
    )]
    Unavailable(String),
    /// A later version wrote it.
    #[error("the wallet's sessions were written by a later version of this software; use that one")]
    Newer,
    /// The server did not hear of this process for so long that others went on with what it was at.
    #[error("this process was out of the database's reach for so long that others went on without it; try again")]
    TakenForDead,
    /// See [`FileError`].
    #[error(transparent)]
    File(#[from] FileError),
}

impl From<rusqlite::Error> for SessionsError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<StoreError> for SessionsError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(why) | StoreError::Interrupted(why) => Self::Unavailable(why),
            StoreError::Newer { .. } => Self::Newer,
            other => Self::Unavailable(other.to_string()),
        }
    }
}

impl Sessions {
    /// The sessions under this home directory.
    pub(crate) fn open(home: &Path) -> Result<Self, SessionsError> {
        let tables = Beside::in_file(file::open(&home.join("sessions.db"))?)?;
        Ok(Self { tables, owners: Arc::new(Owners::of_files(home.join("sessions"))) })
    }

    /// The same, read and written where it is asked: for simulations, in which one order of events is the only one.
    pub(crate) fn open_in_place(home: &Path) -> Result<Self, SessionsError> {
        let tables = Beside::in_place(file::open(&home.join("sessions.db"))?);
        Ok(Self { tables, owners: Arc::new(Owners::of_files(home.join("sessions"))) })
    }

    /// The sessions that the wallets of several machines share, in the tables of [`presence`] and of this module.
    pub(crate) fn on_server(tables: Beside) -> Result<Self, SessionsError> {
        let owners = Arc::new(Owners::of_server());
        presence::show_while_at_work(&tables, &owners)?;
        Ok(Self { tables, owners })
    }

    /// Says that a call of this process is at work on something, for others to see for as long as it lives.
    pub(crate) fn owner(&self, ambient: &crate::Ambient) -> Result<Owner, SessionsError> {
        self.owners.this_process(ambient)
    }

    /// Whether whoever was at work on something is gone: another process that ended, or a call of this one.
    pub(crate) async fn is_gone(&self, owner: &Owner) -> Result<bool, SessionsError> {
        if let Some(known) = self.owners.is_known_gone(owner)? {
            return Ok(known);
        }
        let process = owner.process().to_owned();
        Ok(self.tables.change(move |tables| presence::is_gone(tables, &process)).await?)
    }

    /// Whether any process is at work on anything, for all that this machine can tell.
    pub(crate) async fn anybody_is_at_work(&self) -> Result<bool, SessionsError> {
        let owners = "SELECT owner FROM wallet_sessions WHERE owner IS NOT NULL UNION \
                      SELECT owner FROM wallet_purchases WHERE owner IS NOT NULL";
        for owner in self.read(move |file| file.many(owners, &[], |row| row.get::<String>(0))).await? {
            if !self.is_gone(&Owner::named(owner)).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The tables themselves.
    pub(crate) fn tables(&self) -> &Beside {
        &self.tables
    }

    /// Changes the tables, durably, in one piece, off this thread.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Statements<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, SessionsError> {
        let owners = Arc::clone(&self.owners);
        let (changed, shown) = self
            .tables
            .change(move |tables| {
                let shown = presence::show(tables, &owners)?;
                Ok::<_, SessionsError>((change(tables)?, shown))
            })
            .await?;
        self.owners.shown(shown);
        Ok(changed)
    }

    /// Looks at one state of the tables, off this thread.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Statements<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, SessionsError> {
        Ok(self.tables.look(look).await?)
    }

    /// The sessions of a wallet, those of its cards and runs among them, the newest first.
    pub(crate) async fn of_wallet(&self, wallet: &str) -> Result<Vec<KeptSession>, SessionsError> {
        let wallet = wallet.to_owned();
        let of = "wallet = ?1 OR wallet LIKE ?1 || '/%' ORDER BY id DESC";
        self.read(move |file| rows::sessions(file, of, params![wallet])).await
    }

    /// Those of every wallet of this home in which something may still lie.
    pub(crate) async fn all_living(&self) -> Result<Vec<KeptSession>, SessionsError> {
        self.read(|file| rows::sessions(file, "state != 'closed'", &[])).await
    }

    /// The session of this number.
    pub(crate) async fn session(&self, id: i64) -> Result<Option<KeptSession>, SessionsError> {
        Ok(self.read(move |file| rows::sessions(file, "id = ?1", params![id])).await?.pop())
    }

    /// What is opened or open on these terms, and what is unspent elsewhere on them.
    pub(crate) async fn on_terms(
        &self,
        wallet: &str,
        origin: &Origin,
        terms: &str,
    ) -> Result<Vec<KeptSession>, SessionsError> {
        let (wallet, origin, terms) = (wallet.to_owned(), origin.to_string(), terms.to_owned());
        let of = "wallet = ?1 AND origin = ?2 AND terms = ?3 AND state != 'closed' ORDER BY id";
        self.read(move |file| rows::sessions(file, of, params![wallet, origin, terms])).await
    }
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Sessions(..)")
    }
}

#[cfg(test)]
mod tests;
