//! What a process knows of itself among those that share the books.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::engine::Seen;

/// Shared by the writer, which finds out, and the handles, which tell.
#[derive(Clone, Default)]
pub(crate) struct Standing(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Whether others may be there too.
    among_others: AtomicBool,
    node: AtomicI64,
    left_behind: AtomicBool,
    leads_until: Mutex<Option<Instant>>,
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
    }

    /// The number of this process; 0 where there is one.
    pub(crate) fn node(&self) -> i64 {
        self.0.node.load(Ordering::Relaxed)
    }

    pub(crate) fn left_behind(&self) -> bool {
        self.0.left_behind.load(Ordering::Relaxed)
    }

    pub(crate) fn leads(&self) -> bool {
        let until = self.0.leads_until.lock().unwrap_or_else(PoisonError::into_inner);
        !self.0.among_others.load(Ordering::Relaxed) || until.is_some_and(|until| Instant::now() < until)
    }
}
