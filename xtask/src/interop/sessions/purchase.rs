//! One session, and what the chain must say of it.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use serde_json::Value;

use super::offer::{Offer, PRICE};
use crate::interop::chains::Chains;
use crate::interop::node::Node;

/// How long a seller may take to collect what it was paid, once the session is closed.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a buyer got out of a session that it has closed.
#[derive(Deserialize)]
pub(super) struct Purchase {
    /// The goods, in their order.
    pub(super) delivered: Vec<String>,
    /// The receipt of the close.
    pub(super) receipt: Option<Value>,
}

/// Who pays whom on the chain.
pub(super) struct Parties<'a> {
    pub(super) payer: &'a str,
    pub(super) payee: &'a str,
}

/// What moved through an escrow, in base units.
#[derive(Debug, Default, PartialEq, Eq)]
struct Moved {
    /// How often the payer paid in.
    deposits: usize,
    deposited: u128,
    settled: u128,
    refunded: u128,
}

/// Buys, and requires that the goods came, that the payee has exactly their price, and that the payer has the rest of the
/// deposit again.
pub(super) fn require(
    chains: &Chains,
    parties: &Parties<'_>,
    offer: Offer,
    buy: impl FnOnce() -> anyhow::Result<Purchase>,
) -> anyhow::Result<()> {
    let ledger = Ledger::open(chains, parties, offer)?;
    let wealth = ledger.chain.wealth(parties.payer)?;
    let purchase = buy()?;
    ensure!(purchase.delivered == offer.way.goods(), "what came is {:?}", purchase.delivered);
    let moved = ledger.closed()?;
    ensure!(moved.settled == PRICE, "the payee got {} for {PRICE}", moved.settled);
    ensure!(moved.deposited == moved.settled + moved.refunded, "the escrow did not give back all: {moved:?}");
    ensure!(moved.deposits == offer.way.deposits(), "paid in {} times", moved.deposits);
    let spent = wealth - ledger.chain.wealth(parties.payer)?;
    if offer.is_sponsored() {
        ensure!(spent == PRICE, "the payer spent {spent}, although the fees were the seller's");
    } else {
        ensure!(spent > PRICE, "the payer spent {spent}, which leaves no fee");
    }
    if let Some(receipt) = purchase.receipt {
        ensure!(receipt["intent"] == "session" && receipt["status"] == "success", "the receipt is {receipt}");
        ensure!(receipt["spent"] == PRICE.to_string(), "the receipt is {receipt}");
        let transaction = receipt["txHash"].as_str().context("the receipt of the close names no transaction")?;
        ledger.chain.require_success(transaction)?;
    }
    Ok(())
}

/// Tries to buy where that cannot work, and requires that the payee got nothing.
pub(super) fn require_refusal(
    chains: &Chains,
    parties: &Parties<'_>,
    offer: Offer,
    buy: impl FnOnce() -> anyhow::Result<Purchase>,
) -> anyhow::Result<()> {
    let ledger = Ledger::open(chains, parties, offer)?;
    ensure!(buy().is_err(), "it was sold: strike this from the list of gaps");
    let moved = ledger.moved()?;
    ensure!(moved.settled == 0, "money moved without a sale: {moved:?}");
    Ok(())
}

/// What moves through one escrow from now on.
struct Ledger<'a> {
    chain: &'a Node,
    escrow: &'a str,
    parties: &'a Parties<'a>,
    after: u128,
}

impl<'a> Ledger<'a> {
    fn open(chains: &'a Chains, parties: &'a Parties<'a>, offer: Offer) -> anyhow::Result<Self> {
        let chain = offer.rail.chain(chains);
        let after = chain.block_number()?;
        Ok(Self { chain, escrow: offer.rail.escrow(chains), parties, after })
    }

    fn moved(&self) -> anyhow::Result<Moved> {
        let Self { chain, escrow, parties, after } = self;
        let sum = |from: &str, to: &str| chain.transfers(from, to, *after);
        let deposits = sum(parties.payer, escrow)?;
        Ok(Moved {
            deposits: deposits.len(),
            deposited: deposits.iter().sum(),
            settled: sum(escrow, parties.payee)?.iter().sum(),
            refunded: sum(escrow, parties.payer)?.iter().sum(),
        })
    }

    /// Waits until everything that was paid in is out again.
    fn closed(&self) -> anyhow::Result<Moved> {
        let asked = Instant::now();
        loop {
            let moved = self.moved()?;
            if moved.deposited > 0 && moved.deposited == moved.settled + moved.refunded {
                return Ok(moved);
            }
            ensure!(asked.elapsed() < PATIENCE, "the session is not settled after {PATIENCE:?}: {moved:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}
