//! The log of decisions through the handle of the books.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use farthing_books::audit::{Adopted, AuditRecord, Entry, Head, LogVerifier, NewPolicy, PolicyVersion, policy_hash};
use farthing_books::{Command, Outcome};
use farthing_protocol::Timestamp;
use rusqlite::params;

use crate::engine::{Connection, Row};
use crate::tables::audit::{NEWEST, NEWEST_POLICY, RECORD, head, policy, record};
use crate::tables::{audit, budget};
use crate::{Books, StoreError, unexpected};

/// Which records are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Of this wallet only.
    pub wallet: Option<String>,
    /// From this instant on.
    pub since: Option<Timestamp>,
    /// Only those after the record of this number.
    pub after: u64,
    /// At most so many.
    pub limit: u32,
}

/// The policies that a handle of the books has archived last, by their level.
#[derive(Clone, Debug, Default)]
pub(crate) struct Archived(Arc<Mutex<HashMap<String, [u8; 32]>>>);

impl Archived {
    fn knows(&self, level: &str, hash: [u8; 32]) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(level) == Some(&hash)
    }

    fn remember(&self, level: &str, hash: [u8; 32]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(level.to_owned(), hash);
    }
}

impl Books {
    /// Writes something into the log that changes nothing else; resolves when it is durable.
    pub async fn log(&self, entry: Entry) -> Result<(), StoreError> {
        match self.submit(Command::Log(Box::new(entry))).await? {
            Outcome::Done => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    /// Shows a policy that is about to decide; one that is older than what was seen before must not be followed.
    pub async fn adopt_policy(&self, policy: NewPolicy) -> Result<Adopted, StoreError> {
        match self.submit(Command::Policy(Box::new(policy))).await? {
            Outcome::Policy(adopted) => Ok(adopted),
            other => Err(unexpected(&other)),
        }
    }

    /// Keeps the text of a policy that is about to decide, as long as the log is, and gives the hash that the log
    /// names it by. What this handle kept before is not written again.
    pub async fn archive_policy(&self, level: &str, text: &str, at: Timestamp) -> Result<[u8; 32], StoreError> {
        let hash = policy_hash(text);
        if !self.archived.knows(level, hash) {
            let (name, text) = (level.to_owned(), text.into());
            self.adopt_policy(NewPolicy { level: name, version: None, text, at }).await?;
            self.archived.remember(level, hash);
        }
        Ok(hash)
    }

    /// The newest policy of a level that was seen.
    pub async fn newest_policy(&self, level: &str) -> Result<Option<PolicyVersion>, StoreError> {
        let level = level.to_owned();
        self.readers.read(move |books| books.one(NEWEST_POLICY, params![level], policy)).await
    }

    /// The newest version of each of these levels that was seen, by its level.
    pub async fn newest_versions(&self, levels: Vec<String>) -> Result<HashMap<String, u64>, StoreError> {
        let newest = move |books: &Connection| {
            let found = levels.into_iter().map(|level| {
                let newest = books.one(NEWEST_POLICY, params![&level], policy)?;
                Ok(newest.map(|newest| (level, newest.version)))
            });
            found.filter_map(Result::transpose).collect()
        };
        self.readers.read(newest).await
    }

    /// Every policy that ever decided, in no order.
    pub async fn archived_policies(&self) -> Result<Vec<PolicyVersion>, StoreError> {
        self.readers.read(|books| books.many("SELECT version, hash, text, at FROM policies", params![], policy)).await
    }

    /// The newest record of the log.
    pub async fn audit_head(&self) -> Result<Head, StoreError> {
        self.readers.read(|books| Ok(books.one(NEWEST, &[], head)?.unwrap_or(Head::EMPTY))).await
    }

    /// Records in the order in which they were written.
    pub async fn audit(&self, filter: AuditFilter) -> Result<Vec<AuditRecord>, StoreError> {
        let sql = format!(
            "SELECT {RECORD} FROM audit WHERE sequence > ?1 AND (wallet = ?2 OR wallet = '' OR ?2 IS NULL) \
             AND (at >= ?3 OR ?3 IS NULL) ORDER BY sequence LIMIT ?4"
        );
        self.readers
            .read(move |books| {
                let AuditFilter { wallet, since, after, limit } = filter;
                let after = i64::try_from(after).unwrap_or(i64::MAX);
                books.many(&sql, params![after, wallet, since.map(Timestamp::unix_millis), limit], record)
            })
            .await
    }

    /// Shows the log and everything that follows from it, as they stand at one moment, to a verifier.
    pub async fn verify_log(&self, verifier: LogVerifier) -> Result<LogVerifier, StoreError> {
        self.readers.read(move |books| books.snapshot(|books| show(books, verifier))).await
    }
}

fn show(books: &Connection, mut verifier: LogVerifier) -> Result<LogVerifier, StoreError> {
    let start = "SELECT coalesce(max(reservation), 0) FROM audit_start";
    let start: i64 = books.one(start, &[], |row| row.get(0))?.unwrap_or_default();
    let policies = "SELECT version, hash, text, at FROM policies";
    books.each(policies, &[], |row| policy(row).map(|policy| verifier.policy(&policy)))?;
    let reservations = format!("SELECT {}, sequence FROM reservations ORDER BY sequence", budget::RESERVATION);
    books.each(&reservations, &[], |row: &Row<'_>| {
        let sequence: i64 = row.get(budget::RESERVATION_COLUMNS)?;
        match budget::reservation(row) {
            Ok(found) => verifier.reservation(&found, sequence <= start),
            Err(unreadable) => verifier.find(format!("reservation {sequence}: {unreadable}")),
        }
        Ok(())
    })?;
    let records = format!("SELECT {RECORD} FROM audit ORDER BY sequence");
    books.each(&records, &[], |row| {
        let sequence: i64 = row.get(0)?;
        match audit::record(row) {
            Ok(found) => verifier.record(&found),
            Err(unreadable) => verifier.find(format!("record {sequence}: {unreadable}")),
        }
        Ok(())
    })?;
    books.each(&format!("SELECT {} FROM budgets", budget::COUNTER), &[], |row| {
        match budget::counter(row) {
            Ok(found) => verifier.counter(&found),
            Err(unreadable) => verifier.find(format!("a budget: {unreadable}")),
        }
        Ok(())
    })?;
    Ok(verifier)
}
