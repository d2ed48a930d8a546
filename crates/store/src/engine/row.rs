//! A row of either engine.

use rusqlite::types::{FromSql, ValueRef};

use super::postgres::value::Column;
use crate::StoreError;

/// A row that was found.
pub(crate) enum Row<'a> {
    /// In a file.
    File(&'a rusqlite::Row<'a>),
    /// On a server.
    Server(&'a tokio_postgres::Row),
}

impl Row<'_> {
    /// A column as it is stored.
    pub(crate) fn get_ref(&self, index: usize) -> Result<ValueRef<'_>, StoreError> {
        match self {
            Self::File(row) => row.get_ref(index).map_err(|_| unreadable(index)),
            Self::Server(row) => {
                row.try_get::<_, Column<'_>>(index).map(|column| column.0).map_err(|_| unreadable(index))
            }
        }
    }

    /// A column as a value of a type.
    pub(crate) fn get<T: FromSql>(&self, index: usize) -> Result<T, StoreError> {
        T::column_result(self.get_ref(index)?).map_err(|_| unreadable(index))
    }
}

fn unreadable(index: usize) -> StoreError {
    StoreError::Damaged(format!("column number {index} holds something else than was written"))
}
