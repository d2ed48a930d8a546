//! What a session pays for an answer of a route with a meter.

use std::sync::Arc;

use farthing_money::{Amount, Price};
use farthing_protocol::ProblemType;
use farthing_protocol::stream::is_event_stream;
use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, TE, TRAILER};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use super::counting::charge;
use super::drawing::{Drawing, NoMore, Short};
use super::known::Known;
use super::purse::SessionPurse;
use super::serve::ask;
use crate::answer;
use crate::config::{Meter, Reading, Tokens};
use crate::denial::Denial;
use crate::lifecycle::{Head, PAYMENT_RECEIPT, Sale, refuse, show_receipt};
use crate::metering::{
    Account, Cap, Counter, Flow, MeteredBody, StreamTerms, Tariff, Till, TrailerBody, Unmeasured, in_trailers,
    is_compressed, measure, tokens_of, whole,
};
use crate::proxy::Body;
use crate::quote::BodyBinding;
use crate::unattended::Unattended;

const STREAM_CACHE_CONTROL: HeaderValue = HeaderValue::from_static("private, no-cache, no-transform");

/// Lets the upstream answer so that it can be measured: plain where it must be read, with trailers where they say it.
fn prepare(meter: &Meter, headers: &mut HeaderMap) {
    match meter.reading {
        Reading::Json(_) | Reading::Tokens(_) | Reading::Events | Reading::Bytes => {
            headers.remove(ACCEPT_ENCODING);
        }
        Reading::Trailer(_) => {
            headers.insert(TE, HeaderValue::from_static("trailers"));
        }
        Reading::Header(_) => {}
    }
}

/// Asks the upstream for what is held for, gives the answer, and takes of the session what the meter says.
pub(super) async fn serve(
    sale: Sale<'_>,
    meter: &Meter,
    drawing: Drawing,
    mut head: Head,
    body: Body,
) -> Response<Body> {
    prepare(meter, &mut head.parts.headers);
    let asked = head.clone();
    let (route, meter, price) = (Arc::clone(sale.route), meter.clone(), sale.paid.price);
    let served = async move {
        match ask(&route, head, body).await {
            Ok(response) => give(&meter, price, drawing, response).await,
            Err(response) => Ok(response),
        }
    };
    match Unattended::new(Arc::clone(sale.seller), served).await {
        Ok(response) => response,
        Err(short) => refuse(sale, asked.asked(&BodyBinding::Unbound), &denial(sale, short).await),
    }
}

/// The answer is there and was not given: what has to be signed for to get it the next time.
async fn denial(sale: Sale<'_>, short: Short) -> Denial {
    let Short { terms, session, challenge, required } = short;
    let shown = terms.tender.asset.display(required);
    let detail = format!("The answer cost more than is signed for, and was not given; sign for {shown} in total.");
    let denial = Denial::new(ProblemType::SessionInsufficientBalance, detail).about(&challenge);
    let record = sale.seller.books.session(session).await.ok().flatten();
    denial.knowing(record.map(|record| Known::of(&terms, &record, required)))
}

/// Gives the answer, and takes of the session what the meter says.
async fn give(
    meter: &Meter,
    price: Price,
    drawing: Drawing,
    response: Response<Body>,
) -> Result<Response<Body>, Short> {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let detail = "What is measured cannot be sold over another protocol; nothing was charged.";
        return Ok(answer::plain(StatusCode::BAD_GATEWAY, detail));
    }
    let speaks = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).is_some_and(is_event_stream);
    let given = match (&meter.reading, Counter::of(&meter.reading)) {
        (Reading::Trailer(_), _) => Ok(with_trailers(meter, price, drawing, response)),
        (_, Some(_)) if !response.status().is_success() => Ok(response),
        (_, Some(_)) if speaks && is_compressed(response.headers()) => Err(Unmeasured::Compressed),
        (_, Some(counter)) if speaks => Ok(stream(meter, drawing, Flow::of_events(counter), response, speaks)),
        (Reading::Bytes, Some(counter)) => Ok(stream(meter, drawing, Flow::of_bytes(counter), response, speaks)),
        (Reading::Tokens(which), _) => match count(*which, response).await {
            Ok((count, response)) => return counted(meter, count, drawing, response).await,
            Err(reason) => Err(reason),
        },
        // What is no stream is one event.
        (Reading::Events, _) => return counted(meter, 1, drawing, response).await,
        _ => said(meter, price, drawing, response).await,
    };
    Ok(given.unwrap_or_else(|reason| {
        tracing::error!(%reason, "an answer was not measured, so nothing is charged and nothing given");
        let detail = "The upstream did not say what its answer cost; nothing was charged.";
        answer::plain(StatusCode::BAD_GATEWAY, detail)
    }))
}

