//! What a batch looks up, said in one go: on a server, a round trip for all of it.

use farthing_books::Shelf;
use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, Value};

use super::Row;
use crate::StoreError;

/// Puts what was found under a key on the shelf.
pub(crate) type Put<'a, K, V> = Box<dyn FnMut(&mut Shelf, K, Vec<V>) -> Result<(), StoreError> + 'a>;

/// One statement and the keys to look up with it.
pub(crate) trait Lookup {
    /// The statement.
    fn sql(&self) -> &str;

    /// The values of each key.
    fn keys(&self) -> &[Vec<Value>];

    /// A row was found under a key.
    fn found(&mut self, key: usize, row: &Row<'_>) -> Result<(), StoreError>;

    /// That was all.
    fn finish(self: Box<Self>, shelf: &mut Shelf) -> Result<(), StoreError>;
}

/// All that is looked up together.
#[derive(Default)]
pub(crate) struct Lookups<'a>(pub(crate) Vec<Box<dyn Lookup + 'a>>);

struct ByKey<'a, K, V, R> {
    sql: String,
    keys: Vec<K>,
    values: Vec<Vec<Value>>,
    found: Vec<Vec<V>>,
    read: R,
    put: Put<'a, K, V>,
}

impl<'a> Lookups<'a> {
    /// Adds a statement with its keys; nothing where there are none.
    pub(crate) fn add<K: 'a, V: 'a>(
        &mut self,
        sql: impl Into<String>,
        keys: impl IntoIterator<Item = K>,
        stored: impl Fn(&K) -> Vec<Value>,
        read: impl Fn(&Row<'_>) -> Result<V, StoreError> + 'a,
        put: impl FnMut(&mut Shelf, K, Vec<V>) -> Result<(), StoreError> + 'a,
    ) {
        let keys: Vec<K> = keys.into_iter().collect();
        if keys.is_empty() {
            return;
        }
        let values = keys.iter().map(stored).collect();
        let found = keys.iter().map(|_| Vec::new()).collect();
        self.0.push(Box::new(ByKey { sql: sql.into(), keys, values, found, read, put: Box::new(put) }));
    }

    /// Adds a statement without a key.
    pub(crate) fn add_all<V: 'a>(
        &mut self,
        sql: impl Into<String>,
        read: impl Fn(&Row<'_>) -> Result<V, StoreError> + 'a,
        mut put: impl FnMut(&mut Shelf, Vec<V>) + 'a,
    ) {
        self.add(
            sql,
            [()],
            |()| Vec::new(),
            read,
            move |shelf, (), found| {
                put(shelf, found);
                Ok(())
            },
        );
    }
}

impl<K, V, R: Fn(&Row<'_>) -> Result<V, StoreError>> Lookup for ByKey<'_, K, V, R> {
    fn sql(&self) -> &str {
        &self.sql
    }

    fn keys(&self) -> &[Vec<Value>] {
        &self.values
    }

    fn found(&mut self, key: usize, row: &Row<'_>) -> Result<(), StoreError> {
        let value = (self.read)(row)?;
        if let Some(found) = self.found.get_mut(key) {
            found.push(value);
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>, shelf: &mut Shelf) -> Result<(), StoreError> {
        for (key, found) in self.keys.into_iter().zip(self.found) {
            (self.put)(shelf, key, found)?;
        }
        Ok(())
    }
}

/// A column of a row, on its own.
pub(crate) fn owned_column(row: &Row<'_>, index: usize) -> Result<Value, StoreError> {
    let column = row.get_ref(index)?;
    column.try_into().map_err(|_| StoreError::Damaged(format!("column number {index} holds text that is none")))
}

/// A value on its own, to be kept until it is sent.
pub(crate) fn owned(value: &dyn ToSql) -> Result<Value, StoreError> {
    match value.to_sql().map_err(|error| StoreError::Fault(error.to_string()))? {
        ToSqlOutput::Borrowed(value) => value.try_into().map_err(|_| StoreError::Fault("text that is none".to_owned())),
        ToSqlOutput::Owned(value) => Ok(value),
        _ => Err(StoreError::Fault("a value of a kind that no table has".to_owned())),
    }
}
