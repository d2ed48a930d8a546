//! Which resource a request names, settled once.

use http::header::{HOST, HeaderMap, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, Uri};
use std::borrow::Cow;

/// The resource a request names, in the one spelling that is both matched against routes and sent to the upstream.
///
/// Invariants: the host is lower case; the path starts with `/` (or is `*`, for `OPTIONS` alone), has no empty or dot
/// segment inside it, no encoded slash, backslash or control character, percent-encodes exactly what must be encoded,
/// with upper-case digits. The query is passed on as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    authority: HeaderValue,
    path_and_query: PathAndQuery,
}

impl Target {
    /// Reads the target of a request in origin, absolute or asterisk form, from HTTP/1.1 or HTTP/2.
    ///
    /// # Errors
    ///
    /// Everything that two readers could understand differently, see [`TargetError`]; answer it with 400.
    pub fn read(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<Self, TargetError> {
        if method == Method::CONNECT {
            return Err(TargetError::Connect);
        }
        if uri.scheme().is_some_and(|scheme| *scheme != Scheme::HTTP && *scheme != Scheme::HTTPS) {
            return Err(TargetError::Scheme);
        }
        let authority = read_authority(uri.authority(), headers)?;
        let path_and_query = read_path(method, uri)?;
        Ok(Self { authority, path_and_query })
    }

    /// Host and port as the client named them, in lower case.
    pub fn authority(&self) -> &HeaderValue {
        &self.authority
    }

    /// The host without its port; an IPv6 address keeps its brackets.
    pub fn host(&self) -> &str {
        let authority = self.authority.to_str().unwrap_or_default();
        match authority.rfind(':') {
            Some(colon) if !authority.ends_with(']') => authority.get(..colon).unwrap_or(authority),
            _ => authority,
        }
    }

    /// The canonical path, without the query.
    pub fn path(&self) -> &str {
        self.path_and_query.path()
    }

    /// The query as the client spelled it, without `?`.
    pub fn query(&self) -> Option<&str> {
        self.path_and_query.query()
    }

    /// Path and query: what the upstream is asked for.
    pub fn path_and_query(&self) -> &PathAndQuery {
        &self.path_and_query
    }
}

/// Why a request's target is refused (400): two readers could take it for two different resources.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// A tunnel was asked for.
    #[error("CONNECT is not served here; ask for the resource itself")]
    Connect,
    /// An absolute target with a scheme other than http and https.
    #[error("the request target must be an http or https address")]
    Scheme,
    /// No `Host`, several of them, or one that contradicts the request line.
    #[error("the request must name exactly one host; send one Host header that agrees with the request target")]
    Host,
    /// `*` with a method other than `OPTIONS`, or a path that does not start with `/`.
    #[error("the request target must be a path that starts with a slash")]
    Form,
    /// `.`, `..` or empty segments, however they are encoded.
    #[error("the path has an empty or dot segment; send it resolved")]
    Segment,
    /// An encoded slash, backslash or control character, a raw backslash, or a broken percent escape.
    #[error(
        "the path has an ambiguous or broken escape at byte {at}; send slashes plainly and nothing else of the kind"
    )]
    Escape {
        /// Offset in the path as received.
        at: usize,
    },
}

fn read_authority(from_uri: Option<&Authority>, headers: &HeaderMap) -> Result<HeaderValue, TargetError> {
    let mut hosts = headers.get_all(HOST).iter();
    let from_header = hosts.next();
    if hosts.next().is_some() {
        return Err(TargetError::Host);
    }
    let named = match (from_uri, from_header) {
        (None, Some(header)) => header.clone(),
        (Some(authority), None) => value(authority.as_str())?,
        (Some(authority), Some(header)) if authority.as_str().as_bytes().eq_ignore_ascii_case(header.as_bytes()) => {
            header.clone()
        }
        _ => return Err(TargetError::Host),
    };
    if !is_host_and_port(named.as_bytes()) {
        return Err(TargetError::Host);
    }
    if named.as_bytes().iter().any(u8::is_ascii_uppercase) {
        return value(&String::from_utf8_lossy(named.as_bytes()).to_ascii_lowercase());
    }
    Ok(named)
}

fn value(text: &str) -> Result<HeaderValue, TargetError> {
    HeaderValue::from_str(text).map_err(|_| TargetError::Host)
}

