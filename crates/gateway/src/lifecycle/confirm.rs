//! Whether a settled payment still stands, for as long as its rail can take it back.

use std::time::Duration;

use farthing_books::{Command, Outcome, PaymentRecord};
use farthing_protocol::Timestamp;
use farthing_rail::{Finality, PaymentId, Settled, Standing, Terms};
use farthing_store::StoreError;

use super::resolve::{PATIENCE, settler_of};
use super::subscription::renew_what_is_due;
use crate::reconcile::reconcile;
use crate::seller::Seller;

/// The first question comes at the latest after this, however long a rail can take money back.
const FIRST: Duration = Duration::from_secs(60);
/// Nobody is asked more often about one payment.
const OFTEN: Duration = Duration::from_secs(1);

/// What was found out about a settled payment.
pub(super) enum Stands {
    /// It can no longer be taken back.
    Final,
    /// The rail could still take it back, or did not answer.
    Provisional,
    /// The rail took it back, and the books say so.
    TakenBack,
}

/// When to ask a rail for the first time whether what it settled still stands; never, where it is
/// final at once.
pub(crate) fn first_question(terms: &Terms, at: Timestamp) -> Option<Timestamp> {
    match terms.finality {
        Finality::Immediate => None,
        Finality::After(term) | Finality::Reversible(term) => Some(at.after(term.clamp(OFTEN, FIRST))),
        // A finality that this program does not know is asked about.
        _ => Some(at.after(FIRST)),
    }
}

/// Asks the rail about a provisional payment and writes down what it says. Whether that is done; if
/// not, it must be asked again.
pub(crate) async fn confirm(seller: &Seller, payment: PaymentId) -> Result<bool, StoreError> {
    let Some(_right) = seller.resolve(payment) else { return Ok(false) };
    let Some(record) = seller.books.payment(payment).await? else { return Ok(true) };
    let due = record.confirm_at;
    ask(seller, &record).await?;
    // Whoever began a subscription is asked about for as long as that lives, whether or not it is used.
    renew_what_is_due(seller, payment).await?;
    let now = seller.books.payment(payment).await?;
    Ok(now.is_none_or(|record| record.confirm_at != due || record.confirm_at.is_none()))
}

/// The question itself, for whoever holds the right to resolve the payment.
pub(super) async fn ask(seller: &Seller, record: &PaymentRecord) -> Result<Stands, StoreError> {
    let payment = record.id;
    let (Some(_), Some(settled)) = (record.confirm_at, record.settled()) else { return Ok(Stands::Final) };
    let Some(settler) = settler_of(seller, record) else {
        tracing::error!(%payment, method = record.method, "no configured payment method can say whether this payment stands");
        return Ok(Stands::Provisional);
    };
    let claim = record.claim();
    let Ok(standing) = tokio::time::timeout(PATIENCE, settler.confirm(&claim, &settled)).await else {
        tracing::warn!(%payment, "the rail did not say in time whether the payment stands");
        return Ok(Stands::Provisional);
    };
    let at = seller.now();
    match standing {
        Standing::Final => {
            seller.books.submit(Command::Finalize { payment, at }).await?;
            Ok(Stands::Final)
        }
        Standing::Provisional { ask_again } => {
            let until = at.after(ask_again.max(OFTEN));
            seller.books.submit(Command::Postpone { payment, until, at }).await?;
            Ok(Stands::Provisional)
        }
        Standing::Moved(settled) => moved(seller, payment, settled, at).await,
        Standing::Reversed { reason } => {
            // What came and is taken back by another movement must have come in the books, too.
            if matches!(settler.terms().finality, Finality::Reversible(_)) {
                reconcile(seller).await?;
            }
            reverse(seller, payment, reason, at).await
        }
    }
}

/// A payment stands by other movements. If they were another payment's meanwhile, it has none left.
async fn moved(seller: &Seller, payment: PaymentId, settled: Settled, at: Timestamp) -> Result<Stands, StoreError> {
    tracing::warn!(%payment, reference = settled.reference, "a payment stands by another movement than it settled by");
    if let Outcome::MovementUsed { by, .. } = seller.books.submit(Command::Resettle { payment, settled, at }).await? {
        let reason = format!("the transfer that took the place of its own already paid for {by}");
        return reverse(seller, payment, reason, at).await;
    }
    seller.books.submit(Command::Postpone { payment, until: at.after(OFTEN), at }).await?;
    Ok(Stands::Provisional)
}

async fn reverse(seller: &Seller, payment: PaymentId, reason: String, at: Timestamp) -> Result<Stands, StoreError> {
    match seller.books.submit(Command::Reverse { payment, reason: reason.clone(), at }).await? {
        Outcome::Payment(record) => {
            seller.metrics.reversed.increment(1);
            let spent = record.is_spent();
            tracing::warn!(%payment, reason, spent, "the rail took a payment back");
            Ok(Stands::TakenBack)
        }
        outcome => {
            tracing::warn!(%payment, reason, ?outcome, "the rail took a payment back that is being served; it is reversed after that");
            Ok(Stands::Provisional)
        }
    }
}
