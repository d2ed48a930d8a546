use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::json;

use super::offer::{Offer, REQUESTS, Rail, Way};
use super::purchase::Purchase;
use crate::commands::{Run as _, program};
use crate::interop::chains::Chains;
use crate::interop::node::Account;
use crate::interop::peer;
use crate::interop::wallet::Wallet;
use crate::tools;

/// Somebody who pays out of one account.
pub(super) struct Buyer<'a> {
    pub(super) name: &'static str,
    program: Program,
    pub(super) account: &'a Account,
}

enum Program {
    /// Our wallet, a new one for each purchase.
    Own(PathBuf),
    Sdk(Vec<OsString>),
}

/// Ours and one on each SDK that knows sessions, each with an account of its own.
pub(super) fn all<'a>(binary: &Path, chains: &'a Chains) -> anyhow::Result<Vec<Buyer<'a>>> {
    let account = chains.account(0)?;
    let own = Buyer { name: "farthing", program: Program::Own(binary.to_owned()), account };
    let mppx = vec!["node".into(), tools::mppx()?.join("session-buyer.js").into()];
    let mpp_rs = vec![peer::build_mpp_rs()?.join("session-buyer").into()];
    let sdks = [("mppx", mppx), ("mpp-rs", mpp_rs)].into_iter().enumerate();
    let sdks = sdks.map(|(index, (name, words))| {
        Ok(Buyer { name, program: Program::Sdk(words), account: chains.account(index + 1)? })
    });
    std::iter::once(Ok(own)).chain(sdks).collect()
}

impl Buyer<'_> {
    /// Whether it knows this rail at all.
    pub(super) fn knows(&self, rail: Rail) -> bool {
        matches!(self.program, Program::Own(_)) || Rail::TEMPO.contains(&rail)
    }

    /// Buys what is offered there, and closes the session.
    pub(super) fn buy(&self, offer: Offer, url: &str, chains: &Chains) -> anyhow::Result<Purchase> {
        match &self.program {
            Program::Own(binary) => buy(&wallet(binary, self.account, chains)?, offer, url),
            Program::Sdk(words) => self.order(words, offer, url, chains),
        }
    }

    fn order(&self, words: &[OsString], offer: Offer, url: &str, chains: &Chains) -> anyhow::Result<Purchase> {
        let wish = json!({
            "url": url, "way": offer.way.name(), "count": REQUESTS,
            "protocol": offer.rail.name(), "escrow": offer.rail.escrow(chains),
            "key": self.account.key, "rpc": chains.shim(),
        });
        let (first, rest) = words.split_first().context("a buyer without a program")?;
        let answer = program(first, rest).arg(wish.to_string()).output_text()?;
        serde_json::from_str(&answer).with_context(|| format!("{} answered {answer:?}", self.name))
    }
}

/// Our wallet, which knows both chains and trusts their contracts.
fn wallet(binary: &Path, account: &Account, chains: &Chains) -> anyhow::Result<Wallet> {
    let wallet = Wallet::create(binary, account)?;
    wallet.add_chain("tempo-test", chains.shim(), &["--escrow", chains.stream()])?;
    let token = format!("{}:USDC:6:USD:Test USDC:1", chains.usdc());
    wallet.add_chain("evm-test", chains.evm().rpc(), &["--token", &token, "--escrow", chains.evm_escrow()])?;
    Ok(wallet)
}

/// Buys with `farthing pay`, and closes the session whatever came of that.
fn buy(wallet: &Wallet, offer: Offer, url: &str) -> anyhow::Result<Purchase> {
    let delivered = match offer.way {
        Way::Requests | Way::TopUp | Way::Sponsored => (0..REQUESTS).map(|_| wallet.draw(url)).collect(),
        Way::Events => wallet.stream(url),
        Way::Socket => wallet.stream(&url.replacen("http", "ws", 1)),
    };
    wallet.close_sessions()?;
    Ok(Purchase { delivered: delivered?, receipt: None })
}
