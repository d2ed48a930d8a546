//! The books on disk.
//!
//! [`Books`] is the handle the rest of the program holds: commands go to one writer that groups
//! what is waiting, makes the group durable, then answers; reads go beside it.

use std::path::Path;

use farthing_books::budget::Reservation;
use farthing_books::budget::ReserveOutcome;
use farthing_books::{Account, AccountId, ClaimOutcome, Command, NewPayment, Outcome, PaymentRecord, StoredResponse};
use farthing_protocol::ChallengeId;
use farthing_rail::PaymentId;

/// A handle to the books; cheap to clone.
#[derive(Clone)]
pub struct Books;

/// Why the books could not be opened, or did not answer. Money must not move on any of these.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// See the text.
    #[error("{0}")]
    Unavailable(String),
}

/// How the books are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// One process owns the file (a gateway); a second is refused.
    Exclusive,
    /// Several processes take turns (wallets of one machine).
    Shared,
    /// Looked at beside a running owner (`books verify`, `books statement`); never written.
    ReadOnly,
}

/// Whether every balance and invariant holds, recomputed from the transfers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// How many transfers were added up.
    pub transfers: u64,
    /// How many accounts.
    pub accounts: u64,
    /// How many payments.
    pub payments: u64,
    /// Each broken invariant, in words with the figures.
    pub findings: Vec<String>,
}

impl Books {
    /// Opens, or creates, the books in this file and starts their writer.
    pub fn open(path: &Path, sharing: Sharing) -> Result<Self, StoreError> {
        let _ = (path, sharing);
        todo!()
    }
    /// Applies one command; resolves when it is durable.
    pub async fn submit(&self, command: Command) -> Result<Outcome, StoreError> {
        let _ = command;
        todo!()
    }
    /// Hands a command to the writer without waiting for it (delivery and close).
    pub fn submit_later(&self, command: Command) -> Result<(), StoreError> {
        let _ = command;
        todo!()
    }
    /// Claims.
    pub async fn claim(&self, payment: NewPayment) -> Result<ClaimOutcome, StoreError> {
        let _ = payment;
        todo!()
    }
    /// Reserves.
    pub async fn reserve(&self, reservation: Reservation) -> Result<ReserveOutcome, StoreError> {
        let _ = reservation;
        todo!()
    }
    /// The payment that answers a challenge.
    pub async fn payment_of(&self, challenge: &ChallengeId) -> Result<Option<PaymentRecord>, StoreError> {
        let _ = challenge;
        todo!()
    }
    /// A payment.
    pub async fn payment(&self, id: PaymentId) -> Result<Option<PaymentRecord>, StoreError> {
        let _ = id;
        todo!()
    }
    /// The response kept for a payment.
    pub async fn response(&self, id: PaymentId) -> Result<Option<StoredResponse>, StoreError> {
        let _ = id;
        todo!()
    }
    /// Open payments a resolver must look at: unknown, refunding, entitled past their deadline.
    pub async fn due(&self, now: farthing_protocol::Timestamp, limit: u32) -> Result<Vec<PaymentRecord>, StoreError> {
        let _ = (now, limit);
        todo!()
    }
    /// One account.
    pub async fn account(&self, id: &AccountId) -> Result<Option<Account>, StoreError> {
        let _ = id;
        todo!()
    }
    /// All accounts.
    pub async fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        todo!()
    }
    /// Recomputes everything.
    pub async fn verify(&self) -> Result<Verification, StoreError> {
        todo!()
    }
    /// Makes everything durable and stops the writer.
    pub async fn close(self) -> Result<(), StoreError> {
        todo!()
    }
}
