//! One database of SQLite, and whoever else writes to it.

use std::cell::Cell;
use std::ops::Deref;
use std::time::Instant;

use super::member::Member;
use crate::StoreError;
use crate::engine::postgres::turn::Became;
use crate::engine::postgres::watch::Seen;

/// A connection to a database. Its processes need no list of each other, unless they are a simulation of those that
/// share a server.
pub(crate) struct Database {
    rows: rusqlite::Connection,
    member: Option<Box<Member>>,
    /// Whether commits are not heard of, and whether the last batch was made durable so. A file itself answers always.
    is_silent: Cell<bool>,
    unheard: Cell<bool>,
}

impl From<rusqlite::Connection> for Database {
    fn from(rows: rusqlite::Connection) -> Self {
        Self { rows, member: None, is_silent: Cell::default(), unheard: Cell::default() }
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
        let member = Box::new(Member::of(&rows)?);
        Ok(Self { member: Some(member), ..rows.into() })
    }

    /// Whether no list says who else is there.
    pub(crate) fn is_alone(&self) -> bool {
        self.member.is_none()
    }

    pub(crate) fn node(&self) -> i64 {
        self.member.as_ref().map_or(0, |member| member.node())
    }

    pub(crate) fn beat(&self, stands_back: bool) -> Result<Option<Seen>, StoreError> {
        self.member.as_ref().map(|member| member.beat(&self.rows, stands_back)).transpose()
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
        self.unheard.set(false);
        match &self.member {
            None => self.run("BEGIN IMMEDIATE"),
            Some(member) => member.begin(&self.rows),
        }
    }

    pub(crate) fn commit(&self) -> Result<(), StoreError> {
        self.run("COMMIT")?;
        if self.is_silent.get() {
            self.unheard.set(true);
            return Err(StoreError::Unavailable("the disk did not answer".to_owned()));
        }
        self.member.iter().for_each(|member| member.committed());
        Ok(())
    }

    pub(crate) fn silence(&self, is_silent: bool) {
        self.is_silent.set(is_silent);
    }

    pub(crate) fn became(&self) -> Result<Became, StoreError> {
        match &self.member {
            _ if !self.unheard.get() => Ok(Became::Lost),
            None => Ok(Became::Durable),
            Some(member) => member.became(&self.rows),
        }
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
