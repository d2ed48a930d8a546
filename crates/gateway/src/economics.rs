//! What a price leaves: for each route and each way to pay for it, the floor, the expected fee and the rest.
//!
//! Expected is what the payment methods state ([`Terms::fee`]); what they really kept is in the books. A price whose
//! expected fee eats more than half of it is warned of when the gateway starts or is loaded again; one whose fee
//! eats more than all of it is refused, unless the route says `allow_loss = true`.

mod line;
mod table;

pub use line::{EconomicLine, Spread, Verdict};

use farthing_money::{Amount, Price, Rounding};
use farthing_protocol::ChargeRequest;
use farthing_rail::{Acceptor, Licence, Order, Terms};

use crate::StartError;
use crate::certificate;
use crate::config::{Config, FundingFactory, RailFactory, SignerFactory};
use crate::metrics::Metrics;
use crate::proxy::Reach;
use crate::site::Site;

/// Every way to pay for every priced route, in the order of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Economics {
    /// One for each offer of each route.
    pub lines: Vec<EconomicLine>,
}

/// What every price of a configuration leaves, or what refuses it. Nothing is served, and no books are opened.
pub fn check(
    config: Config,
    rails: &RailFactory,
    signers: Option<&SignerFactory>,
    fundings: Option<&FundingFactory>,
    upstream_tls: Option<&rustls::ClientConfig>,
) -> Result<Economics, StartError> {
    certificate::load(&config)?;
    let reach = Reach { tls: upstream_tls.cloned(), dial: None };
    let site = Site::prepare(config, rails, signers, fundings, &Metrics::new()?, &reach, &Licence::always())?;
    Ok(site.economics())
}

/// What one route's price leaves of one payment method, named `RAIL/INTENT`. `None` where the method cannot carry
/// the price at all, which its own refusal explains.
pub(crate) fn line(route: &str, accept: String, price: Price, acceptor: &Acceptor) -> Option<EconomicLine> {
    let terms = acceptor.terms();
    let (moved, spread) = moved(price, acceptor, terms)?;
    Some(EconomicLine::new(route, accept, price, terms, moved, spread))
}

/// What goes over the rail at once: the price, or what fills a balance of which the price is a part.
fn moved(price: Price, acceptor: &Acceptor, terms: &Terms) -> Option<(Amount, Spread)> {
    let rounded = || price.in_asset(&terms.asset, Rounding::Up).ok().map(|exact| exact.amount);
    match acceptor {
        Acceptor::Session(..) => Some((rounded()?, Spread::Session)),
        _ if acceptor.method().tops_up().is_some() => {
            let order = Order { price, description: None, external_id: None };
            let request = acceptor.method().request(&order).ok()?;
            let amount = ChargeRequest::from_object(&request).ok()?.amount;
            Some((amount, Spread::TopUp))
        }
        _ => Some((rounded()?, Spread::No)),
    }
}

impl Economics {
    /// Says loudly which prices are mostly eaten by their fee.
    pub(crate) fn warn(&self) {
        for line in self.lines.iter().filter(|line| line.verdict() != Verdict::Fine) {
            tracing::warn!(
                route = %line.route, accept = %line.accept, price = %line.price, fee = %line.fee,
                "the expected fee eats {} of the price; raise the price or offer a top-up, such as accept = [\"balance/charge\", \"{}\"]",
                line.share_text(), line.top_up()
            );
        }
    }
}
