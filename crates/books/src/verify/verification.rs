//! What adding everything up came to.

use farthing_protocol::Timestamp;

use super::Crossings;

/// Whether every balance and invariant holds, recomputed from the transfers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// How many transfers were added up.
    pub transfers: u64,
    /// How many accounts.
    pub accounts: u64,
    /// How many payments.
    pub payments: u64,
    /// How many sessions.
    pub sessions: u64,
    /// How many reservations.
    pub reservations: u64,
    /// What left the books, and is carried forward.
    pub pruned: Pruned,
    /// What crossed to other books and from them: see [`compare`](super::compare).
    pub crossings: Crossings,
    /// Each broken invariant, in words with the figures.
    pub findings: Vec<String>,
}

impl Verification {
    /// Whether nothing is broken.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}

/// What left the books after its time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// How many payments.
    pub payments: u64,
    /// How many transfers.
    pub transfers: u64,
    /// Nothing from before this instant is claimed any more; `None` where nothing ever left.
    pub until: Option<Timestamp>,
}
