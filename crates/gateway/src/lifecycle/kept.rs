//! Responses that are kept to answer a retry under the same `Idempotency-Key`.

use std::collections::VecDeque;

use bytes::Bytes;
use farthing_books::{PaymentRecord, StoredResponse};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Response, StatusCode};
use http_body::Frame;
use http_body_util::BodyExt;

use super::Sale;
use super::deliver::{PAYMENT_RECEIPT, attach_receipt};
use crate::dialect::is_outcome;
use crate::proxy::{Body, BodyError};
use crate::quote::Rejoined;

const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// A response body that was read ahead.
pub(crate) enum ReadAhead {
    /// All of it, small enough to keep.
    Whole(Bytes),
    /// Too large or a stream by nature: goes out as it comes and is not kept.
    Streaming(Body),
}

/// Reads a body ahead unless it is larger than the limit or an event stream.
pub(crate) async fn read_ahead(headers: &HeaderMap, mut body: Body, limit: usize) -> Result<ReadAhead, BodyError> {
    let events = headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    if events || http_body::Body::size_hint(&body).lower() > limit as u64 {
        return Ok(ReadAhead::Streaming(body));
    }
    let (mut frames, mut length) = (VecDeque::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let frame = frame?;
        length += frame.data_ref().map_or(0, Bytes::len);
        // Trailers have no place in what is kept.
        let keepable = length <= limit && frame.is_data();
        frames.push_back(frame);
        if !keepable {
            return Ok(ReadAhead::Streaming(Body::stream(Rejoined::of(frames, body))));
        }
    }
    let pieces: Vec<Bytes> = frames.into_iter().filter_map(|frame: Frame<Bytes>| frame.into_data().ok()).collect();
    Ok(ReadAhead::Whole(Bytes::from(pieces.concat())))
}

/// What is kept of a response. Its receipt is not: it is a secret of the payer's, and is made again
/// from the payment's record.
pub(crate) fn keep(status: StatusCode, headers: &HeaderMap, body: &Bytes) -> StoredResponse {
    let is_made_anew = |name: &HeaderName| *name == CONTENT_LENGTH || *name == PAYMENT_RECEIPT || is_outcome(name);
    let headers = headers.iter().filter(|(name, _)| !is_made_anew(name));
    StoredResponse {
        status: status.as_u16(),
        headers: headers.map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect(),
        body: body.to_vec(),
    }
}

/// A kept response, without what is made anew.
pub(crate) fn restore(kept: &StoredResponse) -> Response<Body> {
    let mut response = Response::new(Body::full(kept.body.clone()));
    *response.status_mut() = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK);
    for (name, value) in &kept.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response.headers_mut().insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    response
}

/// A kept response, given again.
pub(super) async fn give_again(sale: Sale<'_>, kept: StoredResponse, record: &PaymentRecord) -> Response<Body> {
    let mut response = restore(&kept);
    if response.status().is_success() {
        attach_receipt(sale, response.headers_mut(), record).await;
    }
    response
}
