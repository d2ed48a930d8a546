//! Sessions: many requests paid for by vouchers over one deposit.
//!
//! ```text
//! no state           bytes alone        one durable write                    upstream     later
//! challenge ──▶ 402  credential read ─▶ voucher accepted and price held ───▶ answer ───▶ delivered, or let go of
//! ```
//!
//! The books are the one place where a session changes: what this process knows of one it has been told by them. A
//! credential opens a session, adds to it, raises its total or closes it; opening and raising pay for the request that
//! carries them, unless that wants nothing ([`visit`]). What is held is a [`Drawing`]: delivered when the response went
//! out, let go of otherwise. A deposit runs in a task of its own, as a payment does, so that it is asked for once
//! and finished whether or not its payer stays ([`deposit`]).

mod arrivals;
mod books;
mod close;
mod collect;
mod counting;
mod deliveries;
mod deposit;
mod draw;
mod drawing;
mod ending;
pub(crate) mod keeper;
mod known;
mod manage;
mod measured;
mod named;
mod open;
#[cfg(feature = "planted-bugs")]
mod planted;
mod present;
mod purse;
mod receipt;
mod repeats;
mod serve;
mod socket;
mod stop;
mod top_up;
mod visit;

use std::sync::Arc;

use farthing_books::StoredResponse;
use farthing_money::Amount;
use farthing_protocol::Credential;
use farthing_rail::SessionAction;
use http::Response;

use crate::lifecycle::{Head, IDEMPOTENCY_KEY, Sale};
use crate::proxy::{Body, Target};
use crate::route::SharedRoute;
use crate::site::Site;
pub(crate) use keeper::SessionRail;
pub(crate) use known::Known;
pub(crate) use socket::{is_sold_by_socket, upgrade};

use arrivals::Arrivals;
use deliveries::Deliveries;
use deposit::Depositing;
use drawing::{Drawer, Drawing};
use manage::Managed;
use named::{Named, Turned};
use repeats::Repeats;
use stop::Stop;
use visit::Visit;

/// What one gateway's sessions share in its process.
#[derive(Default)]
pub(crate) struct Sessions {
    /// Streams that wait for vouchers.
    arrivals: Arc<Arrivals>,
    /// What went out a moment ago.
    deliveries: Deliveries,
    /// Deposits that a task of this process is at.
    depositing: Depositing,
    /// Requests that their clients gave names.
    repeats: Arc<Repeats>,
    /// What is delivered and not collected.
    risk: keeper::Risk,
}

/// The route that a credential was issued for, of those that are at its path: what is brought to a session comes
/// with `POST`, whatever methods its route has. A challenge of another secret or price than today's was issued for none;
/// any that takes such sessions then has a fresh one to answer with.
pub(crate) fn visited<'a>(site: &'a Site, target: &Target, credential: &Credential) -> Option<&'a SharedRoute> {
    let issued_for =
        |route: &&SharedRoute| route.paid.as_ref().is_some_and(|paid| present::is_for(site, paid, credential));
    let method = credential.challenge().method().as_str();
    let takes_such = |route: &&SharedRoute| {
        let offers = route.paid.as_ref().map_or(&[][..], |paid| &paid.offers);
        offers.iter().any(|offer| offer.session.is_some() && offer.method == method)
    };
    let here = || site.table.at(target.host(), target.path());
    here().find(issued_for).or_else(|| here().find(takes_such))
}

/// Takes a session's credential and answers the request that carries it.
pub(crate) async fn answer(sale: Sale<'_>, head: Head, credential: Credential, body: Body) -> Response<Body> {
    let visit = Visit::of(&head, &body);
    if visit == Visit::Request && head.parts.headers.contains_key(&IDEMPOTENCY_KEY) {
        return Box::pin(named::answer(sale, head, credential, body)).await;
    }
    match buy(sale, visit, &credential, None).await {
        Ok(Bought::Request(drawing)) => serve::serve(sale, *drawing, head, body).await,
        Ok(Bought::Again(_, managed) | Bought::Nothing(managed)) => managed.into_response(),
        Err(Stop::Denied(denial)) => stop::refuse(sale, &head, body, &denial).await,
        Err(Stop::Elsewhere(response)) => *response,
    }
}

/// What a credential came to.
enum Bought {
    /// This may be served.
    Request(Box<Drawing>),
    /// It was served before under its name, with this answer.
    Again(Arc<StoredResponse>, Box<Managed>),
    /// It was there to bring something, and this is the answer.
    Nothing(Box<Managed>),
}

/// Takes a credential; `named` is a request's name, where it has one.
async fn buy(sale: Sale<'_>, visit: Visit, credential: &Credential, named: Option<&Named<'_>>) -> Result<Bought, Stop> {
    let (read, action) = present::read(sale, credential, sale.seller.now())?;
    let visit = visit.with(&action);
    let voucher = match action {
        SessionAction::Voucher(voucher) => voucher,
        SessionAction::Open(opening) => open::open(sale, &read, *opening).await?,
        SessionAction::TopUp(addition) => return top_up::top_up(sale, &read, *addition).await,
        SessionAction::Close(voucher) => return close::close(sale, &read, *voucher).await,
    };
    let (session, channel) = (voucher.session, voucher.channel.clone());
    let before =
        named.filter(|_| visit == Visit::Request).map(|named| named.before(sale.seller, session)).transpose()?;
    let (turn, given) = match before {
        Some(Turned::First(turn)) => (Some(turn), None),
        Some(Turned::Again(given)) => (None, Some(given)),
        None => (None, None),
    };
    let hold = match visit {
        Visit::Request if given.is_none() => counting::first_hold(read.terms),
        Visit::Request | Visit::Stream | Visit::Management => Amount::ZERO,
    };
    let credit = draw::draw(sale.seller, &read, voucher, hold).await?;
    let drawer = Drawer {
        seller: Arc::clone(sale.seller),
        route: Arc::clone(sale.route),
        terms: Arc::clone(read.terms),
        session,
        channel,
        challenge: read.challenge,
    };
    let drawing = Drawing::new(drawer, hold, credit).under(turn);
    let managed = |drawing: &Drawing| Box::new(Managed { receipt: drawing.receipt(0), known: None });
    Ok(match (given, visit) {
        (Some(given), _) => Bought::Again(given, managed(&drawing)),
        (None, Visit::Request | Visit::Stream) => Bought::Request(Box::new(drawing)),
        (None, Visit::Management) => Bought::Nothing(managed(&drawing)),
    })
}
