use std::sync::Arc;

use farthing_rail::{SessionPayer, SessionQuote};

use crate::client::offers::Offers;
use crate::client::{By, Order, PayError, PayingClient};
use crate::sessions::SessionState;

/// A session offer that can be paid.
#[derive(Clone)]
pub(in crate::client) struct SessionOffer {
    pub(in crate::client) payer: Arc<dyn SessionPayer>,
    pub(in crate::client) quote: SessionQuote,
}

impl PayingClient {
    /// The session offer to pay by, if it should be one: where the caller wants a session; where one is open on
    /// its terms and a unit costs no more than a charge; where there is no charge; or where the fee of the
    /// cheapest charge is more than what it buys is worth.
    pub(in crate::client) async fn session_to_pay_by(
        &self,
        offers: &Offers<'_>,
        order: &Order,
    ) -> Result<Option<SessionOffer>, PayError> {
        let Some(cheapest) = offers.sessions.first() else { return Ok(None) };
        if order.by == By::Charge {
            return Ok(None);
        }
        let charge = offers.quotes.first().map(|quoted| &quoted.quote);
        let open = self.open_among(&offers.sessions).await?;
        let best = open.as_ref().unwrap_or(cheapest);
        let wanted = match charge {
            _ if order.by == By::Session => true,
            None => true,
            Some(charge) => {
                let no_dearer = best.quote.unit_cost.millionths() <= charge.cost.millionths();
                let fee = charge.fee_cost().millionths();
                let worth = charge.cost.millionths().saturating_sub(fee);
                (open.is_some() && no_dearer) || fee > worth
            }
        };
        Ok(wanted.then(|| best.clone()))
    }

    /// The offer whose terms this wallet has an open session on; the cheapest of several.
    async fn open_among(&self, offers: &[SessionOffer]) -> Result<Option<SessionOffer>, PayError> {
        let sessions = self.wallet.sessions()?;
        for offer in offers {
            let known = sessions.on_terms(self.wallet.drawer(), &offer.quote.origin, &offer.quote.terms).await?;
            if known.iter().any(|session| session.state == SessionState::Open) {
                return Ok(Some(offer.clone()));
            }
        }
        Ok(None)
    }
}
