//! Payments that may be posted without anybody delivering them.
//!
//! When the books do not answer a claim or a redelivery, it may be in them all the same. And a gateway that was held up
//! while it asked delivers nothing, since others may have taken it for dead: they did before its batch was written, and
//! the payment is its own, or after, and it is theirs. Whoever asked looks, until the books answer, and makes an
//! entitlement of what is its own. A process that dies before that finds it when it starts again.

use std::sync::Arc;
use std::time::Duration;

use farthing_books::{PaymentRecord, PaymentState};
use farthing_store::StoreError;

use super::asking::Asking;
use super::obligation::entitling;
use crate::route::SharedRoute;
use crate::seller::Seller;

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// Looks after a payment that the books were asked to post, and that nobody delivers for this question.
pub(super) fn look_after(seller: &Arc<Seller>, route: &SharedRoute, asking: Asking) {
    let (shared, route) = (Arc::clone(seller), Arc::clone(route));
    let unheard = seller.unheard.set(asking.payment);
    tokio::spawn(async move {
        until_heard(&shared, &route, &asking).await;
        drop(unheard);
    });
}

async fn until_heard(seller: &Arc<Seller>, route: &SharedRoute, asking: &Asking) {
    loop {
        tokio::time::sleep(PAUSE).await;
        let found = match left(seller, asking).await {
            Ok(found) => found,
            Err(StoreError::Closed) => return,
            Err(_) => continue,
        };
        let Some(record) = found else { return };
        let reason = "the books did not answer when it was posted, or too late";
        let (command, _) = entitling(seller, route, &record, reason, None);
        if seller.books.submit(command).await.is_ok() {
            return route.meters.entitled.increment(1);
        }
    }
}

/// The payment, if it was posted because of this question, and nobody is at it.
async fn left(seller: &Seller, asking: &Asking) -> Result<Option<PaymentRecord>, StoreError> {
    // Another instant, or another gateway: somebody else had it posted, and is at it.
    let found = seller.books.payment_here(asking.payment).await?;
    let is_own = |(record, is_here): &(PaymentRecord, bool)| {
        *is_here && record.state == PaymentState::Posted && record.updated_at == asking.at
    };
    Ok(found.filter(is_own).map(|(record, _)| record))
}
