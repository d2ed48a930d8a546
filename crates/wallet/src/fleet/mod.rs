//! Wallets of several machines that have their books in common, on a PostgreSQL server.
//!
//! ```text
//! <home>/store     the address of the server, where there is one
//! <home>/fleet/    the policies of wallets that are on other machines, as their owner signed them
//! ```
//!
//! What is counted, decided, asked, frozen and opened is in the books and in tables beside them, the same for all
//! machines. Keys stay on each machine, and so does what only one machine can go on with: payments under way, virtual
//! cards, who was paid before. A wallet's name stands for the same keys everywhere. Policies and freezes are read there
//! before every decision and written into the folder, where a policy counts for no more than its owner's signature.

mod joining;
mod names;
mod settings;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use farthing_keys::private_file;
use farthing_store::{Address, Beside, Books, Location, OwnTables, Sharing, StoreError};

use crate::sessions::{Sessions, SessionsError};

pub use joining::JoinError;
pub(crate) use settings::mirrored;

/// The file that names the server.
const STORE: &str = "store";

const TABLES: OwnTables = OwnTables {
    lock: "SELECT version FROM wallet_tables FOR UPDATE",
    version: "wallet_tables",
    migrations: &[include_str!("tables.sql")],
};

/// Whether the wallets of a home have their books in common with those of other machines.
pub(crate) fn is_of_fleet(home: &Path) -> bool {
    home.join(STORE).exists()
}

/// What the wallets of a home have in common with those of other machines. Nothing is connected before it is needed,
/// and what could not be reached is tried again.
pub(crate) struct Fleet {
    address: Address,
    books: Mutex<Option<Books>>,
    tables: Mutex<Option<Beside>>,
    sessions: Mutex<Option<Sessions>>,
    /// The versions of the policies that were written into the folder.
    known: Mutex<HashMap<String, i64>>,
}

impl Fleet {
    /// That of a home, if it is one of several.
    pub(crate) fn of(home: &Path) -> Result<Option<Arc<Self>>, JoinError> {
        let path = home.join(STORE);
        let text = match private_file::read(&path) {
            Err(error) if error.is_absent() => return Ok(None),
            read => read?,
        };
        let text = String::from_utf8_lossy(&text);
        Ok(Some(Arc::new(Self::at(address(text.trim())?))))
    }

    /// The one whose books are at this address.
    fn at(address: Address) -> Self {
        let (books, tables, sessions, known) = Default::default();
        Self { address, books, tables, sessions, known }
    }

    /// The same, with a password for where its address says none.
    pub(crate) fn reached_with(&self, password: impl FnOnce(Address) -> Address) -> Self {
        Self::at(password(self.address.clone()))
    }

    /// Its books.
    pub(crate) fn books(&self) -> Result<Books, StoreError> {
        once(&self.books, || Books::open(Location::Server(Box::new(self.address.clone())), Sharing::Shared))
    }

    /// Its sessions.
    pub(crate) fn sessions(&self) -> Result<Sessions, SessionsError> {
        let tables = self.tables()?;
        once(&self.sessions, || Sessions::on_server(tables))
    }

    /// Its tables beside the books.
    fn tables(&self) -> Result<Beside, StoreError> {
        // The books are made first, with their schema.
        self.books()?;
        once(&self.tables, || Beside::on_server(&self.address, TABLES))
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, i64>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Fleet {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Fleet").field(&self.address).finish()
    }
}

impl std::fmt::Display for Fleet {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.address.fmt(formatter)
    }
}

/// What is made once, unless that fails.
fn once<T: Clone, E>(kept: &Mutex<Option<T>>, make: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    match &*kept {
        Some(kept) => Ok(kept.clone()),
        None => Ok(kept.insert(make()?).clone()),
    }
}

/// Reads the address of a server; a file is none.
fn address(text: &str) -> Result<Address, JoinError> {
    match text.parse::<Location>().map_err(JoinError::from)? {
        Location::Server(address) => Ok(*address),
        Location::File(_) => Err(JoinError::NoServer),
    }
}
