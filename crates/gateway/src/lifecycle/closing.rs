//! Closing payments a moment after their responses went out.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use farthing_books::Command;
use farthing_protocol::Timestamp;
use farthing_rail::PaymentId;
use tokio::runtime::Handle;

use crate::failpoint::reach;
use crate::seller::Seller;

/// Between the end of a response and the end of its payment. A body's last frame is handed over
/// before the system has its bytes: a payment closed in that instant, by a process that dies in it,
/// would be used up and not delivered. Until it is closed, a crash leaves it an entitlement.
const MOMENT: Duration = Duration::from_millis(50);

/// Payments whose responses went out within the last moment.
#[derive(Default)]
pub(crate) struct Closings(Mutex<Vec<(PaymentId, Timestamp)>>);

impl Closings {
    /// Closes a payment in a moment, together with the others of that moment.
    pub(super) fn add(seller: &Arc<Seller>, payment: PaymentId) {
        let waiting = {
            let mut closings = seller.closings.0.lock().unwrap_or_else(PoisonError::into_inner);
            closings.push((payment, seller.now()));
            closings.len() > 1
        };
        if waiting {
            return;
        }
        if Handle::try_current().is_err() {
            return seller.closings.close(seller);
        }
        let shared = Arc::clone(seller);
        seller.spawn(async move {
            tokio::time::sleep(MOMENT).await;
            shared.closings.close(&shared);
        });
    }

    fn close(&self, seller: &Seller) {
        let closings = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for (payment, at) in closings {
            reach("before-close");
            seller.later(Command::Close { payment, response: None, at });
            reach("after-close");
        }
    }
}
