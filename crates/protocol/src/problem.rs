//! RFC 9457 problems of the payment scheme (core, section 8).

use crate::ChallengeId;

/// The registered problem types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProblemType {
    /// 402.
    PaymentRequired,
    /// 402.
    PaymentInsufficient,
    /// 402.
    PaymentExpired,
    /// 402.
    VerificationFailed,
    /// 402.
    MalformedCredential,
    /// 402.
    InvalidChallenge,
    /// 400.
    MethodUnsupported,
    /// 400.
    BadRequest,
    /// 402.
    InvalidPayload,
    /// 402.
    PaymentActionRequired,
    /// 500.
    InternalPaymentError,
}

impl ProblemType {
    /// `payment-required`.
    pub fn slug(self) -> &'static str {
        todo!()
    }
    /// The full type URI.
    pub fn uri(self) -> String {
        todo!()
    }
    /// The title.
    pub fn title(self) -> &'static str {
        todo!()
    }
    /// The HTTP status.
    pub fn status(self) -> u16 {
        todo!()
    }
}

/// One problem, safe to show to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which.
    pub kind: ProblemType,
    /// One sentence with the remedy.
    pub detail: String,
    /// The challenge it concerns.
    pub challenge_id: Option<ChallengeId>,
}

impl Problem {
    /// The `application/problem+json` body.
    pub fn to_json(&self) -> String {
        todo!()
    }
}
