//! One purchase, and what the chain must say of it.

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use serde_json::Value;

use super::chain::{Chain, NETWORK};
use super::seller::RECIPIENT;

/// The topic of `Transfer(address,address,uint256)`.
const TRANSFER: &str = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";

/// What came of an attempt, in a buyer's own words.
#[derive(Debug, Deserialize)]
pub(super) struct Purchase {
    pub(super) status: u16,
    pub(super) body: String,
    /// Where x402 was spoken: what the seller said of the payment.
    #[serde(default)]
    pub(super) outcome: Option<Value>,
    /// Where MPP was spoken: the receipt.
    #[serde(default)]
    pub(super) receipt: Option<Value>,
}

/// In whose words it was paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    X402,
    Mpp,
}

/// What payer and recipient have at one moment: USDC in base units, and what the payer has for gas in wei.
struct Balances {
    payer: u128,
    recipient: u128,
    gas: u128,
}

/// Buys, and requires that the goods came, that exactly the price moved from the payer to the recipient, in one
/// transaction that the seller names, and that whoever settles for it sent that and paid for the gas.
pub(super) fn require<'a>(
    chain: &Chain,
    payer: &str,
    price: u128,
    buy: impl FnOnce() -> anyhow::Result<Purchase>,
    sender: impl FnOnce(Way) -> &'a str,
) -> anyhow::Result<Way> {
    let before = Balances::of(chain, payer)?;
    let purchase = buy()?;
    ensure!(purchase.status == 200 && purchase.body == "sold", "the answer is {purchase:?}");
    let (way, hash) = purchase.transaction(payer)?;
    let receipt = chain.node.require_success(hash)?;
    let sender = sender(way);
    ensure!(is(&receipt["from"], sender), "{} sent it instead of {sender}", receipt["from"]);
    let logs = receipt["logs"].as_array().into_iter().flatten();
    let transfers = logs.filter(|log| log["topics"][0] == TRANSFER).count();
    ensure!(transfers == 1, "{hash} moves money {transfers} times");
    let after = Balances::of(chain, payer)?;
    let (spent, received) = (before.payer - after.payer, after.recipient - before.recipient);
    ensure!((spent, received) == (price, price), "{spent} was spent and {received} received, for a price of {price}");
    ensure!(after.gas == before.gas, "the payer paid for gas");
    Ok(way)
}

/// Tries to buy where that cannot work, and requires that nothing was sold and nothing moved.
pub(super) fn require_refusal(
    chain: &Chain,
    payer: &str,
    buy: impl FnOnce() -> anyhow::Result<Purchase>,
) -> anyhow::Result<()> {
    let before = Balances::of(chain, payer)?;
    if let Ok(purchase) = buy() {
        ensure!(purchase.status != 200, "it was sold: strike this from the list of gaps");
    }
    let after = Balances::of(chain, payer)?;
    ensure!((after.payer, after.recipient) == (before.payer, before.recipient), "money moved without a sale");
    Ok(())
}

impl Purchase {
    /// In whose words it was paid, and the transaction that the seller says did it.
    fn transaction(&self, payer: &str) -> anyhow::Result<(Way, &str)> {
        if let Some(outcome) = &self.outcome {
            ensure!(outcome["success"] == true && is(&outcome["payer"], payer), "the outcome is {outcome}");
            let network = &outcome["network"];
            ensure!(network == NETWORK || network == "base-sepolia", "paid on {network}");
            let hash = outcome["transaction"].as_str().context("the outcome names no transaction")?;
            return Ok((Way::X402, hash));
        }
        let receipt = self.receipt.as_ref().context("neither an outcome nor a receipt")?;
        ensure!(receipt["status"] == "success", "the receipt is {receipt}");
        let hash = receipt["reference"].as_str().context("the receipt names no transaction")?;
        // Our wallet keeps an x402 outcome as a receipt, too.
        Ok((if receipt["method"] == "x402" { Way::X402 } else { Way::Mpp }, hash))
    }
}

impl Balances {
    fn of(chain: &Chain, payer: &str) -> anyhow::Result<Self> {
        Ok(Self {
            payer: chain.node.balance(payer)?,
            recipient: chain.node.balance(RECIPIENT)?,
            gas: chain.node.gas(payer)?,
        })
    }
}

/// Whether this is that address, however it is written.
fn is(address: &Value, wanted: &str) -> bool {
    address.as_str().is_some_and(|address| address.eq_ignore_ascii_case(wanted))
}
