//! Everybody buys of everybody by card, against a double of Stripe: each pair must trade, and the double must show that
//! the price moved once. It says nothing about Stripe itself.

mod double;
mod trader;

use std::path::Path;

use anyhow::{Context as _, ensure};

use super::matrix::Matrix;
use double::Double;
use trader::{Buyer, Seller};

/// Where the README has the table.
const BEGIN: &str = "<!-- cargo xtask interop --only stripe prints this -->\n";

/// What is sold, by where: a charge, and one with a reference of the seller's that the payer must echo.
const OFFERS: [&str; 2] = ["charge", "referenced"];

/// Runs every pair and prints the matrix. Returns what came out otherwise than it should.
pub(super) fn run(binary: &Path) -> anyhow::Result<Vec<String>> {
    let double = Double::start()?;
    let sellers = trader::sellers(binary, &double)?;
    let buyers = trader::buyers(binary, &double)?;
    let mut matrix = Matrix::new(BEGIN, sellers.iter().map(Seller::name));
    let mut failures = Vec::new();
    for buyer in &buyers {
        for offer in OFFERS {
            let cells = sellers.iter().map(|seller| {
                let outcome = trade(&double, buyer, seller, offer);
                let outcome = outcome.inspect_err(|error| {
                    failures.push(format!("{} buys {offer} of {} by card: {error:#}", buyer.name(), seller.name()));
                });
                matrix.shown(outcome.ok().map(|()| None))
            });
            let cells = cells.collect::<Vec<_>>();
            matrix.row(buyer.name(), offer, &cells);
        }
    }
    print!("{}", matrix.table());
    if failures.is_empty() {
        failures.extend(matrix.agrees_with_the_readme().err().map(|error| error.to_string()));
    }
    for seller in sellers {
        let name = seller.name();
        failures.extend(seller.stop(binary).err().map(|error| format!("the books of {name}: {error:#}")));
    }
    Ok(failures)
}

/// One trade: the goods come, with a receipt that names the one PaymentIntent that it made.
fn trade(double: &Double, buyer: &Buyer, seller: &Seller, offer: &str) -> anyhow::Result<()> {
    let before = double.succeeded()?;
    let bought = buyer.buy(&seller.url(offer), double)?;
    ensure!(bought.status == 200 && bought.body.trim() == "sold", "{} {:?}", bought.status, bought.body);
    let after = double.succeeded()?;
    ensure!(after.len() == before.len() + 1, "{} PaymentIntents succeeded", after.len() - before.len());
    let made = after.iter().find(|id| !before.contains(id)).context("a new one")?;
    let receipt = bought.receipt.context("no receipt came")?;
    ensure!(receipt["method"] == "stripe" && receipt["reference"] == made.as_str(), "the receipt says {receipt}");
    Ok(())
}
