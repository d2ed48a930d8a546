use std::process::Command;

use anyhow::Context as _;
use serde_json::json;

use super::offer::Offer;
use super::seller::{RECIPIENT, SECOND};
use crate::commands::program;
use crate::interop::chains::{Chains, TEMPO_CHAIN, TEMPO_TOKENS};
use crate::interop::node::Account;
use crate::interop::peer;
use crate::interop::service::Service;
use crate::tools;

/// One seller on each SDK, listening, each with the next sponsor.
pub(super) fn all<'a>(
    chains: &Chains,
    mut sponsors: impl Iterator<Item = anyhow::Result<&'a Account>>,
) -> anyhow::Result<Vec<(Service, &'a Account)>> {
    let mppx = program("node", [tools::mppx()?.join("seller.js")]);
    let pympp = program(tools::python("pympp")?, ["interop/pympp/seller.py"]);
    let mpp_rs = Command::new(peer::build_mpp_rs()?.join("tempo-seller"));
    let mut sellers = Vec::new();
    for (name, command) in [("mppx", mppx), ("pympp", pympp), ("mpp-rs", mpp_rs)] {
        let sponsor = sponsors.next().context("a sponsor for each")??;
        sellers.push((start(name, command, chains, sponsor)?, sponsor));
    }
    for (seller, _) in &mut sellers {
        seller.wait_until(Offer::Pull.path(), 402)?;
    }
    Ok(sellers)
}

fn start(name: &'static str, command: Command, chains: &Chains, sponsor: &Account) -> anyhow::Result<Service> {
    let terms = json!({
        "rpc": chains.shim(), "chain": TEMPO_CHAIN, "currency": TEMPO_TOKENS.first(),
        "realm": "127.0.0.1", "secret": "a secret of these tests, 32 bytes or more",
        "recipient": RECIPIENT, "second": SECOND, "sponsor": sponsor.key,
        "evm": chains.asset(),
    });
    Service::told(name, command, terms)
}
