//! The life of a payment: claim, settle, post, deliver, close.
//!
//! From the claim to the ledger entry a payment runs in a task of its own, which finishes whether
//! or not the client stays. From then on an [`Obligation`](obligation::Obligation) stands for the delivery that is owed:
//! it is either fulfilled or becomes an entitlement, whatever happens to the request.

mod asking;
mod claim;
mod closing;
mod confirm;
mod deliver;
mod held;
mod idempotency;
mod kept;

mod obligation;
mod outgoing;
#[cfg(feature = "planted-bugs")]
mod planted;
mod resolve;
mod send_back;
mod standing;
mod subscription;
mod top_up;
mod unheard;

use std::sync::Arc;

use farthing_books::{NewPayment, PaymentRecord};
use farthing_protocol::{ChallengeId, Credential, JsonObject, ProblemType, Timestamp};
use farthing_rail::{Acceptor, Begun, Fault, PaymentId, Proof};
use http::{Response, StatusCode};

pub(crate) use asking::Askings;
pub(crate) use claim::{in_doubt, store_down};
pub(crate) use closing::Closings;
pub(crate) use confirm::{confirm, first_question};
pub(crate) use deliver::{PAYMENT_RECEIPT, is_success, show_receipt};
pub(crate) use idempotency::{IDEMPOTENCY_KEY, Said};
pub(crate) use kept::{ReadAhead, keep, read_ahead, restore};
pub(crate) use outgoing::{Delivery, PaidBody};
pub(crate) use resolve::{Resolution, resolve, settle_timeout_of};
pub(crate) use send_back::{SentBack, send_back};
pub(crate) use subscription::Visits;

use crate::answer;
use crate::credentials::Presented;
use crate::denial::Denial;
use crate::dialect::{self, Answering, Spoken};
use crate::present::{self, Authentic};
use crate::proxy::{Body, Target};
use crate::quote::{Asked, BodyBinding, Measured, Scope, nothing_to_pay_by, quote};
use crate::route::{Offer, Paid, SharedRoute};
use crate::seller::Seller;
use crate::serve::Peer;
use crate::site::Site;
use claim::{Progress, claim_and_settle};
use held::{Metered, Served};
use idempotency::Key;
use subscription::Visiting;
use top_up::{Split, ToppedUp, ToppingUp, topping_up};

/// A request without its body.
#[derive(Clone)]
pub(crate) struct Head {
    pub(crate) parts: http::request::Parts,
    pub(crate) target: Target,
    pub(crate) peer: Peer,
}

impl Head {
    /// What it asks for, with this body.
    pub(crate) fn asked<'a>(&'a self, body: &'a BodyBinding) -> Asked<'a> {
        let scheme = self.peer.scheme().to_str().unwrap_or_default();
        Asked { method: &self.parts.method, target: &self.target, scheme, headers: &self.parts.headers, body }
    }
}

/// A paid route and what it is sold for, for the time of one request.
#[derive(Clone, Copy)]
pub(crate) struct Sale<'a> {
    pub(crate) seller: &'a Arc<Seller>,
    pub(crate) site: &'a Site,
    pub(crate) route: &'a SharedRoute,
    pub(crate) paid: &'a Paid,
    /// The protocol it is paid in, and so answered.
    pub(crate) spoken: Spoken,
    /// The top-up that was paid with the request, if one was.
    pub(crate) topped_up: Option<&'a PaymentRecord>,
}

impl Sale<'_> {
    /// What the receipt of a payment says beside what every receipt does.
    fn receipt_members(&self, record: &PaymentRecord) -> JsonObject {
        let Some(offer) = self.paid.offer_of(record) else { return JsonObject::new() };
        let mut members = offer.acceptor.method().receipt_members();
        if let Acceptor::External(settler) = &offer.acceptor
            && let (Some(subscriptions), Some(settled)) = (settler.subscriptions(), record.settled())
        {
            members.extend(subscriptions.members(Begun { claim: &record.claim(), settled: &settled }));
        }
        members
    }
}

