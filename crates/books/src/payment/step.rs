//! The one place that says which step follows from which state.

use farthing_money::Amount;
use farthing_protocol::Timestamp;
use farthing_rail::{PaymentId, ProofKey, Rejected, Settled, Unknown};

use super::{PaymentRecord, PaymentState};
use crate::Command;

/// A step of one payment, as a command asks for it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step<'a> {
    Settle {
        settled: &'a Settled,
        confirm_at: Option<Timestamp>,
    },
    Reject(&'a Rejected),
    /// Rejected, because a movement that it settled by was another payment.
    Taken {
        reason: &'a str,
    },
    Doubt(&'a Unknown),
    Deliver {
        status: u16,
    },
    Entitle {
        reason: &'a str,
        status: Option<u16>,
        deadline: Timestamp,
    },
    Redeliver,
    Close,
    Refund {
        reason: &'a str,
    },
    ConfirmRefund(&'a Settled),
    Recover {
        deadline: Timestamp,
    },
    Finalize,
    Postpone {
        until: Timestamp,
    },
    Resettle(&'a Settled),
    Reverse {
        reason: &'a str,
    },
}

/// What a state says to a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Follows {
    /// The payment moves on.
    To(PaymentState),
    /// The step was taken before: nothing changes, and the answer is the same.
    Again,
    /// The step does not follow.
    No,
}

/// Whether a step follows from where a payment stands.
///
/// [`Step::Redeliver`] is the one step that is not taken again: an entitlement has one winner, and
/// whoever comes second finds `Posted` and is refused.
pub(crate) fn follows(payment: &PaymentRecord, step: &Step<'_>, at: Timestamp) -> Follows {
    use Follows::{Again, No, To};
    use PaymentState::{
        Claimed, Closed, Delivered, Entitled, Posted, Refunded, Refunding, Rejected, Reversed, Unknown,
    };

    let is_provisional = payment.confirm_at.is_some();
    let collects = payment.session.is_some();
    let owes_nothing = payment.owes_no_delivery();
    match (payment.state, step) {
        // The rail answers, at once or when it is looked up.
        (Claimed | Unknown, Step::Settle { .. }) if owes_nothing => To(Closed),
        (Claimed | Unknown, Step::Settle { .. }) => To(Posted),
        (Claimed | Unknown, Step::Reject(_)) => To(Rejected),
        (Claimed | Unknown, Step::Doubt(_)) => To(Unknown),

        // The upstream answers, and the response goes out.
        (Posted, Step::Deliver { .. }) => To(Delivered),
        // An answer that broke off midway was no delivery.
        (Posted | Delivered, Step::Entitle { .. }) => To(Entitled),
        (Delivered, Step::Close) => To(Closed),

        // Paid and not delivered: presented again in time, or paid back.
        (Entitled, Step::Redeliver) if payment.deadline.is_none_or(|deadline| at <= deadline) => To(Posted),
        // Never while a delivery is under way: nobody is both being served and paid back.
        // What vouchers were worth is not paid back: its session owes it, or has served for it.
        (_, Step::Refund { .. }) if collects => No,
        (Entitled | Closed, Step::Refund { .. }) if payment.prepaid => To(Refunded),
        (Entitled | Closed, Step::Refund { .. }) => To(Refunding),
        (Refunding, Step::ConfirmRefund(_)) => To(Refunded),

        // The rail says whether what it settled still stands. What is on its way to the payer, or back
        // to them, ends first: then it is known whether something was given.
        (state, Step::Finalize | Step::Postpone { .. } | Step::Resettle(_)) if is_provisional => To(state),
        (Entitled | Closed | Refunded, Step::Reverse { .. }) if is_provisional => To(Reversed),

        // A process died in between.
        (Claimed, Step::Recover { .. }) => To(Unknown),
        (Posted | Delivered, Step::Recover { .. }) => To(Entitled),

        // The step was taken before. Another reference would be another movement of money.
        (Posted, Step::Settle { settled, .. }) if is_by(payment, settled) => Again,
        (Closed, Step::Settle { settled, .. }) if owes_nothing && is_by(payment, settled) => Again,
        (Refunded, Step::ConfirmRefund(settled)) if payment.refund.as_deref() == Some(&settled.reference) => Again,
        (Rejected, Step::Reject(_)) => Again,
        (Delivered, Step::Deliver { .. }) => Again,
        (Entitled, Step::Entitle { .. }) => Again,
        (Closed, Step::Close) => Again,
        (Refunding | Refunded, Step::Refund { .. }) => Again,
        (Reversed, Step::Reverse { .. }) => Again,
        (state, Step::Finalize | Step::Postpone { .. }) if state.is_paid() && state != Reversed => Again,

        _ => No,
    }
}

/// Whether a payment settled by that very movement of money.
fn is_by(payment: &PaymentRecord, settled: &Settled) -> bool {
    payment.reference.as_deref() == Some(&settled.reference)
}

/// The payment as it stands after a step that follows.
pub(crate) fn taken(payment: &PaymentRecord, step: &Step<'_>, to: PaymentState, at: Timestamp) -> PaymentRecord {
    let mut payment = PaymentRecord { state: to, updated_at: at, ..payment.clone() };
    match *step {
        Step::Settle { settled, confirm_at } => {
            payment.consumed = consumed(&payment, settled);
            payment.amount = captured(&payment, settled);
            payment.confirm_at = confirm_at;
            payment.reference = Some(settled.reference.clone());
            payment.fee = settled.fee;
            payment.passed_on = settled.passed_on;
            payment.settled_at = Some(settled.at);
            payment.reason = None;
            payment.deadline = None;
        }
        Step::Reject(rejected) => {
            payment.reason = Some(rejected.reason.clone());
            payment.deadline = None;
            payment.idempotency = None;
        }
        Step::Taken { reason } => {
            payment.reason = Some(reason.to_owned());
            payment.deadline = None;
            payment.idempotency = None;
        }
        Step::Doubt(unknown) => {
            payment.reason = Some(unknown.reason.clone());
            payment.deadline = Some(at.after(unknown.ask_again));
        }
        Step::Deliver { status } => payment.status = Some(status),
        Step::Entitle { reason, status, deadline } => {
            payment.reason = Some(reason.to_owned());
            payment.status = status;
            payment.deadline = Some(deadline);
        }
        Step::Redeliver => {
            payment.reason = None;
            payment.status = None;
            payment.deadline = None;
        }
        Step::Close => {}
        Step::Refund { reason } => {
            payment.reason = Some(reason.to_owned());
            payment.deadline = None;
            if to == PaymentState::Refunded {
                payment.refund = Some(payment.refund_reference());
                payment.idempotency = None;
            }
        }
        Step::ConfirmRefund(settled) => {
            payment.refund = Some(settled.reference.clone());
            payment.fee = payment.fee.checked_add(settled.fee).unwrap_or(payment.fee);
            payment.idempotency = None;
            payment.consumed = both(&payment.consumed, &settled.consumed);
        }
        Step::Finalize => payment.confirm_at = None,
        Step::Postpone { until } => payment.confirm_at = Some(until),
        Step::Resettle(settled) => {
            payment.reference = Some(settled.reference.clone());
            payment.settled_at = Some(settled.at);
            payment.consumed = both(&consumed(&payment, settled), &payment.consumed);
        }
        Step::Reverse { reason } => {
            payment.reason = Some(reason.to_owned());
            payment.deadline = None;
            payment.confirm_at = None;
            payment.idempotency = None;
        }
        Step::Recover { deadline } => {
            payment.reason = Some("the process that handled it ended in between".to_owned());
            payment.deadline = Some(if to == PaymentState::Unknown { at } else { deadline });
        }
    }
    payment
}

/// What was taken of a payment: never more than was claimed, whatever a rail says.
fn captured(payment: &PaymentRecord, settled: &Settled) -> Amount {
    settled.captured.map_or(payment.amount, |captured| captured.min(payment.amount))
}

/// The movements that a payment was: where the rail names none, its proof says it all. One that took
/// nothing was none.
pub(crate) fn consumed(payment: &PaymentRecord, settled: &Settled) -> Vec<ProofKey> {
    let took_nothing = settled.captured.is_some_and(Amount::is_zero);
    if settled.consumed.is_empty() {
        if took_nothing {
            return Vec::new();
        }
        return vec![payment.key.clone()];
    }
    both(&settled.consumed, &[])
}

/// The keys of two lists, each once.
fn both(some: &[ProofKey], others: &[ProofKey]) -> Vec<ProofKey> {
    let mut keys = [some, others].concat();
    keys.sort_unstable();
    keys.dedup();
    keys
}

impl Command {
    /// The step it asks of one payment, and when; `None` for what is not a step of a single payment.
    pub(crate) fn step(&self) -> Option<(PaymentId, Step<'_>, Timestamp)> {
        Some(match self {
            Self::Settle { payment, settled, confirm_at, at } => {
                (*payment, Step::Settle { settled, confirm_at: *confirm_at }, *at)
            }
            Self::Finalize { payment, at } => (*payment, Step::Finalize, *at),
            Self::Postpone { payment, until, at } => (*payment, Step::Postpone { until: *until }, *at),
            Self::Resettle { payment, settled, at } => (*payment, Step::Resettle(settled), *at),
            Self::Reverse { payment, reason, at } => (*payment, Step::Reverse { reason }, *at),
            Self::Reject { payment, rejected, at } => (*payment, Step::Reject(rejected), *at),
            Self::Doubt { payment, unknown, at } => (*payment, Step::Doubt(unknown), *at),
            Self::Deliver { payment, status, at } => (*payment, Step::Deliver { status: *status }, *at),
            Self::Entitle { payment, reason, status, deadline, at } => {
                (*payment, Step::Entitle { reason, status: *status, deadline: *deadline }, *at)
            }
            Self::Redeliver { payment, at } => (*payment, Step::Redeliver, *at),
            Self::Close { payment, at, .. } => (*payment, Step::Close, *at),
            Self::Refund { payment, reason, at } => (*payment, Step::Refund { reason }, *at),
            Self::ConfirmRefund { payment, settled, at } => (*payment, Step::ConfirmRefund(settled), *at),
            Self::Claim(_)
            | Self::Recover { .. }
            | Self::Reconcile { .. }
            | Self::Grant { .. }
            | Self::Session(_)
            | Self::Transfer(_)
            | Self::Reserve(_)
            | Self::Confirm { .. }
            | Self::Release { .. }
            | Self::Approval(_)
            | Self::Log(_)
            | Self::Convert(_)
            | Self::Visit { .. }
            | Self::TopUp(_)
            | Self::Bank(_)
            | Self::Policy(_) => return None,
        })
    }
}
