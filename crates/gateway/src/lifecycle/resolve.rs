//! Finding out what became of a payment, and paying back what was never delivered.

use std::time::Duration;

use farthing_books::{Command, Outcome, PaymentRecord, PaymentState};
use farthing_rail::{Acceptor, PaymentId, Refund, Settlement, Settler};
use farthing_store::StoreError;
use std::sync::Arc;

use crate::seller::Seller;

/// How long a rail may take to say what became of a payment.
const PATIENCE: Duration = Duration::from_secs(5);
const DEFAULT_TERM: Duration = Duration::from_secs(3600);

/// What was found out about an unknown settlement.
pub(crate) enum Resolution {
    /// It was paid: the delivery is owed to whoever presents the credential next.
    Entitled(Box<PaymentRecord>),
    /// It was not paid and will not be.
    Rejected,
    /// The rail still does not say; ask again after a while.
    StillUnknown(Duration),
    /// Somebody else is asking, or the payment moved on.
    Busy,
}

/// Asks the rail what became of an unknown settlement.
///
/// A settled payment becomes an entitlement and not a delivery, so that of all the presenters who
/// wait for it exactly one wins. One asker at a time per payment.
pub(crate) async fn resolve(seller: &Seller, payment: PaymentId) -> Result<Resolution, StoreError> {
    let Some(_right) = seller.resolve(payment) else { return Ok(Resolution::Busy) };
    let Some(record) = seller.books.payment(payment).await? else { return Ok(Resolution::Busy) };
    match record.state {
        PaymentState::Unknown => {}
        PaymentState::Entitled => return Ok(Resolution::Entitled(Box::new(record))),
        PaymentState::Rejected => return Ok(Resolution::Rejected),
        _ => return Ok(Resolution::Busy),
    }
    let Some(settler) = settler_of(seller, &record) else {
        tracing::error!(%payment, method = record.method, "no configured payment method can look this payment up");
        return Ok(Resolution::StillUnknown(Duration::from_secs(60)));
    };
    let claim = record.claim();
    let wait = Duration::from_secs(2);
    let settlement = match tokio::time::timeout(PATIENCE, settler.lookup(&claim)).await {
        Ok(settlement) => settlement,
        Err(_) => return Ok(Resolution::StillUnknown(wait)),
    };
    let at = seller.now();
    match settlement {
        Settlement::Settled(settled) => {
            seller.metrics.resolved.increment(1);
            seller.books.submit(Command::Settle { payment, settled, at }).await?;
            let deadline = at.after(term_of(seller, &record));
            let reason = "settled after its outcome was unknown".to_owned();
            let entitle = Command::Entitle { payment, reason, status: None, deadline, at };
            match seller.books.submit(entitle).await? {
                Outcome::Payment(record) => Ok(Resolution::Entitled(record)),
                _ => Ok(Resolution::Busy),
            }
        }
        Settlement::Rejected(rejected) => {
            seller.metrics.resolved.increment(1);
            seller.books.submit(Command::Reject { payment, rejected, at }).await?;
            Ok(Resolution::Rejected)
        }
        Settlement::Unknown(unknown) => {
            let wait = unknown.ask_again;
            seller.books.submit(Command::Doubt { payment, unknown, at }).await?;
            Ok(Resolution::StillUnknown(wait))
        }
    }
}

/// Pays a payment back: a prepaid one in the books, an external one over its rail. Safe to repeat.
pub(crate) async fn send_back(seller: &Seller, payment: PaymentId, reason: &str) -> Result<Outcome, StoreError> {
    let Some(_right) = seller.resolve(payment) else { return Ok(Outcome::NotFound) };
    // What is on its way to the upstream is delivered or becomes an entitlement first: never both
    // served and paid back.
    match seller.books.payment(payment).await? {
        Some(record) if record.state == PaymentState::Posted => return Ok(Outcome::OutOfOrder(Box::new(record))),
        Some(_) => {}
        None => return Ok(Outcome::NotFound),
    }
    let at = seller.now();
    let outcome = seller.books.submit(Command::Refund { payment, reason: reason.to_owned(), at }).await?;
    let Outcome::Payment(record) = &outcome else { return Ok(outcome) };
    if record.state != PaymentState::Refunding {
        return Ok(outcome);
    }
    let Some(settler) = settler_of(seller, record) else {
        tracing::error!(%payment, method = record.method, "no configured payment method can pay this back");
        return Ok(outcome);
    };
    let refund = Refund {
        payment,
        reference: record.reference.clone().unwrap_or_default(),
        payer: record.payer.clone(),
        amount: record.amount,
        asset: record.asset.clone(),
    };
    match tokio::time::timeout(PATIENCE, settler.refund(&refund)).await {
        Ok(Settlement::Settled(settled)) => {
            seller.metrics.resolved.increment(1);
            seller.books.submit(Command::ConfirmRefund { payment, settled, at: seller.now() }).await
        }
        Ok(Settlement::Rejected(rejected)) => {
            tracing::error!(%payment, reason = rejected.reason, "the rail refuses to pay back; a person must look at it");
            Ok(outcome)
        }
        Ok(Settlement::Unknown(_)) | Err(_) => Ok(outcome),
    }
}

/// The rail of a payment, in the present configuration.
fn settler_of(seller: &Seller, record: &PaymentRecord) -> Option<Arc<dyn Settler>> {
    let site = seller.site.load();
    let offers = site.table.routes().iter().filter_map(|route| route.paid.as_ref()).flat_map(|paid| &paid.offers);
    offers.filter(|offer| offer.method == record.method && offer.intent == record.intent).find_map(|offer| match &offer
        .acceptor
    {
        Acceptor::External(settler) if settler.terms().asset == record.asset => Some(Arc::clone(settler)),
        _ => None,
    })
}

/// How long the route of a payment lets an entitlement stand.
fn term_of(seller: &Seller, record: &PaymentRecord) -> Duration {
    let site = seller.site.load();
    let route = site.table.routes().iter().find(|route| route.name == record.route);
    route.and_then(|route| route.paid.as_ref()).map_or(DEFAULT_TERM, |paid| paid.entitlement)
}
