//! What the facilitator has taken upon itself: which payments it was asked to settle, what became of them,
//! and how much each caller has had settled today.
//!
//! A payment is written down before its rail is asked, durably and once; whatever a crash leaves behind is
//! looked up and never asked for again. One thread owns the file and writes everything that waits in one
//! commit.

mod rows;
mod thread;

use std::path::Path;

use farthing_dialects::x402::facilitator::CatalogueItem;
use farthing_money::Amount;
use farthing_protocol::Timestamp;
use farthing_rail::ProofKey;
use tokio::sync::{mpsc, oneshot};

use thread::Job;

/// A handle to the file; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Register {
    jobs: mpsc::UnboundedSender<Job>,
}

/// A payment that somebody wants settled.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) proof: ProofKey,
    /// How much of it, where that is open.
    pub(crate) take: Option<Amount>,
    /// For whom.
    pub(crate) caller: String,
    /// How many payments the caller may have settled in a day.
    pub(crate) limit: Option<u32>,
    /// Whether anything new can be settled just now.
    pub(crate) is_ready: bool,
    pub(crate) now: Timestamp,
}

/// What a payment was found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// It is new, or was refused before: this is the attempt to settle.
    Begin { attempt: u32 },
    /// It was begun and its end is not known.
    Begun { attempt: u32, take: Option<Amount>, claimed_at: Timestamp },
    /// It is settled.
    Settled { take: Option<Amount>, reference: String },
    /// The caller has had enough settled today; nothing was written.
    Spent,
    /// It is new and nothing new can be settled; nothing was written.
    NotReady,
}

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Settled {
        reference: String,
    },
    /// Nothing was moved by it, nor will be: there may be another attempt.
    Rejected,
}

/// The register cannot be read or written; nothing may be settled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the facilitator's register cannot be used: {0}; check the disk, the data folder, and that no other facilitator uses it"
)]
pub(crate) struct RegisterError(pub(super) String);

impl Register {
    /// Opens, or creates, the file.
    pub(crate) fn open(path: &Path) -> Result<Self, RegisterError> {
        Ok(Self { jobs: thread::start(path)? })
    }

    /// Writes a payment down, unless it is known; resolves when that is durable.
    pub(crate) async fn begin(&self, entry: Entry) -> Result<Found, RegisterError> {
        self.ask(|answer| Job::Begin(entry, answer)).await
    }

    /// Writes down what became of the newest attempt.
    pub(crate) async fn end(&self, proof: ProofKey, end: End) -> Result<(), RegisterError> {
        self.ask(|answer| Job::End(proof, end, answer)).await
    }

    /// Whether a settlement may be told of to whoever goes by this name: to the first who asks, and to the same
    /// again. Nobody without a name (empty) is the same as another.
    pub(crate) async fn tell(&self, proof: ProofKey, name: String) -> Result<bool, RegisterError> {
        self.ask(|answer| Job::Tell(proof, name, answer)).await
    }

    /// Puts a resource into the catalogue, or renews it there.
    pub(crate) async fn list(&self, item: CatalogueItem) -> Result<(), RegisterError> {
        self.ask(|answer| Job::List(item, answer)).await
    }

    /// The catalogue, the newest first.
    pub(crate) async fn listed(&self) -> Result<Vec<CatalogueItem>, RegisterError> {
        self.ask(Job::Listed).await
    }

    async fn ask<T>(&self, job: impl FnOnce(thread::Answer<T>) -> Job) -> Result<T, RegisterError> {
        let gone = || RegisterError("its thread has ended".to_owned());
        let (answer, answered) = oneshot::channel();
        self.jobs.send(job(answer)).map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

#[cfg(test)]
mod tests;
