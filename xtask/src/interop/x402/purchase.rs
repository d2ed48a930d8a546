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

/// Whose money a purchase moves, and who pays the gas.
pub(super) struct Accounts<'a> {
    pub(super) payer: &'a str,
    pub(super) sender: &'a str,
}

/// What they have at one moment: USDC in base units, gas in wei.
struct Balances {
    payer: u128,
    recipient: u128,
    payer_gas: u128,
    sender_gas: u128,
}

/// Buys, and requires that the goods came, that exactly the price moved from the payer to the recipient, in the
/// transaction that the seller names, and that its sender paid for the gas.
pub(super) fn require(
    chain: &Chain,
    accounts: &Accounts<'_>,
    price: u128,
    buy: impl FnOnce() -> anyhow::Result<Purchase>,
) -> anyhow::Result<()> {
    let before = Balances::of(chain, accounts)?;
    let purchase = buy()?;
    ensure!(purchase.status == 200 && purchase.body == "sold", "the answer is {purchase:?}");
    let hash = purchase.transaction(accounts.payer)?;
    let receipt = chain.node.require_success(hash)?;
    ensure!(is(&receipt["from"], accounts.sender), "{} sent it instead of {}", receipt["from"], accounts.sender);
    let transfers = receipt["logs"].as_array().into_iter().flatten().filter(|log| log["topics"][0] == TRANSFER);
    ensure!(transfers.count() == 1, "{hash} moves money more or less than once");
    let after = Balances::of(chain, accounts)?;
    let (spent, received) = (before.payer - after.payer, after.recipient - before.recipient);
    ensure!((spent, received) == (price, price), "{spent} was spent and {received} received, for a price of {price}");
    ensure!(after.payer_gas == before.payer_gas, "the payer paid for gas");
    ensure!(after.sender_gas < before.sender_gas, "the sender paid for no gas");
    Ok(())
}

/// Tries to buy where that cannot work, and requires that nothing was sold and nothing moved.
pub(super) fn require_refusal(
    chain: &Chain,
    accounts: &Accounts<'_>,
    buy: impl FnOnce() -> anyhow::Result<Purchase>,
) -> anyhow::Result<()> {
    let before = Balances::of(chain, accounts)?;
    if let Ok(purchase) = buy() {
        ensure!(purchase.status != 200, "it was sold: strike this from the list of gaps");
    }
    let after = Balances::of(chain, accounts)?;
    ensure!((after.payer, after.recipient) == (before.payer, before.recipient), "money moved without a sale");
    Ok(())
}

impl Purchase {
    /// The transaction that the seller says paid it.
    fn transaction(&self, payer: &str) -> anyhow::Result<&str> {
        if let Some(outcome) = &self.outcome {
            ensure!(outcome["success"] == true && is(&outcome["payer"], payer), "the outcome is {outcome}");
            let network = &outcome["network"];
            ensure!(network == NETWORK || network == "base-sepolia", "paid on {network}");
            return outcome["transaction"].as_str().context("the outcome names no transaction");
        }
        let receipt = self.receipt.as_ref().context("neither an outcome nor a receipt")?;
        ensure!(receipt["status"] == "success", "the receipt is {receipt}");
        receipt["reference"].as_str().context("the receipt names no transaction")
    }
}

impl Balances {
    fn of(chain: &Chain, accounts: &Accounts<'_>) -> anyhow::Result<Self> {
        Ok(Self {
            payer: chain.node.balance(accounts.payer)?,
            recipient: chain.node.balance(RECIPIENT)?,
            payer_gas: chain.node.gas(accounts.payer)?,
            sender_gas: chain.node.gas(accounts.sender)?,
        })
    }
}

/// Whether this is that address, however it is written.
fn is(address: &Value, wanted: &str) -> bool {
    address.as_str().is_some_and(|address| address.eq_ignore_ascii_case(wanted))
}
