//! When the books were asked to post a payment.
//!
//! A task whose answer is lost finds out by the instant that it named whether what it sees posted is its own doing. So
//! no two tasks of a process name the same instant for the same payment, however close together they ask.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use farthing_protocol::Timestamp;
use farthing_rail::PaymentId;

const MILLISECOND: Duration = Duration::from_millis(1);

/// The instants that were named a moment ago, and those of tasks that still wait for an answer.
#[derive(Default)]
pub(crate) struct Askings(Mutex<Instants>);

#[derive(Default)]
struct Instants {
    /// How many tasks wait for an answer about a payment, and the last instant that one named.
    named: HashMap<PaymentId, (usize, Timestamp)>,
    /// When those that are over were taken out.
    swept: Option<Timestamp>,
}

/// A question to the books whose answer is not known; until it is dropped.
pub(super) struct Asking {
    asked: Arc<Askings>,
    /// Which payment they are to post.
    pub(super) payment: PaymentId,
    /// The instant to name: nobody else in this process names it for this payment.
    pub(super) at: Timestamp,
}

impl Askings {
    /// Before the books are asked to post a payment.
    pub(super) fn begin(self: &Arc<Self>, payment: PaymentId, now: Timestamp) -> Asking {
        let mut instants = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if instants.swept != Some(now) {
            instants.named.retain(|_, (tasks, last)| *tasks > 0 || *last >= now);
            instants.swept = Some(now);
        }
        let (tasks, last) = instants.named.entry(payment).or_insert((0, now.before(MILLISECOND)));
        *tasks += 1;
        *last = now.max(last.after(MILLISECOND));
        Asking { asked: Arc::clone(self), payment, at: *last }
    }

    /// Once more about what the books posted when they were asked at this instant.
    pub(super) fn again(self: &Arc<Self>, payment: PaymentId, at: Timestamp) -> Asking {
        let mut instants = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (tasks, last) = instants.named.entry(payment).or_insert((0, at));
        *tasks += 1;
        *last = at.max(*last);
        Asking { asked: Arc::clone(self), payment, at }
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        let mut instants = self.asked.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((tasks, _)) = instants.named.get_mut(&self.payment) {
            *tasks = tasks.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_names_the_same_instant_for_the_same_payment() {
        let asked = Arc::<Askings>::default();
        let [one, other] = [[1; 16], [2; 16]].map(PaymentId::from_bytes);
        let now = Timestamp::from_unix_millis(1_000);
        let first = asked.begin(one, now);
        assert_eq!(first.at, now);
        assert_eq!(asked.begin(one, now).at, now.after(MILLISECOND), "while the first waits");
        drop(first);
        assert_eq!(asked.begin(one, now).at, now.after(MILLISECOND * 2), "and in the same instant after it");
        assert_eq!(asked.begin(other, now).at, now, "payments have nothing in common");
        let later = now.after(MILLISECOND * 9);
        assert_eq!(asked.begin(one, later).at, later);
        assert_eq!(asked.0.lock().unwrap().named.len(), 1, "what is over is forgotten");
        assert_eq!(
            asked.begin(one, now).at,
            later.after(MILLISECOND),
            "a clock that was turned back names no instant again"
        );
    }
}
