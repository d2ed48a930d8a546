//! Cache rules of paid responses (core, section 11.10; checklist C-115, C-116, N-10).
//!
//! Pure functions over header values: the caller says what the response is, and gets the value to
//! send.

/// `Cache-Control` of every 402.
pub const CHALLENGE: &str = "no-store";

/// `Cache-Control` of the discovery document.
pub const DISCOVERY: &str = "public, max-age=300";

/// `Cache-Control` of an event stream without a receipt header.
pub const EVENT_STREAM: &str = "no-cache, no-transform";

/// `Vary` of what could be cached although it depends on payment or negotiation.
pub const VARY: &str = "Accept-Payment, Authorization";

/// What the cache rules ask about a response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// It is a 402.
    pub is_challenge: bool,
    /// It carries a `Payment-Receipt`.
    pub has_receipt: bool,
    /// The request had a `Payment-Authorization`, where caches do not expect a credential.
    pub credential_outside_authorization: bool,
}

/// The `Cache-Control` to send; `None` leaves what the upstream said, if it said anything.
///
/// A challenge is never stored. A receipt makes the response private whatever the upstream said:
/// `public`, `s-maxage` and a `private` that is limited to some fields give way, everything else
/// stays. A credential outside `Authorization` does the same, unless the upstream forbade storing.
pub fn cache_control(upstream: Option<&str>, response: Response) -> Option<String> {
    if response.is_challenge {
        return Some(CHALLENGE.to_owned());
    }
    let directives: Vec<&str> = upstream.map(split).unwrap_or_default();
    let is_stored = !directives.iter().any(|directive| name(directive).eq_ignore_ascii_case("no-store"));
    let must_be_private = response.has_receipt || (response.credential_outside_authorization && is_stored);
    if !must_be_private {
        return None;
    }
    let gives_way = |directive: &str| {
        ["public", "s-maxage", "private"].iter().any(|other| name(directive).eq_ignore_ascii_case(other))
    };
    let kept = directives.into_iter().filter(|directive| !gives_way(directive));
    Some(std::iter::once("private").chain(kept).collect::<Vec<_>>().join(", "))
}

/// The directives of a value; commas inside quotes do not split.
fn split(value: &str) -> Vec<&str> {
    let mut quoted = false;
    let separates = |letter: char| {
        quoted ^= letter == '"';
        letter == ',' && !quoted
    };
    value.split(separates).map(str::trim).filter(|directive| !directive.is_empty()).collect()
}

fn name(directive: &str) -> &str {
    directive.split_once('=').map_or(directive, |(name, _)| name).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_never_stored() {
        let response = Response { is_challenge: true, ..Response::default() };
        assert_eq!(cache_control(Some("public, max-age=60"), response).as_deref(), Some("no-store"));
        assert_eq!(cache_control(None, response).as_deref(), Some("no-store"));
    }

    #[test]
    fn a_receipt_makes_a_response_private_whatever_the_upstream_said() {
        let response = Response { has_receipt: true, ..Response::default() };
        for (upstream, sent) in [
            (None, "private"),
            (Some(""), "private"),
            (Some("Public, max-age=60, S-MaxAge=9"), "private, max-age=60"),
            (Some("private"), "private"),
            (Some("private=\"a, public\", no-cache=\"b, s-maxage=1\""), "private, no-cache=\"b, s-maxage=1\""),
            (Some("no-store"), "private, no-store"),
        ] {
            assert_eq!(cache_control(upstream, response).as_deref(), Some(sent), "{upstream:?}");
        }
    }

    #[test]
    fn a_credential_outside_authorization_makes_every_response_private() {
        let response = Response { credential_outside_authorization: true, ..Response::default() };
        assert_eq!(cache_control(None, response).as_deref(), Some("private"));
        assert_eq!(cache_control(Some("public"), response).as_deref(), Some("private"));
        assert_eq!(cache_control(Some("No-Store"), response), None);
    }

    #[test]
    fn an_ordinary_response_is_left_alone() {
        assert_eq!(cache_control(Some("public"), Response::default()), None);
        assert_eq!(cache_control(None, Response::default()), None);
    }
}
