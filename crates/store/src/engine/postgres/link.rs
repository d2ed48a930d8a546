//! One connection to the server, and statements that were prepared on it. When it is lost, it is thrown away.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, Error, NoTls, Statement};

use super::address::Address;
use super::bulk;
use super::tls::{self, Tls};
use crate::StoreError;

/// How long an answer may take: longer than the server gives any statement of a batch.
pub(super) const ANSWER: Duration = Duration::from_secs(5);
/// How long one host may take to let this process in.
const OPENING: Duration = Duration::from_secs(4);

/// Settings of every connection. A batch waits for its turn, and for nothing else, a short time; a process that holds
/// the turn and does not go on loses it; whatever a batch looks up has an index, whatever statistics say of a table
/// that was empty a minute ago; and no server's default makes a commit less than durable.
const SETTINGS: &str = "SET lock_timeout = 3000; SET statement_timeout = 4000; \
     SET idle_in_transaction_session_timeout = 1500; SET plan_cache_mode = force_generic_plan; \
     SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off; \
     SELECT set_config('synchronous_commit', 'on', false) \
     WHERE current_setting('synchronous_commit') IN ('off', 'local')";

/// Settings of a connection that only reads: lists may be long, and the planner knows best.
const SETTINGS_OF_READERS: &str = "SET statement_timeout = 30000; SET idle_in_transaction_session_timeout = 30000; \
     SET default_transaction_read_only = on; SET jit = off";

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Writes batches, and others look whether it lives.
    Node,
    /// Writes batches, and leaves nothing half done.
    Visitor,
    /// Reads beside them.
    Reader,
}

/// An open connection.
pub(super) struct Link {
    runtime: Runtime,
    pub(super) client: Client,
    prepared: RefCell<HashMap<(Form, String), Statement>>,
}

/// In which way a statement is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Form {
    /// As it stands.
    Single,
    /// For many rows that are written.
    Write,
    /// For many keys that are looked up.
    Read,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server said no.
    Refused(Error),
    /// The connection is gone, or nothing came in time: what was under way may have happened.
    Lost(String),
    /// No connection can be had, so nothing was asked.
    Unreached(StoreError),
    /// Another process has this account, which was this one's before it was taken for dead.
    Displaced(String),
}

impl Link {
    /// Opens one.
    pub(super) fn open(address: &Address, role: Role) -> Result<Self, StoreError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let settings = match role {
            Role::Node | Role::Visitor => SETTINGS,
            Role::Reader => SETTINGS_OF_READERS,
        };
        let opened = runtime.block_on(async {
            let mut refused = None;
            for host in &address.one_by_one() {
                let opening = async {
                    let client = connect(host, address).await?;
                    let begin = format!("SET search_path TO {}; {settings}", address.schema);
                    client.batch_execute(&begin).await.map_err(|error| refusal(address, &error))?;
                    Ok(client)
                };
                let silent = || StoreError::Unavailable(format!("{address}: no answer in {} s", OPENING.as_secs()));
                match tokio::time::timeout(OPENING, opening).await.unwrap_or_else(|_| Err(silent())) {
                    Ok(client) => return Ok(client),
                    Err(error) => refused = Some(error),
                }
            }
            Err(refused.unwrap_or_else(|| StoreError::Unavailable(format!("{address} names no host"))))
        });
        Ok(Self { runtime, client: opened?, prepared: RefCell::default() })
    }

    /// Waits for an answer, but not forever.
    pub(super) fn wait<T>(&self, answer: impl Future<Output = Result<T, Error>>) -> Result<T, Failure> {
        self.runtime.block_on(async {
            match tokio::time::timeout(ANSWER, answer).await {
                Ok(answered) => answered.map_err(Failure::from),
                Err(_) => Err(Failure::Lost(format!("no answer in {} s", ANSWER.as_secs()))),
            }
        })
    }

    /// Waits for an answer however long it takes: the server has its own limits.
    pub(super) fn wait_long<T>(&self, answer: impl Future<Output = Result<T, Error>>) -> Result<T, Failure> {
        self.runtime.block_on(answer).map_err(Failure::from)
    }

    /// A statement, prepared now or before.
    pub(super) fn prepared(&self, form: Form, sql: &str) -> Result<Statement, Failure> {
        let key = (form, sql.to_owned());
        if let Some(statement) = self.prepared.borrow().get(&key) {
            return Ok(statement.clone());
        }
        let single = self.wait(self.client.prepare(&bulk::single(sql)))?;
        let statement = match form {
            Form::Single => single,
            Form::Read => self.wait(self.client.prepare(&bulk::read(sql, single.params())))?,
            Form::Write => match bulk::write(sql, single.params()) {
                Some(many) => self.wait(self.client.prepare(&many))?,
                None => return Err(Failure::Lost(format!("no way to send to many rows: {sql}"))),
            },
        };
        self.prepared.borrow_mut().insert(key, statement.clone());
        Ok(statement)
    }
}

/// Connects to one host.
async fn connect(host: &Config, address: &Address) -> Result<Client, StoreError> {
    // A connection's other half is driven whenever an answer is waited for.
    if host.get_ssl_mode() == SslMode::Disable {
        let (client, connection) = host.connect(NoTls).await.map_err(|error| refusal(address, &error))?;
        tokio::spawn(connection);
        return Ok(client);
    }
    let tls = Tls::new(address.roots.as_deref())?;
    let (client, connection) = host.connect(tls).await.map_err(|error| refusal(address, &error))?;
    tokio::spawn(connection);
    Ok(client)
}

/// Why a host did not let this process in.
fn refusal(address: &Address, error: &Error) -> StoreError {
    match tls::remedy(error) {
        Some(remedy) => StoreError::Encryption(format!("{address}: {remedy}")),
        None => StoreError::Unavailable(format!("{address}: {}", said(error))),
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let gone = [
            SqlState::ADMIN_SHUTDOWN,
            SqlState::CRASH_SHUTDOWN,
            SqlState::CANNOT_CONNECT_NOW,
            SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
            SqlState::READ_ONLY_SQL_TRANSACTION,
        ];
        match error.code() {
            Some(code) if !gone.contains(code) => Self::Refused(error),
            _ => Self::Lost(said(&error)),
        }
    }
}

impl Failure {
    /// Whether the same batch, begun anew, may succeed: others came in between.
    pub(super) fn is_conflict(&self) -> bool {
        let conflicts = [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED];
        matches!(self, Self::Refused(error) if error.code().is_some_and(|code| conflicts.contains(code)))
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unreached(error) => error,
            Failure::Displaced(account) => Self::AccountTaken(account),
            failure if failure.is_conflict() => Self::Interrupted(failure.to_string()),
            failure => Self::Unavailable(failure.to_string()),
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(error) => out.write_str(&said(error)),
            Self::Lost(why) => write!(out, "the connection to the database is lost: {why}"),
            Self::Unreached(error) => std::fmt::Display::fmt(error, out),
            Self::Displaced(account) => write!(out, "another process sends from {account} by now"),
        }
    }
}

/// What the server said, or what went wrong on the way to it.
fn said(error: &Error) -> String {
    match error.as_db_error() {
        Some(said) => format!("{} ({})", said.message(), said.code().code()),
        None => {
            let source = std::error::Error::source(error);
            source.map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
        }
    }
}
