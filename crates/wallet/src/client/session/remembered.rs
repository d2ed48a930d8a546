//! The challenges that were answered last. One of a session serves many requests of a route, so that the next
//! request shows its voucher at once, and costs one exchange instead of two.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use farthing_rail::{Offer, SessionQuote};

use super::voucher::Kept;
use super::{Need, SessionOffer, Step};
use crate::client::request::Prepared;
use crate::client::transport::Transport;
use crate::client::{By, Order, Outcome, PayError, PayingClient, Round};
use crate::sessions::{KeptSession, SessionState};

/// How many routes are remembered; whoever uses more asks first again.
const MOST_ROUTES: usize = 1024;

/// Origin, HTTP method and path, and what the caller wanted it paid by.
type Route = (String, String, String, By);

/// Of one client and its clones, for as long as they live.
#[derive(Clone, Default)]
pub(in crate::client) struct Remembered(Arc<Mutex<BTreeMap<Route, SessionOffer>>>);

impl Remembered {
    fn offer(&self, route: &Route) -> Option<SessionOffer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(route).cloned()
    }

    fn keep(&self, route: Route, offer: SessionOffer) {
        let mut routes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if routes.len() >= MOST_ROUTES && !routes.contains_key(&route) {
            routes.pop_first();
        }
        routes.insert(route, offer);
    }

    fn forget(&self, route: &Route) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(route);
    }
}

impl PayingClient {
    /// Remembers the offer that a request was just served for. Not of one that was redirected, since the next
    /// one may lead elsewhere; nor of a challenge that is for one body.
    pub(super) fn remember(&self, request: &Prepared, order: &Order, offer: SessionOffer) {
        if let Some(route) = route_of(request, order).filter(|_| offer.quote.challenge.digest().is_none()) {
            self.remembered.keep(route, offer);
        }
    }

    /// Pays by the offer that the route's last request was served for, without asking first. `None` when there is
    /// none, when it is over, or when it is not to be paid as things are: nothing was sent then, and the server is
    /// asked. Once a voucher was sent, what comes of it is the outcome of the call.
    pub(in crate::client) async fn buy_at_once(
        &self,
        transport: &dyn Transport,
        request: &Prepared,
        order: &Order,
    ) -> Result<Option<Round>, PayError> {
        let Some(route) = route_of(request, order).filter(|_| !transport.may_redirect()) else { return Ok(None) };
        let Some(offer) = self.remembered.offer(&route) else { return Ok(None) };
        let Some((quote, session)) = self.still_payable(request, &offer).await? else {
            self.remembered.forget(&route);
            return Ok(None);
        };
        self.wallet.unlock().await?;
        let mut buying = self.buying(transport, request, offer.payer, order)?;
        buying.answered = Some(quote.challenge.id().clone());
        let units = u128::from(order.ahead).saturating_add(1);
        let Some(asked) = quote.unit_amount.checked_mul(units) else { return Ok(None) };
        let kept = match buying.sign(session, &quote, Need::More(asked), Some(request)).await? {
            Ok(kept) => kept,
            // Another price may be allowed, or another deposit be made.
            Err(_) => return Ok(None),
        };
        let Kept { session, credential, purchase } = kept;
        let step = buying.show(session, &quote, &credential, purchase.unwrap_or_default()).await?;
        if !matches!(step, Step::Over(Outcome::Paid { .. })) {
            self.remembered.forget(&route);
        }
        match step {
            Step::Over(outcome) => Ok(Some(Round::Over(outcome))),
            Step::Again(next, need) => self.go_on(buying, next, need).await.map(Some),
        }
    }

    /// The offer as its method reads it now, and the session that is open on its terms.
    async fn still_payable(
        &self,
        request: &Prepared,
        offer: &SessionOffer,
    ) -> Result<Option<(SessionQuote, KeptSession)>, PayError> {
        let known = &offer.quote;
        let Some(origin) = request.secure_origin().filter(|origin| *origin == known.origin) else { return Ok(None) };
        let challenge = &known.challenge;
        let asked = Offer { challenge, origin: &origin, amount: None, now: self.wallet.ambient.now() };
        let Ok(quote) = offer.payer.quote(&asked) else { return Ok(None) };
        if self.wallet.is_frozen() || quote.terms != known.terms {
            return Ok(None);
        }
        let sessions = self.wallet.sessions()?;
        let known = sessions.on_terms(self.wallet.drawer(), &origin, &quote.terms).await?;
        let open = known.into_iter().find(|session| session.state == SessionState::Open);
        Ok(open.map(|session| (quote, session)))
    }
}

fn route_of(request: &Prepared, order: &Order) -> Option<Route> {
    let route = request.route().filter(|_| !order.streams && order.by != By::Charge)?;
    let (origin, method, path) = route;
    Some((origin, method, path, order.by))
}
