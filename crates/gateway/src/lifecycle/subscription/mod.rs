//! Requests in a period of a subscription that is paid: served, and not paid for.
//!
//! A subscription begins with a payment like any other. Whoever began it comes back with a signature over a fresh
//! challenge. What they may have is decided by the books alone: the period that is now, and the payment for it.

mod period;
mod visits;

use std::sync::Arc;
use std::time::Duration;

use farthing_books::{PaymentRecord, PaymentState};
use farthing_protocol::{ChallengeId, Credential, MethodName, ProblemType, Receipt, Timestamp};
use farthing_rail::{Acceptor, Begun, Canceled, Fault, SubscriptionVisit, Wish};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};

pub(super) use period::renew_what_is_due;
pub(crate) use visits::Visits;

use super::claim::{in_doubt, store_down};
use super::deliver::{self, is_success, show_receipt, without_meter};
use super::resolve::settler_of;
use super::standing::take_up;
use super::{Head, Sale, refuse};
use crate::answer;
use crate::denial::Denial;
use crate::proxy::Body;
use crate::quote::Asked;
use crate::route::Offer;
use period::{PeriodStanding, period_of};

/// How long a rail may take to cancel.
const PATIENCE: Duration = Duration::from_secs(15);

/// A credential that was checked and pays nothing.
pub(super) struct Visiting {
    visit: SubscriptionVisit,
    challenge: ChallengeId,
    expires: Timestamp,
    method: String,
    rail: String,
}

/// Reads a credential that uses a subscription of this offer; nothing, where it begins one or the offer has none.
pub(super) fn visiting(offer: &Offer, credential: &Credential, now: Timestamp) -> Result<Option<Visiting>, Denial> {
    let Acceptor::External(settler) = &offer.acceptor else { return Ok(None) };
    if settler.subscriptions().is_none() {
        return Ok(None);
    }
    let challenge = credential.challenge();
    let Some(visit) = SubscriptionVisit::read(credential) else { return Ok(None) };
    let visit = visit.map_err(|detail| Denial::new(ProblemType::VerificationFailed, detail).about(challenge.id()))?;
    Ok(Some(Visiting {
        visit,
        challenge: challenge.id().clone(),
        expires: challenge.expires().unwrap_or(now),
        method: offer.method.clone(),
        rail: offer.rail.clone(),
    }))
}

/// Answers a request of whoever has a subscription.
pub(super) async fn serve(
    sale: Sale<'_>,
    asked: Asked<'_>,
    head: Head,
    visiting: Visiting,
    body: Body,
) -> Response<Body> {
    let refused = |kind, detail: &str| {
        refuse(sale, asked, &Denial::new(kind, detail).because(Fault::Used).about(&visiting.challenge))
    };
    let began = match sale.seller.books.payment(visiting.visit.subscription.payment()).await {
        Err(error) => return store_down(sale.seller, &error),
        Ok(found) => found.filter(|record| is_theirs(sale, &visiting, record)),
    };
    let Some(began) = began else {
        let detail = "There is no such subscription of this key for this route; pay the fresh challenge to begin one.";
        return refused(ProblemType::VerificationFailed, detail);
    };
    // Over all gateways that share the books, and only for those who have a subscription: nobody else makes them write.
    match sale.seller.books.visit(&visiting.challenge, visiting.expires).await {
        Ok(true) => {}
        Ok(false) => {
            return refused(
                ProblemType::InvalidChallenge,
                "This credential was used before; sign the fresh challenge.",
            );
        }
        Err(error) => return store_down(sale.seller, &error),
    }
    if visiting.visit.wish == Wish::Cancel {
        return cancel(sale, &began).await;
    }
    let (seller, record) = (Arc::clone(sale.seller), began.clone());
    // What is found out is written down whether or not the client stays.
    let standing = match sale.seller.spawn(async move { period_of(&seller, &record).await }).await {
        Ok(Ok(standing)) => standing,
        Ok(Err(error)) => return store_down(sale.seller, &error),
        Err(_) => return in_doubt(Duration::from_secs(1)),
    };
    match standing {
        PeriodStanding::Paid(paid) if paid.state == PaymentState::Entitled => {
            owed(sale, asked, head, body, *paid).await
        }
        PeriodStanding::Paid(paid) => forward(sale, head, body, &began, &paid, &visiting).await,
        PeriodStanding::Unpaid => {
            let detail = "The subscription's present period is not paid; pay the fresh challenge to begin anew.";
            refused(ProblemType::PaymentRequired, detail)
        }
        PeriodStanding::InDoubt(wait) => {
            let detail = "It is not known just now whether the subscription's period is paid. Ask again in a moment.";
            answer::retry_after(answer::plain(StatusCode::SERVICE_UNAVAILABLE, detail), wait)
        }
    }
}

