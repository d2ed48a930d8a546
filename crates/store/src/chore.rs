//! What the writer does between two batches, each in a transaction of its own.

use farthing_books::Store as _;
use farthing_books::ledger::BooksId;
use farthing_protocol::Timestamp;
use farthing_rail::PaymentId;
use rusqlite::params;
use tokio::sync::oneshot;

use crate::tables::Tables;
use crate::tables::retention::TakenOut;
use crate::writer::Job;
use crate::{Books, PruneError, StoreError};

/// What is to be done.
pub(crate) enum Chore {
    /// Claim nothing from before this instant any more.
    Horizon(Timestamp),
    /// Take these payments out, and the responses of those.
    TakeOut { payments: Vec<PaymentId>, answered: Vec<PaymentId> },
    /// Forget visits whose challenges were over before this instant.
    ForgetVisits(Timestamp),
    /// Give the books this name, unless they have one.
    Identify(BooksId),
    /// Send from these accounts, which nobody else does.
    SendFrom(Vec<String>),
}

/// Who waits for what became of it.
pub(crate) type Told = oneshot::Sender<Result<TakenOut, PruneError>>;

impl Chore {
    /// Does it, or leaves no trace.
    pub(crate) fn done_by(&self, tables: &mut Tables) -> Result<TakenOut, PruneError> {
        let done = match self {
            Self::Horizon(until) => tables.set_horizon(*until).map(|()| Ok(TakenOut::default())),
            Self::TakeOut { payments, answered } => tables.take_out(payments, answered),
            Self::ForgetVisits(before) => forget_visits(tables, *before).map(|()| Ok(TakenOut::default())),
            Self::Identify(name) => identify(tables, *name).map(|()| Ok(TakenOut::default())),
            Self::SendFrom(names) => tables.connection.send_from(names).map(|()| Ok(TakenOut::default())),
        };
        if done.is_err() {
            tables.abandon();
        }
        Ok(done??)
    }
}

fn identify(tables: &Tables, name: BooksId) -> Result<(), StoreError> {
    let insert = "INSERT INTO identity (id, name) VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING";
    tables.connection.begin()?;
    tables.connection.write(insert, params![1, name.0])?;
    tables.connection.commit()
}

fn forget_visits(tables: &Tables, before: Timestamp) -> Result<(), StoreError> {
    tables.connection.begin()?;
    tables.connection.write("DELETE FROM visits WHERE until < ?1", params![before.unix_millis()])?;
    tables.connection.commit()
}

impl Books {
    /// Lets the writer do something between two batches.
    pub(crate) async fn chore(&self, chore: Chore) -> Result<TakenOut, PruneError> {
        let (answer, done) = oneshot::channel();
        self.writer()?.send(Job::Chore(Box::new(chore), answer))?;
        done.await.map_err(|_| StoreError::Closed)?
    }
}
