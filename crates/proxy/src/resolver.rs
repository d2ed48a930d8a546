//! Names resolve to public addresses or not at all.

use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::address::is_public;

/// Resolves names for a client that then connects to the very addresses that were looked at: a name that is bound anew
/// in between changes nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PublicOnly;

#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the name leads to a private address")]
struct LeadsInside;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if !found.iter().all(|found| is_public(found.ip())) {
                return Err(LeadsInside.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
