//! What may cross the gateway in a header, in either direction.
//!
//! Removed both ways: fields of one hop, and those a `Connection` field names. Removed from requests: payment
//! credentials, method overrides and path rewrites (they would reach a route other than the priced one), and every
//! claim about where the request came from, which is then stated afresh. Removed from responses: anything that looks
//! like a challenge or a receipt, because only the gateway issues those.

use super::Target;
use crate::serve::Peer;
use http::header::{
    AUTHORIZATION, CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue, TE, UPGRADE, WWW_AUTHENTICATE,
};

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Whether the next hop may be asked to leave HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upgrading {
    /// A WebSocket handshake: `Upgrade: websocket` is written anew after scrubbing.
    WebSocket,
    /// Plain HTTP: no `Upgrade` crosses.
    No,
}

/// Makes a client's request headers fit for the upstream, in place.
///
/// `host` is the upstream's own name and becomes `Host`; the client's is passed on as `X-Forwarded-Host`.
pub fn scrub_request(headers: &mut HeaderMap, host: &HeaderValue, target: &Target, peer: &Peer, upgrading: Upgrading) {
    let wants_trailers = headers.contains_key(TE) && headers.get_all(TE).iter().any(|value| lists(value, "trailers"));
    remove_named_by_connection(headers);
    remove_matching(headers, |name| is_of_one_hop(name) || is_private_to_the_gateway(name) || is_claimed_origin(name));
    remove_payment_scheme(headers, &AUTHORIZATION);
    headers.reserve(4);
    headers.insert(HOST, host.clone());
    headers.insert(&X_FORWARDED_FOR, peer.forwarded_for().clone());
    headers.insert(&X_FORWARDED_HOST, target.authority().clone());
    headers.insert(&X_FORWARDED_PROTO, peer.scheme().clone());
    if upgrading == Upgrading::WebSocket {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    } else if wants_trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
}

/// Makes an upstream's response headers fit for the client, in place.
pub fn scrub_response(headers: &mut HeaderMap, upgrading: Upgrading) {
    remove_named_by_connection(headers);
    remove_matching(headers, |name| is_of_one_hop(name) || is_forged_payment(name));
    remove_payment_scheme(headers, &WWW_AUTHENTICATE);
    if upgrading == Upgrading::WebSocket {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    }
}

/// Trailers may carry neither framing nor anything of [`scrub_response`]'s list.
pub fn scrub_trailers(trailers: &mut HeaderMap) {
    remove_matching(trailers, |name| {
        is_of_one_hop(name)
            || is_forged_payment(name)
            || is_private_to_the_gateway(name)
            || is_claimed_origin(name)
            || matches!(
                name,
                "content-length" | "host" | "authorization" | "www-authenticate" | "cookie" | "set-cookie"
            )
    });
}

