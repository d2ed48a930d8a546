use std::ffi::OsString;

use anyhow::Context as _;
use serde_json::json;

use super::offer::{Offer, Rail, WORDS, Way};
use crate::commands::program;
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
    /// A program for each rail that it knows.
    programs: Vec<(Rail, Service)>,
    pub(super) payee: &'a Account,
}

/// One on each SDK that knows sessions, listening; their accounts are the chains' from this one on.
pub(super) fn all(chains: &Chains, first: usize) -> anyhow::Result<Vec<Seller<'_>>> {
    let mppx: Vec<OsString> = vec!["node".into(), QUIETLY.into(), tools::mppx()?.join("session-seller.js").into()];
    let mpp_rs = vec![peer::build_mpp_rs()?.join("session-seller").into()];
    let mut sellers = Vec::new();
    for (name, rails, command) in [("mppx", &[Rail::TempoV2][..], mppx), ("mpp-rs", &Rail::ALL, mpp_rs)] {
        let payee = chains.account(first + sellers.len())?;
        let programs = rails.iter().map(|rail| Ok((*rail, start(name, &command, chains, payee, *rail)?)));
        sellers.push(Seller { name, programs: programs.collect::<anyhow::Result<_>>()?, payee });
    }
    for (_, program) in sellers.iter_mut().flat_map(|seller| &mut seller.programs) {
        program.wait_until(Way::Requests.path(), 402)?;
    }
    Ok(sellers)
}

fn start(
    name: &'static str,
    command: &[OsString],
    chains: &Chains,
    payee: &Account,
    rail: Rail,
) -> anyhow::Result<Service> {
    let terms = json!({
        "rpc": chains.shim(), "chain": TEMPO_CHAIN, "currency": TEMPO_TOKENS.first(),
        "realm": "127.0.0.1", "secret": "a secret of these tests, 32 bytes or more",
        "payee": payee.key, "escrow": rail.escrow(chains), "words": WORDS,
    });
    let (first, rest) = command.split_first().context("a seller without a program")?;
    Service::told(name, program(first, rest), terms)
}

impl Seller<'_> {
    /// Where it sells this, unless it does not know the rail.
    pub(super) fn url(&self, offer: Offer) -> Option<String> {
        let program = self.programs.iter().find(|(rail, _)| *rail == offer.rail);
        program.map(|(_, program)| program.url(offer.way.path()))
    }
}
