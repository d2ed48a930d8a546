//! Every buyer with every seller on a Tempo chain of one's own: each pair that can pay must, and the chain must show
//! it; what no pair can is on a list with the reason.
//!
//! [`chain`] is the chain and the shim before it, [`seller`] starts the sellers, [`offer`] is what each sells,
//! [`purchase`] says what must be true of a sale, [`gaps`] what cannot work, and [`matrix`] writes it down.

mod chain;
mod gaps;
mod matrix;
mod offer;
mod purchase;
mod seller;

use super::peer::Peer;
use chain::Chain;
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
    let chain = Chain::start()?;
    let sponsor = chain.account(SPONSOR)?;
    let parties = Parties { recipient: RECIPIENT, second: SECOND, sponsor_key: &sponsor.key };
    let sellers = seller::all(&chain, &parties)?;
    let mut matrix = Matrix::new(sellers.iter().map(|seller| seller.name));
    let mut failures = Vec::new();
    for (index, buyer) in buyers.iter().enumerate() {
        let payer = chain.account(index)?;
        let accounts =
            Accounts { payer: &payer.address, recipient: RECIPIENT, second: SECOND, sponsor: &sponsor.address };
        for offer in Offer::ALL {
            let mut cells = Vec::new();
            for seller in &sellers {
                let buy = || buyer.charge(&seller.url(offer), &payer.key, chain.shim(), offer.mode());
                let reason = gaps::reason(buyer.name, seller.name, offer);
                let outcome = match reason {
                    None => purchase::require(&chain, &accounts, offer, buy),
                    Some(_) => purchase::require_refusal(&chain, &accounts, buy),
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
