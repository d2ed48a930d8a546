use std::path::Path;
use std::process::Command;

use anyhow::bail;
use serde_json::json;
use tempfile::TempDir;

use super::chain::{CHAIN, Chain};
use super::sdk;
use crate::gateway::free_address;
use crate::interop::key_file;
use crate::interop::node::Account;
use crate::interop::service::Service;

/// Our gateway, without a facilitator.
pub(super) const ITSELF: &str = "itself";

/// Everybody who settles.
pub(super) const NAMES: [&str; 4] = [ITSELF, "farthing", "@x402/evm", "x402-rs"];

/// The first account of those who settle; they have one each, in that order.
const FIRST_ACCOUNT: usize = 6;

/// Somebody who verifies and settles for sellers, out of one account; it ends when dropped.
pub(super) struct Facilitator {
    pub(super) name: &'static str,
    /// The account that pays for gas.
    pub(super) account: Account,
    service: Option<Service>,
    _folder: TempDir,
}

impl Facilitator {
    pub(super) fn start(name: &'static str, binary: &Path, chain: &Chain) -> anyhow::Result<Self> {
        let place = NAMES.iter().position(|known| *known == name).unwrap_or_default();
        let account = chain.account(FIRST_ACCOUNT + place)?.clone();
        let folder = tempfile::tempdir()?;
        let terms = json!({ "rpc": chain.node.rpc(), "key": account.key });
        let mut service = match name {
            ITSELF => None,
            "farthing" => Some(own(binary, folder.path(), chain, &account)?),
            "@x402/evm" => Some(Service::told(name, sdk::typescript("facilitator.js")?, terms)?),
            "x402-rs" => Some(Service::told(name, sdk::rust("facilitator")?, terms)?),
            _ => bail!("there is no facilitator {name:?}"),
        };
        if let Some(service) = &mut service {
            service.wait_until("/supported", 200)?;
        }
        Ok(Self { name, account, service, _folder: folder })
    }

    /// Where it listens, unless a gateway settles by itself.
    pub(super) fn url(&self) -> Option<String> {
        self.service.as_ref().map(|service| service.url(""))
    }
}

/// Ours, with its files in this folder.
fn own(binary: &Path, folder: &Path, chain: &Chain, account: &Account) -> anyhow::Result<Service> {
    let listen = free_address()?;
    let key = key_file::write(folder, &account.key)?;
    let settings = folder.join("facilitator.toml");
    let text = format!(
        "[facilitator]\nlisten = \"{listen}\"\n\n\
         [chains.base]\nchain = {CHAIN}\nrpc = \"{}\"\nasset = [\"USDC\"]\nsigner = {{ key = {{ file = \"{}\" }} }}\n",
        chain.node.rpc(),
        key.display()
    );
    std::fs::write(&settings, text)?;
    let mut command = Command::new(binary);
    command.args(["facilitator", "--config"]).arg(&settings).stderr(std::fs::File::create(folder.join("log"))?);
    Service::start("farthing", command, listen)
}
