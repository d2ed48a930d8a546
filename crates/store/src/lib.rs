//! The books on disk: in a file of this machine (SQLite), or on a server that several machines share (PostgreSQL).
//!
//! [`Books`] is the handle the rest of the program holds: commands go to one writer that groups
//! what is waiting, makes the group durable, then answers; reads go beside it.

mod approvals;
mod audit;
mod bank;
mod beside;
mod by_hand;
mod chore;
mod costs;
mod engine;
mod error;
mod failpoint;
mod listing;
mod location;
mod moving;
mod outage;
mod reader;
mod remitting;
mod retention;
mod senders;
mod sessions;
mod standing;
mod tables;
mod writer;

use std::sync::{Arc, mpsc};
use std::thread;

use farthing_books::budget::{BudgetCounter, BudgetKey, Reservation, ReservationId, ReservationRecord, ReserveOutcome};
use farthing_books::{
    Account, AccountId, Auditor, ClaimOutcome, Command, MovementRecord, NewPayment, Outcome, PaymentFilter,
    PaymentRecord, RailCosts, Statement, StoredResponse, Transfer,
};
use farthing_protocol::{Challenge, Timestamp};
use farthing_rail::{Cursor, PaymentId, ProofKey};
use rusqlite::params;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::{Semaphore, oneshot};

pub use audit::AuditFilter;
pub use bank::PageTaken;
pub use beside::{Beside, Found, OwnTables, Statements};
pub use by_hand::{BEAT, Engine, Fate};
pub use error::StoreError;
pub use farthing_books::Verification;
pub use location::{Address, AddressError, Location};
pub use moving::{MoveError, Moved, move_books};
pub use remitting::{RemitError, Remitted, Stage, call_back, remit};
pub use retention::{Look, PruneError, Pruning};
pub use sessions::Drawn;
pub use standing::Life;

use audit::Archived;
use reader::Readers;
use standing::Standing;
use tables::{budget, rows};
use writer::{Job, Waiter, Writer};

/// So many commands may wait for an answer; more wait for a place.
const PLACES: usize = 4_096;
const READING_THREADS: usize = 2;

/// A handle to the books; cheap to clone.
#[derive(Clone)]
pub struct Books {
    /// `None` when the books may only be looked at.
    writer: Option<WriterHandle>,
    readers: Readers,
    archived: Archived,
    standing: Standing,
}

#[derive(Clone)]
struct WriterHandle {
    queue: UnboundedSender<Job>,
    places: Arc<Semaphore>,
}

/// How the books are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// A gateway: one process owns a file, and a second is refused. On a server it is one of several nodes.
    Exclusive,
    /// Several processes take turns (wallets of one machine, or of several on a server).
    Shared,
    /// Looked at beside a running owner (`books verify`, `books statement`); never written.
    ReadOnly,
}

impl Books {
    /// Opens, or creates, the books at a place and starts their writer.
    pub fn open(place: impl Into<Location>, sharing: Sharing) -> Result<Self, StoreError> {
        let place = place.into();
        let is_node = place.file().is_none() && sharing == Sharing::Exclusive;
        let standing = if is_node { Standing::among_others() } else { Standing::default() };
        let writer = match sharing {
            Sharing::ReadOnly => None,
            Sharing::Exclusive | Sharing::Shared => {
                Some(WriterHandle::start(place.clone(), sharing, standing.clone())?)
            }
        };
        if let Some(writer) = writer.as_ref().filter(|_| is_node) {
            writer.beat_from_now_on()?;
        }
        let readers = Readers::start(&place, READING_THREADS)?;
        Ok(Self { writer, readers, archived: Archived::default(), standing })
    }

    /// Resolves when what writes these books is gone, by [`Books::close`] or by a fault of its own, after which a process
    /// should end: the next one recovers. Never for books that may only be looked at.
    pub async fn writer_ended(&self) {
        match &self.writer {
            Some(writer) => writer.queue.closed().await,
            None => std::future::pending().await,
        }
    }