/// What the upstream says that the whole of it costs, within the price that is held for it.
async fn said(
    meter: &Meter,
    price: Price,
    drawing: Drawing,
    response: Response<Body>,
) -> Result<Response<Body>, Unmeasured> {
    let asset = drawing.terms().tender.asset.clone();
    let cap = Cap { price, amount: drawing.held(), asset: &asset };
    let (amount, response) = measure(meter, cap, response).await?;
    Ok(charge(drawing, amount, 1, response))
}

async fn count(which: Tokens, response: Response<Body>) -> Result<(u64, Response<Body>), Unmeasured> {
    let (bytes, response) = whole(response).await?;
    Ok((tokens_of(&bytes, which)?, response))
}

/// An answer of a known count. What it costs is held before it is given, or it is not given.
async fn counted(
    meter: &Meter,
    count: u64,
    mut drawing: Drawing,
    response: Response<Body>,
) -> Result<Response<Body>, Short> {
    let tariff = tariff(meter, &drawing);
    let cost = tariff.cost(count);
    if let Some(more) = cost.checked_sub(drawing.held()).filter(|more| *more > Amount::ZERO) {
        match drawing.hold(more).await {
            Ok(_) => {}
            Err(NoMore::Uncovered | NoMore::Ended) => return Err(drawing.short_of(cost)),
            Err(NoMore::Unknown) => {
                let detail = "The books did not answer, so nothing was given or charged. Try again in a moment.";
                return Ok(answer::plain(StatusCode::SERVICE_UNAVAILABLE, detail));
            }
        }
    }
    Ok(charge(drawing, cost, count.div_ceil(tariff.per()), response))
}

/// An answer that is counted while it goes out.
fn stream(meter: &Meter, drawing: Drawing, flow: Flow, response: Response<Body>, speaks: bool) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    show_receipt(&mut parts.headers, &drawing.receipt_for(Amount::ZERO, 0));
    if speaks {
        parts.headers.remove(CONTENT_LENGTH);
        parts.headers.insert(CACHE_CONTROL, STREAM_CACHE_CONTROL);
    } else if !parts.headers.contains_key(CONTENT_LENGTH) {
        announce_receipt(&mut parts.headers);
    }
    let account = Account::new(tariff(meter, &drawing), drawing.terms().slice, drawing.held());
    let terms = StreamTerms { speaks, pause: drawing.terms().pause };
    let run = drawing.unattended();
    let metered = MeteredBody::new(body, flow, Till::new(SessionPurse::of(drawing), account, run), terms);
    Response::from_parts(parts, Body::stream(metered))
}

/// An answer that says behind its end what it cost, within the price that is held for it.
fn with_trailers(meter: &Meter, price: Price, drawing: Drawing, response: Response<Body>) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    announce_receipt(&mut parts.headers);
    let (meter, asset, held) = (meter.clone(), drawing.terms().tender.asset.clone(), drawing.held());
    let read = move |trailers: &mut HeaderMap| {
        let cap = Cap { price, amount: held, asset: &asset };
        in_trailers(&meter, cap, trailers)
    };
    let run = drawing.unattended();
    let body = TrailerBody::new(body, SessionPurse::of(drawing), Box::new(read), run);
    Response::from_parts(parts, Body::stream(body))
}

/// The receipt comes behind the answer, for clients that take trailers.
fn announce_receipt(headers: &mut HeaderMap) {
    headers.append(TRAILER, HeaderValue::from(PAYMENT_RECEIPT));
}

fn tariff(meter: &Meter, drawing: &Drawing) -> Tariff {
    Tariff::new(drawing.terms().unit_price, meter.per)
}
