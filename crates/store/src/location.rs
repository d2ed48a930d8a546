//! Where books are.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

pub use crate::engine::postgres::address::{Address, AddressError};

/// Where books are: in a file of this machine, or on a server that several machines share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// An SQLite file.
    File(PathBuf),
    /// A schema on a PostgreSQL server.
    Server(Box<Address>),
}

impl Location {
    /// The file, where the books are in one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Server(_) => None,
        }
    }
}

/// Reads `sqlite:PATH`, `postgres://user@host/database?schema=NAME`, or a path.
impl FromStr for Location {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.starts_with("postgres:") || text.starts_with("postgresql:") {
            return Ok(Self::Server(Box::new(text.parse()?)));
        }
        Ok(Self::File(PathBuf::from(text.strip_prefix("sqlite:").unwrap_or(text))))
    }
}

/// Without the password of a server.
impl fmt::Display for Location {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(out),
            Self::Server(address) => address.fmt(out),
        }
    }
}

impl From<&Path> for Location {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

impl From<&PathBuf> for Location {
    fn from(path: &PathBuf) -> Self {
        Self::File(path.clone())
    }
}

impl From<&Location> for Location {
    fn from(location: &Location) -> Self {
        location.clone()
    }
}
