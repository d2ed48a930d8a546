//! Which processes live, where several machines share the sessions.
//!
//! The kernel of its machine keeps a process's connection to the server for as long as it lives, stopped or not, and the
//! server names whoever is connected. So a process is there while its connection is, and dead once the server has
//! missed it for [`PATIENCE`]: long enough to connect again after the server or the way to it was gone. No clock of a
//! machine is asked. A process that finds itself taken for dead signs nothing more under its old name: each change of
//! its own begins by looking, in the same transaction.

use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use farthing_store::{Beside, Statements, StoreError};
use rusqlite::params;

use super::SessionsError;
use super::alive::Owners;

/// How long the server misses a process before it is dead, from when somebody first looks.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often a process that is at work sees to its connection.
const BEAT: Duration = Duration::from_secs(1);

const NOW: &str = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint";
const ITSELF: &str = "(SELECT (extract(epoch FROM backend_start) * 1000000)::bigint FROM pg_stat_activity \
     WHERE pid = pg_backend_pid())";
/// A server shows nobody when connections of other users began: those are taken for alive.
const CONNECTED: &str = "EXISTS (SELECT 1 FROM pg_stat_activity a WHERE a.pid = wallet_processes.backend AND \
     coalesce((extract(epoch FROM a.backend_start) * 1000000)::bigint = wallet_processes.began, TRUE))";

/// Has the server know this process by the connection that it has now, in one piece with what it changes; the name that
/// it knows it by then. Nothing where it is at work on nothing, or the sessions are in a file.
pub(super) fn show(tables: &Statements<'_>, owners: &Owners) -> Result<Option<String>, SessionsError> {
    let Some((name, is_known)) = owners.to_show() else { return Ok(None) };
    let sql = "SELECT backend = pg_backend_pid() AND missed IS NULL FROM wallet_processes WHERE name = ?1";
    match (tables.one(sql, params![name], |row| row.get::<bool>(0))?, is_known) {
        (Some(true), _) => {}
        (Some(false), _) => {
            let sql = format!(
                "UPDATE wallet_processes SET backend = pg_backend_pid(), began = {ITSELF}, missed = NULL WHERE name = ?1"
            );
            tables.execute(&sql, params![name])?;
        }
        (None, true) => {
            owners.taken_for_dead(&name);
            return Err(SessionsError::TakenForDead);
        }
        (None, false) => {
            bury(tables)?;
            let sql = format!(
                "INSERT INTO wallet_processes (name, backend, began) VALUES (?1, pg_backend_pid(), {ITSELF}) \
                 ON CONFLICT (name) DO NOTHING"
            );
            tables.execute(&sql, params![name])?;
        }
    }
    Ok(Some(name))
}

/// Whether another process is dead.
pub(super) fn is_gone(tables: &Statements<'_>, process: &str) -> Result<bool, StoreError> {
    bury(tables)?;
    let sql = "SELECT name FROM wallet_processes WHERE name = ?1";
    Ok(tables.one(sql, params![process], |row| row.get::<String>(0))?.is_none())
}

/// Notes whom the server misses, and takes those off the list whom it has missed for long.
fn bury(tables: &Statements<'_>) -> Result<(), StoreError> {
    let patience = i64::try_from(PATIENCE.as_millis()).unwrap_or(i64::MAX);
    let sql = format!("DELETE FROM wallet_processes WHERE missed < {NOW} - ?1::bigint AND NOT {CONNECTED}");
    tables.execute(&sql, params![patience])?;
    let sql = format!("UPDATE wallet_processes SET missed = {NOW} WHERE missed IS NULL AND NOT {CONNECTED}");
    tables.execute(&sql, &[])?;
    Ok(())
}

/// Connects again soon when the connection is lost while calls are under way: they may wait for a seller meanwhile.
pub(super) fn show_while_at_work(tables: &Beside, owners: &Arc<Owners>) -> Result<(), SessionsError> {
    let (tables, owners): (Beside, Weak<Owners>) = (tables.clone(), Arc::downgrade(owners));
    let seeing_to_it = move || {
        while let Some(owners) = owners.upgrade() {
            if owners.is_at_work() {
                let shown = Arc::clone(&owners);
                match tables.change_now(move |tables| show(tables, &shown)) {
                    Ok(name) => owners.shown(name),
                    Err(error) => tracing::debug!(%error, "the database does not hear that this process is at work"),
                }
            }
            drop(owners);
            thread::sleep(BEAT);
        }
    };
    let spawned = thread::Builder::new().name("wallet-presence".to_owned()).spawn(seeing_to_it);
    spawned.map(drop).map_err(|error| SessionsError::Unavailable(error.to_string()))
}
