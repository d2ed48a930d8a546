//! Every buyer with every seller by sessions, on chains of one's own: one deposit, vouchers, one settlement. Each pair that
//! can trade must, and the chain must show it; what no pair can is on a list with the reason.
//!
//! [`offer`] has what is sold and how, [`seller`] and [`buyer`] who trades, [`purchase`] says what must be true of a sale,
//! [`gaps`] what cannot work.

mod buyer;
mod gaps;
mod offer;
mod own_seller;
mod purchase;
mod seller;

use std::path::Path;

use super::chains::Chains;
use super::matrix::Matrix;
use buyer::Buyer;
use offer::Offer;
use purchase::Parties;
use seller::Seller;

/// Where the README has the table.
const BEGIN: &str = "<!-- cargo xtask interop prints this of sessions -->\n";

/// The chains' ten accounts: buyers from the first on, sellers from this one.
const FIRST_SELLER: usize = 5;

/// Runs every pair and prints the matrix. Returns what came out otherwise than it should.
pub(super) fn run(binary: &Path) -> anyhow::Result<Vec<String>> {
    let chains = Chains::start()?;
    let folder = tempfile::tempdir()?;
    let sellers = seller::all(binary, folder.path(), &chains, FIRST_SELLER)?;
    let buyers = buyer::all(binary, &chains)?;
    let mut matrix = Matrix::new(BEGIN, sellers.iter().map(|seller| seller.name));
    let mut failures = Vec::new();
    for buyer in &buyers {
        for offer in Offer::all().filter(|offer| buyer.knows(offer.rail)) {
            let cells = sellers.iter().map(|seller| {
                let reason = gaps::reason(buyer.name, seller.name, offer);
                let outcome = trade(&chains, buyer, seller, offer, reason.is_none());
                let outcome = outcome.inspect_err(|error| {
                    failures.push(format!("{} buys {} of {}: {error:#}", buyer.name, offer.title(), seller.name));
                });
                matrix.shown(outcome.ok().map(|()| reason))
            });
            let cells = cells.collect::<Vec<_>>();
            matrix.row(buyer.name, &offer.title(), &cells);
        }
    }
    print!("{}", matrix.table());
    if failures.is_empty() {
        failures.extend(matrix.agrees_with_the_readme().err().map(|error| error.to_string()));
    }
    for seller in sellers {
        let name = seller.name;
        failures.extend(seller.stop(binary).err().map(|error| format!("the books of {name}: {error:#}")));
    }
    Ok(failures)
}

/// One pair's trade, which must work or must not.
fn trade(
    chains: &Chains,
    buyer: &Buyer<'_>,
    seller: &Seller<'_>,
    offer: Offer,
    is_possible: bool,
) -> anyhow::Result<()> {
    let Some(url) = seller.url(offer) else {
        anyhow::ensure!(!is_possible, "the seller does not sell it");
        return Ok(());
    };
    let parties = Parties { payer: &buyer.account.address, payee: &seller.payee.address };
    let buy = || buyer.buy(offer, &url, chains);
    if is_possible {
        purchase::require(chains, &parties, offer, buy)
    } else {
        purchase::require_refusal(chains, &parties, offer, buy)
    }
}
