//! The accounts that a process sends from: one of those that write has each, for as long as it is in their list.

use std::cell::{Cell, RefCell};

use super::link::{Failure, Form, Link};

const TAKE: &str = "INSERT INTO senders (name, node) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING";
const WHOSE: &str = "SELECT node FROM senders WHERE name = ?1";

/// Those of this process.
#[derive(Default)]
pub(super) struct Senders {
    names: RefCell<Vec<String>>,
    /// The number under which the server has them.
    durable_as: Cell<i64>,
    /// One that another took while this process was thought to be dead.
    displaced: RefCell<Option<String>>,
}

impl Senders {
    /// Takes them again, as a part of the batch, where this process has another number by now.
    pub(super) fn follow(&self, link: &Link, node: i64) -> Result<(), Failure> {
        if self.durable_as.get() == node {
            return Ok(());
        }
        let Some(name) = take(link, &self.names.borrow(), node)? else { return Ok(()) };
        *self.displaced.borrow_mut() = Some(name.clone());
        Err(Failure::Displaced(name))
    }

    /// What was taken in the batch is durable under this number.
    pub(super) fn committed(&self, node: i64) {
        self.durable_as.set(node);
    }

    /// Keeps these for as long as this process lives.
    pub(super) fn keep(&self, names: &[String]) {
        let mut kept = self.names.borrow_mut();
        let new: Vec<String> = names.iter().filter(|name| !kept.contains(name)).cloned().collect();
        kept.extend(new);
    }

    /// One that this process has no more, though it did not give it back: it must not write, or send, again.
    pub(super) fn displaced(&self) -> Option<String> {
        self.displaced.borrow().clone()
    }
}

/// Takes accounts for a process, as a part of its batch; the first that is another's, if one is.
pub(super) fn take(link: &Link, names: &[String], node: i64) -> Result<Option<String>, Failure> {
    if names.is_empty() {
        return Ok(None);
    }
    let (take, whose) = (link.prepared(Form::Single, TAKE)?, link.prepared(Form::Single, WHOSE)?);
    for name in names {
        // Whoever had it may leave between the two, without a turn.
        let holder = loop {
            link.wait(link.client.execute(&take, &[name, &node]))?;
            if let Some(row) = link.wait(link.client.query_opt(&whose, &[name]))? {
                break row.try_get::<_, i64>(0)?;
            }
        };
        if holder != node {
            return Ok(Some(name.clone()));
        }
    }
    Ok(None)
}
