//! What is written down of a delivery a moment after it happened: that the upstream answered, and that all went out.

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

/// Deliveries of the last moment. A crash treats what is posted as it treats what is delivered, so that nothing is lost
/// by waiting: a payment that is delivered and closed within one moment is written once.
#[derive(Default)]
pub(crate) struct Closings(Mutex<Vec<Happened>>);

struct Happened {
    payment: PaymentId,
    what: What,
    at: Timestamp,
}

/// What happened to a delivery.
#[derive(Clone, Copy)]
pub(super) enum What {
    /// The upstream answered with this status.
    Delivered(u16),
    /// Its answer went out.
    Ended,
}

impl Closings {
    /// Writes it down in a moment, together with whatever else happens in that moment.
    pub(super) fn add(seller: &Arc<Seller>, payment: PaymentId, what: What) {
        let waiting = {
            let mut closings = seller.closings.0.lock().unwrap_or_else(PoisonError::into_inner);
            closings.push(Happened { payment, what, at: seller.now() });
            closings.len() > 1
        };
        if waiting {
            return;
        }
        if Handle::try_current().is_err() {
            return seller.closings.write_down(seller);
        }
        let shared = Arc::clone(seller);
        seller.spawn(async move {
            tokio::time::sleep(MOMENT).await;
            shared.closings.write_down(&shared);
        });
    }

    /// Whatever was to be written down of a payment is not: something else happened to its delivery.
    pub(super) fn forget(&self, payment: PaymentId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|happened| happened.payment != payment);
    }

    fn write_down(&self, seller: &Seller) {
        let happened = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for Happened { payment, what, at } in happened {
            match what {
                What::Delivered(status) => seller.later(Command::Deliver { payment, status, at }),
                What::Ended => {
                    reach("before-close");
                    seller.later(Command::Close { payment, response: None, at });
                    reach("after-close");
                }
            }
        }
    }
}
