//! Every buyer with every seller on chains of one's own: each pair that can pay must, and the chain must show
//! it; what no pair can is on a list with the reason.
//!
//! [`chain`] has the chains and the shim before one, [`seller`] starts the sellers, [`offer`] is what each sells,
//! [`purchase`] says what must be true of a sale, [`gaps`] what cannot work, and [`matrix`] writes it down.

mod chain;
mod gaps;
mod matrix;
mod offer;
mod purchase;
mod seller;

use super::peer::Peer;
use chain::Chains;
use matrix::Matrix;
use offer::Offer;
use purchase::Accounts;
use seller::Parties;

/// Who is paid: addresses that nobody has a key for, so that all they have was paid to them.
const RECIPIENT: &str = "0x5e11e40000000000000000000000000000000001";
const SECOND: &str = "0x5e11e40000000000000000000000000000000002";

/// Which of the chain's accounts sponsors; the buyers have those from the first on.
const SPONSOR: usize = 8;

/// Runs every pair and prints the matrix; an error when one came out otherwise than it should.
pub(super) fn run(buyers: &[Peer]) -> anyhow::Result<Vec<String>> {
    let chains = Chains::start()?;
    let sponsor = chains.account(SPONSOR)?;
    let parties = Parties { recipient: RECIPIENT, second: SECOND, sponsor_key: &sponsor.key };
    let sellers = seller::all(&chains, &parties)?;
    let mut matrix = Matrix::new(sellers.iter().map(|seller| seller.name));
    let mut failures = Vec::new();
    for (index, buyer) in buyers.iter().enumerate() {
        let payer = chains.account(index)?;
        let accounts =
            Accounts { payer: &payer.address, recipient: RECIPIENT, second: SECOND, sponsor: &sponsor.address };
        for offer in Offer::ALL {
            let mut cells = Vec::new();
            for seller in &sellers {
                let url = seller.url(offer);
                let buy = || match offer {
                    Offer::Authorization => buyer.authorize(&url, &payer.key, &chains.asset()),
                    _ => buyer.charge(&url, &payer.key, chains.shim(), offer.mode()),
                };
                let reason = gaps::reason(buyer.name, seller.name, offer);
                let outcome = match reason {
                    None => purchase::require(chains.of(offer), &accounts, offer, buy),
                    Some(_) => purchase::require_refusal(chains.of(offer), &accounts, buy),
                };
                let outcome = outcome.inspect_err(|error| {
                    failures.push(format!("{} buys {} of {}: {error:#}", buyer.name, offer.name(), seller.name));
                });
                cells.push(outcome.ok().map(|()| reason));
            }
            matrix.row(buyer.name, offer.name(), &cells);
        }
    }
    print!("{}", matrix.table());
    if failures.is_empty()
        && let Err(error) = matrix.agrees_with_the_readme()
    {
        failures.push(error.to_string());
    }
    Ok(failures)
}
