//! What is sold where: the routes of a configuration, prepared for the hot path.

mod build;
mod fold;
mod offer;
mod session;
mod table;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use farthing_books::PaymentRecord;
use farthing_money::Price;
use farthing_protocol::Problem;
use sha2::Sha256;

pub(crate) use build::{Building, Built, build};
pub(crate) use offer::Offer;
pub(crate) use session::SessionTerms;
pub(crate) use table::{Found, Table};

use crate::config::Meter;
use crate::dialect::PriceList;
use crate::economics::Economics;
use crate::metrics::RouteMeters;
use crate::proxy::Upstream;

/// One route.
pub(crate) struct Route {
    /// The pattern as written: the route's name in books, logs and metrics.
    pub(crate) name: String,
    /// The host it is limited to.
    pub(crate) host: Option<String>,
    /// Its methods and path.
    pub(crate) pattern: crate::config::Pattern,
    /// Shown to people.
    pub(crate) description: Option<String>,
    /// Who answers.
    pub(crate) upstream: Upstream,
    /// The largest request body, in bytes.
    pub(crate) max_body: u64,
    /// What it costs; nothing for a free route.
    pub(crate) paid: Option<Paid>,
    /// What it counts.
    pub(crate) meters: RouteMeters,
}

/// What a route costs and how that may be paid.
pub(crate) struct Paid {
    /// The price.
    pub(crate) price: Price,
    /// One per accepted method, in the seller's order.
    pub(crate) offers: Vec<Offer>,
    /// What the price leaves in each of them.
    pub(crate) economics: Economics,
    /// What x402 clients are told, where the route takes that.
    pub(crate) x402: Option<PriceList>,
    /// The plain "payment required" problem, and the body that it is.
    pub(crate) problem: Problem,
    pub(crate) required: Bytes,
    /// How the upstream says what a request really cost.
    pub(crate) meter: Option<Meter>,
    /// The hash of everything in a challenge's scope that is the same for every request.
    pub(crate) scope: Sha256,
    /// How long an undelivered payment may be presented again.
    pub(crate) entitlement: Duration,
    /// The largest response kept for a retry.
    pub(crate) idempotency_body: usize,
}

impl Paid {
    /// The offer that a payment answered.
    pub(crate) fn offer_of(&self, record: &PaymentRecord) -> Option<&Offer> {
        let made_by = |offer: &&Offer| {
            offer.method == record.method
                && offer.intent == record.intent
                && offer.acceptor.terms().asset == record.asset
        };
        self.offers.iter().find(made_by)
    }
}

/// A route as requests hold it while they are served; survives a reload.
pub(crate) type SharedRoute = Arc<Route>;
