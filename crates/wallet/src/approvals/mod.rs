//! Payments that wait for a person.
//!
//! A policy may answer a quote with a question. The question is kept in the books, for every process of the
//! machine to see; the call ends with [`crate::Outcome::AwaitsApproval`]. Once somebody has allowed it, the same
//! call pays: the answer is for exactly the facts that were asked about, and is used up in the transaction that
//! reserves the money.

mod asking;
mod shown;

use std::time::Duration;

use farthing_books::approval::Answer;
use farthing_books::{ApprovalId, ApprovalOutcome, ApprovalRecord, ApprovalState};
use farthing_protocol::Timestamp;
use farthing_store::{Books, StoreError};

use crate::client::plain;
use crate::wallets::WalletsError;
use crate::{Wallet, WalletName, Wallets};

pub use asking::{Ask, permission};
pub use shown::to_json;

/// How often a waiting call looks whether there is an answer.
const GLANCE: Duration = Duration::from_millis(200);
/// The most that a list shows.
const MOST_SHOWN: u32 = 1_000;

/// What somebody says to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Whether it may be paid.
    pub allow: bool,
    /// Why, for the record.
    pub reason: Option<String>,
    /// By which way the reply came: `owner`, `console`, `mcp`.
    pub by: String,
}

/// Why a question could not be answered or shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApprovalError {
    /// No such approval.
    #[error("there is no approval {0}; farthing approvals list shows what waits")]
    Absent(ApprovalId),
    /// It stands otherwise, and the answer changed nothing.
    #[error("{id} is {} already, so the answer changed nothing; the same call of the agent asks anew", .state.as_str())]
    TooLate {
        /// Which.
        id: ApprovalId,
        /// Where it stands.
        state: ApprovalState,
    },
    /// The budgets, in which approvals are kept, did not answer.
    #[error("the approvals cannot be reached: {0}")]
    Budgets(#[from] StoreError),
    /// See [`WalletsError`].
    #[error(transparent)]
    Wallets(#[from] WalletsError),
}

impl Wallets {
    /// The approvals of a wallet, or of all, the newest first.
    pub async fn approvals(&self, wallet: Option<&WalletName>) -> Result<Vec<ApprovalRecord>, ApprovalError> {
        let books = self.budgets()?;
        Ok(books.approvals(wallet.map(WalletName::as_str), self.now(), MOST_SHOWN).await?)
    }

    /// One approval.
    pub async fn approval(&self, id: ApprovalId) -> Result<ApprovalRecord, ApprovalError> {
        self.budgets()?.approval(id, self.now()).await?.ok_or(ApprovalError::Absent(id))
    }

    /// Answers one.
    pub async fn answer(&self, id: ApprovalId, reply: &Reply) -> Result<ApprovalRecord, ApprovalError> {
        answer(&self.budgets()?, id, reply, self.now()).await
    }
}

impl Wallet {
    /// Its approvals, the newest first.
    pub async fn approvals(&self) -> Result<Vec<ApprovalRecord>, ApprovalError> {
        Ok(self.budgets.approvals(Some(self.name.as_str()), self.ambient.now(), MOST_SHOWN).await?)
    }

    /// One of its approvals.
    pub async fn approval(&self, id: ApprovalId) -> Result<ApprovalRecord, ApprovalError> {
        let found = self.budgets.approval(id, self.ambient.now()).await?;
        found.filter(|record| record.facts.wallet == self.name.as_str()).ok_or(ApprovalError::Absent(id))
    }

    /// Answers one of its approvals.
    pub async fn answer(&self, id: ApprovalId, reply: &Reply) -> Result<ApprovalRecord, ApprovalError> {
        self.approval(id).await?;
        answer(&self.budgets, id, reply, self.ambient.now()).await
    }

    /// Waits until an approval is answered or its deadline passes, but not longer than `patience`; the approval
    /// as it stands then.
    pub async fn wait(&self, id: ApprovalId, patience: Duration) -> Result<ApprovalRecord, ApprovalError> {
        let started = tokio::time::Instant::now();
        loop {
            let record = self.approval(id).await?;
            let left = patience.saturating_sub(started.elapsed());
            if record.state != ApprovalState::Pending || left.is_zero() {
                return Ok(record);
            }
            tokio::time::sleep(GLANCE.min(left)).await;
        }
    }
}

async fn answer(books: &Books, id: ApprovalId, reply: &Reply, at: Timestamp) -> Result<ApprovalRecord, ApprovalError> {
    let reason = reply.reason.as_deref().map(plain);
    let answer = Answer { allow: reply.allow, by: reply.by.clone(), reason, proof: None, at };
    match books.answer(id, answer, at).await? {
        ApprovalOutcome::Stands(record) | ApprovalOutcome::Asked(record) => Ok(*record),
        ApprovalOutcome::TooLate(record) => Err(ApprovalError::TooLate { id, state: record.state }),
        ApprovalOutcome::NotFound => Err(ApprovalError::Absent(id)),
    }
}
