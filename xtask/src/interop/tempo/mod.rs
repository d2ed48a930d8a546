//! Every buyer with every seller on chains of one's own: each pair that can pay must, and the chain must show it; what
//! no pair can is on a list with the reason.
//!
//! [`Chains`] has the chains and the shim before one, [`seller`] and [`buyer`] who trades there, [`offer`] what is
//! sold, [`purchase`] says what must be true of a sale, [`gaps`] what cannot work, and
//! [`judge`] lets an official SDK examine our gateway.

mod buyer;
mod gaps;
mod judge;
mod offer;
mod own_seller;
mod purchase;
mod sdk_seller;
mod seller;

use std::path::Path;

use super::chains::Chains;
use super::matrix::Matrix;
use super::peer::Peer;
use buyer::Buyer;
use offer::Offer;
use purchase::Accounts;
use seller::{RECIPIENT, SECOND, Seller};

/// Where the README has the table.
const BEGIN: &str = "<!-- cargo xtask interop prints this -->\n";

/// The chains' ten accounts: four buyers from the first on, who pays for the examination, and four sponsors.
const JUDGE: usize = 4;
const FIRST_SPONSOR: usize = 5;

/// Runs every pair and prints the matrix. Returns what came out otherwise than it should.
pub(super) fn run(binary: &Path, peers: &[Peer]) -> anyhow::Result<Vec<String>> {
    let chains = Chains::start()?;
    let folder = tempfile::tempdir()?;
    let sellers = seller::all(binary, folder.path(), &chains, FIRST_SPONSOR)?;
    let buyers = buyer::all(binary, peers, &chains)?;
    let mut matrix = Matrix::new(BEGIN, sellers.iter().map(Seller::name));
    let mut failures = Vec::new();
    for buyer in &buyers {
        for offer in Offer::ALL {
            let cells = sellers.iter().map(|seller| {
                let reason = gaps::reason(buyer.name(), seller.name(), offer);
                let outcome = trade(&chains, buyer, seller, offer, reason.is_none());
                let outcome = outcome.inspect_err(|error| {
                    failures.push(format!("{} buys {} of {}: {error:#}", buyer.name(), offer.name(), seller.name()));
                });
                matrix.shown(outcome.ok().map(|()| reason))
            });
            let cells = cells.collect::<Vec<_>>();
            matrix.row(buyer.name(), offer.name(), &cells);
        }
    }
    print!("{}", matrix.table());
    if failures.is_empty() {
        failures.extend(matrix.agrees_with_the_readme().err().map(|error| error.to_string()));
    }
    for seller in sellers {
        if let Some(gateway) = seller.gateway() {
            let examined = judge::examine(gateway, &chains, chains.account(JUDGE)?);
            failures.extend(examined.err().map(|error| format!("mppx validate: {error:#}")));
        }
        let name = seller.name();
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
    let (payer, sponsor) = (&buyer.account.address, &seller.sponsor.address);
    let accounts = Accounts { payer, recipient: RECIPIENT, second: SECOND, sponsor };
    let buy = || buyer.buy(offer, &seller.url(offer), chains);
    if is_possible {
        purchase::require(offer.chain(chains), &accounts, offer, buy)
    } else {
        purchase::require_refusal(offer.chain(chains), &accounts, buy)
    }
}
