//! From a request to its answer.

use std::sync::Arc;

use farthing_protocol::{Credential, ProblemType};
use http::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body::Body as _;
use hyper::body::Incoming;

use crate::answer;
use crate::caches::keep_private;
use crate::credentials::{self, Carried};
use crate::denial::Denial;
use crate::dialect::Spoken;
use crate::funding;
use crate::lifecycle::{Head, Sale, refuse, sell};
use crate::proxy::{Body, Target};
use crate::quote::{BodyBinding, BodyFailure, Measured, measure, quote};
use crate::route::{Found, Paid, SharedRoute};
use crate::seller::Seller;
use crate::serve::Peer;
use crate::sessions;
use crate::site::Site;
use crate::webhook;

const PAYMENT_AUTHORIZATION: HeaderName = HeaderName::from_static("payment-authorization");

/// Answers one request.
pub(crate) async fn answer(seller: &Arc<Seller>, request: Request<Incoming>, peer: Peer) -> Response<Body> {
    let is_head = *request.method() == Method::HEAD;
    let carries_payment = request.headers().contains_key(&PAYMENT_AUTHORIZATION);
    let mut response = route(seller, request, peer).await;
    if carries_payment {
        keep_private(response.headers_mut());
    }
    if is_head { without_body(response) } else { response }
}

