use std::ffi::OsString;

use anyhow::Context as _;
use serde_json::json;

use super::offer::{Offer, REQUESTS};
use super::purchase::Purchase;
use crate::commands::{Run as _, program};
use crate::interop::chains::Chains;
use crate::interop::node::Account;
use crate::interop::peer;
use crate::tools;

/// Somebody who pays out of one account.
pub(super) struct Buyer<'a> {
    pub(super) name: &'static str,
    program: Vec<OsString>,
    pub(super) account: &'a Account,
}

/// One on each SDK that knows sessions, each with an account of its own.
pub(super) fn all(chains: &Chains) -> anyhow::Result<Vec<Buyer<'_>>> {
    let mppx = vec!["node".into(), tools::mppx()?.join("session-buyer.js").into()];
    let mpp_rs = vec![peer::build_mpp_rs()?.join("session-buyer").into()];
    let programs = [("mppx", mppx), ("mpp-rs", mpp_rs)].into_iter().enumerate();
    programs.map(|(index, (name, program))| Ok(Buyer { name, program, account: chains.account(index + 1)? })).collect()
}

impl Buyer<'_> {
    /// Buys what is offered there, and closes the session.
    pub(super) fn buy(&self, offer: Offer, url: &str, chains: &Chains) -> anyhow::Result<Purchase> {
        let wish = json!({
            "url": url, "way": offer.way.name(), "count": REQUESTS,
            "protocol": offer.rail.name(), "escrow": offer.rail.escrow(chains),
            "key": self.account.key, "rpc": chains.shim(),
        });
        let (first, rest) = self.program.split_first().context("a buyer without a program")?;
        let answer = program(first, rest).arg(wish.to_string()).output_text()?;
        serde_json::from_str(&answer).with_context(|| format!("{} answered {answer:?}", self.name))
    }
}
