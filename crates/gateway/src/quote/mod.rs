//! The 402: what a request costs and how that may be paid. No I/O and nothing stored.

mod body;
mod expiry;
mod nonce;
mod scope;

use std::time::Duration;

use bytes::Bytes;
use farthing_protocol::{AcceptPayment, BodyDigest, ChallengeTemplate, Timestamp, caching};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, VARY, WWW_AUTHENTICATE};
use http::{HeaderMap, Method, Response, StatusCode};

pub(crate) use body::{BodyBinding, BodyFailure, Measured, Rejoined, measure};
pub use nonce::repeat_challenges;
pub(crate) use scope::Scope;

use crate::answer::{self, NO_STORE, PROBLEM_JSON};
use crate::denial::Denial;
use crate::dialect::{REQUIRED, Spoken};
use crate::proxy::{Body, Target};
use crate::route::{Offer, Paid};
use crate::sessions::Known;
use crate::site::Site;

/// The header in which a client says what it can pay with.
pub(crate) const ACCEPT_PAYMENT: HeaderName = HeaderName::from_static("accept-payment");

/// Field values of all challenges of one response together stay below this.
const BUDGET: usize = 8 * 1024;
/// Challenges and price list together stay below this, as far as fewer offers can help: many proxies have
/// 4 KiB for all that stands before a body, and answer 502 when that is too little.
pub(crate) const BUDGET_OF_BOTH: usize = 3 * 1024;
/// When to ask again for a price that nobody could pay just now.
const COME_BACK: Duration = Duration::from_secs(10);
/// What depends on x402 credentials too.
const VARY_OF_BOTH: HeaderValue =
    HeaderValue::from_static("Accept-Payment, Authorization, Payment-Signature, X-Payment");

/// What is asked for: the part of a request that a challenge is bound to.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a Method,
    pub(crate) target: &'a Target,
    /// `http` or `https`, as the client connected.
    pub(crate) scheme: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a BodyBinding,
}

/// A 402 with fresh offers in every protocol of the route. Without a denial, it says what the request costs.
/// Offers whose rail cannot be paid over just now are not made; where none is left, it is a 503.
pub(crate) fn quote(
    site: &Site,
    paid: &Paid,
    asked: Asked<'_>,
    denial: Option<(Spoken, &Denial)>,
    now: Timestamp,
) -> Response<Body> {
    let span = tracing::debug_span!("quote");
    let _entered = span.enter();
    let ready: Vec<bool> = paid.offers.iter().map(|offer| offer.readiness().is_ok()).collect();
    let is_made = |place: usize| ready.get(place).copied().unwrap_or_default();
    if !ready.contains(&true) {
        return nothing_to_pay_by();
    }
    let error = match denial {
        Some((Spoken::X402(_, words), denial)) => Some(denial.code(words)),
        _ => None,
    };
    let problem = denial.map(|(_, denial)| &denial.problem);
    let body = match (&paid.x402, problem) {
        (Some(list), problem) if list.takes_first_version() => {
            Bytes::from(list.body(problem.unwrap_or(&paid.problem), asked, error, is_made))
        }
        // The answer to HEAD has the headers only; hyper leaves the body out.
        (_, Some(problem)) => Bytes::from(problem.to_json()),
        (_, None) => paid.required.clone(),
    };
    let mut response = Response::new(Body::full(body));
    *response.status_mut() = StatusCode::PAYMENT_REQUIRED;
    let headers = response.headers_mut();
    let list = paid.x402.as_ref().and_then(|list| list.header(asked, error, is_made, now));
    let budget = list.as_ref().map_or(BUDGET, |list| BUDGET_OF_BOTH.saturating_sub(list.len()));
    let offers = ranked(&paid.offers, asked.headers);
    let made = offers.iter().filter(|(place, _)| is_made(*place)).map(|(_, offer)| *offer);
    let known = denial.and_then(|(_, denial)| denial.session.as_deref());
    let issuing = Issuing { site, paid, asked, known, now };
    issuing.challenge(made, budget, headers);
    if let Some(known) = known {
        known.show(headers);
    }
    if let Some(list) = list {
        headers.insert(REQUIRED, list);
    }
    headers.insert(CONTENT_TYPE, PROBLEM_JSON);
    headers.insert(CACHE_CONTROL, NO_STORE);
    headers.insert(VARY, vary(paid));
    response
}

/// What the answers of a route depend on.
pub(crate) fn vary(paid: &Paid) -> HeaderValue {
    if paid.x402.is_some() { VARY_OF_BOTH } else { HeaderValue::from_static(caching::VARY) }
}

/// What fresh challenges are issued from.
struct Issuing<'a> {
    site: &'a Site,
    paid: &'a Paid,
    asked: Asked<'a>,
    /// The session that was just presented.
    known: Option<&'a Known>,
    now: Timestamp,
}

impl Issuing<'_> {
    /// A fresh challenge for each offer that is made that way, as many as fit.
    fn challenge<'a>(&self, offers: impl Iterator<Item = &'a Offer>, budget: usize, headers: &mut HeaderMap) {
        let mut offers = offers.filter_map(|offer| Some((offer, offer.template()?))).peekable();
        if offers.peek().is_none() {
            return;
        }
        let nonce = nonce::fresh(self.now);
        let for_this = Scope::of(self.paid, self.asked).into_opaque(nonce);
        let (mut for_any, mut spent) = (None, 0);
        for (offer, template) in offers {
            let line = match &offer.session {
                None => self.line(offer, template, self.asked.body.digest(), &for_this),
                Some(_) => {
                    let for_any = for_any.get_or_insert_with(|| Scope::of_route(self.paid).into_opaque(nonce));
                    let known = self.known.filter(|known| known.is_of(offer));
                    let reminding = known.and_then(|known| known.template(template));
                    self.line(offer, reminding.as_ref().unwrap_or(template), None, for_any)
                }
            };
            spent += line.len();
            if spent > budget && headers.contains_key(WWW_AUTHENTICATE) {
                break;
            }
            if let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(line)) {
                headers.append(WWW_AUTHENTICATE, value);
            }
        }
    }

    fn line(&self, offer: &Offer, template: &ChallengeTemplate, digest: Option<&BodyDigest>, opaque: &str) -> String {
        expiry::with_text(self.now, offer.validity, |expires| {
            let mut line = String::new();
            template.issue(&self.site.binder, expires, digest, opaque, &mut line);
            line
        })
    }
}

/// The answer while no rail of the route can be paid over: never the goods, and never a price nobody can pay.
pub(crate) fn nothing_to_pay_by() -> Response<Body> {
    let detail = "This cannot be paid for just now, because no payment network is in reach; nothing was charged. Try \
                  again in a moment.";
    answer::retry_after(answer::plain(StatusCode::SERVICE_UNAVAILABLE, detail), COME_BACK)
}

/// The offers with their places, in the order the client prefers; all of them in the seller's order when it
/// names none of them. A price list is always in the seller's order.
fn ranked<'a>(offers: &'a [Offer], headers: &HeaderMap) -> Vec<(usize, &'a Offer)> {
    let accepted = headers
        .contains_key(&ACCEPT_PAYMENT)
        .then(|| AcceptPayment::from_lines(headers.get_all(&ACCEPT_PAYMENT).iter().map(HeaderValue::as_bytes)))
        .flatten();
    let Some(accepted) = accepted else { return offers.iter().enumerate().collect() };
    let names: Vec<(&str, &str)> = offers.iter().map(|offer| (&*offer.method, &*offer.intent)).collect();
    accepted.rank(&names).into_iter().filter_map(|index| Some((index, offers.get(index)?))).collect()
}