/// Whether a payment began a subscription of this payer to this route.
fn is_theirs(sale: Sale<'_>, visiting: &Visiting, record: &PaymentRecord) -> bool {
    let payer = visiting.visit.payer.to_string();
    record.intent == farthing_protocol::subscription::INTENT
        && !record.renews()
        && (&record.method, &record.rail) == (&visiting.method, &visiting.rail)
        && record.route == sale.route.name
        && record.payer.as_ref().is_some_and(|known| known.as_str() == payer)
}

/// The first delivery, where that is still owed.
async fn owed(sale: Sale<'_>, asked: Asked<'_>, head: Head, body: Body, record: PaymentRecord) -> Response<Body> {
    match take_up(sale, record.id).await {
        Ok(Some(owed)) => deliver::deliver(sale, owed, head, body).await,
        Ok(None) => {
            let detail = "The subscription's first payment is being served or was paid back; pay the fresh challenge.";
            refuse(sale, asked, &Denial::new(ProblemType::InvalidChallenge, detail))
        }
        Err(answer) => *answer,
    }
}

/// Asks the upstream, within a period that is paid. What fails may be asked again: nothing is used up.
async fn forward(
    sale: Sale<'_>,
    head: Head,
    body: Body,
    began: &PaymentRecord,
    paid: &PaymentRecord,
    visiting: &Visiting,
) -> Response<Body> {
    let request = Request::from_parts(head.parts, body);
    match sale.route.upstream.forward(&head.target, &head.peer, request).await {
        Ok(response) if response.status() == StatusCode::PAYMENT_REQUIRED => {
            answer::plain(StatusCode::BAD_GATEWAY, "The upstream asks for a payment that this gateway cannot make.")
        }
        Ok(response) => {
            let mut response = without_meter(sale, response);
            if is_success(response.status())
                && let Ok(method) = MethodName::read(&paid.method)
            {
                let receipt = Receipt {
                    method,
                    reference: paid.reference.clone().unwrap_or_else(|| paid.id.to_string()),
                    timestamp: paid.settled_at.unwrap_or(paid.claimed_at),
                    challenge_id: Some(visiting.challenge.clone()),
                    external_id: sale.paid.offer_of(paid).and_then(|offer| offer.request.external_id.clone()),
                    extra: sale.receipt_members(began),
                };
                show_receipt(response.headers_mut(), &receipt);
            }
            response
        }
        Err(error) => {
            tracing::warn!(%error, upstream = sale.route.upstream.authority(), "the upstream failed");
            answer::plain(error.status(), "The upstream did not answer. The subscription goes on; ask again.")
        }
    }
}

/// Renews it no more. Doing it again says the same.
async fn cancel(sale: Sale<'_>, began: &PaymentRecord) -> Response<Body> {
    let (seller, record) = (Arc::clone(sale.seller), began.clone());
    let task = sale.seller.spawn(async move {
        let settler = settler_of(&seller, &record)?;
        let (claim, settled) = (record.claim(), record.settled()?);
        let asked = settler.subscriptions()?.cancel(Begun { claim: &claim, settled: &settled });
        tokio::time::timeout(PATIENCE, asked)
            .await
            .ok()?
            .inspect_err(|error| {
                tracing::warn!(payment = %record.id, %error, "a subscription could not be cancelled");
            })
            .ok()
    });
    let Ok(Some(Canceled { ends })) = task.await else {
        let detail = "The subscription could not be cancelled just now; cancel it again with a fresh challenge.";
        return answer::retry_after(answer::plain(StatusCode::SERVICE_UNAVAILABLE, detail), Duration::from_secs(2));
    };
    let id = farthing_rail::SubscriptionId::of(began.id).to_string();
    let said = serde_json::json!({ "subscriptionId": id, "state": "canceled", "ends": ends.to_rfc3339() });
    let mut response = Response::new(Body::full(said.to_string()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, answer::NO_STORE);
    response
}