async fn route(seller: &Arc<Seller>, request: Request<Incoming>, peer: Peer) -> Response<Body> {
    let site = seller.site.load_full();
    let (parts, incoming) = request.into_parts();
    let target = match Target::read(&parts.method, &parts.uri, &parts.headers) {
        Ok(target) => target,
        Err(error) => return answer::plain(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    if let Some(rail) = webhook::of(&site, &parts.method, target.path()) {
        return Box::pin(webhook::take(seller, rail.as_ref(), &parts.headers, incoming)).await;
    }
    if let Some((route, credential)) = management(&site, &parts, &target, &incoming) {
        let head = Head { parts, target, peer };
        return bring(seller, &site, &route, head, credential).await;
    }
    if funding::is_ours(&site, target.path()) {
        return Box::pin(funding::answer(seller, &site, &parts.method, target.path(), incoming)).await;
    }
    let found = match site.table.find(target.host(), &parts.method, target.path()) {
        Found::Route(route) => Arc::clone(route),
        Found::Nothing => {
            return site.documents.answer(&parts.method, target.path()).unwrap_or_else(|| unmatched(seller));
        }
        Found::Ambiguous => {
            let detail = "Spelled like this, the path could be taken for a paid one; spell it as the route does.";
            return answer::plain(StatusCode::NOT_FOUND, detail);
        }
    };
    // The documents of the gateway itself stand before a route for everything.
    if found.pattern.path.contains("{*")
        && let Some(document) = site.documents.answer(&parts.method, target.path())
    {
        return document;
    }
    if declared_length(&parts.headers) > found.max_body {
        return answer::plain(StatusCode::PAYLOAD_TOO_LARGE, "The body is larger than this route takes.");
    }
    let body = Body::from_client(incoming, Some(found.max_body));
    let head = Head { parts, target, peer };
    match &found.paid {
        // Boxed where it is made: hyper moves the whole of an answer's future, and forwarding takes kilobytes of it.
        None => Box::pin(pass(&found, head, body)).await,
        Some(paid) => {
            let mut response = charge(seller, &site, &found, paid, head, body).await;
            // Redirects and failures too: what a payer got is nobody else's, and a failure is not the price.
            keep_private(response.headers_mut());
            response
        }
    }
}

/// What a `POST` without a body brings to a session of a route at its path, whatever methods the route has.
fn management(
    site: &Site,
    parts: &http::request::Parts,
    target: &Target,
    incoming: &Incoming,
) -> Option<(SharedRoute, Credential)> {
    if parts.method != Method::POST || !incoming.is_end_stream() || !parts.headers.contains_key(AUTHORIZATION) {
        return None;
    }
    let Carried::One(presented) = credentials::read(&parts.headers) else { return None };
    let credential = presented.of_session().ok()?;
    Some((Arc::clone(sessions::visited(site, target, &credential)?), credential))
}

/// Takes what is brought to a session.
async fn bring(
    seller: &Arc<Seller>,
    site: &Site,
    route: &SharedRoute,
    head: Head,
    credential: Credential,
) -> Response<Body> {
    let Some(paid) = &route.paid else { return unmatched(seller) };
    let sale = Sale { seller, site, route, paid, spoken: Spoken::Payment, topped_up: None };
    let mut response = Box::pin(sessions::answer(sale, head, credential, Body::empty())).await;
    keep_private(response.headers_mut());
    response
}

/// A free route.
async fn pass(route: &SharedRoute, head: Head, body: Body) -> Response<Body> {
    route.meters.free.increment(1);
    let request = Request::from_parts(head.parts, body);
    match route.upstream.forward(&head.target, &head.peer, request).await {
        Ok(response) => response,
        Err(error) => {
            tracing::warn!(%error, upstream = route.upstream.authority(), "the upstream failed");
            answer::plain(error.status(), "The upstream did not answer.")
        }
    }
}

/// A paid route: a 402 without a credential, a sale with one.
async fn charge(
    seller: &Arc<Seller>,
    site: &Site,
    route: &SharedRoute,
    paid: &Paid,
    head: Head,
    body: Body,
) -> Response<Body> {
    let carried = credentials::read(&head.parts.headers);
    if let Some(refused) = at_once(&carried) {
        route.meters.refused.increment(1);
        return refused;
    }
    let carried = match carried {
        Carried::One(presented) => match presented.of_session() {
            Ok(credential) => {
                let sale = Sale { seller, site, route, paid, spoken: Spoken::Payment, topped_up: None };
                return Box::pin(sessions::answer(sale, head, credential, body)).await;
            }
            Err(presented) => Carried::One(presented),
        },
        other => other,
    };
    if matches!(carried, Carried::Nothing) && sessions::is_sold_by_socket(paid, &head) {
        return sessions::upgrade(seller, route, head);
    }
    let keep = matches!(carried, Carried::One(_));
    let measured = if http_body::Body::is_end_stream(&body) {
        Measured { binding: BodyBinding::None, body: Body::empty() }
    } else {
        match Box::pin(measure(body, site.digest_body, keep)).await {
            Ok(measured) => measured,
            Err(failure) => return unread(failure),
        }
    };
    if let Carried::One(presented) = carried {
        let sale = Sale { seller, site, route, paid, spoken: presented.spoken(), topped_up: None };
        // Boxed, like the reading of a body, so that the many requests that never come here stay small.
        return Box::pin(sell(sale, head, *presented, measured)).await;
    }
    let asked = head.asked(&measured.binding);
    if let Carried::Unreadable(..) = carried {
        let detail = "The credential cannot be read; it is base64url of a JSON object with challenge and payload.";
        let sale = Sale { seller, site, route, paid, spoken: Spoken::Payment, topped_up: None };
        return refuse(sale, asked, &Denial::new(ProblemType::MalformedCredential, detail));
    }
    route.meters.quotes.increment(1);
    quote(site, paid, asked, None, seller.now())
}

/// What is refused before anything is read or checked: more than one credential, and x402 payments that are
/// none (the `Payment` scheme wants those answered with a fresh challenge).
fn at_once(carried: &Carried) -> Option<Response<Body>> {
    match carried {
        Carried::Several => {
            let detail = "A request carries one payment credential; send only the one that pays for it.";
            Some(answer::problem(ProblemType::BadRequest, detail))
        }
        Carried::Unreadable(Spoken::X402(..), reason) => {
            let detail = format!("The x402 payment cannot be read: {reason}.");
            Some(answer::problem_with_status(StatusCode::BAD_REQUEST, ProblemType::MalformedCredential, &detail))
        }
        _ => None,
    }
}

fn unmatched(seller: &Seller) -> Response<Body> {
    seller.metrics.unmatched.increment(1);
    answer::plain(StatusCode::NOT_FOUND, "Nothing is sold or given here; /openapi.json lists what is.")
}

fn unread(failure: BodyFailure) -> Response<Body> {
    match failure {
        BodyFailure::TooLarge => {
            answer::plain(StatusCode::PAYLOAD_TOO_LARGE, "The body is larger than this route takes.")
        }
        BodyFailure::TooSlow => answer::plain(StatusCode::REQUEST_TIMEOUT, "The body came too slowly."),
        BodyFailure::Broken => answer::plain(StatusCode::BAD_REQUEST, "The body broke off."),
    }
}

fn declared_length(headers: &http::HeaderMap) -> u64 {
    headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()).and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// The answer to HEAD: the headers of the answer to GET.
fn without_body(mut response: Response<Body>) -> Response<Body> {
    let length = http_body::Body::size_hint(response.body()).exact();
    if let Some(length) = length.filter(|length| *length > 0) {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
        *response.body_mut() = Body::empty();
    }
    response
}
