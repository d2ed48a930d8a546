//! Books in one SQLite file.

pub(crate) mod checkpoint;
pub(crate) mod database;
pub(crate) mod file;
pub(crate) mod member;
pub(crate) mod schema;
pub(crate) mod turns;

use farthing_books::Shelf;
use rusqlite::params_from_iter;

use super::Row;
use super::lookup::Lookups;
use crate::StoreError;

/// Looks everything up, a key at a time.
pub(super) fn look_up(file: &rusqlite::Connection, lookups: Lookups<'_>, shelf: &mut Shelf) -> Result<(), StoreError> {
    for mut lookup in lookups.0 {
        let mut statement = file.prepare_cached(lookup.sql())?;
        for key in 0..lookup.keys().len() {
            let Some(values) = lookup.keys().get(key) else { continue };
            let mut rows = statement.query(params_from_iter(values))?;
            while let Some(row) = rows.next()? {
                lookup.found(key, &Row::File(row))?;
            }
        }
        lookup.finish(shelf)?;
    }
    Ok(())
}
