use std::ffi::OsString;
use std::path::Path;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::offer::{Offer, Rail, WORDS, Way};
use super::own_seller;
use crate::commands::program;
use crate::gateway::Gateway;
use crate::interop::chains::{Chains, TEMPO_CHAIN, TEMPO_TOKENS};
use crate::interop::node::Account;
use crate::interop::peer;
use crate::interop::service::Service;
use crate::tools;

/// mppx's server listens to one signal more often than node expects of anybody.
const QUIETLY: &str = "--disable-warning=MaxListenersExceededWarning";

/// Somebody who sells by sessions, each with an account of its own, which is paid and closes.
pub(super) struct Seller<'a> {
    pub(super) name: &'static str,
    programs: Programs,
    pub(super) payee: &'a Account,
}

enum Programs {
    /// Our gateway and what it sells.
    Own { gateway: Gateway, _shop: Service },
    /// A program for each rail that the SDK knows.
    Sdk(Vec<(Rail, Service)>),
}

/// Ours and one on each SDK that knows sessions, listening; their accounts are the chains' from this one on.
pub(super) fn all<'a>(
    binary: &Path,
    folder: &Path,
    chains: &'a Chains,
    first: usize,
) -> anyhow::Result<Vec<Seller<'a>>> {
    let payee = chains.account(first)?;
    let mut shop = start("node", &script("session-shop.js")?, json!({ "words": WORDS }))?;
    shop.wait_until(Way::Requests.path(), 200)?;
    let gateway = own_seller::start(binary, folder, chains, payee, &shop)?;
    let mut sellers = vec![Seller { name: "farthing", programs: Programs::Own { gateway, _shop: shop }, payee }];
    let mpp_rs = vec![peer::build_mpp_rs()?.join("session-seller").into()];
    let sdks = [("mppx", &[Rail::TempoV2][..], script("session-seller.js")?), ("mpp-rs", &Rail::TEMPO, mpp_rs)];
    for (name, rails, command) in sdks {
        let payee = chains.account(first + sellers.len())?;
        let mut programs = Vec::new();
        for rail in rails {
            let mut program = start(name, &command, terms(chains, payee, *rail))?;
            program.wait_until(Way::Requests.path(), 402)?;
            programs.push((*rail, program));
        }
        sellers.push(Seller { name, programs: Programs::Sdk(programs), payee });
    }
    Ok(sellers)
}

/// A program of the folder with mppx.
fn script(name: &str) -> anyhow::Result<Vec<OsString>> {
    Ok(vec!["node".into(), QUIETLY.into(), tools::mppx()?.join(name).into()])
}

fn start(name: &'static str, command: &[OsString], terms: Value) -> anyhow::Result<Service> {
    let (first, rest) = command.split_first().context("a service without a program")?;
    Service::told(name, program(first, rest), terms)
}

fn terms(chains: &Chains, payee: &Account, rail: Rail) -> Value {
    json!({
        "rpc": chains.shim(), "chain": TEMPO_CHAIN, "currency": TEMPO_TOKENS.first(),
        "realm": "127.0.0.1", "secret": "a secret of these tests, 32 bytes or more",
        "payee": payee.key, "escrow": rail.escrow(chains), "words": WORDS,
    })
}

impl Seller<'_> {
    /// Where it sells this, unless it does not know the rail.
    pub(super) fn url(&self, offer: Offer) -> Option<String> {
        match &self.programs {
            Programs::Own { gateway, .. } => Some(gateway.url(&own_seller::path(offer))),
            Programs::Sdk(programs) => {
                let program = programs.iter().find(|(rail, _)| *rail == offer.rail);
                program.map(|(_, program)| program.url(offer.way.path()))
            }
        }
    }

    /// Stops it; ours must have books that add up.
    pub(super) fn stop(self, binary: &Path) -> anyhow::Result<()> {
        match self.programs {
            Programs::Own { gateway, .. } => gateway.stop_and_verify(binary),
            Programs::Sdk(_) => Ok(()),
        }
    }
}
