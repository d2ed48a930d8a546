//! Signing the offers of every route, apart from the requests that are answered with them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::dialect::NotSigned;
use crate::seller::Seller;

/// How long a signed offer binds the seller.
const VALIDITY: Duration = Duration::from_secs(60 * 60);
/// How often the offers are signed anew: whoever is shown one has most of its time left.
const AGAIN: Duration = Duration::from_secs(15 * 60);
/// How soon a key is asked again that did not sign.
const RETRY: Duration = Duration::from_secs(30);

/// Keeps the offers signed, those of a replaced site at once.
pub(crate) async fn run(seller: Arc<Seller>, mut again: Duration, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(again) => {}
            () = seller.replaced.notified() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        again = sign(&seller).await;
    }
}

/// Signs the offers of every route, and says when to do so again. An offer that is not signed is made all
/// the same, without a signature.
pub(crate) async fn sign(seller: &Seller) -> Duration {
    let site = seller.site.load_full();
    let Some(key) = site.signer.as_deref() else { return AGAIN };
    let until = seller.now().after(VALIDITY);
    for route in site.table.routes() {
        let Some(list) = route.paid.as_ref().and_then(|paid| paid.x402.as_ref()) else { continue };
        match list.sign(key, until).await {
            Ok(()) => {}
            Err(error @ NotSigned::TooLong) => tracing::warn!(%error, route = route.name, "offers are not signed"),
            // A key that is out of reach for one is so for all.
            Err(error) => {
                tracing::warn!(%error, "offers are not signed; the key is asked again");
                return RETRY;
            }
        }
    }
    AGAIN
}
