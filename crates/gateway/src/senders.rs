//! The accounts that rails send from by themselves: of the gateways that share the books one has each.

use std::time::Duration;

use farthing_store::StoreError;
use tokio::time::Instant;

use crate::resolver;
use crate::seller::Seller;

/// How long a gateway that starts waits for an account: one that was killed is found dead by then.
const PATIENCE: Duration = Duration::from_secs(4);
const PAUSE: Duration = Duration::from_millis(200);

/// Takes every account that the configuration names, before anything is sent; or says which one another gateway has.
pub(crate) async fn take(seller: &Seller) -> Result<(), StoreError> {
    let (accounts, since, mut said) = (seller.site.load().sends_from(), Instant::now(), false);
    loop {
        match seller.books.send_from(accounts.clone()).await {
            Err(StoreError::AccountTaken(account)) if since.elapsed() < PATIENCE => {
                if !std::mem::replace(&mut said, true) {
                    let patience = PATIENCE.as_secs();
                    tracing::warn!(
                        account,
                        "another gateway sends from it; waiting {patience} s in case that one is dead"
                    );
                }
                if seller.books.has_left_behind() {
                    resolver::recover(seller).await?;
                }
                tokio::time::sleep(PAUSE).await;
            }
            taken => return taken,
        }
    }
}
