//! Who is on the other side of a connection.

use http::header::HeaderValue;
use std::net::SocketAddr;
use std::sync::Arc;

/// The client of one connection. Cheap to clone: its header values are written once per connection.
#[derive(Clone, Debug)]
pub struct Peer(Arc<Facts>);

#[derive(Debug)]
struct Facts {
    address: SocketAddr,
    forwarded_for: HeaderValue,
    scheme: HeaderValue,
}

impl Peer {
    /// A client at this address, over TLS or not.
    pub fn new(address: SocketAddr, tls: bool) -> Self {
        let forwarded_for = HeaderValue::from_str(&address.ip().to_canonical().to_string())
            .unwrap_or_else(|_| HeaderValue::from_static("unknown"));
        let scheme = HeaderValue::from_static(if tls { "https" } else { "http" });
        Self(Arc::new(Facts { address, forwarded_for, scheme }))
    }

    /// The socket's remote address.
    pub fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// True when the connection is encrypted.
    pub fn is_tls(&self) -> bool {
        self.0.scheme == "https"
    }

    /// The value of `X-Forwarded-For`.
    pub fn forwarded_for(&self) -> &HeaderValue {
        &self.0.forwarded_for
    }

    /// The value of `X-Forwarded-Proto`: `http` or `https`.
    pub fn scheme(&self) -> &HeaderValue {
        &self.0.scheme
    }
}