/// Accepts `name`, `name:port`, `1.2.3.4:port` and `[v6]:port`; no user information, no spaces, no lists.
fn is_host_and_port(authority: &[u8]) -> bool {
    let (host, port) = match authority.iter().rposition(|&byte| byte == b':') {
        Some(colon) if authority.last() != Some(&b']') => authority.split_at(colon),
        _ => (authority, &b""[..]),
    };
    let port = port.strip_prefix(b":").unwrap_or(port);
    let named = match host.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]")) {
        Some(address) => address.iter().all(|&byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.')),
        None => host.iter().all(|&byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')),
    };
    named && !host.is_empty() && port.len() <= 5 && port.iter().all(u8::is_ascii_digit)
}

fn read_path(method: &Method, uri: &Uri) -> Result<PathAndQuery, TargetError> {
    let Some(given) = uri.path_and_query() else {
        return Err(TargetError::Form);
    };
    let path = given.path();
    if path == "*" {
        return if method == Method::OPTIONS { Ok(given.clone()) } else { Err(TargetError::Form) };
    }
    if !path.starts_with('/') {
        return Err(TargetError::Form);
    }
    let canonical = canonical_path(path)?;
    refuse_odd_segments(&canonical)?;
    // An absolute target may leave the path out (`http://a`, `http://a?x`): it reads as `/`, and is spelled without it.
    if given.as_str() == "/" {
        return Ok(PathAndQuery::from_static("/"));
    }
    if matches!(canonical, Cow::Borrowed(_)) && given.as_str().starts_with('/') {
        return Ok(given.clone());
    }
    let whole = match given.query() {
        Some(query) => format!("{canonical}?{query}"),
        None => canonical.into_owned(),
    };
    PathAndQuery::try_from(whole).map_err(|_| TargetError::Form)
}

/// Decodes escapes of unreserved characters, encodes what may not stand plainly, and writes escapes in upper case.
fn canonical_path(path: &str) -> Result<Cow<'_, str>, TargetError> {
    let Some(first_odd) = path.bytes().position(|byte| !stands_plainly(byte)) else {
        return Ok(Cow::Borrowed(path));
    };
    let bytes = path.as_bytes();
    let mut canonical = String::with_capacity(path.len() + 8);
    canonical.push_str(path.get(..first_odd).unwrap_or_default());
    let mut at = first_odd;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'%' => {
                let escaped = escaped_byte(bytes.get(at + 1..at + 3)).ok_or(TargetError::Escape { at })?;
                match escaped {
                    b'/' | b'\\' | 0..=0x1f | 0x7f => return Err(TargetError::Escape { at }),
                    _ if is_unreserved(escaped) => canonical.push(char::from(escaped)),
                    _ => push_escape(&mut canonical, escaped),
                }
                at += 3;
            }
            b'\\' | 0..=0x20 | 0x7f => return Err(TargetError::Escape { at }),
            _ if stands_plainly(byte) => {
                canonical.push(char::from(byte));
                at += 1;
            }
            _ => {
                push_escape(&mut canonical, byte);
                at += 1;
            }
        }
    }
    Ok(Cow::Owned(canonical))
}

/// A trailing slash is a resource of its own; an empty segment anywhere else is not.
/// Some servers cut a segment at `;`, so `..;x` is a dot segment too.
fn refuse_odd_segments(path: &str) -> Result<(), TargetError> {
    let inner = path.strip_prefix('/').unwrap_or(path);
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    if inner.is_empty() {
        return if path == "/" { Ok(()) } else { Err(TargetError::Segment) };
    }
    for segment in inner.split('/') {
        let name = segment.split(';').next().unwrap_or(segment);
        if matches!(name, "" | "." | "..") {
            return Err(TargetError::Segment);
        }
    }
    Ok(())
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// RFC 3986 `pchar` and `/`, without the percent sign.
fn stands_plainly(byte: u8) -> bool {
    is_unreserved(byte)
        || matches!(
            byte,
            b'/' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b':' | b'@'
        )
}

fn escaped_byte(digits: Option<&[u8]>) -> Option<u8> {
    let &[high, low] = digits? else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?)
}

