//! What a process knows of itself among those that share the books.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use farthing_books::PaymentRecord;
use farthing_protocol::Timestamp;
use farthing_rail::PaymentId;
use rusqlite::params;

use crate::engine::Seen;
use crate::engine::sqlite::member::now;
use crate::tables::rows;
use crate::{Books, StoreError};

/// The number under which others know a process; once it was taken for dead it has another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life(i64);

/// Shared by the writer, which finds out, and the handles, which tell.
#[derive(Clone, Default)]
pub(crate) struct Standing(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Whether others may be there too.
    among_others: AtomicBool,
    node: AtomicI64,
    left_behind: AtomicBool,
    stands_back: AtomicBool,
    leads_until: Mutex<Option<Instant>>,
    lives_until: Mutex<Option<Instant>>,
    time: Mutex<Option<(i64, Instant)>>,
}

impl Standing {
    /// Of one among others, of whom nothing is known yet.
    pub(crate) fn among_others() -> Self {
        let standing = Self::default();
        standing.0.among_others.store(true, Ordering::Relaxed);
        standing
    }

    /// Remembers what a beat showed.
    pub(crate) fn remember(&self, seen: Seen) {
        self.0.node.store(seen.node, Ordering::Relaxed);
        self.0.left_behind.store(seen.left_behind, Ordering::Relaxed);
        *self.0.leads_until.lock().unwrap_or_else(PoisonError::into_inner) = seen.leads_until;
        if seen.time.is_some() {
            *self.0.time.lock().unwrap_or_else(PoisonError::into_inner) = seen.time;
        }
    }

    /// What a simulated server says that the time of day is.
    pub(crate) fn reads(&self, time: Timestamp) {
        *self.0.time.lock().unwrap_or_else(PoisonError::into_inner) = Some((time.unix_millis(), now()));
    }

    /// Under this number, nobody can have taken this process for dead until then.
    pub(crate) fn lives(&self, node: i64, until: Option<Instant>) {
        let mut lives_until = self.0.lives_until.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.node.store(node, Ordering::Relaxed);
        *lives_until = until;
    }

    /// The number of this process; 0 where there is one.
    pub(crate) fn node(&self) -> i64 {
        self.0.node.load(Ordering::Relaxed)
    }

    pub(crate) fn left_behind(&self) -> bool {
        self.0.left_behind.load(Ordering::Relaxed)
    }

    pub(crate) fn leads(&self) -> bool {
        self.is_before(&self.0.leads_until) && !(self.stands_back() && self.0.among_others.load(Ordering::Relaxed))
    }

    pub(crate) fn stands_back(&self) -> bool {
        self.0.stands_back.load(Ordering::Relaxed)
    }

    pub(crate) fn life(&self) -> Life {
        Life(self.node())
    }

    pub(crate) fn surely_lives(&self, life: Life) -> bool {
        self.is_seen() && self.life() == life
    }

    /// Whether nobody can have taken this process for dead.
    pub(crate) fn is_seen(&self) -> bool {
        self.is_before(&self.0.lives_until)
    }

    /// The server's time of day.
    pub(crate) fn time(&self) -> Option<Timestamp> {
        let (time, when) = (*self.0.time.lock().unwrap_or_else(PoisonError::into_inner))?;
        Some(Timestamp::from_unix_millis(time).after(now().saturating_duration_since(when)))
    }

    fn is_before(&self, until: &Mutex<Option<Instant>>) -> bool {
        let until = until.lock().unwrap_or_else(PoisonError::into_inner);
        !self.0.among_others.load(Ordering::Relaxed) || until.is_some_and(|until| now() < until)
    }
}

impl Books {
    /// Whether work that only one of the processes that share the books may do is this one's, now: resolving, paying
    /// back, collecting, reconciling. Ask again before each piece of it. Always, where the books are in a file.
    pub fn leads(&self) -> bool {
        self.standing.leads()
    }

    /// Leads no more, because this process is about to end: of the others, the first to come leads from the next beat on.
    /// What only one of them may do must be over here by then. Nothing changes where the books are in a file.
    pub fn stand_back(&self) {
        self.standing.0.stands_back.store(true, Ordering::Relaxed);
    }

    /// Whether another process that shares the books died: [`farthing_books::Command::Recover`] takes up what it left.
    pub fn has_left_behind(&self) -> bool {
        self.standing.left_behind()
    }

    /// As whom this process is known to the others now.
    pub fn life(&self) -> Life {
        self.standing.life()
    }

    /// Whether this process still lives that life, and was seen by the others so lately that none can have taken it for
    /// dead. Where not, what it was at may be another's by now: ask before money is moved for it. Always, where the
    /// books are in a file.
    pub fn surely_lives(&self, life: Life) -> bool {
        self.standing.surely_lives(life)
    }

    /// The time of day of the server that keeps the books, as of the last answer and counted on from there by no clock
    /// that anybody sets; nothing, where the books are in a file. Right to within half a second.
    pub fn time(&self) -> Option<Timestamp> {
        self.standing.time()
    }

    /// A payment, and whether this process changed it last: of several that share the books, nobody else is at it. Both
    /// as of one instant: what is read of a payment before or after that may have been another's doing.
    pub async fn payment_here(&self, id: PaymentId) -> Result<Option<(PaymentRecord, bool)>, StoreError> {
        let sql = format!("SELECT {}, node FROM payments WHERE id = ?1", rows::PAYMENT);
        let found =
            self.readers.read(move |books| books.one(&sql, params![id.as_bytes()], rows::payment_and_node)).await?;
        Ok(found.map(|(record, node)| (record, node == self.standing.node())))
    }
}
