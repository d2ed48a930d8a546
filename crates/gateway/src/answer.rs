//! The answers a gateway gives itself: problems, always readable by a program.

use std::time::Duration;

use farthing_protocol::{Problem, ProblemType, caching};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};

use crate::proxy::Body;

/// The media type of a problem.
pub(crate) const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
/// No cache may keep it.
pub(crate) const NO_STORE: HeaderValue = HeaderValue::from_static(caching::CHALLENGE);

/// A problem of the payment scheme that is not a 402, with the status of its type.
pub(crate) fn problem(kind: ProblemType, detail: &str) -> Response<Body> {
    let status = StatusCode::from_u16(kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    problem_with_status(status, kind, detail)
}

/// A problem of the payment scheme under another status, which its body then names too.
pub(crate) fn problem_with_status(status: StatusCode, kind: ProblemType, detail: &str) -> Response<Body> {
    let mut body = Problem::new(kind, detail).to_value();
    if let Some(members) = body.as_object_mut() {
        members.insert("status".to_owned(), status.as_u16().into());
    }
    json_problem(status, body.to_string())
}

/// A problem of plain HTTP: its title is the status's own.
pub(crate) fn plain(status: StatusCode, detail: &str) -> Response<Body> {
    let body = serde_json::json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
        "detail": detail,
    });
    json_problem(status, body.to_string())
}

/// Asks the client to come back after a while.
pub(crate) fn retry_after(mut response: Response<Body>, wait: Duration) -> Response<Body> {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    response
}

fn json_problem(status: StatusCode, body: String) -> Response<Body> {
    let mut response = Response::new(Body::full(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, PROBLEM_JSON);
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    response
}