/// True when a comma-separated field lists this token, in any case.
pub fn lists(value: &HeaderValue, token: &str) -> bool {
    value.as_bytes().split(|&byte| byte == b',').any(|item| item.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

fn is_of_one_hop(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-authentication-info"
            | "te"
            | "transfer-encoding"
            | "upgrade"
            | "http2-settings"
    )
}

/// Credentials addressed to the gateway, and headers by which some frameworks serve another method or path than the
/// request line says. `Expect` is answered by the gateway itself.
fn is_private_to_the_gateway(name: &str) -> bool {
    matches!(
        name,
        "payment-authorization"
            | "accept-payment"
            | "payment-signature"
            | "x-payment"
            | "x-atxp-payment"
            | "payment-session"
            | "payment-session-snapshot"
            | "x-http-method-override"
            | "x-http-method"
            | "x-method-override"
            | "x-original-url"
            | "x-original-uri"
            | "x-rewrite-url"
            | "expect"
    ) || is_forged_payment(name)
}

fn is_claimed_origin(name: &str) -> bool {
    name == "forwarded" || name == "x-real-ip" || name.starts_with("x-forwarded-")
}

fn is_forged_payment(name: &str) -> bool {
    matches!(
        name,
        "payment-receipt"
            | "payment-required"
            | "payment-response"
            | "x-payment-required"
            | "x-payment-response"
            | "x-payment-receipt"
            | "settlement-overrides"
            | "extension-responses"
            | "payment-session"
            | "payment-session-snapshot"
    )
}

/// One pass over the names; nothing is allocated unless something has to go.
fn remove_matching(headers: &mut HeaderMap, goes: impl Fn(&str) -> bool) {
    let leaving: Vec<HeaderName> = headers.keys().filter(|name| goes(name.as_str())).cloned().collect();
    for name in leaving {
        headers.remove(name);
    }
}

/// `Host`, `Content-Length` and the like name the message itself; a sender that lists them as its hop's own is lying.
fn remove_named_by_connection(headers: &mut HeaderMap) {
    if !headers.contains_key(CONNECTION) {
        return;
    }
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
        // What nearly every message says; the field `Keep-Alive` goes in any case.
        .filter(|name| !name.eq_ignore_ascii_case(b"keep-alive") && !name.eq_ignore_ascii_case(b"close"))
        .filter_map(|name| HeaderName::from_bytes(name).ok())
        .filter(|name| !matches!(name.as_str(), "host" | "content-length" | "transfer-encoding" | "content-type"))
        .collect();
    for name in named {
        headers.remove(name);
    }
}

/// Drops the lines of `name` that hold a `Payment` scheme and keeps every other authentication scheme.
fn remove_payment_scheme(headers: &mut HeaderMap, name: &HeaderName) {
    if !headers.contains_key(name) || !headers.get_all(name).iter().any(names_payment_scheme) {
        return;
    }
    let kept: Vec<HeaderValue> =
        headers.get_all(name).iter().filter(|value| !names_payment_scheme(value)).cloned().collect();
    headers.remove(name);
    for value in kept {
        headers.append(name.clone(), value);
    }
}

/// True when a list element, outside of quoted strings, starts with the scheme `Payment`.
fn names_payment_scheme(value: &HeaderValue) -> bool {
    const SCHEME: &[u8] = b"payment";
    let bytes = value.as_bytes();
    let (mut at_start, mut quoted, mut escaped) = (true, false, false);
    for (index, &byte) in bytes.iter().enumerate() {
        if quoted {
            quoted = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        let rest = bytes.get(index..).unwrap_or_default();
        if at_start
            && rest.get(..SCHEME.len()).is_some_and(|word| word.eq_ignore_ascii_case(SCHEME))
            && rest.get(SCHEME.len()).is_none_or(|next| matches!(next, b' ' | b'\t' | b','))
        {
            return true;
        }
        quoted = byte == b'"';
        at_start = byte == b',' || (at_start && matches!(byte, b' ' | b'\t'));
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(lines: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn scrubbed(lines: &[(&str, &str)], upgrading: Upgrading) -> HeaderMap {
        let mut headers = map(lines);
        let target =
            Target::read(&http::Method::GET, &"/".parse().unwrap(), &map(&[("host", "shop.example")])).unwrap();
        let peer = Peer::new(([192, 0, 2, 7], 5000).into(), true);
        scrub_request(&mut headers, &HeaderValue::from_static("127.0.0.1:9"), &target, &peer, upgrading);
        headers
    }

    #[test]
    fn ordinary_headers_pass_and_ours_are_set() {
        let headers = scrubbed(
            &[
                ("host", "shop.example"),
                ("authorization", "Bearer abc"),
                ("cookie", "a=b"),
                ("mcp-session-id", "1"),
                ("x-forwarded-for", "10.0.0.1"),
                ("x-forwarded-port", "1"),
                ("forwarded", "for=10.0.0.1"),
            ],
            Upgrading::No,
        );
        assert_eq!(
            headers,
            map(&[
                ("host", "127.0.0.1:9"),
                ("authorization", "Bearer abc"),
                ("cookie", "a=b"),
                ("mcp-session-id", "1"),
                ("x-forwarded-for", "192.0.2.7"),
                ("x-forwarded-host", "shop.example"),
                ("x-forwarded-proto", "https"),
            ])
        );
    }

    #[test]
    fn credentials_overrides_and_the_hop_stay_here() {
        let headers = scrubbed(
            &[
                ("authorization", "Payment eyJ"),
                ("authorization", "Basic abc"),
                ("payment-authorization", "Payment eyJ"),
                ("accept-payment", "balance/charge"),
                ("x-payment", "e30"),
                ("payment-signature", "e30"),
                ("x-http-method-override", "DELETE"),
                ("x-original-url", "/free"),
                ("connection", "close, x-secret-hop"),
                ("x-secret-hop", "1"),
                ("keep-alive", "timeout=5"),
                ("te", "gzip, trailers"),
                ("transfer-encoding", "chunked"),
                ("upgrade", "h2c"),
                ("http2-settings", "AAA"),
                ("expect", "100-continue"),
            ],
            Upgrading::No,
        );
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["authorization", "host", "te", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"]);
        assert_eq!(headers["authorization"], "Basic abc");
        assert_eq!(headers["te"], "trailers");
    }

    #[test]
    fn connection_cannot_remove_what_frames_the_message() {
        let headers = scrubbed(&[("connection", "content-length, host"), ("content-length", "3")], Upgrading::No);
        assert_eq!(headers["content-length"], "3");
        assert_eq!(headers["host"], "127.0.0.1:9");
    }

    #[test]
    fn only_websocket_upgrades_cross() {
        let lines = [("connection", "Upgrade, HTTP2-Settings"), ("upgrade", "websocket, h2c"), ("http2-settings", "A")];
        let headers = scrubbed(&lines, Upgrading::WebSocket);
        assert_eq!(headers["upgrade"], "websocket");
        assert_eq!(headers["connection"], "upgrade");
        assert!(!headers.contains_key("http2-settings"));
    }

    #[test]
    fn an_upstream_cannot_forge_payments() {
        let mut headers = map(&[
            ("payment-receipt", "e30"),
            ("payment-required", "e30"),
            ("payment-response", "e30"),
            ("x-payment-response", "e30"),
            ("www-authenticate", "Basic realm=\"a, Payment b\""),
            ("www-authenticate", "payment id=\"x\""),
            ("www-authenticate", "Digest a=\"\\\"\", Payment id=\"x\""),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
        ]);
        scrub_response(&mut headers, Upgrading::No);
        assert_eq!(
            headers,
            map(&[("www-authenticate", "Basic realm=\"a, Payment b\""), ("set-cookie", "a=1"), ("set-cookie", "b=2")])
        );
    }

    #[test]
    fn the_scheme_is_a_whole_word() {
        let names = |text: &'static str| names_payment_scheme(&HeaderValue::from_static(text));
        assert!(names("Payment"));
        assert!(names("Basic a,\tPAYMENT x=y"));
        assert!(!names("Payments x"));
        assert!(!names("Basic payment=1"));
        assert!(!names("Digest x=1, payment=2"));
    }
}
