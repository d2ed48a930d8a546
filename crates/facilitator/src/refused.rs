use std::time::Duration;

use farthing_dialects::x402::Words;
use farthing_protocol::ProblemType;
use farthing_rail::{Fault, Refusal};
use http::StatusCode;

/// Why a payment is not taken, for whoever asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// 200 for a payment that is not good: the question was answered.
    pub(crate) status: StatusCode,
    /// The word of the protocol.
    pub(crate) code: &'static str,
    /// One sentence with the remedy.
    pub(crate) message: String,
    /// Whose money it would have been.
    pub(crate) payer: Option<String>,
    /// When it makes sense to ask again.
    pub(crate) retry_after: Option<Duration>,
}

/// Nobody knows yet whether the money moved: ask again with the same payment.
pub(crate) const PENDING: &str = "settlement_pending";
const UNVERIFIED: &str = "unexpected_verify_error";

impl Refused {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), payer: None, retry_after: None }
    }

    /// A payment that is not good, in the rail's words and the code of its way of paying.
    pub(crate) fn payment(words: Words, refusal: &Refusal) -> Self {
        let is_unreadable = refusal.problem == ProblemType::InvalidPayload || refusal.fault == Some(Fault::Malformed);
        let (status, fault) = match is_unreadable {
            true => (StatusCode::BAD_REQUEST, Some(Fault::Malformed)),
            false => (StatusCode::OK, refusal.fault),
        };
        Self::new(status, words.code(fault), refusal.detail.clone())
    }

    /// What is asked for does not fit together, or is not settled here.
    pub(crate) fn requirements(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::OK, code, message)
    }

    /// The rail could not say whether the payment is good. Nothing has moved.
    pub(crate) fn unverified(ask_again: Duration) -> Self {
        let message = "the chain could not be asked just now; nothing was moved, ask again";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, UNVERIFIED, message).again_after(ask_again)
    }

    /// The money may have moved.
    pub(crate) fn pending(ask_again: Duration) -> Self {
        let message = "the payment was submitted and is not confirmed yet; ask to settle the same payment again";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, PENDING, message).again_after(ask_again)
    }

    /// Nothing can be settled in this way just now: the signer has no gas, or no node answers.
    pub(crate) fn not_ready() -> Self {
        let message = "payments of this kind cannot be settled just now; nothing was moved, see GET /supported";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unexpected_settle_error", message)
            .again_after(Duration::from_secs(30))
    }

    /// The payment is used, for another amount or by another request under way.
    pub(crate) fn duplicate() -> Self {
        let message = "this payment is settled, or being settled, for another amount; ask for that amount";
        Self::new(StatusCode::OK, "duplicate_settlement", message)
    }

    /// The payment is settled, and another request was told so.
    pub(crate) fn told(transaction: &str) -> Self {
        let settled = if transaction.is_empty() { "for nothing".to_owned() } else { format!("in {transaction}") };
        let message = format!(
            "this payment was settled {settled}, and another request was told so; serve nothing for it, or send the \
             Idempotency-Key of that request"
        );
        Self::new(StatusCode::OK, "duplicate_settlement", message)
    }

    /// The caller's day is used up.
    pub(crate) fn spent(until_midnight: Duration) -> Self {
        let message = "the payments that this token may have settled today are used up; ask tomorrow, or raise \
                       settlements_per_day";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "quota_exceeded", message).again_after(until_midnight)
    }

    /// Something here is broken, which the operator finds in the log.
    pub(crate) fn broken() -> Self {
        let message = "the facilitator cannot settle payments just now; ask again later";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unexpected_settle_error", message)
            .again_after(Duration::from_secs(5))
    }

    #[must_use]
    pub(crate) fn by(self, payer: Option<String>) -> Self {
        Self { payer, ..self }
    }

    #[must_use]
    pub(crate) fn again_after(self, after: Duration) -> Self {
        Self { retry_after: Some(after), ..self }
    }
}
