//! An outcome as other HTTP clients know it: a response with what it cost beside it, or an error.

use std::fmt;

use farthing_books::ApprovalId;
use farthing_money::Price;
use farthing_protocol::{Receipt, Timestamp};
use reqwest::Response;

use super::Outcome;
use crate::policy::Rule;

/// In the extensions of a response that was paid for: what it cost.
#[derive(Clone)]
pub struct Paid {
    /// What it cost, at most.
    pub cost: Price,
    /// What of that is a bound on the fee, where there is a fee on top of the price.
    pub fee: Option<Price>,
    /// The seller's receipt, when it sent one for this payment.
    pub receipt: Option<Receipt>,
}

/// In the extensions of a response whose payment may have been taken or not, a server's own error among them:
/// what is counted all the same, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unconfirmed {
    /// What it may have cost.
    pub cost: Price,
    /// What is known, in one sentence.
    pub sentence: String,
}

/// Why a request has no response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotPaid {
    /// The policy or a safety rule says no.
    #[error("{sentence}")]
    Refused {
        /// The policy's rule, when it was the policy.
        rule: Option<Rule>,
        /// The reason, in one sentence.
        sentence: String,
    },
    /// A person is asked. Once they allow it, the same request pays.
    #[error("{sentence}; it waits for the approval {id}")]
    AwaitsApproval {
        /// The question.
        id: ApprovalId,
        /// Why it is asked, in one sentence.
        sentence: String,
        /// Until before when it can be answered and paid.
        deadline: Timestamp,
    },
    /// No offer can be paid from here.
    #[error("{}", .reasons.join("; "))]
    NoOffer {
        /// One sentence for each offer.
        reasons: Vec<String>,
    },
    /// A payment was sent, and what became of it is not known. Its cost stays counted.
    #[error("{sentence}")]
    Unknown {
        /// What it may have cost.
        cost: Price,
        /// What is known, in one sentence.
        sentence: String,
        /// Whether the same request again sends the same payment, and pays nothing anew.
        repeatable: bool,
    },
}

impl Outcome {
    /// The response, with a [`Paid`] or an [`Unconfirmed`] in its extensions where there was a payment, or why
    /// there is none.
    pub fn into_response(self) -> Result<Response, NotPaid> {
        match self {
            Self::Free { response } => Ok(response),
            Self::Paid { mut response, receipt, cost, fee, .. } => {
                response.extensions_mut().insert(Paid { cost, fee, receipt });
                Ok(response)
            }
            Self::Unconfirmed { mut response, cost, sentence } => {
                response.extensions_mut().insert(Unconfirmed { cost, sentence });
                Ok(response)
            }
            Self::ServerError { mut response, cost } => {
                let sentence = "the server answered the payment with an error of its own".to_owned();
                response.extensions_mut().insert(Unconfirmed { cost, sentence });
                Ok(response)
            }
            Self::Refused { rule, sentence } => Err(NotPaid::Refused { rule, sentence }),
            Self::AwaitsApproval { id, sentence, deadline } => Err(NotPaid::AwaitsApproval { id, sentence, deadline }),
            Self::NoOffer { reasons } => Err(NotPaid::NoOffer { reasons }),
            Self::Unknown { cost, sentence, repeatable } => Err(NotPaid::Unknown { cost, sentence, repeatable }),
        }
    }
}

impl fmt::Debug for Paid {
    /// Without the receipt, which is its holder's.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Paid").field("cost", &self.cost).field("fee", &self.fee).finish_non_exhaustive()
    }
}
