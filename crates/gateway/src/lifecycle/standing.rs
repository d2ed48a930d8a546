//! A credential that was presented before.

use std::time::Duration;

use farthing_books::{Command, Outcome, PaymentRecord, PaymentState};
use farthing_protocol::ProblemType;
use farthing_rail::{Fault, PaymentId};
use http::{Response, StatusCode};
use std::sync::Arc;

use super::claim::{in_doubt, store_down};
use super::kept::give_again;
use super::obligation::Obligation;
use super::resolve::{Resolution, resolve};
use super::{Sale, refuse, unheard};
use crate::answer;
use crate::denial::Denial;
use crate::proxy::Body;
use crate::quote::Asked;
use crate::seller::Seller;

/// What a second presentation leads to: a delivery that is still owed, or an answer.
pub(super) async fn proceed(
    sale: Sale<'_>,
    asked: Asked<'_>,
    record: PaymentRecord,
    key: Option<[u8; 32]>,
) -> Result<Obligation, Box<Response<Body>>> {
    let same_key = key.is_some() && record.idempotency == key;
    let record = match is_on_its_way(&record) && !same_key {
        true => in_whose_hands(sale.seller, record.id).await?,
        false => record,
    };
    match record.state {
        // Whoever was to settle it is gone, and the rail may have the money.
        PaymentState::Claimed if !sale.seller.claiming.has(record.id) => doubted(sale, asked, record).await,
        PaymentState::Claimed | PaymentState::Posted | PaymentState::Delivered if same_key => {
            let detail =
                "The first request under this Idempotency-Key is still being answered; repeat this one in a moment.";
            Err(Box::new(answer::retry_after(answer::plain(StatusCode::CONFLICT, detail), Duration::from_secs(1))))
        }
        PaymentState::Closed if same_key => Err(Box::new(replay(sale, asked, &record).await)),
        PaymentState::Unknown => doubted(sale, asked, record).await,
        PaymentState::Entitled => redeliver(sale, asked, record).await,
        PaymentState::Rejected => {
            let detail = "The payment was refused when this credential was first presented; pay the fresh challenge.";
            Err(refused(sale, asked, &record, ProblemType::VerificationFailed, detail))
        }
        PaymentState::Refunding | PaymentState::Refunded => {
            let detail = "This payment is being paid back or was; pay the fresh challenge.";
            Err(refused(sale, asked, &record, ProblemType::InvalidChallenge, detail))
        }
        PaymentState::Reversed => {
            let detail = "The payment network took this payment back; pay the fresh challenge.";
            Err(refused(sale, asked, &record, ProblemType::InvalidChallenge, detail))
        }
        PaymentState::Claimed | PaymentState::Posted | PaymentState::Delivered | PaymentState::Closed => {
            let detail = "This credential was used before; pay the fresh challenge.";
            Err(refused(sale, asked, &record, ProblemType::InvalidChallenge, detail))
        }
    }
}

fn is_on_its_way(record: &PaymentRecord) -> bool {
    matches!(record.state, PaymentState::Posted | PaymentState::Delivered)
}

/// How a payment stands that was on its way to be delivered, unless somebody else has it in hand.
///
/// Another gateway delivers it, or died on the way, or its rail just said that it was paid, or the books did not answer
/// when it was posted: then it is an entitlement in a moment. It may have become one since it was looked at, too.
async fn in_whose_hands(seller: &Seller, payment: PaymentId) -> Result<PaymentRecord, Box<Response<Body>>> {
    let is_looked_after = seller.is_resolving(payment) || seller.unheard.has(payment);
    match seller.books.payment_here(payment).await {
        Ok(Some((record, is_here))) if !is_on_its_way(&record) || is_here && !is_looked_after => Ok(record),
        Ok(_) => Err(Box::new(in_doubt(Duration::from_secs(1)))),
        Err(error) => Err(Box::new(store_down(seller, &error))),
    }
}

