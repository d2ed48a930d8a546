//! Payments that wait for a person.
//!
//! A policy may answer a quote with a question. The question is kept in the books, for every process of the
//! machine to see; the call ends with [`crate::Outcome::AwaitsApproval`]. Once somebody has allowed it, the same
//! call pays: the answer is for exactly the facts that were asked about, and is used up in the transaction that
//! reserves the money.
//!
//! A [`Desk`] is where questions are looked at and answered: [`Wallet::desk`] has those of a wallet,
//! [`crate::Wallets::desk`] those of all.

mod asking;
mod desk;
mod proof;
mod shown;
pub mod webhook;

use std::time::Duration;

use farthing_books::{ApprovalId, ApprovalRecord, ApprovalState};
use farthing_keys::NoRandomness;
use farthing_store::StoreError;

use crate::wallets::WalletsError;
use crate::{VaultError, Wallet};

pub use asking::{Ask, permission};
pub use desk::Desk;
pub use proof::Authority;
pub use shown::to_json;
use webhook::{NotAnswered, WebhookError};

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
    /// The owner's key does not open.
    #[error(
        "allowing a payment takes the owner's passphrase: {0}; set FARTHING_OWNER_PASSPHRASE, or answer from where it is known"
    )]
    Owner(VaultError),
    /// A webhook's answer is not taken.
    #[error(transparent)]
    NotAnswered(#[from] NotAnswered),
    /// See [`WebhookError`].
    #[error(transparent)]
    Webhook(#[from] WebhookError),
    /// The budgets, in which approvals are kept, did not answer.
    #[error("the approvals cannot be reached: {0}")]
    Budgets(#[from] StoreError),
    /// See [`WalletsError`].
    #[error(transparent)]
    Wallets(#[from] WalletsError),
    /// See [`NoRandomness`].
    #[error(transparent)]
    Random(#[from] NoRandomness),
}

impl Wallet {
    /// Its approvals, the newest first.
    pub async fn approvals(&self) -> Result<Vec<ApprovalRecord>, ApprovalError> {
        self.desk().all().await
    }

    /// One of its approvals.
    pub async fn approval(&self, id: ApprovalId) -> Result<ApprovalRecord, ApprovalError> {
        self.desk().one(id).await
    }

    /// Answers one of its approvals.
    pub async fn answer(&self, id: ApprovalId, reply: &Reply) -> Result<ApprovalRecord, ApprovalError> {
        self.desk().answer(id, reply).await
    }

    /// Waits until an approval is answered or its deadline passes, but not longer than `patience`; the approval
    /// as it stands then.
    pub async fn wait(&self, id: ApprovalId, patience: Duration) -> Result<ApprovalRecord, ApprovalError> {
        self.desk().wait(id, patience).await
    }
}
