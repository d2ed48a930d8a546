//! From what an enabler says to what is known.

use std::time::Duration;

use farthing_money::Amount;
use farthing_protocol::ProblemType;
use farthing_rail::{Fault, ProofKey, Refusal, Rejected, Settled, Settlement, Unknown};

use super::enabler::{Done, Outcome};
use crate::METHOD;

/// When somebody has to look: asking more often helps nobody.
const LOOK_AGAIN: Duration = Duration::from_secs(10 * 60);

/// The key of a movement that an enabler calls so.
pub fn movement(reference: &str) -> ProofKey {
    ProofKey::new(format!("{METHOD}/movement/{reference}"))
}

/// What an outcome means where this much was asked for.
pub(super) fn settlement(outcome: Outcome, asked: Amount) -> Settlement {
    match outcome {
        Outcome::Done(done) if done.amount == asked => Settlement::Settled(settled(done)),
        Outcome::Done(done) => {
            tracing::error!(reference = %done.reference, %asked, taken = %done.amount, "an enabler took another amount");
            let reason = format!("the enabler took {} instead of {asked} under {}", done.amount, done.reference);
            unknown(reason, LOOK_AGAIN)
        }
        Outcome::Declined(reason) => {
            let detail = "the payment was declined; nothing was taken, pay the fresh challenge by other means";
            rejected(reason, detail, Fault::Unmovable)
        }
        Outcome::Unusable(reason) => {
            let detail = "the encrypted token cannot be used for this payment; nothing was taken, have a fresh one made \
                          for the fresh challenge and its key";
            rejected(reason, detail, Fault::Signature)
        }
        Outcome::InDoubt { reason, ask_again } => unknown(reason, ask_again),
    }
}

/// The enabler was not asked, and will not be.
pub(super) fn not_asked(reason: &str) -> Settlement {
    let detail = "the payment was not made; nothing was taken, pay the fresh challenge";
    rejected(reason.to_owned(), detail, Fault::Unmovable)
}

fn rejected(reason: String, detail: &str, fault: Fault) -> Settlement {
    let refusal = Refusal::new(ProblemType::VerificationFailed, detail).because(fault);
    Settlement::Rejected(Rejected { reason, refusal })
}

pub(super) fn unknown(reason: impl Into<String>, ask_again: Duration) -> Settlement {
    Settlement::Unknown(Unknown { reason: reason.into(), ask_again })
}

fn settled(done: Done) -> Settled {
    Settled {
        consumed: vec![movement(&done.reference)],
        reference: done.reference,
        at: done.at,
        fee: done.fee,
        passed_on: Amount::ZERO,
        captured: None,
    }
}
