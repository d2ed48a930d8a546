//! The 402: what a request costs and how that may be paid. No I/O and nothing stored.

mod body;
mod expiry;
mod nonce;
mod scope;

use std::borrow::Cow;

use bytes::Bytes;
use farthing_protocol::{AcceptPayment, Problem, Timestamp, caching};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, VARY, WWW_AUTHENTICATE};
use http::{HeaderMap, Method, Response, StatusCode};

pub(crate) use body::{BodyBinding, BodyFailure, Measured, Rejoined, measure};
pub(crate) use scope::Scope;

use crate::answer::{NO_STORE, PROBLEM_JSON};
use crate::proxy::{Body, Target};
use crate::route::{Offer, Paid};
use crate::site::Site;

/// The header in which a client says what it can pay with.
pub(crate) const ACCEPT_PAYMENT: HeaderName = HeaderName::from_static("accept-payment");

/// Field values of all challenges of one response together stay below this.
const HEADER_BUDGET: usize = 8 * 1024;

/// What is asked for: the part of a request that a challenge is bound to.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a Method,
    pub(crate) target: &'a Target,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a BodyBinding,
}

/// A 402 with fresh challenges. Without a problem, it says what the request costs.
pub(crate) fn quote(
    site: &Site,
    paid: &Paid,
    asked: Asked<'_>,
    problem: Option<&Problem>,
    now: Timestamp,
) -> Response<Body> {
    let span = tracing::debug_span!("quote");
    let _entered = span.enter();
    let body = match problem {
        // The answer to HEAD has the headers only; hyper leaves the body out.
        Some(problem) => Bytes::from(problem.to_json()),
        None => paid.required.clone(),
    };
    let mut response = Response::new(Body::full(body));
    *response.status_mut() = StatusCode::PAYMENT_REQUIRED;
    let headers = response.headers_mut();
    let opaque = Scope::of(paid, asked).into_opaque(nonce::fresh());
    let digest = asked.body.digest();
    let mut spent = 0;
    for offer in ranked(&paid.offers, asked.headers).iter() {
        let line = expiry::with_text(now, offer.validity, |expires| {
            let mut line = String::new();
            offer.template.issue(&site.binder, expires, digest, &opaque, &mut line);
            line
        });
        spent += line.len();
        if spent > HEADER_BUDGET && headers.contains_key(WWW_AUTHENTICATE) {
            break;
        }
        if let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(line)) {
            headers.append(WWW_AUTHENTICATE, value);
        }
    }
    headers.insert(CONTENT_TYPE, PROBLEM_JSON);
    headers.insert(CACHE_CONTROL, NO_STORE);
    headers.insert(VARY, HeaderValue::from_static(caching::VARY));
    response
}

/// The offers in the order the client prefers; all of them in the seller's order when it names
/// none of them.
fn ranked<'a>(offers: &'a [Offer], headers: &HeaderMap) -> Cow<'a, [&'a Offer]> {
    let accepted = headers
        .contains_key(&ACCEPT_PAYMENT)
        .then(|| AcceptPayment::from_lines(headers.get_all(&ACCEPT_PAYMENT).iter().map(HeaderValue::as_bytes)))
        .flatten();
    let Some(accepted) = accepted else { return offers.iter().collect() };
    let names: Vec<(&str, &str)> = offers.iter().map(|offer| (&*offer.method, &*offer.intent)).collect();
    accepted.rank(&names).into_iter().filter_map(|index| offers.get(index)).collect()
}
