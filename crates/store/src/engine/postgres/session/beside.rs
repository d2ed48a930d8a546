//! Transactions over tables of a program's own, beside the books: in their own order, and without a turn of the books.

use rusqlite::ToSql;
use rusqlite::types::Value;

use super::super::link::{Failure, Form};
use super::{Given, Session};
use crate::StoreError;
use crate::engine::lookup::owned;

impl Session {
    /// Starts a transaction with this statement, which takes the lock that puts them in order. A connection that was
    /// lost meanwhile is replaced.
    pub(crate) fn begin_with(&self, lock: &str) -> Result<(), StoreError> {
        let begin = format!("BEGIN; {lock}");
        let once = || {
            self.using(|link| {
                self.in_transaction.set(true);
                link.wait(link.client.batch_execute(&begin))
            })
        };
        let begun = match once() {
            Err(Failure::Lost(_)) => once(),
            begun => begun,
        };
        Ok(begun?)
    }

    /// Runs a statement at once; how many rows it changed.
    pub(crate) fn execute(&self, sql: &str, values: &[&dyn ToSql]) -> Result<usize, StoreError> {
        let values = values.iter().map(|value| owned(*value)).collect::<Result<Vec<Value>, _>>()?;
        let changed = self.using(|link| {
            let statement = link.prepared(Form::Single, sql)?;
            let given: Vec<Given<'_>> = values.iter().map(Given).collect();
            link.wait(link.client.execute_raw(&statement, &given))
        })?;
        Ok(usize::try_from(changed).unwrap_or(usize::MAX))
    }

    /// Makes the transaction durable. Where that is an error, it may have happened or not.
    pub(crate) fn end(&self) -> Result<(), StoreError> {
        let ended = self.using(|link| link.wait(link.client.batch_execute("COMMIT")));
        self.in_transaction.set(false);
        Ok(ended?)
    }
}
