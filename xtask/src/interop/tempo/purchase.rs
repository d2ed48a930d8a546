//! One purchase, and what the chain must say of it.

use anyhow::{Context as _, ensure};

use super::offer::Offer;
use crate::interop::node::Node;
use crate::interop::peer::Purchase;

/// Whose balances a purchase moves.
pub(super) struct Accounts<'a> {
    pub(super) payer: &'a str,
    pub(super) recipient: &'a str,
    pub(super) second: &'a str,
    pub(super) sponsor: &'a str,
}

/// What they all have at one moment, in base units: those who may bear a fee, of every dollar that fees are paid in.
struct Balances {
    payer: u128,
    recipient: u128,
    second: u128,
    sponsor: u128,
}

/// Buys, and requires that the goods came and that exactly the price moved: from the payer to the recipients, and the
/// fee from whoever was to bear it.
pub(super) fn require(
    chain: &Node,
    accounts: &Accounts<'_>,
    offer: Offer,
    buy: impl FnOnce() -> anyhow::Result<Purchase>,
) -> anyhow::Result<()> {
    let before = Balances::of(chain, accounts)?;
    let purchase = buy()?;
    ensure!(purchase.status == 200, "status {}: {}", purchase.status, purchase.body);
    ensure!(purchase.body == "sold", "sold {:?}", purchase.body);
    let receipt = purchase.receipt.context("no receipt")?;
    ensure!(receipt["method"] == offer.method() && receipt["status"] == "success", "the receipt is {receipt}");
    let reference = receipt["reference"].as_str().context("the receipt has no reference")?;
    if reference.starts_with("0x") {
        chain.require_success(reference)?;
    } else {
        ensure!(offer == Offer::Proof, "the receipt's reference {reference} is no transaction");
    }
    let after = Balances::of(chain, accounts)?;
    let (first, second) = offer.price();
    ensure!(after.recipient == before.recipient + first, "the recipient got {}", after.recipient - before.recipient);
    ensure!(after.second == before.second + second, "the second recipient got {}", after.second - before.second);
    let spent = before.payer - after.payer;
    let sponsored = before.sponsor - after.sponsor;
    match offer {
        Offer::Sponsored => {
            ensure!(sponsored > 0, "the sponsor paid no fee");
            ensure!(spent == first, "the payer spent {spent}, although the fee was sponsored");
        }
        Offer::Authorization => {
            ensure!(sponsored == 0 && spent == first, "the payer spent {spent}, although the gas was the seller's");
        }
        Offer::Proof => ensure!(sponsored == 0, "a sponsor paid {sponsored} for nothing"),
        _ => {
            ensure!(sponsored == 0, "the sponsor paid {sponsored}, although the fee was the payer's");
            ensure!(spent > first + second, "the payer spent {spent}, which leaves no fee");
        }
    }
    Ok(())
}

/// Tries to buy where that cannot work, and requires that nothing was sold and nothing moved to a recipient.
pub(super) fn require_refusal(
    chain: &Node,
    accounts: &Accounts<'_>,
    buy: impl FnOnce() -> anyhow::Result<Purchase>,
) -> anyhow::Result<()> {
    let before = Balances::of(chain, accounts)?;
    if let Ok(purchase) = buy() {
        ensure!(purchase.status != 200, "it was sold: strike this pair from the list of gaps");
    }
    let after = Balances::of(chain, accounts)?;
    ensure!(after.recipient == before.recipient && after.second == before.second, "money moved without a sale");
    Ok(())
}

impl Balances {
    fn of(chain: &Node, accounts: &Accounts<'_>) -> anyhow::Result<Self> {
        Ok(Self {
            payer: chain.wealth(accounts.payer)?,
            recipient: chain.balance(accounts.recipient)?,
            second: chain.balance(accounts.second)?,
            sponsor: chain.wealth(accounts.sponsor)?,
        })
    }
}
