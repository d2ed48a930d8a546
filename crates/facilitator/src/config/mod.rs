//! What a facilitator is told to do, read once and refused whole when any of it makes no sense.

mod error;
mod file;
mod read;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;

pub use error::ConfigError;

/// A whole configuration, checked as far as it can be without building the chains.
#[derive(Debug)]
pub struct Config {
    /// Where it came from, for errors.
    pub source: PathBuf,
    /// Where sellers connect.
    pub listen: SocketAddr,
    /// Where operators read metrics.
    pub admin: Option<SocketAddr>,
    /// The folder of the facilitator's own files.
    pub data: PathBuf,
    /// TLS to terminate here: certificate chain and key in PEM files.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// How long a stopping facilitator waits for what is under way.
    pub drain: Duration,
    /// Whether sellers' resources are listed when a payment for them was settled.
    pub catalogue: bool,
    /// The `[chains.NAME]` tables; only who builds them knows what they mean.
    pub chains: Vec<ChainConfig>,
    /// Who may ask. None is everybody, which only loopback allows.
    pub callers: Vec<CallerConfig>,
}

/// One `[chains.NAME]` table.
#[derive(Clone, Debug)]
pub struct ChainConfig {
    /// NAME.
    pub name: String,
    /// What stands in it.
    pub table: toml::Table,
}

/// One `[callers.NAME]` table.
#[derive(Clone, Debug)]
pub struct CallerConfig {
    /// NAME, in logs and metrics.
    pub name: String,
    /// What it shows.
    pub token: SecretString,
    /// Requests a minute.
    pub per_minute: Option<u32>,
    /// Payments settled in a day, UTC.
    pub settlements_per_day: Option<u32>,
    /// The accounts that its payments may pay; everybody where none is named.
    pub payees: Vec<String>,
}

impl Config {
    /// Reads a file. `environment` looks up the variables that secrets are named by.
    pub fn load(path: &Path, environment: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|reason| ConfigError::Unreadable { path: path.to_owned(), reason: reason.to_string() })?;
        Self::read(&text, path, environment)
    }

    /// Reads the text of a file at this path.
    pub fn read(text: &str, path: &Path, environment: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        read::config(text, path, environment)
    }

    /// The folder that relative paths start from.
    pub fn directory(&self) -> &Path {
        self.source.parent().unwrap_or(Path::new("."))
    }
}

#[cfg(test)]
mod tests;
