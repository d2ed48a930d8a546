//! One origin server behind the gateway.

use super::Reach;
use super::dial::Dial;
use super::pool::Pool;
use http::Uri;
use http::header::HeaderValue;
use http::uri::{Authority, Scheme};
use rustls::pki_types::ServerName;
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::TlsConnector;

/// An origin the gateway forwards to, with its own pool of connections. Cheap to clone; clones share the pool.
#[derive(Clone, Debug)]
pub struct Upstream(pub(super) Arc<Origin>);

#[derive(Debug)]
pub(super) struct Origin {
    pub(super) scheme: Scheme,
    pub(super) authority: Authority,
    /// What the upstream is told in `Host`.
    pub(super) host_header: HeaderValue,
    /// Host without brackets, as a resolver takes it.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) version: Version,
    pub(super) timeouts: Timeouts,
    pub(super) tls: Option<Tls>,
    pub(super) dial: Option<OtherWay>,
    pub(super) pool: Arc<Pool>,
}

/// What makes connections, where that is not TCP.
pub(super) struct OtherWay(pub(super) Arc<dyn Dial>);

impl std::fmt::Debug for OtherWay {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("OtherWay(..)")
    }
}

#[derive(Clone)]
pub(super) struct Tls {
    pub(super) connector: TlsConnector,
    /// Offers HTTP/1.1 alone, because a WebSocket needs it.
    pub(super) http1_connector: TlsConnector,
    pub(super) name: ServerName<'static>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Tls").field(&self.name).finish()
    }
}

/// The HTTP version spoken with an upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.1 in clear text; over TLS whatever the upstream chooses of `h2` and `http/1.1`.
    #[default]
    Auto,
    /// HTTP/1.1 only.
    Http1,
    /// HTTP/2 only; in clear text with prior knowledge, as gRPC servers expect.
    Http2,
}

/// How long to wait for an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection, TLS included.
    pub connect: Duration,
    /// For the head of the answer, counted from the last request byte that moved.
    pub first_byte: Duration,
    /// Between two pieces of the answer's body. Server-sent events with rare heartbeats need a long one.
    pub idle: Duration,
    /// How long an unused connection is kept. Below the keep-alive time of common servers (5 s), so that a request
    /// rarely meets a connection the upstream is just closing.
    pub pooled: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(60),
            idle: Duration::from_secs(300),
            pooled: Duration::from_secs(4),
        }
    }
}

/// Why an address cannot be an upstream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UpstreamError {
    /// Not an http or https origin.
    #[error("{address} is no upstream; write it as http://host:port or https://host, without a path")]
    Address {
        /// The address as given.
        address: String,
    },
    /// An https origin, and no TLS settings to reach it with.
    #[error("{address} needs trusted root certificates; give the upstream a TLS configuration")]
    NoTls {
        /// The address as given.
        address: String,
    },
}

impl Upstream {
    /// An upstream at an origin such as `http://127.0.0.1:3000`. Trusted roots are needed for https only; their ALPN
    /// list is replaced by what `version` asks for.
    ///
    /// # Errors
    ///
    /// When the address is no origin, or https without trusted roots.
    pub fn new(
        origin: &Uri,
        version: Version,
        timeouts: Timeouts,
        reach: impl Into<Reach>,
    ) -> Result<Self, UpstreamError> {
        let reach = reach.into();
        let refused = || UpstreamError::Address { address: origin.to_string() };
        let (Some(scheme), Some(authority)) = (origin.scheme(), origin.authority()) else { return Err(refused()) };
        let secure = *scheme == Scheme::HTTPS;
        if (!secure && *scheme != Scheme::HTTP)
            || authority.as_str().contains('@')
            || !matches!(origin.path_and_query().map(|path| path.as_str()), None | Some("" | "/"))
        {
            return Err(refused());
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let tls = if secure {
            let mut config = reach.tls.ok_or_else(|| UpstreamError::NoTls { address: origin.to_string() })?;
            config.alpn_protocols = offered(Version::Http1);
            let http1_connector = TlsConnector::from(Arc::new(config.clone()));
            config.alpn_protocols = offered(version);
            let name = ServerName::try_from(host.clone()).map_err(|_| refused())?;
            Some(Tls { connector: TlsConnector::from(Arc::new(config)), http1_connector, name })
        } else {
            None
        };
        Ok(Self(Arc::new(Origin {
            scheme: scheme.clone(),
            authority: authority.clone(),
            host_header: HeaderValue::from_str(authority.as_str()).map_err(|_| refused())?,
            host,
            port: authority.port_u16().unwrap_or(if secure { 443 } else { 80 }),
            version,
            timeouts,
            tls,
            dial: reach.dial.map(OtherWay),
            pool: Arc::new(Pool::new(timeouts.pooled)),
        })))
    }

    /// Host and port, for logs and metrics.
    pub fn authority(&self) -> &str {
        self.0.authority.as_str()
    }
}

fn offered(version: Version) -> Vec<Vec<u8>> {
    let (two, one) = (b"h2".to_vec(), b"http/1.1".to_vec());
    match version {
        Version::Auto => vec![two, one],
        Version::Http1 => vec![one],
        Version::Http2 => vec![two],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(address: &str) -> Result<Upstream, UpstreamError> {
        Upstream::new(&address.parse().unwrap(), Version::Auto, Timeouts::default(), Reach::default())
    }

    #[test]
    fn an_upstream_is_an_origin() {
        assert_eq!(new("http://127.0.0.1:3000").unwrap().0.port, 3000);
        assert_eq!(new("http://[::1]:3000/").unwrap().0.host, "::1");
        assert_eq!(new("http://files").unwrap().0.port, 80);
        for address in ["/x", "files:80", "http://files/api", "http://files?x", "ftp://files", "http://me@files"] {
            assert!(matches!(new(address), Err(UpstreamError::Address { .. })), "{address}");
        }
        assert!(matches!(new("https://files"), Err(UpstreamError::NoTls { .. })));
    }
}
