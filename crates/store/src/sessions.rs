//! Sessions through the handle of the books.

use std::sync::Arc;

use farthing_books::session::{Credit, SessionFilter, Tender};
use farthing_books::{Command, Outcome, SessionCommand, SessionOutcome, SessionRecord, SessionRefusal};
use farthing_money::Amount;
use farthing_protocol::Timestamp;
use farthing_rail::{SessionId, Voucher};
use rusqlite::params;
use rusqlite::types::Value;

use crate::engine::{Connection, Wording};
use crate::listing::{filtered, values_of};
use crate::tables::session::{IN_PROGRESS, SESSION, record};
use crate::{Books, StoreError, unexpected};

/// What became of a draw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Drawn {
    /// Accepted and held.
    Held(Credit),
    /// Nothing is held. The credit says whether the voucher was accepted all the same.
    Refused(SessionRefusal, Option<Credit>),
    /// There is no such session.
    NotFound,
}

impl Books {
    /// Changes a session; resolves when it is durable.
    pub async fn change_session(&self, command: SessionCommand) -> Result<SessionOutcome, StoreError> {
        match self.submit(Command::Session(command)).await? {
            Outcome::Session(outcome) => Ok(outcome),
            other => Err(unexpected(&other)),
        }
    }

    /// Accepts a voucher, where there is one, and holds an amount; see [`SessionCommand::Draw`].
    pub async fn draw(
        &self,
        session: SessionId,
        tender: Arc<Tender>,
        voucher: Option<Box<Voucher>>,
        least_delta: Amount,
        hold: Amount,
        at: Timestamp,
    ) -> Result<Drawn, StoreError> {
        match self.change_session(SessionCommand::Draw { session, tender, voucher, least_delta, hold, at }).await? {
            SessionOutcome::Drawn(credit) => Ok(Drawn::Held(credit)),
            SessionOutcome::Refused(refusal, credit) => Ok(Drawn::Refused(refusal, credit)),
            SessionOutcome::NotFound => Ok(Drawn::NotFound),
            SessionOutcome::Done(_) | SessionOutcome::Again(_) => {
                Err(StoreError::Fault("a draw was answered like another command".to_owned()))
            }
        }
    }

    /// A session.
    pub async fn session(&self, id: SessionId) -> Result<Option<SessionRecord>, StoreError> {
        let sql = format!("SELECT {SESSION} FROM sessions WHERE id = ?1");
        self.readers.read(move |books| books.one(&sql, params![id.as_bytes()], record)).await
    }

    /// The session of a rail's table that has this name on the wire.
    pub async fn session_by_channel(&self, rail: &str, channel: &str) -> Result<Option<SessionRecord>, StoreError> {
        let sql = format!("SELECT {SESSION} FROM sessions WHERE channel = ?1 AND rail = ?2");
        let (channel, rail) = (channel.to_owned(), rail.to_owned());
        self.readers.read(move |books| books.one(&sql, params![channel, rail], record)).await
    }

    /// The sessions that a filter lets through, in the order in which they were opened.
    pub async fn sessions(&self, filter: SessionFilter) -> Result<Vec<SessionRecord>, StoreError> {
        self.readers.read(move |books| listed(books, &filter)).await
    }

    /// Sessions with a deposit that nobody knows of whether it is held, and that is due to be asked about; the
    /// longest due first.
    pub async fn sessions_due(&self, now: Timestamp, limit: u32) -> Result<Vec<SessionRecord>, StoreError> {
        self.readers.read(move |books| books.many(&due_sql(), params![now.unix_millis(), limit], record)).await
    }
}

fn due_sql() -> String {
    format!("SELECT {SESSION} FROM sessions WHERE ask_at <= ?1 ORDER BY ask_at LIMIT ?2")
}

/// The index is named because SQLite would rather walk through all of history in the order that is asked for.
fn in_progress_sql() -> Wording {
    let from = |hint: &str| format!("SELECT {SESSION} FROM sessions{hint} WHERE {IN_PROGRESS}");
    Wording { file: from(" INDEXED BY sessions_in_progress"), server: from("") }
}

fn listed(books: &Connection, filter: &SessionFilter) -> Result<Vec<SessionRecord>, StoreError> {
    let conditions: [(&str, Option<Value>); 4] = [
        ("state = ?", filter.state.map(|state| state.as_str().to_owned().into())),
        ("payer = ?", filter.payer.as_ref().map(|payer| payer.as_str().to_owned().into())),
        ("rail = ?", filter.rail.clone().map(Value::from)),
        (
            "sequence > (SELECT sequence FROM sessions WHERE id = ?)",
            filter.after.map(|after| after.as_bytes().to_vec().into()),
        ),
    ];
    let sql = match filter.in_progress {
        true => books.words(&in_progress_sql()).to_owned(),
        false => format!("SELECT {SESSION} FROM sessions WHERE TRUE"),
    };
    let (sql, values) = filtered(sql, conditions, filter.limit);
    books.many(&sql, &values_of(&values), record)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_looked_after_is_found_without_reading_every_session() {
        let folder = tempfile::tempdir().unwrap();
        let books = crate::engine::sqlite::file::writer(&folder.path().join("books.db")).unwrap();
        let page = in_progress_sql().file + " AND sequence > ? ORDER BY sequence LIMIT ?";
        for (sql, index) in [(due_sql(), "sessions_in_doubt"), (page, "sessions_in_progress")] {
            let mut explain = books.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let plan: Vec<String> =
                explain.query_map([0, 1], |row| row.get(3)).unwrap().collect::<Result<_, _>>().unwrap();
            assert!(plan.iter().any(|step| step.contains(index)), "{plan:?}");
            assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{plan:?}");
        }
    }
}
