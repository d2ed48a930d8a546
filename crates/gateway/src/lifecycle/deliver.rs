//! From a posted payment to the response.

use std::time::Duration;

use farthing_books::PaymentRecord;
use farthing_protocol::{MethodName, Receipt, Timestamp, caching};
use farthing_rail::PayerId;
use http::header::{CACHE_CONTROL, HeaderName, HeaderValue, RETRY_AFTER, VARY};
use http::{HeaderMap, Request, Response, StatusCode};

use super::claim::{in_doubt, store_down};
use super::kept::{ReadAhead, keep, read_ahead};
use super::obligation::Obligation;
use super::outgoing::PaidBody;
use super::{Head, Sale};
use crate::answer;
use crate::caches;
use crate::config::Reading;
use crate::dialect::{self, Spoken};
use crate::failpoint::reach;
use crate::proxy::{Body, ForwardErrorKind};
use crate::quote::vary;

pub(crate) const PAYMENT_RECEIPT: HeaderName = HeaderName::from_static("payment-receipt");
const ENTITLEMENT: HeaderName = HeaderName::from_static("farthing-entitlement");
const PRIVATE_NO_STORE: HeaderValue = HeaderValue::from_static("private, no-store");
const COME_BACK: Duration = Duration::from_secs(1);

/// Asks the upstream for what was paid, and answers.
pub(super) async fn deliver(sale: Sale<'_>, owed: Obligation, head: Head, body: Body) -> Response<Body> {
    reach("before-upstream");
    if !owed.is_surely_ours() {
        tracing::warn!(payment = %owed.record().id, "the gateway was held up before it asked the upstream, and did not ask");
        owed.let_go();
        return in_doubt(COME_BACK);
    }
    let request = Request::from_parts(head.parts, body);
    let started = tokio::time::Instant::now();
    let answered = sale.route.upstream.forward(&head.target, &head.peer, request).await;
    sale.route.meters.upstream_seconds.record(started.elapsed().as_secs_f64());
    reach("after-upstream");
    match answered.map(|response| without_meter(sale, response)) {
        Ok(response) if is_success(response.status()) => succeed(sale, owed, response).await,
        Ok(response) => {
            let status = response.status();
            let reason = format!("the upstream answered {status}");
            // A 402 of the upstream's own has no challenge and would read as a second price.
            let passed_on = if status == StatusCode::PAYMENT_REQUIRED {
                answer::plain(StatusCode::BAD_GATEWAY, "The upstream asks for a payment that this gateway cannot make.")
            } else {
                response
            };
            entitle(sale, owed, &reason, Some(status), passed_on).await
        }
        Err(error) => {
            if error.kind() != ForwardErrorKind::ClientGone {
                tracing::warn!(%error, upstream = sale.route.upstream.authority(), "the upstream failed");
            }
            let detail = "The upstream did not answer. Repeat this request with the same credential; you will not be \
                          charged again.";
            let response = answer::plain(error.status(), detail);
            entitle(sale, owed, &error.to_string(), None, response).await
        }
    }
}

/// What the upstream says about the cost is for this gateway alone, whatever the payment.
pub(super) fn without_meter(sale: Sale<'_>, mut response: Response<Body>) -> Response<Body> {
    if let Some(Reading::Header(name)) = sale.paid.meter.as_ref().map(|meter| &meter.reading) {
        response.headers_mut().remove(name);
    }
    response
}

pub(crate) fn is_success(status: StatusCode) -> bool {
    status.is_success() || status.is_redirection() || status == StatusCode::SWITCHING_PROTOCOLS
}

/// Answers with what the upstream said, and keeps it where the client has a name for its request.
pub(super) async fn succeed(sale: Sale<'_>, owed: Obligation, response: Response<Body>) -> Response<Body> {
    let may_be_retried = owed.record().idempotency.is_some();
    let (mut parts, body) = response.into_parts();
    if parts.status.is_success() {
        attach_receipt(sale, &mut parts.headers, owed.record()).await;
    }
    if !may_be_retried || parts.status == StatusCode::SWITCHING_PROTOCOLS {
        let outgoing = owed.deliver(parts.status.as_u16());
        return Response::from_parts(parts, PaidBody::wrap(body, outgoing));
    }
    let limit = sale.paid.idempotency_body;
    match read_ahead(&parts.headers, body, limit).await {
        Ok(ReadAhead::Whole(bytes)) => match owed.close_with(keep(parts.status, &parts.headers, &bytes)).await {
            Ok(()) => Response::from_parts(parts, Body::full(bytes)),
            Err(error) => store_down(sale.seller, &error),
        },
        Ok(ReadAhead::Streaming(body)) => {
            let outgoing = owed.deliver(parts.status.as_u16());
            Response::from_parts(parts, PaidBody::wrap(body, outgoing))
        }
        Err(error) => {
            let detail = "The upstream broke off its answer. Repeat this request with the same credential; you will not \
                          be charged again.";
            entitle(sale, owed, &error.to_string(), None, answer::plain(StatusCode::BAD_GATEWAY, detail)).await
        }
    }
}

