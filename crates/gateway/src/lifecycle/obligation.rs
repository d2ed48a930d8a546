//! A delivery that is owed.

use std::sync::Arc;

use farthing_books::{Command, Outcome, PaymentRecord, StoredResponse};
use farthing_protocol::Timestamp;
use farthing_store::{Life, StoreError};

use super::closing::{Closings, What};
use super::outgoing::Delivery;
use super::unheard;
use crate::failpoint::reach;
use crate::route::SharedRoute;
use crate::seller::Seller;
use crate::unattended::Unattended;

/// A payment that is posted and not yet delivered. Dropping it, because the client left or a task
/// was cut, entitles the payer to the delivery.
pub(super) struct Obligation {
    seller: Arc<Seller>,
    route: SharedRoute,
    record: Arc<PaymentRecord>,
    /// As whom this process had it posted.
    life: Life,
    owed: bool,
}

/// A payment whose response is on its way. Dropping it closes the payment: the client took what it
/// wanted.
pub(super) struct Outgoing {
    seller: Arc<Seller>,
    route: SharedRoute,
    record: Arc<PaymentRecord>,
    open: bool,
}

impl Obligation {
    /// Of a payment that was asked to be posted in this life of the process.
    pub(super) fn new(seller: Arc<Seller>, route: SharedRoute, record: Box<PaymentRecord>, life: Life) -> Self {
        seller.metrics.in_flight.increment(1.0);
        Self { seller, route, record: Arc::from(record), life, owed: true }
    }

    /// Whether nobody else can be at the delivery. A process that was held up since may have been taken for dead, and
    /// another may have given what was owed.
    pub(super) fn is_surely_ours(&self) -> bool {
        self.seller.books.surely_lives(self.life)
    }

    /// Leaves the delivery to whoever presents the credential next, unless somebody else has it in hand already.
    pub(super) fn let_go(mut self) {
        self.owed = false;
        let asking = self.seller.asked.again(self.record.id, self.record.updated_at);
        unheard::look_after(&self.seller, &self.route, asking);
    }

    /// The payment.
    pub(super) fn record(&self) -> &PaymentRecord {
        &self.record
    }

    /// The upstream answered with success; the response may go out.
    pub(super) fn deliver(mut self, status: u16) -> Outgoing {
        self.owed = false;
        Closings::add(&self.seller, self.record.id, What::Delivered(status));
        tracing::debug!(payment = %self.record.id, status, "deliver");
        reach("after-deliver");
        self.route.meters.delivered.increment(1);
        let (seller, route) = (Arc::clone(&self.seller), Arc::clone(&self.route));
        // The gauge goes down when the response has gone out.
        seller.metrics.in_flight.increment(1.0);
        Outgoing { seller, route, record: Arc::clone(&self.record), open: true }
    }

    /// The upstream answered with success: durable together with the answer, which the caller then sends. When the books
    /// do not answer, nothing is sent, and the payer may come back for it.
    pub(super) async fn close_with(mut self, response: StoredResponse) -> Result<(), StoreError> {
        self.owed = false;
        self.route.meters.delivered.increment(1);
        let (payment, status, at) = (self.record.id, response.status, self.seller.now());
        let span = tracing::debug_span!("close", %payment);
        self.seller.later(Command::Deliver { payment, status, at });
        reach("after-deliver");
        reach("before-close");
        let command = Command::Close { payment, response: Some(Box::new(response)), at };
        // What the books say is heard although the client may leave: it could otherwise stay posted, with nobody to
        // deliver it.
        let seller = Arc::clone(&self.seller);
        let step = async move {
            match tracing::Instrument::instrument(self.seller.books.submit(command), span).await {
                Ok(Outcome::Payment(_)) => {}
                Ok(outcome) => tracing::error!(?outcome, %payment, "a payment was not closed"),
                Err(error) => {
                    let reason = "the books did not answer before the response was sent";
                    self.seller.later(entitling(&self.seller, &self.route, &self.record, reason, None).0);
                    self.route.meters.entitled.increment(1);
                    return Err(error);
                }
            }
            reach("after-close");
            Ok(())
        };
        Unattended::new(seller, step).await
    }

    /// The upstream failed: durable before the client is told. Says until when it may come back.
    pub(super) async fn entitle(mut self, reason: &str, status: Option<u16>) -> Result<Timestamp, StoreError> {
        self.owed = false;
        let (command, deadline) = entitling(&self.seller, &self.route, &self.record, reason, status);
        self.route.meters.entitled.increment(1);
        let (seller, payment) = (Arc::clone(&self.seller), self.record.id);
        let step = async move {
            match seller.books.submit(command.clone()).await {
                Ok(Outcome::Payment(_)) => Ok(deadline),
                Ok(outcome) => {
                    tracing::error!(?outcome, %payment, "an entitlement was not recorded");
                    Ok(deadline)
                }
                Err(error) => {
                    seller.later(command);
                    Err(error)
                }
            }
        };
        Unattended::new(Arc::clone(&self.seller), step).await
    }
}

impl Delivery for Outgoing {
    /// The payer may come back for all of it.
    fn broke_off(mut self, reason: &str) {
        self.open = false;
        self.seller.closings.forget(self.record.id);
        let (command, _) = entitling(&self.seller, &self.route, &self.record, reason, None);
        self.route.meters.entitled.increment(1);
        self.seller.later(command);
    }
}

/// The command that entitles a payer to a delivery, and until when.
pub(super) fn entitling(
    seller: &Seller,
    route: &SharedRoute,
    record: &PaymentRecord,
    reason: &str,
    status: Option<u16>,
) -> (Command, Timestamp) {
    let at = seller.now();
    let term = route.paid.as_ref().map_or(std::time::Duration::from_secs(3600), |paid| paid.entitlement);
    // Counted from the payment: asking again and again does not put off the refund for ever.
    let deadline = record.settled_at.unwrap_or(record.claimed_at).after(term).max(at);
    tracing::info!(payment = %record.id, reason, "paid and not delivered; the same credential is good again");
    (Command::Entitle { payment: record.id, reason: reason.to_owned(), status, deadline, at }, deadline)
}

impl Drop for Obligation {
    fn drop(&mut self) {
        self.seller.metrics.in_flight.decrement(1.0);
        if self.owed {
            let reason = "the request ended before the upstream answered";
            self.seller.later(entitling(&self.seller, &self.route, &self.record, reason, None).0);
            self.route.meters.entitled.increment(1);
        }
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        self.seller.metrics.in_flight.decrement(1.0);
        if self.open {
            Closings::add(&self.seller, self.record.id, What::Ended);
        }
    }
}
