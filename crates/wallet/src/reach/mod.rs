//! Which addresses requests go to that somebody else chose: public ones, and those of hosts that the owner listed.
//!
//! A name is looked up once, by [`Names`], and connected to at the very addresses that were looked at. What is
//! asked of a literal address, however it is spelled, [`trust`] says.

mod address;
mod listed;
mod resolver;

use std::net::IpAddr;

use url::Host;

pub use address::is_public;
pub use listed::{Listed, ListedError};
pub use resolver::{NameError, Names, PublicOnly};

/// How far a host is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Only what resolves to public addresses alone is connected to.
    Public,
    /// The owner listed it, wherever it is.
    Listed,
}

/// A host that is, or leads to, an address that is not public and not listed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{host} is or leads to a private address; its owner can list it with --allow-private {host}:{port}")]
pub struct Private {
    /// The host.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// Whether a request may go to this host, as far as can be said before its name is resolved.
///
/// # Errors
///
/// [`Private`] for an address that is not public, of a host that is not listed.
pub fn trust(listed: &[Listed], host: &Host, port: u16) -> Result<Trust, Private> {
    if listed.iter().any(|each| each.names(host, port)) {
        return Ok(Trust::Listed);
    }
    let address = match host {
        Host::Domain(_) => return Ok(Trust::Public),
        Host::Ipv4(address) => IpAddr::V4(*address),
        Host::Ipv6(address) => IpAddr::V6(*address),
    };
    if is_public(address) { Ok(Trust::Public) } else { Err(Private { host: host.to_string(), port }) }
}
