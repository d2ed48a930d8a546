//! The life of a payment: claim, settle, post, deliver, close.
//!
//! From the claim to the ledger entry a payment runs in a task of its own, which finishes whether
//! or not the client stays. From then on an [`Obligation`](obligation::Obligation) stands for the delivery that is owed:
//! it is either fulfilled or becomes an entitlement, whatever happens to the request.

mod claim;
mod closing;
mod confirm;
mod deliver;
mod idempotency;
mod kept;
mod obligation;
mod outgoing;
mod resolve;
mod send_back;
mod standing;

use std::sync::Arc;

use farthing_books::{NewPayment, PaymentRecord};
use farthing_protocol::{Credential, JsonObject, Problem, ProblemType, Timestamp};
use farthing_rail::{Acceptor, PaymentId, Presented, Proof};
use http::{Response, StatusCode};

pub(crate) use closing::Closings;
pub(crate) use confirm::confirm;
pub(crate) use resolve::{Resolution, resolve, settle_timeout_of};
pub(crate) use send_back::{SentBack, send_back};

use crate::answer;
use crate::present::{self, Authentic};
use crate::proxy::{Body, Target};
use crate::quote::{Asked, Measured, quote};
use crate::route::{Offer, Paid, SharedRoute};
use crate::seller::Seller;
use crate::serve::Peer;
use crate::site::Site;
use claim::{Progress, claim_and_settle};
use idempotency::Key;

/// A request without its body.
pub(crate) struct Head {
    pub(crate) parts: http::request::Parts,
    pub(crate) target: Target,
    pub(crate) peer: Peer,
}

/// A paid route and what it is sold for, for the time of one request.
#[derive(Clone, Copy)]
pub(crate) struct Sale<'a> {
    pub(crate) seller: &'a Arc<Seller>,
    pub(crate) site: &'a Site,
    pub(crate) route: &'a SharedRoute,
    pub(crate) paid: &'a Paid,
}

impl Sale<'_> {
    /// What the receipt of a payment says beside what every receipt does.
    fn receipt_members(&self, record: &PaymentRecord) -> JsonObject {
        let made_by = |offer: &&Offer| {
            offer.method == record.method
                && offer.intent == record.intent
                && offer.acceptor.terms().asset == record.asset
        };
        let offer = self.paid.offers.iter().find(made_by);
        offer.map(|offer| offer.acceptor.method().receipt_members()).unwrap_or_default()
    }
}

/// Takes a credential and answers the request it pays for.
pub(crate) async fn sell(sale: Sale<'_>, head: Head, credential: Credential, measured: Measured) -> Response<Body> {
    let Measured { binding, body } = measured;
    let asked =
        Asked { method: &head.parts.method, target: &head.target, headers: &head.parts.headers, body: &binding };
    let now = sale.seller.now();
    let prepared = match prepare(sale, asked, &credential, now) {
        Ok(prepared) => prepared,
        Err(problem) => return refuse(sale, asked, &problem),
    };
    drop(credential);
    let Prepared { new, offer, expired } = prepared;
    let key = new.idempotency;
    let progress = if expired {
        match sale.seller.books.payment_of(&new.challenge).await {
            Ok(Some(record)) => Progress::Standing(Box::new(record)),
            Ok(None) => Progress::Refused(expired_problem(&new)),
            Err(error) => Progress::store_down(sale.seller, &error),
        }
    } else {
        claim_and_settle(sale.seller, sale.route, offer, new).await
    };
    let owed = match progress {
        Progress::Owed(owed) => owed,
        Progress::Standing(record) => match standing::proceed(sale, asked, *record, key).await {
            Ok(owed) => owed,
            Err(response) => return *response,
        },
        Progress::Refused(problem) => return refuse(sale, asked, &problem),
        Progress::Elsewhere(response) => return *response,
    };
    deliver::deliver(sale, owed, head, body, key.is_some()).await
}

/// Refuses a credential: with fresh challenges where the status is 402, without any where it is not.
pub(crate) fn refuse(sale: Sale<'_>, asked: Asked<'_>, problem: &Problem) -> Response<Body> {
    sale.route.meters.refused.increment(1);
    if problem.kind.status() == StatusCode::PAYMENT_REQUIRED.as_u16() {
        return quote(sale.site, sale.paid, asked, Some(problem), sale.seller.now());
    }
    answer::problem(problem.kind, &problem.detail)
}

struct Prepared<'a> {
    new: NewPayment,
    offer: &'a Offer,
    expired: bool,
}

fn prepare<'a>(
    sale: Sale<'a>,
    asked: Asked<'_>,
    credential: &Credential,
    now: Timestamp,
) -> Result<Prepared<'a>, Problem> {
    let key = Key::read(asked.headers)?;
    let Authentic { offer, expired, scope, .. } = present::check(sale.site, sale.paid, asked, credential, now)?;
    let presented = Presented { credential, request: &offer.request, now };
    let proof: Proof = offer.acceptor.method().verify(&presented).map_err(|refusal| Problem {
        kind: refusal.problem,
        detail: refusal.detail,
        challenge_id: Some(credential.challenge().id().clone()),
    })?;
    let challenge = credential.challenge().id().clone();
    let new = NewPayment {
        id: PaymentId::of(&challenge),
        challenge,
        idempotency: key.map(|key| key.bound_to(&sale.site.realm, proof.payer.as_ref(), &scope)),
        proof,
        prepaid: matches!(offer.acceptor, Acceptor::Prepaid(_)),
        method: offer.method.clone(),
        intent: offer.intent.clone(),
        rail: offer.rail.clone(),
        route: sale.route.name.clone(),
        request: format!("{} {}", asked.method, asked.target.path()),
        at: now,
    };
    Ok(Prepared { new, offer, expired })
}

fn expired_problem(new: &NewPayment) -> Problem {
    Problem {
        kind: ProblemType::PaymentExpired,
        detail: "The challenge has expired; pay the fresh one.".to_owned(),
        challenge_id: Some(new.challenge.clone()),
    }
}
