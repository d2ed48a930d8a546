//! What may cross the proxy in a header.
//!
//! Removed both ways: fields of one hop, and those that a `Connection` field names. Removed from requests: the credential
//! that is the proxy's own. Everything else is the agent's and its server's, `Authorization` included. Removed from
//! answers: what only this proxy may say.

use http::header::{
    CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRANSFER_ENCODING,
    UPGRADE,
};

use crate::refusal::{APPROVAL, REFUSAL};

/// The header that says what a request cost, at most.
pub(crate) const PAID: HeaderName = HeaderName::from_static("farthing-paid");
/// The header that says why it is not known whether an answered request was paid.
pub(crate) const UNCONFIRMED: HeaderName = HeaderName::from_static("farthing-unconfirmed");
/// The header that says in one sentence why nothing was paid, where the body is the server's.
pub(crate) const REASON: HeaderName = HeaderName::from_static("farthing-reason");

const OF_ONE_HOP: [HeaderName; 8] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("proxy-authorization"),
    HeaderName::from_static("http2-settings"),
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Makes an agent's headers fit for its server, in place. Host and length are written anew from what is sent.
pub(crate) fn scrub_request(headers: &mut HeaderMap) {
    let wants_trailers = headers.get_all(TE).iter().any(|value| lists(value, "trailers"));
    remove_of_one_hop(headers);
    for name in [HOST, CONTENT_LENGTH, EXPECT] {
        headers.remove(name);
    }
    if wants_trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    join_cookies(headers);
}

/// Makes a server's headers fit for its agent, in place.
pub(crate) fn scrub_response(headers: &mut HeaderMap) {
    remove_of_one_hop(headers);
    for name in [HeaderName::from_static("proxy-authenticate"), REFUSAL, APPROVAL, PAID, UNCONFIRMED, REASON] {
        headers.remove(name);
    }
}

/// True when a comma-separated field lists this token, in any case.
pub(crate) fn lists(value: &HeaderValue, token: &str) -> bool {
    value.as_bytes().split(|&byte| byte == b',').any(|item| item.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

fn remove_of_one_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|&byte| byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .collect();
    for name in named.iter().chain(&OF_ONE_HOP) {
        headers.remove(name);
    }
}

/// HTTP/2 cuts cookies into pieces; HTTP/1.1 wants them in one (RFC 9113, 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let pieces: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if pieces.len() < 2 {
        return;
    }
    if let Ok(joined) = HeaderValue::from_bytes(&pieces.join(&b"; "[..])) {
        headers.insert(COOKIE, joined);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn what_is_of_one_hop_stays_on_it_and_the_rest_survives() {
        let mut request = headers(&[
            ("host", "a.example"),
            ("authorization", "Bearer of-the-agent"),
            ("proxy-authorization", "Basic secret"),
            ("connection", "keep-alive, X-Hop"),
            ("x-hop", "1"),
            ("proxy-connection", "keep-alive"),
            ("te", "gzip, trailers"),
            ("transfer-encoding", "chunked"),
            ("expect", "100-continue"),
            ("x-end", "1"),
        ]);
        scrub_request(&mut request);
        let left: Vec<&str> = request.keys().map(HeaderName::as_str).collect();
        assert_eq!(request.len(), 3, "{left:?}");
        assert_eq!(request["authorization"], "Bearer of-the-agent");
        assert_eq!(
            (&request["te"], &request["x-end"]),
            (&HeaderValue::from_static("trailers"), &HeaderValue::from_static("1"))
        );
    }

    #[test]
    fn nobody_but_the_proxy_says_what_the_proxy_did() {
        let mut response = headers(&[
            ("farthing-refusal", "policy"),
            ("farthing-paid", "0 USD"),
            ("farthing-reason", "none"),
            ("farthing-approval", "00"),
            ("proxy-authenticate", "Basic"),
            ("payment-receipt", "of the seller"),
            ("connection", "close"),
        ]);
        scrub_response(&mut response);
        assert_eq!(response.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["payment-receipt"]);
    }

    #[test]
    fn cookies_that_http2_cut_are_joined() {
        let mut request = headers(&[("cookie", "a=1"), ("cookie", "b=2")]);
        scrub_request(&mut request);
        assert_eq!(request.get_all(COOKIE).iter().collect::<Vec<_>>(), ["a=1; b=2"]);
    }
}
