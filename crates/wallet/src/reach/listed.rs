use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use url::{Host, Url};

/// A host that may be on a private address, on one port or on any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    host: Host,
    port: Option<u16>,
}

/// Why a host cannot be listed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a host; write HOST or HOST:PORT, as in 127.0.0.1:4020")]
pub struct ListedError(String);

impl Listed {
    /// The host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Whether this host is meant, on this port.
    pub fn names(&self, host: &Host, port: u16) -> bool {
        self.host == *host && self.port.is_none_or(|only| only == port)
    }

    /// Whether this host is meant, and this port was written with it.
    pub fn names_port(&self, host: &Host, port: u16) -> bool {
        self.host == *host && self.port == Some(port)
    }
}

impl FromStr for Listed {
    type Err = ListedError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ListedError(text.to_owned());
        let bare_v6 = text.parse::<Ipv6Addr>().ok();
        let authority = bare_v6.map_or_else(|| text.to_owned(), |address| format!("[{address}]"));
        // No known default port, and a special scheme: a port that is written is seen, and hosts are read as of http.
        let url = Url::parse(&format!("ws://{authority}/")).map_err(|_| wrong())?;
        let is_plain = url.username().is_empty() && url.password().is_none() && url.path() == "/";
        let host = url.host().filter(|_| is_plain && url.query().is_none()).ok_or_else(wrong)?.to_owned();
        let port = if authority.ends_with(":80") { Some(80) } else { url.port() };
        Ok(Self { host, port })
    }
}

impl fmt::Display for Listed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(formatter, "{}:{port}", self.host),
            None => self.host.fmt(formatter),
        }
    }
}
