use std::path::Path;

use anyhow::ensure;

use super::offer::Offer;
use crate::interop::chains::Chains;
use crate::interop::node::Account;
use crate::interop::peer::{Peer, Purchase};
use crate::interop::wallet::Wallet;

/// Somebody who pays out of one account.
pub(super) struct Buyer<'a> {
    program: Program<'a>,
    pub(super) account: &'a Account,
}

enum Program<'a> {
    Own(Wallet),
    Sdk(&'a Peer),
}

/// Ours and one on each SDK, each with an account of its own.
pub(super) fn all<'a>(binary: &Path, peers: &'a [Peer], chains: &'a Chains) -> anyhow::Result<Vec<Buyer<'a>>> {
    let account = chains.account(0)?;
    let own = Buyer { program: Program::Own(wallet(binary, account, chains)?), account };
    let sdks = peers
        .iter()
        .enumerate()
        .map(|(index, peer)| Ok(Buyer { program: Program::Sdk(peer), account: chains.account(index + 1)? }));
    std::iter::once(Ok(own)).chain(sdks).collect()
}

impl Buyer<'_> {
    pub(super) fn name(&self) -> &'static str {
        match &self.program {
            Program::Own(_) => "farthing",
            Program::Sdk(peer) => peer.name,
        }
    }

    /// Buys what is offered there.
    pub(super) fn buy(&self, offer: Offer, url: &str, chains: &Chains) -> anyhow::Result<Purchase> {
        let key = &self.account.key;
        match (&self.program, offer) {
            (Program::Own(wallet), Offer::Push) => push(wallet, url),
            (Program::Own(wallet), _) => wallet.buy(url),
            (Program::Sdk(peer), Offer::Authorization) => peer.authorize(url, key, &chains.asset()),
            (Program::Sdk(peer), _) => peer.charge(url, key, chains.shim(), offer.mode()),
        }
    }
}

/// Our wallet, which knows both chains.
fn wallet(binary: &Path, account: &Account, chains: &Chains) -> anyhow::Result<Wallet> {
    let wallet = Wallet::create(binary, account)?;
    wallet.add_chain("tempo-test", chains.tempo().rpc(), &[])?;
    let token = format!("{}:USDC:6:USD:Test USDC:1", chains.usdc());
    wallet.add_chain("evm-test", chains.evm().rpc(), &["--token", &token])?;
    Ok(wallet)
}

/// Buys where the wallet would send the transaction itself.
fn push(wallet: &Wallet, url: &str) -> anyhow::Result<Purchase> {
    let explained = wallet.explain(url)?;
    ensure!(explained["offers"][0]["sent_first"] == true, "the wallet would pay by pull: {explained}");
    wallet.buy(url)
}
