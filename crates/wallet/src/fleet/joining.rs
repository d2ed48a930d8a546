//! How the wallets of a home come to be among those of a fleet: as new ones, or with all that is in their files.

use farthing_keys::{FileError, private_file};
use farthing_store::{Address, AddressError, Beside, Location, MoveError, Statements, StoreError, move_books};
use rusqlite::ToSql;
use rusqlite::types::Value;

use super::{Fleet, STORE, address, mirrored};
use crate::sessions::Sessions;
use crate::wallets::{SignedPolicy, WalletsError};
use crate::{WalletName, Wallets};

/// Why wallets do not get a store in common with others.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// See [`AddressError`].
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A file, which several machines cannot share.
    #[error("several machines share a server, not a file; write postgres://user@host/database")]
    NoServer,
    /// The home has another one.
    #[error("the wallets here have their books at {0} already; use another --home for other books")]
    Other(String),
    /// The home has counters of its own.
    #[error(
        "the wallets here have counted in files of their own; move them with: farthing store migrate {home} ADDRESS"
    )]
    OwnBooks {
        /// Which home.
        home: String,
    },
    /// A process is at work on a session.
    #[error("a process is paying out of the wallets here; end it, and try again")]
    InUse,
    /// See [`MoveError`].
    #[error(transparent)]
    Move(#[from] MoveError),
    /// See [`FileError`].
    #[error(transparent)]
    File(#[from] FileError),
}

/// The tables of sessions, with their columns.
const SESSIONS: [(&str, &str); 3] = [
    (
        "wallet_sessions",
        "id, wallet, origin, method, terms, asset, payee, unit, unit_cost, currency, state, owner, channel, kept, \
         deposit, signed, free, spent, challenge, url, reason, collect_until, opened_at, used_at",
    ),
    ("wallet_deposits", "reservation, session, amount, fee, cost, standing"),
    ("wallet_purchases", "id, session, wallet, kind, fingerprint, owner, total, added, sealed, at"),
];

impl Wallets {
    /// Where the books are that these wallets have in common with others, shown without a password; `None` where they
    /// are in files of this home.
    pub fn store(&self) -> Option<String> {
        self.fleet.as_ref().map(ToString::to_string)
    }

    /// The same, with what finds the password of a store whose address says none.
    #[must_use]
    pub fn reached_with(mut self, password: impl FnOnce(Address) -> Address) -> Self {
        self.fleet = self.fleet.map(|fleet| fleet.reached_with(password).into());
        self
    }

    /// The same wallets, with their books at this address from now on: those of wallets on any number of machines. Nothing
    /// may have been counted here yet. `password` adds what the address does not say and the home is not to keep.
    pub fn sharing(mut self, text: &str, password: impl FnOnce(Address) -> Address) -> Result<Self, WalletsError> {
        let fleet = Fleet::at(address(text)?).reached_with(password);
        if let Some(own) = &self.fleet {
            return if own.to_string() == fleet.to_string() {
                Ok(self)
            } else {
                Err(JoinError::Other(own.to_string()).into())
            };
        }
        if self.home.join("budgets.db").exists() {
            return Err(JoinError::OwnBooks { home: self.home.display().to_string() }.into());
        }
        fleet.tables()?;
        self.keep_store(text)?;
        self.fleet = Some(fleet.into());
        Ok(self)
    }

    /// Moves all that was counted, decided and opened here to books that are to be made at this address, checked, while
    /// nothing is paid; from then on these wallets are there. The files stay as they are.
    pub async fn move_to(
        mut self,
        text: &str,
        password: impl FnOnce(Address) -> Address,
    ) -> Result<Self, WalletsError> {
        if let Some(own) = &self.fleet {
            return Err(JoinError::Other(own.to_string()).into());
        }
        let fleet = Fleet::at(address(text)?).reached_with(password);
        let sessions = self.home.join("sessions.db").exists().then(|| Sessions::open(&self.home)).transpose()?;
        if let Some(sessions) = &sessions
            && sessions.anybody_is_at_work().await?
        {
            return Err(JoinError::InUse.into());
        }
        let books = self.home.join("budgets.db");
        if books.exists() {
            let to = Location::Server(Box::new(fleet.address.clone()));
            move_books(Location::File(books), to).await.map_err(JoinError::from)?;
        }
        let tables = fleet.tables()?;
        if let Some(sessions) = sessions {
            copy_sessions(sessions.tables(), &tables).await?;
        }
        self.fleet = Some(fleet.into());
        self.tell_everything()?;
        self.keep_store(text)?;
        Ok(self)
    }

    fn keep_store(&self, text: &str) -> Result<(), WalletsError> {
        private_file::private_directory(&mirrored(&self.home))?;
        Ok(private_file::write(&self.home.join(STORE), format!("{text}\n").as_bytes())?)
    }

    /// Tells the others of the names, policies and freezes that are here.
    fn tell_everything(&self) -> Result<(), WalletsError> {
        let Some(fleet) = &self.fleet else { return Ok(()) };
        let frozen = self.home.join("frozen");
        if frozen.exists() {
            fleet.freeze("", &frozen, &self.since())?;
        }
        for name in self.names()? {
            fleet.enter(&name, &self.key_in_use(&name)?)?;
            let frozen = self.path(&name, "frozen");
            if frozen.exists() {
                fleet.freeze(name.as_str(), &frozen, &self.since())?;
            }
            self.tell_policy(name.as_str(), &self.path(&name, "policy.toml"))?;
        }
        for group in self.groups()? {
            let path = self.home.join("groups").join(group.as_str()).join("policy.toml");
            self.tell_policy(&format!("group/{group}"), &path)?;
        }
        Ok(())
    }

    fn tell_policy(&self, level: &str, path: &std::path::Path) -> Result<(), WalletsError> {
        let bytes = match private_file::read(path) {
            Err(error) if error.is_absent() => return Ok(()),
            read => read?,
        };
        let signed = SignedPolicy::read(level, &String::from_utf8_lossy(&bytes))?;
        self.fleet.as_ref().map_or(Ok(()), |fleet| fleet.tell_policy(level, &signed))
    }

    fn groups(&self) -> Result<Vec<WalletName>, WalletsError> {
        let directory = self.home.join("groups");
        let entries = match std::fs::read_dir(&directory) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            read => read.map_err(FileError::system(&directory))?,
        };
        let mut groups = Vec::new();
        for entry in entries {
            let entry = entry.map_err(FileError::system(&directory))?;
            groups.extend(entry.file_name().to_str().and_then(|name| name.parse().ok()));
        }
        Ok(groups)
    }
}

/// Copies the sessions to where there are none, in one piece.
async fn copy_sessions(from: &Beside, to: &Beside) -> Result<(), StoreError> {
    for (table, columns) in SESSIONS {
        let width = columns.split(',').count();
        let sql = format!("SELECT {columns} FROM {table}");
        let rows: Vec<Vec<Value>> = from
            .look(move |file| file.many(&sql, &[], |row| (0..width).map(|column| row.get(column)).collect()))
            .await?;
        let places = (1..=width).map(|place| format!("?{place}")).collect::<Vec<_>>().join(", ");
        let insert = format!("INSERT INTO {table} ({columns}) VALUES ({places}) ON CONFLICT DO NOTHING");
        to.change(move |tables: &Statements<'_>| {
            for row in &rows {
                let values: Vec<&dyn ToSql> = row.iter().map(|value| value as _).collect();
                tables.execute(&insert, &values)?;
            }
            Ok::<_, StoreError>(())
        })
        .await?;
    }
    let next = "SELECT setval(pg_get_serial_sequence('wallet_sessions', 'id'), coalesce(max(id), 0) + 1, false) \
                FROM wallet_sessions";
    to.change(move |tables| tables.one(next, &[], |row| row.get::<i64>(0)).map(drop)).await
}
