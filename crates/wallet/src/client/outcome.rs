use std::fmt;

use farthing_books::ApprovalId;
use farthing_keys::Stopped;
use farthing_money::Price;
use farthing_protocol::{Receipt, Timestamp};
use farthing_store::StoreError;
use reqwest::Response;

use super::session::InSession;
use super::transport::Lost;
use crate::approvals::ApprovalError;
use crate::policy::Rule;
use crate::reach::Private;
use crate::sessions::SessionsError;
use crate::wallets::WalletsError;
use crate::{FileError, NoRandomness, VaultError};

/// What became of a request. `Debug` shows no header: they hold receipts.
#[non_exhaustive]
pub enum Outcome {
    /// Answered without a payment, with whatever status.
    Free {
        /// The answer.
        response: Response,
    },
    /// Paid and answered with success.
    Paid {
        /// The answer.
        response: Response,
        /// The seller's receipt, when it sent one for this payment.
        receipt: Option<Receipt>,
        /// What it cost, at most.
        cost: Price,
        /// What of that is a bound on the fee, where there is a fee on top of the price.
        fee: Option<Price>,
        /// The session that it was paid from, if it was one.
        session: Option<Box<InSession>>,
    },
    /// Not paid: the policy or a safety rule says no. Nothing was sent that could be used.
    Refused {
        /// The policy's rule, when it was the policy.
        rule: Option<Rule>,
        /// The reason, in one sentence.
        sentence: String,
    },
    /// Not paid yet: a person is asked. Once they allow it, the same call pays.
    AwaitsApproval {
        /// The question.
        id: ApprovalId,
        /// Why it is asked, in one sentence.
        sentence: String,
        /// Until before when it can be answered and paid.
        deadline: Timestamp,
    },
    /// Not paid: no offer can be paid from here.
    NoOffer {
        /// One sentence for each offer.
        reasons: Vec<String>,
    },
    /// The credential was sent, and what became of it is not known. Its cost stays counted.
    Unknown {
        /// What it may have cost.
        cost: Price,
        /// What is known, in one sentence.
        sentence: String,
        /// Whether the same call again sends the same credential.
        repeatable: bool,
    },
    /// Paid and answered with success, and whether the payment was taken is not known: the server says that
    /// it was not, or says nothing that is about this payment. What was signed can still be taken, so the cost
    /// stays counted until the money's own home says what became of it. It is not sent again: the same call
    /// is another purchase.
    Unconfirmed {
        /// The answer.
        response: Response,
        /// What it may have cost.
        cost: Price,
        /// What the server said, in one sentence.
        sentence: String,
    },
    /// The server answered the paid request with an error of its own. Whether it kept the money is
    /// not known, so the cost stays counted; the same call again sends the same credential.
    ServerError {
        /// The answer.
        response: Response,
        /// What it may have cost.
        cost: Price,
    },
}

/// Why there is no outcome. Where a payment was begun, the same call again finishes it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PayError {
    /// The server could not be reached; nothing was paid.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// The client keeps to public addresses, and this is none; nothing was sent there.
    #[error(transparent)]
    Private(#[from] Private),
    /// The request is not one that can be sent.
    #[error("the request cannot be sent: {0}")]
    Request(String),
    /// See [`VaultError`].
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// See [`WalletsError`].
    #[error(transparent)]
    Wallet(#[from] WalletsError),
    /// See [`FileError`].
    #[error(transparent)]
    File(#[from] FileError),
    /// See [`NoRandomness`].
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// The budgets did not answer.
    #[error("the budgets cannot be reached: {0}")]
    Budgets(#[from] StoreError),
    /// See [`SessionsError`].
    #[error(transparent)]
    Sessions(#[from] SessionsError),
    /// See [`ApprovalError`].
    #[error(transparent)]
    Approval(#[from] ApprovalError),
    /// The credential could not be kept, and was not sent.
    #[error("the payment cannot be written down, so it was not made: {0}")]
    Record(String),
}

impl Outcome {
    pub(super) fn refused(sentence: String) -> Self {
        Self::Refused { rule: None, sentence }
    }

    /// Its owner stopped the wallet, the card, or everything.
    pub(super) fn frozen(stopped: &Stopped) -> Self {
        Self::Refused { rule: Some(Rule::Frozen), sentence: stopped.to_string() }
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, response, cost, said) = match self {
            Self::Free { response } => ("Free", Some(response), None, Vec::new()),
            Self::Paid { response, cost, .. } => ("Paid", Some(response), Some(cost), Vec::new()),
            Self::Refused { sentence, .. } => ("Refused", None, None, vec![sentence]),
            Self::AwaitsApproval { sentence, .. } => ("AwaitsApproval", None, None, vec![sentence]),
            Self::NoOffer { reasons } => ("NoOffer", None, None, reasons.iter().collect()),
            Self::Unknown { cost, sentence, .. } => ("Unknown", None, Some(cost), vec![sentence]),
            Self::Unconfirmed { response, cost, sentence } => {
                ("Unconfirmed", Some(response), Some(cost), vec![sentence])
            }
            Self::ServerError { response, cost } => ("ServerError", Some(response), Some(cost), Vec::new()),
        };
        let status = response.map(Response::status);
        let mut shown = formatter.debug_struct(name);
        shown.field("status", &status).field("cost", &cost).field("said", &said).finish_non_exhaustive()
    }
}

impl From<Lost> for PayError {
    fn from(lost: Lost) -> Self {
        match lost.private {
            Some(private) => Self::Private(private),
            None => Self::Unreachable(lost.reason),
        }
    }
}
