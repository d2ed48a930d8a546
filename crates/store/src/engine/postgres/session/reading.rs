//! What is read: the rows that a batch touches, in one round trip, and lists, row by row.

use std::cell::Cell;
use std::pin::pin;

use farthing_books::Shelf;
use futures_util::TryStreamExt as _;
use futures_util::future::join_all;
use rusqlite::ToSql;
use rusqlite::types::Value;
use tokio_postgres::Statement;

use super::super::link::{Failure, Form, Link};
use super::{Columns, Given, Session, columns};
use crate::StoreError;
use crate::engine::Row;
use crate::engine::lookup::{Lookups, owned};

impl Session {
    /// Looks everything up in one round trip.
    pub(crate) fn look_up(&self, mut lookups: Lookups<'_>, shelf: &mut Shelf) -> Result<(), StoreError> {
        let found = self.using(|link| {
            let mut statements = Vec::with_capacity(lookups.0.len());
            for lookup in &lookups.0 {
                let form = if lookup.keys().iter().any(|key| !key.is_empty()) { Form::Read } else { Form::Single };
                statements.push(link.prepared(form, lookup.sql())?);
            }
            let columns: Vec<_> = lookups.0.iter().map(|lookup| columns(lookup.keys())).collect();
            let asked = statements.iter().zip(&columns).map(|(statement, columns)| query(link, statement, columns));
            link.wait(async { join_all(asked).await.into_iter().collect::<Result<Vec<_>, _>>() })
        });
        let found = found.map_err(|failure| match failure {
            // Nothing was sent to be kept yet.
            Failure::Lost(why) => StoreError::Interrupted(why),
            refused => refused.into(),
        })?;
        for (lookup, rows) in lookups.0.iter_mut().zip(found) {
            let numbered = lookup.keys().iter().any(|key| !key.is_empty());
            for row in &rows {
                let key = if numbered { number(row)? } else { 0 };
                lookup.found(key, &Row::Server(row))?;
            }
        }
        lookups.0.into_iter().try_for_each(|lookup| lookup.finish(shelf))
    }

    /// Hands every row of a query to `take`. A connection that was lost while nothing was asked is replaced.
    pub(crate) fn select(
        &self,
        sql: &str,
        values: &[&dyn ToSql],
        take: &mut dyn FnMut(&Row<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let values = values.iter().map(|value| owned(*value)).collect::<Result<Vec<_>, _>>()?;
        let taken = Cell::new(false);
        let mut take = |row: &Row<'_>| {
            taken.set(true);
            take(row)
        };
        match self.select_once(sql, &values, &mut take) {
            Err(Failure::Lost(_)) if !taken.get() && !self.in_transaction.get() => {
                self.select_once(sql, &values, &mut take)?
            }
            other => other?,
        }
    }

    fn select_once(
        &self,
        sql: &str,
        values: &[Value],
        take: &mut dyn FnMut(&Row<'_>) -> Result<(), StoreError>,
    ) -> Result<Result<(), StoreError>, Failure> {
        self.using(|link| {
            let statement = link.prepared(Form::Single, sql)?;
            let given: Vec<Given<'_>> = values.iter().map(Given).collect();
            let rows = link.wait(link.client.query_raw(&statement, &given))?;
            let mut rows = pin!(rows);
            loop {
                // What sees one state may have to read whole tables before its first row.
                let next = rows.try_next();
                let row = if self.in_transaction.get() { link.wait_long(next)? } else { link.wait(next)? };
                let Some(row) = row else { return Ok(Ok(())) };
                if let Err(error) = take(&Row::Server(&row)) {
                    return Ok(Err(error));
                }
            }
        })
    }

    /// Starts reads that all see the same state, and that may take long.
    pub(crate) fn begin_reading(&self) -> Result<(), StoreError> {
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 0; \
                     SET LOCAL idle_in_transaction_session_timeout = 0";
        let once = || self.using(|link| link.wait(link.client.batch_execute(begin)));
        let begun = match once() {
            Err(Failure::Lost(_)) => once(),
            begun => begun,
        };
        self.in_transaction.set(begun.is_ok());
        Ok(begun?)
    }
}

async fn query(
    link: &Link,
    statement: &Statement,
    columns: &Columns<'_>,
) -> Result<Vec<tokio_postgres::Row>, tokio_postgres::Error> {
    let given: Vec<&(dyn tokio_postgres::types::ToSql + Sync)> = columns.iter().map(|column| column as _).collect();
    link.client.query(statement, &given).await
}

/// Which key a row was found under: its last column, counted from 1.
fn number(row: &tokio_postgres::Row) -> Result<usize, StoreError> {
    let number: i64 = row
        .try_get(row.len().saturating_sub(1))
        .map_err(|error| StoreError::Fault(format!("a row without its number: {error}")))?;
    usize::try_from(number - 1).map_err(|_| StoreError::Fault("a row with a wrong number".to_owned()))
}
