//! Names resolve to public addresses or not at all.

use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::is_public;

/// Resolves names for a client that then connects to the very addresses that were looked at: a name that is bound anew
/// in between changes nothing.
#[derive(Clone, Copy, Debug)]
pub struct PublicOnly;

/// Why a name was not resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name leads to a private address")]
pub struct LeadsInside;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = all_public(tokio::net::lookup_host((name.as_str(), 0)).await?.collect())?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// One private address among public ones is how a name is bound anew, so one is enough.
fn all_public(found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, LeadsInside> {
    if found.iter().all(|found| is_public(found.ip())) { Ok(found) } else { Err(LeadsInside) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w_14_one_private_address_among_public_ones_is_enough() {
        let all = |found: &[&str]| all_public(found.iter().map(|found| found.parse().unwrap()).collect());
        assert_eq!(all(&["1.1.1.1:443", "127.0.0.1:443"]), Err(LeadsInside));
        assert_eq!(all(&["[::ffff:169.254.169.254]:80"]), Err(LeadsInside));
        assert!(all(&["1.1.1.1:443", "[2606:4700::1111]:443"]).is_ok());
    }
}
