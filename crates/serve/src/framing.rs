//! Messages that two readers could cut at different places are refused, not repaired.
//!
//! The parser beneath already refuses folded headers, bare control characters, spaces before colons, `Content-Length`
//! that is no number or differs from another, `Transfer-Encoding` in HTTP/1.0 or without `chunked` at its end. This
//! adds what RFC 9112 lets a server repair: other codings, lists and repetitions.

use http::header::{CONNECTION, CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING};
use http::{HeaderMap, Response, StatusCode, Version};

/// Why a request is refused (400) and its connection closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FramingError {
    #[error("Transfer-Encoding must be absent or exactly chunked, once")]
    TransferEncoding,
    #[error("send either Content-Length or Transfer-Encoding, once")]
    Length,
}

/// `ambiguous` is the [`Scanner`](super::scanner::Scanner)'s finding.
pub(super) fn check(version: Version, headers: &HeaderMap, ambiguous: bool) -> Result<(), FramingError> {
    if ambiguous {
        return Err(FramingError::Length);
    }
    if let Some(coding) = headers.get(TRANSFER_ENCODING) {
        let once = headers.get_all(TRANSFER_ENCODING).iter().nth(1).is_none();
        if !once || version != Version::HTTP_11 || !coding.as_bytes().eq_ignore_ascii_case(b"chunked") {
            return Err(FramingError::TransferEncoding);
        }
    }
    if headers.get_all(CONTENT_LENGTH).iter().nth(1).is_some() {
        return Err(FramingError::Length);
    }
    Ok(())
}

pub(super) fn refusal<B: From<String>>(version: Version, error: FramingError) -> Response<B> {
    let mut response = Response::new(B::from(format!("{error}\n")));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    if version < Version::HTTP_2 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
