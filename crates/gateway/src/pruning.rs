//! What is over leaves the books after the time that the configuration says (`[gateway] keep`), by the gateway that leads.

use std::sync::Arc;
use std::time::Duration;

use farthing_store::Look;
use tokio::sync::watch;

use crate::seller::Seller;

/// How often it is looked for.
const PERIOD: Duration = Duration::from_secs(3_600);

/// Lets go of what is over until `stop` turns true.
pub(crate) async fn run(seller: Arc<Seller>, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
        if !seller.books.leads() {
            continue;
        }
        if let Err(error) = seller.books.forget_visits(seller.now()).await {
            tracing::warn!(%error, "visits that are over could not be forgotten");
        }
        let Some(keep) = seller.site.load().keep else { continue };
        // Stopping in the middle loses nothing: each page is whole.
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = prune(&seller, keep) => {}
        }
    }
}

async fn prune(seller: &Seller, keep: Duration) {
    match seller.books.prune(seller.now().before(keep), Look::FromLastTime, |_| {}).await {
        Ok(pruned) if pruned.payments > 0 => {
            let (payments, until) = (pruned.payments, pruned.until.to_rfc3339());
            tracing::info!(payments, until, "payments left the books; their sums are carried forward");
        }
        Ok(_) => {}
        Err(error) => {
            seller.metrics.store_errors.increment(1);
            tracing::error!(%error, "what is over could not leave the books");
        }
    }
}
