//! How the three outcomes are worded.

use std::time::Duration;

use farthing_protocol::ProblemType;
use farthing_rail::{Fault, Refusal, Rejected, Settlement, Unknown};

/// How long to wait before a chain is asked again.
pub(super) const ASK_AGAIN: Duration = Duration::from_secs(1);

/// The money did not move and will not. `detail` is for the payer, with the remedy.
pub(super) fn rejected(reason: impl Into<String>, detail: impl Into<String>) -> Settlement {
    let refusal = Refusal::new(ProblemType::VerificationFailed, detail);
    Settlement::Rejected(Rejected { reason: reason.into(), refusal })
}

/// The same words for the operator and the payer.
pub(super) fn refused(detail: impl Into<String>) -> Settlement {
    let detail = detail.into();
    rejected(detail.clone(), detail)
}

/// The seller cannot take payments just now; the payer has lost nothing.
pub(super) fn unable(reason: impl Into<String>) -> Settlement {
    rejected(reason, "the seller cannot settle payments on this chain just now; nothing was taken, pay another way")
}

/// It may have moved.
pub(super) fn unknown(reason: impl Into<String>) -> Settlement {
    Settlement::Unknown(Unknown { reason: reason.into(), ask_again: ASK_AGAIN })
}

/// An account without code signed as a contract would. Nothing is deployed at a payer's word.
pub(super) fn not_deployed() -> Settlement {
    refused_for(Fault::ForeignCode, "an account that is not deployed yet cannot pay here; deploy it, then sign again")
}

/// The same words for the operator and the payer, and what is wrong.
pub(super) fn refused_for(fault: Fault, detail: impl Into<String>) -> Settlement {
    let detail = detail.into();
    let refusal = Refusal::new(ProblemType::VerificationFailed, detail.clone()).because(fault);
    Settlement::Rejected(Rejected { reason: detail, refusal })
}
