//! Payments that tasks of this process are at, for whoever finds one and must leave it to them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use farthing_rail::PaymentId;

/// How many tasks are at each payment.
#[derive(Clone, Default)]
pub(crate) struct Marks(Arc<Mutex<HashMap<PaymentId, usize>>>);

/// A task that is at a payment, until it is dropped.
pub(crate) struct Mark {
    marks: Marks,
    payment: PaymentId,
}

impl Marks {
    /// One more task is at a payment.
    pub(crate) fn set(&self, payment: PaymentId) -> Mark {
        *self.lock().entry(payment).or_default() += 1;
        Mark { marks: self.clone(), payment }
    }

    /// Whether any task is.
    pub(crate) fn has(&self, payment: PaymentId) -> bool {
        self.lock().contains_key(&payment)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PaymentId, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        if let Entry::Occupied(mut tasks) = self.marks.lock().entry(self.payment) {
            *tasks.get_mut() -= 1;
            if *tasks.get() == 0 {
                tasks.remove();
            }
        }
    }
}