/// Takes a credential and answers the request it pays for.
pub(crate) async fn sell(sale: Sale<'_>, head: Head, presented: Presented, measured: Measured) -> Response<Body> {
    let Measured { binding, mut body } = measured;
    let asked = head.asked(&binding);
    let Prepared { good_for, key } = match prepare(sale, asked, presented, sale.seller.now()) {
        Ok(prepared) => prepared,
        Err(denial) => return refuse(sale, asked, &denial),
    };
    let mut topped_up = None;
    // The rare ways are boxed: every other request would carry their kilobytes.
    let progress = match good_for {
        GoodFor::Metered(new, metered) => match Box::pin(held::serve(metered, *new, head.clone(), body)).await {
            Served::Now(owed, response) => return deliver::succeed(sale, owed, response).await,
            Served::Before(record, unread) => {
                body = unread;
                Progress::Standing(record)
            }
            Served::Not(progress) => {
                body = Body::empty();
                progress
            }
        },
        GoodFor::TopUp(topping) => {
            let ToppedUp { record, progress } = Box::pin(top_up::serve(sale, *topping)).await;
            topped_up = record;
            progress
        }
        GoodFor::Visit(visiting) => {
            return Box::pin(subscription::serve(sale, asked, head.clone(), *visiting, body)).await;
        }
        GoodFor::New(new, offer) => claim_and_settle(sale.seller, sale.route, offer, *new).await,
        GoodFor::OnRecord(payment, otherwise) => on_record(sale.seller, payment, otherwise).await,
    };
    let sale = Sale { topped_up: topped_up.as_deref(), ..sale };
    let owed = match progress {
        Progress::Owed(owed) => owed,
        Progress::Standing(record) => {
            let key = key.map(|key| key.bound_to(&sale.site.realm, record.payer.as_ref()));
            match standing::proceed(sale, asked, *record, key).await {
                Ok(owed) => owed,
                Err(response) => return *response,
            }
        }
        Progress::Refused(denial) => return refuse(sale, asked, &denial),
        Progress::Elsewhere(response) => return *response,
    };
    deliver::deliver(sale, owed, head, body).await
}

/// What was paid before with this credential; otherwise what it comes to without that.
async fn on_record(seller: &Seller, payment: PaymentId, otherwise: Progress) -> Progress {
    match seller.books.payment(payment).await {
        Ok(Some(record)) => Progress::Standing(Box::new(record)),
        Ok(None) => otherwise,
        Err(error) => Progress::store_down(seller, &error),
    }
}

/// Refuses a credential: with fresh offers where that helps, without any where it does not.
pub(crate) fn refuse(sale: Sale<'_>, asked: Asked<'_>, denial: &Denial) -> Response<Body> {
    sale.route.meters.refused.increment(1);
    let problem = &denial.problem;
    if problem.kind.status() != StatusCode::PAYMENT_REQUIRED.as_u16() {
        return answer::problem(problem.kind, &problem.detail);
    }
    let mut response = quote(sale.site, sale.paid, asked, Some((sale.spoken, denial)), sale.seller.now());
    let Spoken::X402(version, words) = sale.spoken else { return response };
    if denial.fault == Some(Fault::Allowance) && response.status() == StatusCode::PAYMENT_REQUIRED {
        *response.status_mut() = StatusCode::PRECONDITION_FAILED;
    }
    if let Some(record) = &denial.rejected {
        dialect::failed(response.headers_mut(), version, sale.paid, record, denial.code(words));
    }
    response
}

/// A credential that was checked, as far as that needs no state.
struct Prepared<'a> {
    good_for: GoodFor<'a>,
    /// The client's name for the request.
    key: Option<Key>,
}

enum GoodFor<'a> {
    /// A payment for this offer, to be settled before the service.
    New(Box<NewPayment>, &'a Offer),
    /// A payment that tops up a balance, and the request out of that.
    TopUp(Box<ToppingUp<'a>>),
    /// No payment: a request in a period that is paid.
    Visit(Box<Visiting>),
    /// A payment to be held before the service and captured after it.
    Metered(Box<NewPayment>, Metered),
    /// What was paid with it before; otherwise this.
    OnRecord(PaymentId, Progress),
}

/// A credential that answers an offer of this route, whatever protocol it came in.
struct Read<'a> {
    offer: &'a Offer,
    credential: Credential,
    scope: Scope,
    /// Whether its challenge is over.
    expired: bool,
    spoken: Spoken,
    /// The client's name for the payment, where its protocol has a place for that.
    identifier: Option<String>,
}

