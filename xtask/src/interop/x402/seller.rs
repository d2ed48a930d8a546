use std::path::Path;

use serde_json::json;

use super::chain::Chain;
use super::facilitator::Facilitator;
use super::offer::Offer;
use super::sdk;
use crate::gateway::free_address;
use crate::interop::service::Service;

/// Who is paid: an address that nobody has a key for, so that all it has was paid to it.
pub(super) const RECIPIENT: &str = "0x5e11e40000000000000000000000000000000402";

/// Somebody who sells what a facilitator settles; it ends when dropped.
pub(super) struct Seller<'a> {
    program: Program,
    facilitator: &'a Facilitator,
}

enum Program {
    Sdk(Service),
}

/// One on each SDK, listening.
pub(super) fn all<'a>(_binary: &Path, chain: &Chain, facilitator: &'a Facilitator) -> anyhow::Result<Vec<Seller<'a>>> {
    let commands = [
        ("@x402/express", sdk::typescript("seller.js")?),
        ("x402-axum", sdk::rust("seller")?),
        ("mppx", sdk::mppx("x402-seller.js")?),
    ];
    let mut sellers = Vec::new();
    for (name, command) in commands {
        let terms = json!({
            "listen": free_address()?, "facilitator": facilitator.url(), "recipient": RECIPIENT,
            "realm": "127.0.0.1", "secret": "a secret of these tests, 32 bytes or more", "evm": chain.asset(),
        });
        sellers.push(Service::start(name, command, &terms)?);
    }
    for seller in &mut sellers {
        seller.wait_until(Offer::Exact.path(), 402)?;
    }
    Ok(sellers.into_iter().map(|seller| Seller { program: Program::Sdk(seller), facilitator }).collect())
}

impl Seller<'_> {
    pub(super) fn name(&self) -> &'static str {
        match &self.program {
            Program::Sdk(seller) => seller.name,
        }
    }

    /// The address that pays for the gas of what it sells.
    pub(super) fn settled_by(&self) -> &str {
        &self.facilitator.sender
    }

    pub(super) fn url(&self, path: &str) -> String {
        match &self.program {
            Program::Sdk(seller) => seller.url(path),
        }
    }

    /// Stops it; ours must have books that add up.
    pub(super) fn stop(self, _binary: &Path) -> anyhow::Result<()> {
        match self.program {
            Program::Sdk(_) => Ok(()),
        }
    }
}