    /// Applies one command; resolves when it is durable.
    pub async fn submit(&self, command: Command) -> Result<Outcome, StoreError> {
        let writer = self.writer()?;
        let place = Arc::clone(&writer.places).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let (answer, outcome) = oneshot::channel();
        writer.send(Job::Apply(command, Some(Waiter { answer, _place: place })))?;
        outcome.await.map_err(|_| StoreError::Closed)?
    }

    /// Hands a command to the writer without waiting for it (delivery and close). It is never dropped
    /// while the writer lives: it is tried again when a commit fails.
    pub fn submit_later(&self, command: Command) -> Result<(), StoreError> {
        self.writer()?.send(Job::Apply(command, None))
    }

    /// Claims.
    pub async fn claim(&self, payment: NewPayment) -> Result<ClaimOutcome, StoreError> {
        match self.submit(Command::Claim(Box::new(payment))).await? {
            Outcome::Claim(outcome) => Ok(outcome),
            other => Err(unexpected(&other)),
        }
    }

    /// Reserves.
    pub async fn reserve(&self, reservation: Reservation) -> Result<ReserveOutcome, StoreError> {
        match self.submit(Command::Reserve(Box::new(reservation))).await? {
            Outcome::Reserve(outcome) => Ok(outcome),
            other => Err(unexpected(&other)),
        }
    }

    /// The payment that answers a challenge.
    pub async fn payment_of(&self, challenge: &Challenge) -> Result<Option<PaymentRecord>, StoreError> {
        self.payment(PaymentId::answering(challenge)).await
    }

    /// A payment.
    pub async fn payment(&self, id: PaymentId) -> Result<Option<PaymentRecord>, StoreError> {
        let sql = format!("SELECT {} FROM payments WHERE id = ?1", rows::PAYMENT);
        self.readers.read(move |books| books.one(&sql, params![id.as_bytes()], rows::payment)).await
    }

    /// The response kept for a payment.
    pub async fn response(&self, id: PaymentId) -> Result<Option<StoredResponse>, StoreError> {
        let sql = "SELECT status, headers, body FROM responses WHERE payment = ?1";
        self.readers.read(move |books| books.one(sql, params![id.as_bytes()], rows::response)).await
    }

    /// Open payments a resolver must look at: unknown and due to be asked for, refunding, entitled
    /// past their deadline.
    pub async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<PaymentRecord>, StoreError> {
        self.readers.read(move |books| listing::due(books, now, limit)).await
    }

    /// Payments that this process claimed before an instant and that are still nothing more than that, the oldest
    /// first: the task that was to finish them may be gone.
    pub async fn claimed_before(&self, before: Timestamp, limit: u32) -> Result<Vec<PaymentRecord>, StoreError> {
        let node = self.standing.node();
        self.readers.read(move |books| listing::claimed_before(books, node, before, limit)).await
    }

    /// Settled payments whose rail must be asked again whether they still stand, the longest due first.
    pub async fn to_confirm(&self, now: Timestamp, limit: u32) -> Result<Vec<PaymentRecord>, StoreError> {
        self.readers.read(move |books| listing::to_confirm(books, now, limit)).await
    }

    /// A movement of a rail's statement.
    pub async fn movement(&self, key: &ProofKey) -> Result<Option<MovementRecord>, StoreError> {
        let sql = format!("SELECT {} FROM movements WHERE key = ?1", rows::MOVEMENT);
        let key = key.as_str().to_owned();
        self.readers.read(move |books| books.one(&sql, params![key], rows::movement)).await
    }

    /// Money that arrived and that no payment explains, the oldest first.
    pub async fn suspense(&self, limit: u32) -> Result<Vec<MovementRecord>, StoreError> {
        self.readers.read(move |books| listing::suspense(books, limit)).await
    }

    /// Final payments, settled before an instant, of which no statement has shown a movement.
    pub async fn not_seen(&self, before: Timestamp, limit: u32) -> Result<Vec<PaymentRecord>, StoreError> {
        self.readers.read(move |books| listing::not_seen(books, before, limit)).await
    }

