//! Every x402 buyer with every seller and every facilitator, on a chain that poses as Base Sepolia: what they can trade
//! they must, and the chain must show it; what they cannot is on a list with the reason.
//!
//! [`chain`] is the chain, [`buyer`], [`seller`] and [`facilitator`] who trades there, [`offer`] what is sold,
//! [`purchase`] says what must be true of a sale, and [`gaps`] what cannot work.

mod buyer;
mod chain;
mod facilitator;
mod gaps;
mod offer;
mod own_seller;
mod purchase;
mod results;
mod sdk;
mod seller;
mod signatures;

use std::path::Path;

use buyer::Buyer;
use chain::Chain;
use facilitator::Facilitator;
use offer::Offer;
use purchase::Way;
use results::Results;
use seller::Seller;

/// Runs everything and prints the table. Returns what came out otherwise than it should.
pub(super) fn run(binary: &Path) -> anyhow::Result<Vec<String>> {
    let chain = Chain::start()?;
    let mut buyers = buyer::all(binary, &chain)?;
    let mut results = Results::default();
    for facilitator in facilitator::NAMES {
        let facilitator = Facilitator::start(facilitator, binary, &chain)?;
        let sellers = seller::all(binary, &chain, &facilitator)?;
        for buyer in &mut buyers {
            for offer in buyer.offers() {
                for seller in &sellers {
                    let reason = gaps::reason(buyer.name, seller.name(), facilitator.name, *offer);
                    let outcome = trade(&chain, buyer, seller, *offer, reason.is_none());
                    results.note([buyer.name, offer.name(), seller.name(), facilitator.name], reason, outcome);
                }
            }
        }
        for seller in sellers {
            results.stopped(seller.name(), seller.stop(binary));
        }
    }
    let buyers = buyers.iter().map(|buyer| (buyer.name, buyer.offers()));
    let mut failures = results.finish(buyers)?;
    failures.extend(signatures::verify().err().map(|error| format!("signed offers: {error:#}")));
    Ok(failures)
}

/// One trade, which must work or must not; says in whose words it was paid.
fn trade(
    chain: &Chain,
    buyer: &mut Buyer,
    seller: &Seller<'_>,
    offer: Offer,
    is_possible: bool,
) -> anyhow::Result<Option<Way>> {
    let payer = buyer.account.address.clone();
    let buy = || buyer.buy(&seller.url(offer));
    if is_possible {
        let price = offer.price(seller.name());
        purchase::require(chain, &payer, price, buy, |way| seller.settled_by(way)).map(Some)
    } else {
        purchase::require_refusal(chain, &payer, buy).map(|()| None)
    }
}
