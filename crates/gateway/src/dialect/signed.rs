//! What a gateway signs for x402 clients: its offers, once for many answers, and what was paid for them.

use std::time::Duration;

use farthing_books::PaymentRecord;
use farthing_dialects::x402::extension::offer_receipt::{self, Offer, Receipt, Signed, Statement};
use farthing_dialects::x402::{Requirements, Template};
use farthing_protocol::{JsonObject, Timestamp};
use farthing_rail::{RecoverableSigner, SignError};

use super::outcome::{offered, payer};
use crate::route::Paid;
use crate::site::Site;

/// How long a key may take for one signature; one that is not in this process can be out of reach.
const PATIENCE: Duration = Duration::from_secs(2);

/// The listed offers of a route with their signatures.
pub(super) struct SignedOffers {
    offers: Vec<Signed<Offer>>,
    until: Timestamp,
    /// The price list that says them.
    pub(super) template: Template,
}

/// Why the offers of a route are made without signatures.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotSigned {
    /// The key said no.
    #[error(transparent)]
    Key(#[from] SignError),
    /// It said nothing.
    #[error("the key did not sign within {PATIENCE:?}")]
    Silent,
    /// The answer would be longer than clients can be expected to read.
    #[error("the signatures do not fit into the answer beside its offers; accept fewer payment methods")]
    TooLong,
}

impl SignedOffers {
    /// Signs these offers of what is at this URL, for the price list with what they say.
    pub(super) async fn sign(
        url: &str,
        entries: impl Iterator<Item = &Requirements>,
        key: &dyn RecoverableSigner,
        until: Timestamp,
        with: impl FnOnce(JsonObject) -> Template,
    ) -> Result<Self, NotSigned> {
        let mut offers = Vec::new();
        for entry in entries {
            offers.push(sign(Offer::new(url, entry, Some(until)), key).await?);
        }
        Ok(Self { template: with(extension(&offers)), offers, until })
    }

    pub(super) fn are_valid(&self, now: Timestamp) -> bool {
        now < self.until
    }

    /// The extension with those offers that are made just now, by their places in the list.
    pub(super) fn told(&self, is_made: impl Fn(usize) -> bool) -> JsonObject {
        let offers = self.offers.iter().enumerate().filter(|(index, _)| is_made(*index));
        extension(&offers.map(|(_, offer)| offer.clone()).collect::<Vec<_>>())
    }
}

fn extension(offers: &[Signed<Offer>]) -> JsonObject {
    JsonObject::from_iter([(offer_receipt::NAME.to_owned(), offer_receipt::advertisement(offers))])
}

/// The signed receipt of a payment, made from its record alone, so that it says the same each time. It leaves
/// the transaction out: whoever is shown it need not learn more of the payer than its holder wants. `None`
/// where nothing is signed; the answer then goes without.
pub(crate) async fn receipt(site: &Site, paid: &Paid, record: &PaymentRecord) -> Option<Signed<Receipt>> {
    let key = site.signer.as_deref()?;
    let (_, network) = offered(paid, record)?;
    let (_, path) = record.request.split_once(' ')?;
    let paid_at = record.settled_at.unwrap_or(record.claimed_at);
    let receipt = Receipt {
        network: network.clone(),
        resource_url: paid.x402.as_ref()?.url_at(path)?,
        payer: payer(record)?.to_owned(),
        issued_at: u64::try_from(paid_at.unix_millis() / 1000).ok()?,
        transaction: None,
    };
    sign(receipt, key)
        .await
        .inspect_err(|error| tracing::warn!(%error, payment = %record.id, "a receipt was not signed"))
        .ok()
}

async fn sign<S: Statement>(statement: S, key: &dyn RecoverableSigner) -> Result<Signed<S>, NotSigned> {
    let signing = tokio::time::timeout(PATIENCE, Signed::by_account(statement, key));
    Ok(signing.await.map_err(|_| NotSigned::Silent)??)
}