    /// How far a statement has been read; the beginning, when it never was.
    pub async fn cursor(&self, source: &str) -> Result<Cursor, StoreError> {
        let key = source.to_owned();
        let sql = "SELECT cursor FROM cursors WHERE source = ?1";
        let found = self.readers.read(move |books| books.one(sql, params![key], |row| Ok(Cursor(row.get(0)?)))).await?;
        Ok(found.unwrap_or_default())
    }

    /// The payments that a filter lets through, in the order in which they were claimed.
    pub async fn payments(&self, filter: PaymentFilter) -> Result<Vec<PaymentRecord>, StoreError> {
        self.readers.read(move |books| listing::payments(books, &filter)).await
    }

    /// The payments claimed from one instant until before another, added up by payer, route, rail and asset.
    pub async fn statement(&self, since: Timestamp, until: Timestamp) -> Result<Statement, StoreError> {
        self.readers.read(move |books| books.snapshot(|books| listing::statement(books, since, until))).await
    }

    /// What each rail cost from one instant until before another.
    pub async fn costs(&self, since: Timestamp, until: Timestamp) -> Result<RailCosts, StoreError> {
        self.readers.read(move |books| books.snapshot(|books| costs::costs(books, since, until))).await
    }

    /// Transfers in the order in which they were posted, each with its number: a page of those after
    /// a number, for exports. Start with 0.
    pub async fn transfers(&self, after: u64, limit: u32) -> Result<Vec<(u64, Transfer)>, StoreError> {
        self.readers.read(move |books| listing::transfers(books, after, limit)).await
    }

    /// One account.
    pub async fn account(&self, id: &AccountId) -> Result<Option<Account>, StoreError> {
        let sql = format!("SELECT {} FROM accounts WHERE name = ?1 AND asset = ?2", rows::ACCOUNT);
        let (name, asset) = (id.kind.to_string(), id.asset.to_string());
        let found = self.readers.read(move |books| books.one(&sql, params![name, asset], rows::account)).await?;
        Ok(found.map(|(account, _)| account))
    }

    /// All accounts, by name.
    pub async fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        let sql = format!("SELECT {} FROM accounts ORDER BY name, asset", rows::ACCOUNT);
        let found = self.readers.read(move |books| books.many(&sql, params![], rows::account)).await?;
        Ok(found.into_iter().map(|(account, _)| account).collect())
    }

    /// What a wallet reserved, the newest first.
    pub async fn reservations(&self, wallet: &str, limit: u32) -> Result<Vec<ReservationRecord>, StoreError> {
        let sql = format!(
            "SELECT {} FROM reservations WHERE wallet = ?1 ORDER BY sequence DESC LIMIT ?2",
            budget::RESERVATION
        );
        let wallet = wallet.to_owned();
        self.readers.read(move |books| books.many(&sql, params![wallet, limit], budget::reservation)).await
    }

    /// One reservation.
    pub async fn reservation(&self, id: ReservationId) -> Result<Option<ReservationRecord>, StoreError> {
        let sql = format!("SELECT {} FROM reservations WHERE id = ?1", budget::RESERVATION);
        self.readers.read(move |books| books.one(&sql, params![id], budget::reservation)).await
    }

    /// What counts toward a budget; `None` when nothing was ever reserved on it.
    pub async fn budget(&self, key: &BudgetKey) -> Result<Option<BudgetCounter>, StoreError> {
        let sql = format!("SELECT {} FROM budgets WHERE key = ?1", budget::COUNTER);
        let key = key.0.clone();
        self.readers.read(move |books| books.one(&sql, params![key], budget::counter)).await
    }

    /// Recomputes everything, from one consistent state.
    pub async fn verify(&self) -> Result<Verification, StoreError> {
        self.readers
            .read(|books| {
                let mut auditor = Auditor::default();
                tables::scan(books, &mut auditor)?;
                Ok(auditor.finish())
            })
            .await
    }

    /// Makes everything durable and stops the writer.
    pub async fn close(self) -> Result<(), StoreError> {
        let Some(writer) = self.writer else {
            return Ok(());
        };
        let (answer, closed) = oneshot::channel();
        writer.send(Job::Stop(answer))?;
        closed.await.map_err(|_| StoreError::Closed)?
    }

    fn writer(&self) -> Result<&WriterHandle, StoreError> {
        self.writer.as_ref().ok_or(StoreError::ReadOnly)
    }
}