/// Records that the delivery is still owed, and tells the client how to get it.
async fn entitle(
    sale: Sale<'_>,
    owed: Obligation,
    reason: &str,
    status: Option<StatusCode>,
    mut response: Response<Body>,
) -> Response<Body> {
    let payment = owed.record().id;
    let deadline: Timestamp = match owed.entitle(reason, status.map(|status| status.as_u16())).await {
        Ok(deadline) => deadline,
        Err(error) => return store_down(sale.seller, &error),
    };
    let headers = response.headers_mut();
    let hint = format!(
        "payment={payment}; until={}; retry=\"same request, same credential; you will not be charged again\"",
        deadline.to_rfc3339()
    );
    if let Ok(hint) = HeaderValue::try_from(hint) {
        headers.insert(ENTITLEMENT, hint);
    }
    if headers.contains_key(RETRY_AFTER) { response } else { answer::retry_after(response, COME_BACK) }
}

/// Puts a receipt on an answer, which is nobody else's from then on (core, 11.10).
pub(crate) fn show_receipt(headers: &mut HeaderMap, receipt: &Receipt) {
    if let Ok(mut value) = HeaderValue::try_from(receipt.to_header()) {
        value.set_sensitive(true);
        headers.insert(PAYMENT_RECEIPT, value);
    }
    let paid = caching::Response { has_receipt: true, ..caching::Response::default() };
    let rule = caching::cache_control(Some(&caches::said(headers)), paid);
    let rule = rule.and_then(|rule| HeaderValue::try_from(rule).ok());
    headers.insert(CACHE_CONTROL, rule.unwrap_or(HeaderValue::from_static("private")));
}

/// Proof of payment, on success only (core, section 5.3.1), and never in a shared cache (11.10).
pub(super) async fn attach_receipt(sale: Sale<'_>, headers: &mut HeaderMap, record: &PaymentRecord) {
    let (record, request) = sale.topped_up.map_or((record, None), |top_up| (top_up, Some(record)));
    let Ok(method) = MethodName::read(&record.method) else { return };
    let mut extra = sale.receipt_members(record);
    extra.extend(request.map(|request| (TOP_UP.to_owned(), top_up_members(record, request))));
    let receipt = Receipt {
        method,
        reference: record.reference.clone().unwrap_or_else(|| record.id.to_string()),
        timestamp: record.settled_at.unwrap_or(record.claimed_at),
        challenge_id: Some(record.challenge.clone()),
        external_id: sale.paid.offer_of(record).and_then(|offer| offer.request.external_id.clone()),
        extra,
    };
    show_receipt(headers, &receipt);
    if let Spoken::X402(version, _) = sale.spoken {
        let receipt = Box::pin(dialect::receipt(sale.site, sale.paid, record)).await;
        dialect::succeeded(headers, version, sale.paid, record, receipt);
        // Caches know nothing of a credential in a header of its own.
        headers.insert(CACHE_CONTROL, PRIVATE_NO_STORE);
        let vary = vary(sale.paid);
        if !headers.get_all(VARY).iter().any(|said| *said == vary) {
            headers.append(VARY, vary);
        }
    }
}

/// The member of a receipt that tells of the balance.
const TOP_UP: &str = "topUp";

/// What a top-up's receipt says of the balance and of the request that was paid out of it.
fn top_up_members(top_up: &PaymentRecord, request: &PaymentRecord) -> serde_json::Value {
    let credited = top_up.credited().unwrap_or_default();
    serde_json::json!({
        "credited": credited.to_string(),
        "price": request.amount.to_string(),
        "payment": request.id.to_string(),
        "payer": request.payer.as_ref().map(PayerId::as_str),
    })
}
