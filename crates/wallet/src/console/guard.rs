use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use super::{Console, problem};

/// Lets through who names a host of this console, comes from no page of another origin, and shows the token.
pub(super) async fn guard(State(console): State<Console>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    // HTTP/2 has the host in the request's own address.
    let host = match request.uri().authority() {
        Some(authority) => Some(authority.as_str()),
        None => only(headers, &HOST),
    };
    if !host.is_some_and(|host| console.serves(host)) {
        return problem(StatusCode::MISDIRECTED_REQUEST, "This console does not answer to that host.");
    }
    if headers.contains_key(ORIGIN) && !only(headers, &ORIGIN).is_some_and(|origin| console.is_own(origin)) {
        return problem(StatusCode::FORBIDDEN, "Pages of other origins cannot use this console.");
    }
    let shown = only(headers, &AUTHORIZATION).and_then(|shown| shown.strip_prefix("Bearer "));
    if !shown.is_some_and(|shown| console.0.token.is(shown.as_bytes())) {
        return problem(StatusCode::UNAUTHORIZED, "Show the console's token: Authorization: Bearer TOKEN.");
    }
    let mut response = next.run(request).await;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The value of a header that is there once.
fn only<'a>(headers: &'a HeaderMap, name: &axum::http::HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

impl Console {
    fn serves(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        self.0.hosts.contains(&host)
    }

    fn is_own(&self, origin: &str) -> bool {
        origin.split_once("://").is_some_and(|(scheme, host)| matches!(scheme, "http" | "https") && self.serves(host))
    }
}
