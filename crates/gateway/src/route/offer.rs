//! One way to pay for a route.

use farthing_dialects::x402::Requirements;
use farthing_money::Asset;
use farthing_protocol::{ChallengeTemplate, ChargeRequest, EncodedObject, JsonObject};
use farthing_rail::{Acceptor, Capture, Finality, NotReady, Order, Protocol, Settler, Terms};
use std::sync::Arc;
use std::time::Duration;

use super::session::{SessionTerms, order, terms as session_terms};
use crate::config::{Accept, Mistake, RouteConfig};

/// The longest description in an offer, in bytes.
const LONGEST_DESCRIPTION: usize = 160;

/// One way to pay for a route, prepared once.
pub(crate) struct Offer {
    /// The payment method.
    pub(crate) acceptor: Acceptor,
    /// In the words of its protocol.
    pub(crate) words: Words,
    /// What is asked for.
    pub(crate) request: ChargeRequest,
    /// The name of the payment method's table.
    pub(crate) rail: String,
    /// The method's and the intent's name.
    pub(crate) method: String,
    pub(crate) intent: String,
    /// How long a challenge lives.
    pub(crate) validity: Duration,
    /// How long the rail may take to settle.
    pub(crate) settle_timeout: Duration,
    /// What is asked of a session that pays for it, where it is one of sessions.
    pub(crate) session: Option<Arc<SessionTerms>>,
}

/// An offer in the words of its protocol, as far as they are the same for every request.
pub(crate) enum Words {
    /// A challenge.
    Payment(Box<ChallengeTemplate>),
    /// An entry of a price list.
    X402(Requirements),
}

impl Offer {
    /// Its challenge, if that is how it is made.
    pub(crate) fn template(&self) -> Option<&ChallengeTemplate> {
        match &self.words {
            Words::Payment(template) => Some(template),
            Words::X402(_) => None,
        }
    }

    /// Its entry in a price list, if that is how it is made.
    pub(crate) fn requirements(&self) -> Option<&Requirements> {
        match &self.words {
            Words::Payment(_) => None,
            Words::X402(requirements) => Some(requirements),
        }
    }

    /// Who captures what was used, where that may be less than the price.
    pub(crate) fn metered(&self) -> Option<&Arc<dyn Settler>> {
        match &self.acceptor {
            Acceptor::External(settler) if settler.terms().capture == Capture::Actual => Some(settler),
            _ => None,
        }
    }

    /// Whether it can be paid by now.
    pub(crate) fn readiness(&self) -> Result<(), NotReady> {
        self.acceptor.method().readiness()
    }

    /// Prepares the offer of a route's price through one payment method.
    pub(super) fn prepare(
        (rail, acceptor): (&str, &Acceptor),
        accept: &Accept,
        route: &RouteConfig,
        price: farthing_money::Price,
        realm: &farthing_protocol::Realm,
    ) -> Result<Self, Mistake> {
        let terms = acceptor.terms();
        let named = format!("{}/{}", accept.rail, accept.intent);
        if !carries(&terms.asset, price) {
            return Err(Mistake::Currency {
                currency: price.currency().to_string(),
                accept: named,
                asset: terms.asset.code().to_owned(),
            });
        }
        if terms.capture == Capture::Actual {
            match &route.meter {
                None => return Err(Mistake::Unmetered { accept: named }),
                Some(meter) if !meter.measures_ahead() => return Err(Mistake::MeasuredTooLate { accept: named }),
                Some(_) => {}
            }
        }
        let unpriceable = |reason: String| Mistake::Unpriceable { accept: named.clone(), reason };
        let object = match acceptor {
            Acceptor::Session(method, _) => method.session_request(&order(route, price)),
            _ => {
                let description = brief(route).map(str::to_owned);
                let external_id = route.reference.clone();
                acceptor.method().request(&Order { price, description, external_id })
            }
        };
        let object = object.map_err(|reason| unpriceable(reason.to_string()))?;
        let request = ChargeRequest::from_object(&object).map_err(|reason| unpriceable(reason.to_string()))?;
        let session = session_terms((rail, acceptor), route, price, request.amount).map_err(unpriceable)?;
        let words = words(terms, &object, &request, brief(route), realm).map_err(unpriceable)?;
        Ok(Self {
            acceptor: acceptor.clone(),
            words,
            request,
            rail: rail.to_owned(),
            method: terms.method.as_str().to_owned(),
            intent: terms.intent.as_str().to_owned(),
            validity: terms.validity.max(Duration::from_secs(1)),
            settle_timeout: route.settle_timeout.unwrap_or_else(|| usual_settlement(terms.finality)),
            session,
        })
    }
}

/// What an offer says of its route, for people. It stands in a header, several times over; the whole of it is in
/// `/openapi.json`.
pub(super) fn brief(route: &RouteConfig) -> Option<&str> {
    let description = route.description.as_deref()?;
    (0..=LONGEST_DESCRIPTION).rev().find_map(|end| description.get(..end))
}

/// The offer in the words of the method's protocol, or why it has none.
fn words(
    terms: &Terms,
    object: &JsonObject,
    request: &ChargeRequest,
    description: Option<&str>,
    realm: &farthing_protocol::Realm,
) -> Result<Words, String> {
    if terms.protocol == Protocol::X402 {
        let requirements = Requirements::from_request(terms.intent.as_str(), request);
        return requirements.map(Words::X402).map_err(|reason| reason.to_string());
    }
    let encoded = EncodedObject::encode(object).map_err(|reason| reason.to_string())?;
    let template = ChallengeTemplate::new(realm, &terms.method, &terms.intent, &encoded, description);
    template.map(|template| Words::Payment(Box::new(template))).map_err(|reason| reason.to_string())
}

/// How long a rail may take when the route does not say: a chain includes a transaction in its own time.
fn usual_settlement(finality: Finality) -> Duration {
    match finality {
        Finality::After(_) => Duration::from_secs(30),
        _ => Duration::from_secs(15),
    }
}

/// Whether one unit of the asset is one unit of the currency: a dollar token is called `USDC` or
/// `pathUSD`, a prepaid dollar `USD`.
pub(super) fn carries(asset: &Asset, price: farthing_money::Price) -> bool {
    asset.code().to_ascii_uppercase().contains(price.currency().as_str())
}
