//! Payments that may be posted without anybody knowing.
//!
//! When the books do not answer a claim or a redelivery, it may be in them all the same: then the payment is posted and
//! nobody delivers. Whoever asked looks, until the books answer, and makes an entitlement of it. A process that dies
//! before that finds it when it starts again.

use std::sync::Arc;
use std::time::Duration;

use farthing_books::PaymentState;
use farthing_protocol::Timestamp;
use farthing_rail::PaymentId;
use farthing_store::StoreError;

use super::obligation::entitling;
use crate::route::SharedRoute;
use crate::seller::Seller;

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// Looks after a payment that the books were asked at this instant to post, and did not say whether they did.
pub(super) fn look_after(seller: &Arc<Seller>, route: &SharedRoute, payment: PaymentId, asked_at: Timestamp) {
    let (shared, route) = (Arc::clone(seller), Arc::clone(route));
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(PAUSE).await;
            let found = match shared.books.payment(payment).await {
                Ok(found) => found,
                Err(StoreError::Closed) => return,
                Err(_) => continue,
            };
            // Another instant: somebody else had it posted, and is at it.
            let posted = |state, at| state == PaymentState::Posted && at == asked_at;
            let Some(record) = found.filter(|record| posted(record.state, record.updated_at)) else { return };
            let reason = "the books did not answer when it was posted";
            let (command, _) = entitling(&shared, &route, &record, reason, None);
            if shared.books.submit(command).await.is_ok() {
                return route.meters.entitled.increment(1);
            }
        }
    });
}
