//! From what Stripe says to what is known.

use std::time::Duration;

use farthing_protocol::ProblemType;
use farthing_rail::{Fault, Refusal, Rejected, Settlement, Unknown};

use crate::api::{Heard, Said};

/// When an unknown outcome is asked about again, where Stripe does not say.
const ASK_AGAIN: Duration = Duration::from_secs(2);
/// Nobody waits longer for a payment that may be done already.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Whether a call is the first of its key. The first one that is not let in has moved nothing; of a later one
/// that says nothing about those before it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attempt {
    First,
    Repeated,
}

/// What an answer to a charge means, as far as its PaymentIntent need not be looked at.
pub(crate) enum Judged {
    /// It is what the answer says of the PaymentIntent.
    Look(Said),
    /// It is clear.
    Clear(Settlement),
    /// The answer to this key is spoilt for good: another way of asking is needed.
    Spoilt(String),
}

pub(crate) fn judge(heard: Heard, attempt: Attempt) -> Judged {
    let said = match heard {
        Heard::Said(said) => said,
        Heard::Unreached => return Judged::Clear(unknown("Stripe cannot be reached", ASK_AGAIN)),
        Heard::Nothing(what) => return Judged::Clear(unknown(&format!("Stripe gave {what}"), ASK_AGAIN)),
    };
    if said.is_success() {
        return Judged::Look(said);
    }
    let told = format!("Stripe answered {said}");
    let wait = said.retry_after.unwrap_or(ASK_AGAIN).min(LONGEST_WAIT);
    let fault = said.fault();
    match said.status {
        // The key stands for another call, or for a failure that is stored with it: no repetition tells more.
        400 if fault.kind == "idempotency_error" => Judged::Spoilt(told),
        500.. if said.replayed => Judged::Spoilt(told),
        409 | 429 | 500.. => Judged::Clear(unknown(&told, wait)),
        402 => Judged::Clear(declined(&told)),
        400 | 404 if attempt == Attempt::First || said.status == 400 => Judged::Clear(refused(&told)),
        401 | 403 if attempt == Attempt::First => {
            tracing::error!(status = said.status, "Stripe refuses the seller's key; no card can be charged");
            Judged::Clear(unable(&told))
        }
        _ => Judged::Clear(unknown(&told, wait)),
    }
}

/// The payer's side said no. Which of its reasons it was is nobody's business but the operator's.
pub(crate) fn declined(reason: &str) -> Settlement {
    let detail = "the payment was declined; nothing was taken, pay the fresh challenge by other means";
    rejected(reason, Refusal::new(ProblemType::VerificationFailed, detail).because(Fault::Unmovable))
}

/// Stripe does not take the token: used up, over, for another seller or for less.
pub(crate) fn refused(reason: &str) -> Settlement {
    let detail = "the payment token cannot be charged for this; nothing was taken, issue a fresh one for the amount, \
                  the currency and the networkId of the challenge";
    rejected(reason, Refusal::new(ProblemType::VerificationFailed, detail).because(Fault::Unmovable))
}

/// The payer would have to do something first, which belongs to issuing a token and not to charging it.
pub(crate) fn needs_action(reason: &str) -> Settlement {
    let detail = "the payer's bank asks the payer to confirm; nothing was taken, confirm while a token is issued and \
                  pay the fresh challenge with that";
    rejected(reason, Refusal::new(ProblemType::PaymentActionRequired, detail).because(Fault::Unmovable))
}

/// The seller cannot charge anybody.
pub(crate) fn unable(reason: &str) -> Settlement {
    let detail = "the seller cannot take cards just now; nothing was taken, pay by other means";
    rejected(reason, Refusal::new(ProblemType::VerificationFailed, detail).because(Fault::Unmovable))
}

pub(crate) fn rejected(reason: &str, refusal: Refusal) -> Settlement {
    Settlement::Rejected(Rejected { reason: reason.to_owned(), refusal })
}

pub(crate) fn unknown(reason: &str, ask_again: Duration) -> Settlement {
    Settlement::Unknown(Unknown { reason: reason.to_owned(), ask_again })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn said(status: u16, replayed: bool, kind: &str) -> Heard {
        let body: Value = json!({ "error": { "type": kind } });
        Heard::Said(Said { status, replayed, retry_after: Some(Duration::from_secs(7)), body })
    }

    fn word(judged: &Judged) -> &'static str {
        match judged {
            Judged::Look(_) => "look",
            Judged::Spoilt(_) => "spoilt",
            Judged::Clear(Settlement::Rejected(_)) => "rejected",
            Judged::Clear(Settlement::Unknown(_)) => "unknown",
            Judged::Clear(Settlement::Settled(_)) => "settled",
        }
    }

    #[test]
    fn each_status_has_one_meaning() {
        use Attempt::{First, Repeated};
        for (status, replayed, kind, attempt, meaning) in [
            (200, false, "", First, "look"),
            (200, true, "", Repeated, "look"),
            (402, false, "card_error", First, "rejected"),
            (402, true, "card_error", Repeated, "rejected"),
            (400, false, "invalid_request_error", First, "rejected"),
            (400, false, "invalid_request_error", Repeated, "rejected"),
            (400, false, "idempotency_error", First, "spoilt"),
            (404, false, "invalid_request_error", First, "rejected"),
            (404, false, "invalid_request_error", Repeated, "unknown"),
            (401, false, "invalid_request_error", First, "rejected"),
            (401, false, "invalid_request_error", Repeated, "unknown"),
            (403, false, "", Repeated, "unknown"),
            (409, false, "idempotency_error", First, "unknown"),
            (429, false, "", First, "unknown"),
            (500, false, "api_error", First, "unknown"),
            (503, false, "", Repeated, "unknown"),
            (500, true, "api_error", Repeated, "spoilt"),
            (302, false, "", First, "unknown"),
        ] {
            let judged = judge(said(status, replayed, kind), attempt);
            assert_eq!(word(&judged), meaning, "{status} {kind} replayed: {replayed}");
        }
        for heard in [Heard::Unreached, Heard::Nothing("no answer in time")] {
            assert_eq!(word(&judge(heard, First)), "unknown");
        }
    }

    #[test]
    fn stripe_s_own_pause_is_kept_within_a_minute() {
        let Judged::Clear(Settlement::Unknown(unknown)) = judge(said(429, false, ""), Attempt::First) else {
            panic!("a 429 is unknown");
        };
        assert_eq!(unknown.ask_again, Duration::from_secs(7));
    }
}