fn read<'a>(sale: Sale<'a>, asked: Asked<'_>, presented: Presented, now: Timestamp) -> Result<Read<'a>, Denial> {
    let spoken = presented.spoken();
    match presented {
        Presented::Credential(credential) => {
            let Authentic { offer, expired, scope } = present::check(sale.site, sale.paid, asked, &credential, now)?;
            Ok(Read { offer, credential, scope, expired, spoken, identifier: None })
        }
        Presented::Payment(payment) => {
            let Answering { offer, credential, scope, identifier } =
                dialect::check(sale.site, sale.paid, asked, &payment)?;
            Ok(Read { offer, credential, scope, expired: false, spoken, identifier })
        }
    }
}

fn prepare<'a>(sale: Sale<'a>, asked: Asked<'_>, presented: Presented, now: Timestamp) -> Result<Prepared<'a>, Denial> {
    let said = Said::read(asked.headers)?;
    let Read { offer, credential, scope, expired, spoken, identifier } = read(sale, asked, presented, now)?;
    let key = identifier.map(Said::from_identifier).or(said).map(|said| said.within(&scope));
    let challenge = credential.challenge().id().clone();
    let id = PaymentId::answering(credential.challenge());
    let on_record = |otherwise| GoodFor::OnRecord(id, otherwise);
    if let Some(visiting) = subscription::visiting(offer, &credential, now)? {
        let denial = expired.then(|| expired_denial(&challenge));
        return denial.map_or(Ok(Prepared { good_for: GoodFor::Visit(Box::new(visiting)), key }), Err);
    }
    let question = farthing_rail::Presented { credential: &credential, request: &offer.request, now };
    let proof: Proof = match offer.acceptor.method().verify(&question) {
        Ok(proof) => proof,
        Err(refusal) => {
            let denial = Denial::of(refusal).about(&challenge);
            // Its id is a hash of the whole payment: what is on record under it was verified when it was good,
            // and clocks jump.
            if matches!(spoken, Spoken::X402(..)) && denial.fault.is_some_and(Fault::is_of_time) {
                return Ok(Prepared { good_for: on_record(Progress::Refused(denial)), key });
            }
            return Err(denial);
        }
    };
    if expired {
        return Ok(Prepared { good_for: on_record(Progress::Refused(expired_denial(&challenge))), key });
    }
    if offer.readiness().is_err() {
        return Ok(Prepared { good_for: on_record(Progress::Elsewhere(Box::new(nothing_to_pay_by()))), key });
    }
    let new = NewPayment {
        id,
        idempotency: key.as_ref().map(|key| key.bound_to(&sale.site.realm, proof.payer.as_ref())),
        tops_up: None,
        challenge,
        proof,
        prepaid: matches!(offer.acceptor, Acceptor::Prepaid(_)),
        method: offer.method.clone(),
        intent: offer.intent.clone(),
        rail: offer.rail.clone(),
        route: sale.route.name.clone(),
        request: format!("{} {}", asked.method, asked.target.path()),
        at: now,
    };
    let good_for = match (topping_up(sale, offer, new, key.as_ref()), metered(sale, offer)) {
        (Split::Both(topping), _) => GoodFor::TopUp(topping),
        (Split::Not(new), Some(metered)) => GoodFor::Metered(new, metered),
        (Split::Not(new), None) => GoodFor::New(new, offer),
    };
    Ok(Prepared { good_for, key })
}

/// What is to be done where only what was used is taken.
fn metered(sale: Sale<'_>, offer: &Offer) -> Option<Metered> {
    Some(Metered {
        seller: Arc::clone(sale.seller),
        route: Arc::clone(sale.route),
        settler: Arc::clone(offer.metered()?),
        patience: offer.settle_timeout,
        meter: sale.paid.meter.clone()?,
    })
}

fn expired_denial(challenge: &ChallengeId) -> Denial {
    let detail = "The challenge has expired; pay the fresh one.";
    Denial::new(ProblemType::PaymentExpired, detail).about(challenge)
}
