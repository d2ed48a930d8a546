use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use farthing_protocol::{ChallengeId, Timestamp};
use farthing_rail::PaymentId;

/// So many are kept before those that are over are looked for.
const MANY: usize = 1_024;
/// How long a rail is not asked again about a period that was not paid.
const PAUSE: Duration = Duration::from_secs(5);

/// Credentials that used a subscription, for as long as their challenges live; and which periods were just found
/// unpaid. Both are of this process alone: nothing is paid by either.
#[derive(Default)]
pub(crate) struct Visits {
    used: Mutex<HashMap<ChallengeId, Timestamp>>,
    unpaid: Mutex<HashMap<PaymentId, Timestamp>>,
}

impl Visits {
    /// Whether a challenge is used for the first time.
    pub(super) fn is_first(&self, challenge: &ChallengeId, expires: Timestamp, now: Timestamp) -> bool {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.len() >= MANY {
            used.retain(|_, expires| *expires >= now);
        }
        used.insert(challenge.clone(), expires).is_none()
    }

    /// Whether a period was found unpaid a moment ago.
    pub(super) fn was_unpaid(&self, period: PaymentId, now: Timestamp) -> bool {
        let unpaid = self.unpaid.lock().unwrap_or_else(PoisonError::into_inner);
        unpaid.get(&period).is_some_and(|at| now.since(*at) < PAUSE)
    }

    /// Remembers that it was.
    pub(super) fn note_unpaid(&self, period: PaymentId, now: Timestamp) {
        let mut unpaid = self.unpaid.lock().unwrap_or_else(PoisonError::into_inner);
        if unpaid.len() >= MANY {
            unpaid.retain(|_, at| now.since(*at) < PAUSE);
        }
        unpaid.insert(period, now);
    }

    /// Forgets it: the rail told that something happened.
    pub(super) fn forget_unpaid(&self, period: PaymentId) {
        self.unpaid.lock().unwrap_or_else(PoisonError::into_inner).remove(&period);
    }
}
