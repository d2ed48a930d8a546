use std::fmt;
use std::str::FromStr;

use farthing_money::{Amount, Price};
use farthing_protocol::{Challenge, ChargeRequest, Credential, Timestamp};

/// What a route wants to sell, before it is put in a method's words.
#[derive(Clone, Debug)]
pub struct Order {
    /// The price of the route.
    pub price: Price,
    /// Display text for people; binds nothing.
    pub description: Option<String>,
    /// The seller's own reference, handed through to receipts.
    pub external_id: Option<String>,
}

/// What a client presents, after the gateway has checked that the challenge is its own, is alive
/// and was issued for this very request.
#[derive(Clone, Copy, Debug)]
pub struct Presented<'a> {
    /// The credential.
    pub credential: &'a Credential,
    /// The decoded request of its challenge: equal to what the route asks.
    pub request: &'a ChargeRequest,
    /// Now.
    pub now: Timestamp,
}

/// One way to pay that a server offers, as the buyer received it.
#[derive(Clone, Copy, Debug)]
pub struct Offer<'a> {
    /// The challenge.
    pub challenge: &'a Challenge,
    /// Where it came from; a credential goes nowhere else.
    pub origin: &'a Origin,
    /// The amount in the shared request fields, if they could be read.
    pub amount: Option<Amount>,
    /// Now.
    pub now: Timestamp,
}

/// Scheme, host and port of a server, in one spelling: `https://api.example.com`, the default port
/// left out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(Box<str>);

/// Not an origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an origin is a scheme, a host and perhaps a port, such as https://api.example.com; got \"{0}\"")]
pub struct OriginError(String);

impl Origin {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let refused = || OriginError(text.chars().take(128).collect());
        let (scheme, rest) = text.split_once("://").ok_or_else(refused)?;
        let scheme = scheme.to_ascii_lowercase();
        let default_port = match scheme.as_str() {
            "http" => ":80",
            "https" => ":443",
            _ => return Err(refused()),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest).to_ascii_lowercase();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte);
        if authority.is_empty() || authority.starts_with(':') || !authority.bytes().all(plain) {
            return Err(refused());
        }
        let authority = authority.strip_suffix(default_port).unwrap_or(&authority);
        Ok(Self(format!("{scheme}://{authority}").into()))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_server_has_one_spelling() {
        let origin = |text: &str| text.parse::<Origin>().unwrap().to_string();
        assert_eq!(origin("HTTPS://API.example.com:443/"), "https://api.example.com");
        assert_eq!(origin("http://127.0.0.1:4020"), "http://127.0.0.1:4020");
        assert_eq!(origin("http://[::1]:80"), "http://[::1]");
        for text in ["api.example.com", "ftp://x", "https://", "https://a/b", "https://user@a", "https://:443"] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }
}
