use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use farthing_protocol::Timestamp;
use farthing_rail::PaymentId;

/// So many are kept before those that are over are looked for.
const MANY: usize = 1_024;
/// How long a rail is not asked again about a period that was not paid.
const PAUSE: Duration = Duration::from_secs(5);

/// Which periods were just found unpaid. Of this process alone: nothing is paid by it.
#[derive(Default)]
pub(crate) struct Visits {
    unpaid: Mutex<HashMap<PaymentId, Timestamp>>,
}

impl Visits {
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
