//! What the buyers did and saw.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How a request is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// Out of a balance, each by itself.
    Balance,
    /// Over a rail that often gives no answer.
    Rail,
    /// By the vouchers of a session.
    Session,
}

impl Way {
    /// The first part of its routes' paths.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Balance => "balance",
            Self::Rail => "rail",
            Self::Session => "session",
        }
    }
}

/// One request that was paid for, or was to be.
#[derive(Clone, Debug)]
pub struct Purchase {
    /// What was asked for; no two purchases ask for the same.
    pub path: String,
    /// How it was to be paid.
    pub way: Way,
    /// The challenge that was answered.
    pub challenge: String,
    /// The gateway processes by way of which it arrived, once for each time.
    pub delivered: Vec<u32>,
    /// The problem with which the credential was refused for good.
    pub refused: Option<String>,
}

/// One session, as its payer knows it. Amounts are in millionths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionSeen {
    /// What it is called.
    pub channel: String,
    /// The highest total that was signed.
    pub signed: u128,
    /// The highest total with which something was bought.
    pub acknowledged: u128,
    /// How many requests were answered, by way of which gateway process.
    pub delivered: BTreeMap<u32, u64>,
    /// Requests whose voucher was used up without an answer.
    pub unanswered: u64,
}

/// What all buyers of a trial did and saw.
#[derive(Default)]
pub struct Journal {
    purchases: Mutex<Vec<Purchase>>,
    sessions: Mutex<Vec<SessionSeen>>,
    /// Answers that no buyer can make sense of.
    odd: Mutex<Vec<String>>,
    /// Answers that said to come back later, by status.
    later: Mutex<BTreeMap<u16, u64>>,
    delivered: AtomicU64,
    is_over: AtomicBool,
}

impl Journal {
    /// How many requests were answered so far.
    pub fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::SeqCst)
    }

    /// How many answers said to come back later so far, by status.
    pub fn later(&self) -> BTreeMap<u16, u64> {
        lock(&self.later).clone()
    }

    /// What was bought.
    pub fn purchases(&self) -> Vec<Purchase> {
        lock(&self.purchases).clone()
    }

    /// What was bought by sessions.
    pub fn sessions(&self) -> Vec<SessionSeen> {
        lock(&self.sessions).clone()
    }

    /// Answers that no buyer can make sense of.
    pub fn odd(&self) -> Vec<String> {
        lock(&self.odd).clone()
    }

    /// Whether buyers finish what they are doing and go.
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    /// Lets buyers finish what they are doing.
    pub fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }

    pub(crate) fn note_delivery(&self) {
        self.delivered.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn note_later(&self, status: u16) {
        *lock(&self.later).entry(status).or_default() += 1;
    }

    pub(crate) fn note_odd(&self, what: String) {
        lock(&self.odd).push(what);
    }

    pub(crate) fn note_purchase(&self, purchase: Purchase) {
        lock(&self.purchases).push(purchase);
    }

    pub(crate) fn note_session(&self, session: SessionSeen) {
        lock(&self.sessions).push(session);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
