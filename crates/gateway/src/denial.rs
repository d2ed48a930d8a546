//! Why a credential is not taken, in the words of every protocol.

use farthing_books::PaymentRecord;
use farthing_dialects::x402::Words;
use farthing_protocol::{ChallengeId, Problem, ProblemType};
use farthing_rail::{Fault, Refusal};

use crate::sessions::Known;

/// Why a credential is not taken.
#[derive(Debug)]
pub(crate) struct Denial {
    pub(crate) problem: Problem,
    /// What is wrong, for protocols that have a word of their own for it.
    pub(crate) fault: Option<Fault>,
    /// x402's word, where no fault says it.
    code: Option<&'static str>,
    /// The payment, where its rail was asked and said no.
    pub(crate) rejected: Option<Box<PaymentRecord>>,
    /// The session that was presented, for whoever may be told how it stands.
    pub(crate) session: Option<Box<Known>>,
}

impl Denial {
    pub(crate) fn new(kind: ProblemType, detail: impl Into<String>) -> Self {
        Problem::new(kind, detail).into()
    }

    /// What a method or a rail refuses.
    pub(crate) fn of(refusal: Refusal) -> Self {
        let Refusal { problem, detail, fault } = refusal;
        Self { fault, ..Self::new(problem, detail) }
    }

    /// The challenge that it concerns.
    #[must_use]
    pub(crate) fn about(mut self, challenge: &ChallengeId) -> Self {
        self.problem.challenge_id = Some(challenge.clone());
        self
    }

    #[must_use]
    pub(crate) fn because(self, fault: Fault) -> Self {
        Self { fault: Some(fault), ..self }
    }

    /// With x402's word, where it has one that no fault has.
    #[must_use]
    pub(crate) fn in_a_word(self, code: &'static str) -> Self {
        Self { code: Some(code), ..self }
    }

    /// With how the session stands that was presented.
    #[must_use]
    pub(crate) fn knowing(self, session: Option<Known>) -> Self {
        Self { session: session.map(Box::new), ..self }
    }

    /// Said by the rail of this payment.
    #[must_use]
    pub(crate) fn by_rail(self, payment: &PaymentRecord) -> Self {
        Self { rejected: Some(Box::new(payment.clone())), ..self.about(&payment.challenge) }
    }

    /// x402's word, of the way in which the payment was made.
    pub(crate) fn code(&self, words: Words) -> &'static str {
        self.code.unwrap_or_else(|| words.code(self.fault))
    }
}

impl From<Problem> for Denial {
    fn from(problem: Problem) -> Self {
        Self { problem, fault: None, code: None, rejected: None, session: None }
    }
}
