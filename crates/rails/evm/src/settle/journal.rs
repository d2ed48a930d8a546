//! The rail's own write-ahead file: what was signed here, before any node sees it.
//!
//! One thread owns the file. It takes everything that waits, makes it durable in one commit, and
//! only then answers: whoever was answered may broadcast, and whatever a crash leaves behind is
//! found here and sent again, byte for byte.

mod rows;
mod thread;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use alloy_primitives::{Address, B256, Bytes};
use farthing_protocol::Timestamp;
use farthing_rail::PaymentId;
use tokio::sync::{mpsc, oneshot};

use thread::{Job, Read};

/// What a submission is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To settle a payment.
    Settle(PaymentId),
    /// To send so many base units of a payment back.
    Refund(PaymentId, u128),
    /// To take the place of a transaction that no node will include, so that later ones can be.
    Fill,
}

/// Whether a submission still matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It may be included.
    Open,
    /// Its place in the order of its signer was taken, by itself or by another, deep in the chain.
    Closed,
}

/// A transaction that was signed here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// What for.
    pub purpose: Purpose,
    /// On which chain.
    pub chain: u64,
    /// By whom: who sends it, or who pays its gas.
    pub signer: Address,
    /// Its place in the order of the signer's transactions; none where the payer's order counts.
    pub nonce: Option<u64>,
    /// Its hash.
    pub hash: B256,
    /// Its bytes.
    pub raw: Bytes,
    /// After this time of the chain (seconds) it cannot succeed.
    pub valid_before: Option<u64>,
    /// Whether it still matters.
    pub state: State,
    /// When it was written down.
    pub at: Timestamp,
}

/// A handle to the file; cheap to clone.
#[derive(Clone, Debug)]
pub struct Journal(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    /// Where the thread that owns the file takes its jobs; none until the first.
    jobs: Mutex<Option<mpsc::UnboundedSender<Job>>>,
}

/// The journal cannot be read or written; nothing may be broadcast.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the rail's journal cannot be used: {0}; check the disk and the data directory")]
pub struct JournalError(pub(super) String);

impl Journal {
    /// The journal in this file, which is opened, or created, when it is first needed: whoever only
    /// reads a configuration must not take the file from whoever works with it.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(Arc::new(Shared { path: path.into(), jobs: Mutex::new(None) }))
    }

    /// Opens, or creates, the file.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let journal = Self::at(path);
        journal.jobs().map(|_| journal)
    }

    fn jobs(&self) -> Result<mpsc::UnboundedSender<Job>, JournalError> {
        let mut jobs = self.0.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(jobs) = &*jobs {
            return Ok(jobs.clone());
        }
        let started = thread::start(&self.0.path)?;
        Ok(jobs.insert(started).clone())
    }

    /// Writes submissions down; resolves when they are durable.
    pub async fn append(&self, submissions: Vec<Submission>) -> Result<(), JournalError> {
        let (answer, written) = oneshot::channel();
        self.ask(Job::Append(submissions, answer), written).await?
    }

    /// Marks every submission of a signer with a nonce below this as settled one way or another.
    pub async fn close_below(&self, chain: u64, signer: Address, nonce: u64) -> Result<(), JournalError> {
        let (answer, written) = oneshot::channel();
        self.ask(Job::CloseBelow { chain, signer, nonce, answer }, written).await?
    }

    /// What was submitted for a purpose, the newest last.
    pub async fn of_purpose(&self, chain: u64, purpose: &Purpose) -> Result<Vec<Submission>, JournalError> {
        self.read(Read::Purpose(chain, purpose.clone())).await
    }

    /// What is open of a signer's own order, by nonce.
    pub async fn open_of(&self, chain: u64, signer: Address) -> Result<Vec<Submission>, JournalError> {
        self.read(Read::Open(chain, signer)).await
    }

    /// The submission with the highest nonce that a signer ever gave out.
    pub async fn last_of(&self, chain: u64, signer: Address) -> Result<Option<Submission>, JournalError> {
        Ok(self.read(Read::Last(chain, signer)).await?.pop())
    }

    /// The submission of this hash, if it is one of ours.
    pub async fn of_hash(&self, chain: u64, hash: B256) -> Result<Option<Submission>, JournalError> {
        Ok(self.read(Read::Hash(chain, hash)).await?.pop())
    }

    async fn read(&self, read: Read) -> Result<Vec<Submission>, JournalError> {
        let (answer, found) = oneshot::channel();
        self.ask(Job::Read(read, answer), found).await?
    }

    async fn ask<T>(&self, job: Job, answer: oneshot::Receiver<T>) -> Result<T, JournalError> {
        let gone = || JournalError("its thread has ended".to_owned());
        self.jobs()?.send(job).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())
    }
}

#[cfg(test)]
mod tests;
