//! What caches in front of the gateway may keep.

use farthing_protocol::caching;
use http::HeaderMap;
use http::header::{CACHE_CONTROL, HeaderName, HeaderValue};

/// `Cache-Control` as the upstream said it, in one line.
pub(crate) fn said(headers: &HeaderMap) -> String {
    let lines = headers.get_all(CACHE_CONTROL).iter().filter_map(|line| line.to_str().ok());
    lines.collect::<Vec<_>>().join(", ")
}

/// Leaves an answer to whoever asked for it: no shared cache keeps it, whatever the upstream said.
pub(crate) fn keep_private(headers: &mut HeaderMap) {
    let asked = caching::Response { credential_outside_authorization: true, ..caching::Response::default() };
    let rule = caching::cache_control(Some(&said(headers)), asked).and_then(|rule| HeaderValue::try_from(rule).ok());
    if let Some(rule) = rule {
        headers.insert(CACHE_CONTROL, rule);
    }
    let leaving: Vec<HeaderName> = headers.keys().filter(|name| overrules(name.as_str())).cloned().collect();
    for name in leaving {
        headers.remove(name);
    }
}

/// Whether some shared caches follow this field rather than `Cache-Control` (RFC 9213 and older ways).
fn overrules(name: &str) -> bool {
    name.ends_with("cdn-cache-control") || matches!(name, "x-accel-expires" | "surrogate-control" | "edge-control")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_counts_and_nothing_overrules_it() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("cache-control", "public, max-age=60"),
            ("cache-control", "s-maxage=9"),
            ("x-accel-expires", "60"),
            ("surrogate-control", "max-age=60"),
            ("some-cdn-cache-control", "max-age=60"),
        ] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        keep_private(&mut headers);
        assert_eq!((headers.len(), said(&headers).as_str()), (1, "private, max-age=60"));
        headers.append(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        keep_private(&mut headers);
        assert!(said(&headers).contains("no-store"));
    }
}