impl WriterHandle {
    fn start(place: Location, sharing: Sharing, standing: Standing) -> Result<Self, StoreError> {
        let (queue, waiting) = unbounded_channel();
        let (opened, open) = mpsc::channel();
        let body = move || match Writer::open(&place, sharing, waiting, standing) {
            Ok(writer) => {
                drop(opened.send(Ok(())));
                writer.run();
            }
            Err(error) => drop(opened.send(Err(error))),
        };
        let spawned = thread::Builder::new().name("books-writer".to_owned()).spawn(body);
        spawned.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        open.recv().map_err(|_| StoreError::Closed)??;
        Ok(Self { queue, places: Arc::new(Semaphore::new(PLACES)) })
    }

    /// Reminds the writer to show that this process lives, for as long as there is a handle.
    fn beat_from_now_on(&self) -> Result<(), StoreError> {
        let queue = self.queue.downgrade();
        let beating = move || {
            while let Some(queue) = queue.upgrade() {
                if queue.send(Job::Beat).is_err() {
                    return;
                }
                drop(queue);
                thread::sleep(engine::BEAT);
            }
        };
        let spawned = thread::Builder::new().name("books-beat".to_owned()).spawn(beating);
        spawned.map(drop).map_err(|error| StoreError::Unavailable(error.to_string()))
    }

    fn send(&self, job: Job) -> Result<(), StoreError> {
        self.queue.send(job).map_err(|_| StoreError::Closed)
    }
}

fn unexpected(outcome: &Outcome) -> StoreError {
    match outcome {
        Outcome::Invalid(invalid) => StoreError::Refused(*invalid),
        Outcome::Conflict => StoreError::Fault("the id of a ledger entry was used for something else".to_owned()),
        _ => StoreError::Fault("the outcome is of another kind than the command".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use farthing_books::testing::samples::grant;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[test]
    fn a_full_queue_makes_callers_wait_and_loses_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("books.db");
        drop(engine::sqlite::file::writer(&path).unwrap());
        let (queue, mut waiting) = unbounded_channel();
        let writer = Some(WriterHandle { queue, places: Arc::new(Semaphore::new(1)) });
        let readers = Readers::start(&Location::from(&path), 1).unwrap();
        let books = Books { writer, readers, archived: Archived::default(), standing: Standing::default() };

        let (mut first, mut second) = (pin!(books.submit(grant(1, 1, 1))), pin!(books.submit(grant(2, 1, 1))));
        let mut context = Context::from_waker(Waker::noop());
        assert!(first.as_mut().poll(&mut context).is_pending());
        assert!(second.as_mut().poll(&mut context).is_pending());
        assert_eq!(waiting.len(), 1, "the second waits for a place");
        books.submit_later(grant(3, 1, 1)).unwrap();
        assert_eq!(waiting.len(), 2, "what nobody waits for needs no place");

        let Ok(Job::Apply(_, Some(waiter))) = waiting.try_recv() else { panic!("the first was queued") };
        waiter.tell(Ok(Outcome::Transferred));
        assert_eq!(first.poll(&mut context), Poll::Ready(Ok(Outcome::Transferred)));
        assert!(second.as_mut().poll(&mut context).is_pending());
        assert_eq!(waiting.len(), 2, "the second has the place of the first");

        let mut ended = pin!(books.writer_ended());
        assert!(ended.as_mut().poll(&mut context).is_pending());
        drop(waiting);
        assert!(ended.poll(&mut context).is_ready(), "what a panic drops is seen");
        assert_eq!(second.poll(&mut context), Poll::Ready(Err(StoreError::Closed)));
    }
}
