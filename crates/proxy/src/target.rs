//! What a request asks for.

use http::header::HOST;
use http::uri::Authority;
use http::{HeaderMap, Uri};
use url::{Host, Url};

use crate::Refusal;

/// The server at the end of a tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) host: Host,
    pub(crate) port: u16,
}

impl Server {
    /// The server that a `CONNECT` names: a host and a port, nothing else.
    pub(crate) fn of_connect(uri: &Uri) -> Result<Self, Refusal> {
        let authority = uri.authority().filter(|_| uri.scheme().is_none() && uri.path_and_query().is_none());
        let authority = authority.ok_or(Refusal::NotForAProxy)?;
        let port = authority.port_u16().ok_or(Refusal::NotForAProxy)?;
        Ok(Self { host: host_of(authority)?, port })
    }

    /// The URL that a request inside the tunnel asks for. It must name the same server, however it names it.
    pub(crate) fn url(&self, scheme: &str, uri: &Uri, headers: &HeaderMap) -> Result<Url, Refusal> {
        if uri.scheme_str().is_some_and(|named| named != scheme) {
            return Err(Refusal::OtherHost);
        }
        let mut named = headers.get_all(HOST).iter();
        let of_header = named.next().map(|host| Authority::try_from(host.as_bytes())).transpose();
        let of_header = of_header.map_err(|_| Refusal::OtherHost)?;
        if named.next().is_some() || (of_header.is_none() && uri.authority().is_none()) {
            return Err(Refusal::OtherHost);
        }
        for authority in [of_header.as_ref(), uri.authority()].into_iter().flatten() {
            let port = authority.port_u16().or_else(|| default_port(scheme));
            if host_of(authority)? != self.host || port != Some(self.port) {
                return Err(Refusal::OtherHost);
            }
        }
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let url = format!("{scheme}://{}:{}{path}", self.host, self.port);
        Url::parse(&url).map_err(|_| Refusal::NotForAProxy)
    }
}

/// The URL of a request in absolute form. Its `Host` field, if there is one, must agree (RFC 9112, 3.2.2).
pub(crate) fn absolute(uri: &Uri, headers: &HeaderMap) -> Result<Url, Refusal> {
    let (Some(scheme @ ("http" | "https")), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(Refusal::NotForAProxy);
    };
    let port = authority.port_u16().or_else(|| default_port(scheme)).ok_or(Refusal::NotForAProxy)?;
    Server { host: host_of(authority)?, port }.url(scheme, uri, headers)
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

/// The host, read as every client of URLs reads it: `0x7f.1` is 127.0.0.1.
fn host_of(authority: &Authority) -> Result<Host, Refusal> {
    if authority.as_str().contains('@') {
        return Err(Refusal::NotForAProxy);
    }
    let url = Url::parse(&format!("http://{}/", authority.host())).map_err(|_| Refusal::NotForAProxy)?;
    url.host().map(|host| host.to_owned()).ok_or(Refusal::NotForAProxy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn hosts(names: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for name in names {
            headers.append(HOST, HeaderValue::from_str(name).unwrap());
        }
        headers
    }

    #[test]
    fn a_tunnel_leads_to_a_host_and_a_port() {
        let read = |uri: &str| Server::of_connect(&uri.parse().unwrap());
        let server = read("API.example.com:443").unwrap();
        assert_eq!((server.host.to_string().as_str(), server.port), ("api.example.com", 443));
        assert_eq!(read("2130706433:443").unwrap().host.to_string(), "127.0.0.1");
        assert_eq!(read("[::ffff:7f00:1]:443").unwrap().host.to_string(), "[::ffff:7f00:1]");
        for wrong in ["http://a/", "/x", "a@b:443", "*"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn inside_a_tunnel_only_its_server_is_named() {
        let server = Server::of_connect(&"a.example:443".parse().unwrap()).unwrap();
        let read = |uri: &str, names: &[&str]| server.url("https", &uri.parse().unwrap(), &hosts(names));
        let url = Url::parse("https://a.example/x?y").unwrap();
        for (uri, names) in [
            ("/x?y", &["a.example"][..]),
            ("/x?y", &["A.example:443"]),
            ("https://a.example/x?y", &[]),
            ("https://a.example/x?y", &["a.example"]),
        ] {
            assert_eq!(read(uri, names), Ok(url.clone()), "{uri} {names:?}");
        }
        for (uri, names) in [
            ("/x", &[][..]),
            ("/x", &["b.example"]),
            ("/x", &["a.example", "a.example"]),
            ("/x", &["a.example:8443"]),
            ("/x", &["a.example:80"]),
            ("https://b.example/x", &["a.example"]),
            ("https://a.example/x", &["b.example"]),
            ("http://a.example/x", &["a.example"]),
        ] {
            assert!(read(uri, names).is_err(), "{uri} {names:?}");
        }
    }

    #[test]
    fn an_absolute_target_agrees_with_its_host() {
        let read = |uri: &str, names: &[&str]| absolute(&uri.parse().unwrap(), &hosts(names));
        assert_eq!(read("http://a.example/x", &["a.example"]).unwrap().as_str(), "http://a.example/x");
        assert_eq!(read("http://a.example:8080", &["a.example:8080"]).unwrap().as_str(), "http://a.example:8080/");
        assert_eq!(read("https://a.example/x", &["a.example:443"]).unwrap().as_str(), "https://a.example/x");
        assert!(read("http://a.example/x", &["b.example"]).is_err());
        assert!(read("http://a.example/x", &["a.example", "b.example"]).is_err());
        assert!(read("ftp://a.example/x", &["a.example"]).is_err());
        assert!(read("/x", &["a.example"]).is_err());
    }
}
