//! Paying back: what was never delivered, and what the operator gives back.

use farthing_books::{Command, Outcome, PaymentRecord, PaymentState};
use farthing_rail::{Finality, PaymentId, Refund, Settlement};
use farthing_store::StoreError;

use super::confirm::{Stands, ask};
use super::resolve::{PATIENCE, settler_of};
use crate::seller::Seller;

/// What became of an order to pay a payment back.
pub(crate) enum SentBack {
    /// It is paid back, now or since an earlier order.
    Done(Box<PaymentRecord>),
    /// The rail has not confirmed it; it is asked again until it does.
    UnderWay(Box<PaymentRecord>),
    /// Something is under way with the payment that must end first; nothing changed.
    Busy,
    /// The rail refused the payment: there is nothing to pay back.
    NeverPaid,
    /// The rail took the payment back: there is nothing left to pay back.
    TakenBack,
    /// The balance that it topped up holds nothing of it any more.
    Spent,
    /// No configured payment method can pay this back; nothing changed.
    NotOverThisRail,
    /// The books hold no such payment.
    NotFound,
}

/// Pays an entitled or closed payment back, whole and once: a prepaid one in the books, an external
/// one over its rail. Safe to repeat.
///
/// What is on its way to the payer is delivered or becomes an entitlement first: the books refuse
/// to pay back what is being served.
pub(crate) async fn send_back(seller: &Seller, payment: PaymentId, reason: &str) -> Result<SentBack, StoreError> {
    let Some(_right) = seller.resolve(payment) else { return Ok(SentBack::Busy) };
    let Some(record) = seller.books.payment(payment).await? else { return Ok(SentBack::NotFound) };
    let is_owed = matches!(record.state, PaymentState::Entitled | PaymentState::Closed);
    if is_owed && !record.prepaid && !can_pay_back(seller, &record) {
        tracing::error!(%payment, method = record.method, "no configured payment method can pay this back");
        return Ok(SentBack::NotOverThisRail);
    }
    if is_owed && record.confirm_at.is_some() {
        match ask(seller, &record).await? {
            Stands::Final => {}
            Stands::TakenBack => return Ok(SentBack::TakenBack),
            // On a chain it is final within moments; a card payment can be taken back for months.
            Stands::Provisional if becomes_final(seller, &record) => return Ok(SentBack::Busy),
            Stands::Provisional => {}
        }
    }
    let order = Command::Refund { payment, reason: reason.to_owned(), at: seller.now() };
    match seller.books.submit(order).await? {
        Outcome::Payment(record) if record.state == PaymentState::Refunding => over_the_rail(seller, record).await,
        Outcome::Payment(record) => Ok(SentBack::Done(record)),
        Outcome::OutOfOrder(record) if record.state == PaymentState::Rejected => Ok(SentBack::NeverPaid),
        Outcome::OutOfOrder(record) if record.state == PaymentState::Reversed => Ok(SentBack::TakenBack),
        Outcome::Insufficient { .. } => Ok(SentBack::Spent),
        Outcome::OutOfOrder(_) => Ok(SentBack::Busy),
        Outcome::NotFound => Ok(SentBack::NotFound),
        outcome => {
            tracing::error!(?outcome, %payment, "the books did not pay back");
            Ok(SentBack::Busy)
        }
    }
}

/// Whether waiting a little makes a payment final, so that nobody pays back what then vanishes.
fn becomes_final(seller: &Seller, record: &PaymentRecord) -> bool {
    settler_of(seller, record).is_some_and(|settler| matches!(settler.terms().finality, Finality::After(_)))
}

fn can_pay_back(seller: &Seller, record: &PaymentRecord) -> bool {
    settler_of(seller, record).is_some_and(|settler| settler.terms().refundable)
}

/// Asks the rail to pay back. Whatever it does not confirm stays `Refunding` and is asked again.
async fn over_the_rail(seller: &Seller, record: Box<PaymentRecord>) -> Result<SentBack, StoreError> {
    let payment = record.id;
    let _leading = seller.leading.read().await;
    if !seller.books.leads() {
        // The one of several gateways that leads finds it due.
        return Ok(SentBack::UnderWay(record));
    }
    let Some(settler) = settler_of(seller, &record) else {
        tracing::error!(%payment, method = record.method, "no configured payment method can pay this back");
        return Ok(SentBack::UnderWay(record));
    };
    let refund = Refund {
        payment,
        reference: record.reference.clone().unwrap_or_default(),
        payer: record.payer.clone(),
        amount: record.to_pay_back(),
        asset: record.asset.clone(),
    };
    match tokio::time::timeout(PATIENCE, settler.refund(&refund)).await {
        Ok(Settlement::Settled(settled)) => {
            seller.metrics.resolved.increment(1);
            let confirm = Command::ConfirmRefund { payment, settled, at: seller.now() };
            match seller.books.submit(confirm).await? {
                Outcome::Payment(record) => Ok(SentBack::Done(record)),
                outcome => {
                    tracing::error!(?outcome, %payment, "a refund that the rail confirmed was not recorded");
                    Ok(SentBack::UnderWay(record))
                }
            }
        }
        Ok(Settlement::Rejected(rejected)) => {
            tracing::error!(%payment, reason = rejected.reason, "the rail refuses to pay back; a person must look at it");
            Ok(SentBack::UnderWay(record))
        }
        Ok(Settlement::Unknown(unknown)) => {
            tracing::warn!(%payment, reason = unknown.reason, "it is unknown whether the payment was paid back");
            Ok(SentBack::UnderWay(record))
        }
        Err(_) => {
            tracing::warn!(%payment, "the rail did not say in time whether the payment was paid back");
            Ok(SentBack::UnderWay(record))
        }
    }
}
