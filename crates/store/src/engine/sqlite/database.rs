//! One database of SQLite, and whoever else writes to it.

use std::ops::Deref;
use std::time::Instant;

use super::member::Member;
use crate::StoreError;
use crate::engine::postgres::watch::Seen;

/// A connection to a database. Its processes need no list of each other, unless they are a simulation of those that
/// share a server.
pub(crate) struct Database {
    rows: rusqlite::Connection,
    member: Option<Box<Member>>,
}

impl From<rusqlite::Connection> for Database {
    fn from(rows: rusqlite::Connection) -> Self {
        Self { rows, member: None }
    }
}

impl Deref for Database {
    type Target = rusqlite::Connection;

    fn deref(&self) -> &rusqlite::Connection {
        &self.rows
    }
}

impl Database {
    /// One of several processes that share these rows as they would share a server's.
    pub(crate) fn among_others(rows: rusqlite::Connection) -> Result<Self, StoreError> {
        Ok(Self { member: Some(Box::new(Member::of(&rows)?)), rows })
    }

    /// Whether no list says who else is there.
    pub(crate) fn is_alone(&self) -> bool {
        self.member.is_none()
    }

    pub(crate) fn node(&self) -> i64 {
        self.member.as_ref().map_or(0, |member| member.node())
    }

    pub(crate) fn beat(&self) -> Result<Option<Seen>, StoreError> {
        self.member.as_ref().map(|member| member.beat(&self.rows)).transpose()
    }

    pub(crate) fn lives_until(&self) -> Option<Instant> {
        self.member.as_ref().and_then(|member| member.lives_until())
    }

    pub(crate) fn bury_the_dead(&self) -> Result<bool, StoreError> {
        self.member.as_ref().map_or(Ok(false), |member| member.bury_the_dead(&self.rows))
    }

    pub(crate) fn others_wrote(&self) -> bool {
        self.member.as_ref().is_some_and(|member| member.others_wrote())
    }

    pub(crate) fn begin(&self) -> Result<(), StoreError> {
        match &self.member {
            None => self.run("BEGIN IMMEDIATE"),
            Some(member) => member.begin(&self.rows),
        }
    }

    pub(crate) fn commit(&self) -> Result<(), StoreError> {
        self.run("COMMIT")?;
        self.member.iter().for_each(|member| member.committed());
        Ok(())
    }

    pub(crate) fn abandon(&self) -> Result<(), StoreError> {
        self.member.iter().for_each(|member| member.abandoned());
        if self.is_autocommit() { Ok(()) } else { self.run("ROLLBACK") }
    }

    fn run(&self, sql: &str) -> Result<(), StoreError> {
        self.prepare_cached(sql)?.execute([])?;
        Ok(())
    }
}