/// The stored answer, if it was small enough to be kept.
async fn replay(sale: Sale<'_>, asked: Asked<'_>, record: &PaymentRecord) -> Response<Body> {
    match sale.seller.books.response(record.id).await {
        Ok(Some(kept)) => {
            sale.route.meters.replayed.increment(1);
            give_again(sale, kept, record).await
        }
        Ok(None) => {
            let detail = "This credential was used before, and its answer was too large to be kept; pay the fresh \
                          challenge.";
            *refused(sale, asked, record, ProblemType::InvalidChallenge, detail)
        }
        Err(error) => store_down(sale.seller, &error),
    }
}

/// Asks the rail once what became of the payment; otherwise the same credential has to wait.
async fn doubted(sale: Sale<'_>, asked: Asked<'_>, record: PaymentRecord) -> Result<Obligation, Box<Response<Body>>> {
    let (seller, payment) = (Arc::clone(sale.seller), record.id);
    let task = sale.seller.spawn(async move { resolve(&seller, payment).await });
    match task.await {
        Ok(Ok(Resolution::Entitled(record))) => redeliver(sale, asked, *record).await,
        Ok(Ok(Resolution::Closed(_))) => {
            let detail = "The balance is topped up; pay the request out of it.";
            Err(refused(sale, asked, &record, ProblemType::InvalidChallenge, detail))
        }
        Ok(Ok(Resolution::Rejected)) => {
            let detail = "The payment was refused by the payment network; pay the fresh challenge.";
            Err(refused(sale, asked, &record, ProblemType::VerificationFailed, detail))
        }
        Ok(Ok(Resolution::StillUnknown(wait))) => Err(Box::new(in_doubt(wait))),
        Ok(Ok(Resolution::Busy)) | Err(_) => Err(Box::new(in_doubt(Duration::from_secs(1)))),
        Ok(Err(error)) => Err(Box::new(store_down(sale.seller, &error))),
    }
}

/// Serves an entitlement, without a charge.
async fn redeliver(sale: Sale<'_>, asked: Asked<'_>, record: PaymentRecord) -> Result<Obligation, Box<Response<Body>>> {
    take_up(sale, record.id).await?.ok_or_else(|| {
        let detail = "This credential is being served to another request or was paid back; pay the fresh challenge.";
        refused(sale, asked, &record, ProblemType::InvalidChallenge, detail)
    })
}

/// Takes up a delivery that is owed. Of several who ask one wins, and the others get nothing.
pub(super) async fn take_up(sale: Sale<'_>, payment: PaymentId) -> Result<Option<Obligation>, Box<Response<Body>>> {
    let (seller, route) = (Arc::clone(sale.seller), Arc::clone(sale.route));
    let (life, asking) = (seller.books.life(), seller.asked.begin(payment, seller.now()));
    let command = Command::Redeliver { payment, at: asking.at };
    // In a task of its own: the winner's obligation must not be lost with its client.
    let task = sale.seller.spawn(async move {
        match seller.books.submit(command).await {
            Ok(Outcome::Payment(record)) => Ok(Some(Obligation::new(seller, route, record, life))),
            Ok(_) => Ok(None),
            Err(error) => {
                unheard::look_after(&seller, &route, asking);
                Err(error)
            }
        }
    });
    match task.await {
        Ok(Ok(taken)) => Ok(taken),
        Ok(Err(error)) => Err(Box::new(store_down(sale.seller, &error))),
        Err(_) => Err(Box::new(in_doubt(Duration::from_secs(1)))),
    }
}

fn refused(
    sale: Sale<'_>,
    asked: Asked<'_>,
    record: &PaymentRecord,
    kind: ProblemType,
    detail: &str,
) -> Box<Response<Body>> {
    let denial = Denial::new(kind, detail).because(Fault::Used).about(&record.challenge);
    Box::new(refuse(sale, asked, &denial))
}
