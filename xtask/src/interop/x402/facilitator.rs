use std::path::Path;

use anyhow::bail;
use serde_json::json;

use super::chain::Chain;
use super::sdk;
use crate::gateway::free_address;
use crate::interop::service::Service;

/// Everybody who settles.
pub(super) const NAMES: [&str; 2] = ["@x402/evm", "x402-rs"];

/// Somebody who verifies and settles for sellers, out of one account; it ends when dropped.
pub(super) struct Facilitator {
    pub(super) name: &'static str,
    /// The address that pays for gas.
    pub(super) sender: String,
    service: Service,
}

impl Facilitator {
    pub(super) fn start(name: &'static str, _binary: &Path, chain: &Chain) -> anyhow::Result<Self> {
        let (command, index) = match name {
            "@x402/evm" => (sdk::typescript("facilitator.js")?, 5),
            "x402-rs" => (sdk::rust("facilitator")?, 6),
            _ => bail!("there is no facilitator {name:?}"),
        };
        let account = chain.account(index)?;
        let terms = json!({ "listen": free_address()?, "rpc": chain.node.rpc(), "key": account.key });
        let mut service = Service::start(name, command, &terms)?;
        service.wait_until("/supported", 200)?;
        Ok(Self { name, sender: account.address.clone(), service })
    }

    pub(super) fn url(&self) -> String {
        self.service.url("")
    }
}