fn push_escape(path: &mut String, byte: u8) {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    path.push('%');
    for digit in [byte >> 4, byte & 0x0f] {
        path.push(DIGITS.get(usize::from(digit)).copied().unwrap_or('0'));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(method: &str, uri: &str, hosts: &[&str]) -> Result<Target, TargetError> {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(HOST, HeaderValue::from_str(host).unwrap());
        }
        Target::read(&Method::from_bytes(method.as_bytes()).unwrap(), &uri.parse().unwrap(), &headers)
    }

    fn path(given: &str) -> Result<String, TargetError> {
        read("GET", given, &["a.example"]).map(|target| target.path_and_query().to_string())
    }

    #[test]
    fn one_resource_has_one_spelling() {
        for (given, canonical) in [
            ("/", "/"),
            ("/a/b?x=%2f..//", "/a/b?x=%2f..//"),
            ("/a/", "/a/"),
            ("/%70aid", "/paid"),
            ("/%7euser", "/~user"),
            ("/caf%c3%a9", "/caf%C3%A9"),
            ("/a%20b", "/a%20b"),
            ("/a|b", "/a%7Cb"),
            ("/a%3Fb", "/a%3Fb"),
            ("/a%25b", "/a%25b"),
            ("/v1:run;x=1", "/v1:run;x=1"),
        ] {
            assert_eq!(path(given).as_deref(), Ok(canonical), "{given}");
        }
    }

    #[test]
    fn two_readings_are_refused() {
        for given in
            ["//a", "/a//b", "/a//", "//", "/./a", "/a/..", "/a/../b", "/%2e%2e/a", "/a/.%2E/", "/a/..;x/b", "/a/;x"]
        {
            assert_eq!(path(given), Err(TargetError::Segment), "{given}");
        }
        for given in ["/a%2fb", "/a%2Fb", "/a%5cb", "/a\\b", "/a%00", "/a%0d%0ab", "/a%7f", "/a%", "/a%4", "/a%zz"] {
            assert!(matches!(path(given), Err(TargetError::Escape { at: 2 })), "{given}: {:?}", path(given));
        }
    }

    #[test]
    fn a_canonical_path_reads_as_itself() {
        for given in ["/caf%c3%a9/%7Ex", "/a|b{c}", "/a%20b"] {
            let once = path(given).unwrap();
            assert_eq!(path(&once), Ok(once.clone()));
        }
    }

    #[test]
    fn exactly_one_host() {
        let host = |uri, hosts: &[&str]| read("GET", uri, hosts).map(|target| target.host().to_owned());
        assert_eq!(host("/", &["A.Example:8080"]).as_deref(), Ok("a.example"));
        assert_eq!(host("/", &["[::1]:8080"]).as_deref(), Ok("[::1]"));
        assert_eq!(host("/", &["[::1]"]).as_deref(), Ok("[::1]"));
        assert_eq!(host("http://b.example/x", &[]).as_deref(), Ok("b.example"));
        assert_eq!(host("http://b.example/x", &["B.example"]).as_deref(), Ok("b.example"));
        for hosts in [&[][..], &["a", "a"], &["a, b"], &["user@a"], &[""], &["a:b"], &["a:80:80"], &["a/b"], &["a b"]] {
            assert_eq!(host("/", hosts), Err(TargetError::Host), "{hosts:?}");
        }
        assert_eq!(host("http://b.example/x", &["c.example"]), Err(TargetError::Host));
        assert_eq!(host("http://user@b.example/x", &[]), Err(TargetError::Host));
    }

    #[test]
    fn forms_of_the_request_line() {
        assert_eq!(read("OPTIONS", "*", &["a"]).unwrap().path(), "*");
        assert_eq!(read("GET", "*", &["a"]), Err(TargetError::Form));
        assert_eq!(read("CONNECT", "a:443", &["a"]), Err(TargetError::Connect));
        assert_eq!(read("GET", "ftp://a/x", &["a"]), Err(TargetError::Scheme));
        assert_eq!(read("GET", "http://a", &["a"]).unwrap().path(), "/");
        assert_eq!(read("GET", "http://a", &["a"]), read("GET", "/", &["a"]));
        assert_eq!(read("GET", "http://a?x=/y", &["a"]), read("GET", "/?x=/y", &["a"]));
        assert_eq!(read("GET", "http://a?x", &[]).unwrap().path_and_query().as_str(), "/?x", "as it is sent on");
    }
}
