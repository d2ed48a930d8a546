//! From a checked configuration to routes that can be served.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use farthing_dialects::x402::extension::{binding, payment_identifier};
use farthing_money::Price;
use farthing_protocol::{JsonObject, Problem, ProblemType};
use farthing_rail::{Acceptor, Deposits, Settler};
use http::Uri;
use sha2::{Digest, Sha256};

use super::offer::{brief, carries};
use super::{Offer, Paid, Route, Table};
use crate::config::{Accept, ConfigError, Mistake, RailContext, RailFactory, RouteConfig};
use crate::dialect::{Listing, PriceList};
use crate::economics::{EconomicLine, Economics, Verdict, line};
use crate::metrics::Metrics;
use crate::proxy::{Reach, Timeouts, Upstream, Version};
use crate::quote::BUDGET_OF_BOTH;
use crate::sessions::SessionRail;

/// What routes are built from.
pub(crate) struct Building<'a> {
    pub(crate) rails: &'a [crate::config::RailConfig],
    pub(crate) routes: &'a [RouteConfig],
    pub(crate) context: RailContext<'a>,
    pub(crate) factory: &'a RailFactory,
    pub(crate) metrics: &'a Metrics,
    pub(crate) reach: &'a Reach,
}

/// What a challenge takes beside its request: id, realm, opaque, expiry and digest, in bytes.
const CHALLENGE_BYTES: usize = 480;

/// Rails that must be asked, each with the name of its table.
type Rails = Vec<(String, Arc<dyn Settler>)>;

type Upstreams = HashMap<(String, Duration), Upstream>;

/// What a configuration comes to.
pub(crate) struct Built {
    pub(crate) table: Table,
    pub(crate) rails: Rails,
    pub(crate) session_rails: Vec<SessionRail>,
}

/// Builds the payment methods and the table of routes, or says which line cannot be served.
pub(crate) fn build(building: &Building<'_>) -> Result<Built, ConfigError> {
    let acceptors = acceptors(building)?;
    let mut upstreams = Upstreams::new();
    let mut routes = Vec::with_capacity(building.routes.len());
    for config in building.routes {
        routes.push(route(config, &acceptors, building, &mut upstreams)?);
    }
    let table = Table::build(routes).map_err(|(refused, shadow)| {
        let place = building.routes.get(refused).map(|route| route.place.clone());
        let other = building.routes.get(shadow.other);
        let mistake = Mistake::Shadowed {
            other: other.map(|route| route.pattern.to_string()).unwrap_or_default(),
            line: other.and_then(|route| route.place.line),
        };
        place.unwrap_or(crate::config::Place { file: String::new(), line: None }).refuses(mistake)
    })?;
    let session_rails = session_rails(building, &acceptors)?;
    let rails = acceptors.into_iter().filter_map(|(name, acceptor)| match acceptor {
        Acceptor::External(settler) => Some((name, settler)),
        Acceptor::Session(_, Deposits::InEscrow(escrow)) => Some((name, escrow as Arc<dyn Settler>)),
        Acceptor::Prepaid(_) | Acceptor::Session(_, Deposits::InBooks) => None,
    });
    Ok(Built { table, rails: rails.collect(), session_rails })
}

/// Every way in which sessions are taken, with how its table wants them looked after.
fn session_rails(building: &Building<'_>, acceptors: &[(String, Acceptor)]) -> Result<Vec<SessionRail>, ConfigError> {
    let mut rails = Vec::new();
    for (name, acceptor) in acceptors {
        let Some(config) = building.rails.iter().find(|rail| rail.name == *name) else { continue };
        let rail = SessionRail::of(name, acceptor, &config.keeping);
        let refused = |reason| config.place.refuses(Mistake::Value { key: "sessions", reason });
        rails.extend(rail.map_err(refused)?);
    }
    Ok(rails)
}

/// Every payment method with the name of the table it comes from.
fn acceptors(building: &Building<'_>) -> Result<Vec<(String, Acceptor)>, ConfigError> {
    let mut acceptors = Vec::new();
    for rail in building.rails {
        let context = RailContext { name: &rail.name, ..building.context };
        let built = (building.factory)(&rail.method, &rail.table, &context)
            .map_err(|reason| rail.place.refuses(Mistake::Rail { rail: rail.name.clone(), reason }))?;
        acceptors.extend(built.into_iter().map(|acceptor| (rail.name.clone(), acceptor)));
    }
    Ok(acceptors)
}

fn route(
    config: &RouteConfig,
    acceptors: &[(String, Acceptor)],
    building: &Building<'_>,
    upstreams: &mut Upstreams,
) -> Result<Route, ConfigError> {
    let name = match &config.host {
        Some(host) => format!("{host} {}", config.pattern),
        None => config.pattern.to_string(),
    };
    let paid = config.price.map(|price| paid(&name, price, config, acceptors, &building.context)).transpose()?;
    Ok(Route {
        meters: building.metrics.route(&name),
        host: config.host.clone(),
        pattern: config.pattern.clone(),
        description: config.description.clone(),
        upstream: upstream(config, building.reach, upstreams)?,
        max_body: config.max_body,
        paid,
        name,
    })
}

fn paid(
    name: &str,
    price: Price,
    config: &RouteConfig,
    acceptors: &[(String, Acceptor)],
    context: &RailContext<'_>,
) -> Result<Paid, ConfigError> {
    let economics = economics(name, price, config, acceptors);
    let mut offers = Vec::with_capacity(config.accept.len());
    let mut taken = HashSet::new();
    for accept in &config.accept {
        let mut found = named_by(accept, acceptors).peekable();
        if found.peek().is_none() {
            return Err(accept.place.refuses(Mistake::UnknownRail {
                accept: format!("{}/{}", accept.rail, accept.intent),
                offered: offered(acceptors),
            }));
        }
        for (index, (rail, acceptor)) in found {
            // Named twice, by its table and by its method: offered once.
            if taken.insert(index) {
                judge(&economics, rail, acceptor, config).map_err(|mistake| accept.place.refuses(mistake))?;
                let offer = Offer::prepare((rail, acceptor), accept, config, price, context.realm);
                offers.push(offer.map_err(|mistake| accept.place.refuses(mistake))?);
            }
        }
    }
    let takes_sessions = offers.iter().any(|offer| offer.session.is_some());
    if config.meter.is_some() && !takes_sessions && !offers.iter().any(|offer| offer.metered().is_some()) {
        return Err(config.place.refuses(Mistake::NothingMetered));
    }
    if let Some(place) = config.session.place.as_ref().filter(|_| !takes_sessions) {
        return Err(place.refuses(Mistake::NoSessions));
    }
    let detail = format!("This request costs {price}. Pay one of the challenges and repeat it with the credential.");
    let problem = Problem::new(ProblemType::PaymentRequired, detail);
    let x402 = price_list(config, &offers, context);
    Ok(Paid {
        price,
        offers,
        economics,
        x402,
        required: Bytes::from(problem.to_json()),
        problem,
        meter: config.meter.clone(),
        scope: scope_of(name, price),
        entitlement: config.entitlement,
        idempotency_body: config.idempotency_body,
    })
}

/// What the price leaves in each way to pay it that moves its currency.
fn economics(name: &str, price: Price, config: &RouteConfig, acceptors: &[(String, Acceptor)]) -> Economics {
    let mut taken = HashSet::new();
    let found = config.accept.iter().flat_map(|accept| named_by(accept, acceptors));
    let once = found.filter(|(index, (_, acceptor))| carries(&acceptor.terms().asset, price) && taken.insert(*index));
    let lines = once.filter_map(|(_, (rail, acceptor))| line(name, named(rail, acceptor), price, acceptor));
    Economics { lines: lines.collect() }
}

/// Refuses what a payment method cannot carry, and what it is expected to eat whole.
fn judge(economics: &Economics, rail: &str, acceptor: &Acceptor, config: &RouteConfig) -> Result<(), Mistake> {
    let named = named(rail, acceptor);
    let own = |line: &&EconomicLine| line.accept == named && line.asset == acceptor.terms().asset;
    let Some(line) = economics.lines.iter().find(own) else { return Ok(()) };
    let (found, table) = (|| Box::new(line.clone()), || Box::new(economics.clone()));
    if line.is_below_floor() {
        return Err(Mistake::BelowFloor { line: found(), table: table() });
    }
    if line.verdict() == Verdict::Loss && !config.allow_loss {
        return Err(Mistake::Loss { line: found(), table: table() });
    }
    Ok(())
}

fn named(rail: &str, acceptor: &Acceptor) -> String {
    format!("{rail}/{}", acceptor.terms().intent)
}

/// The price list of a route's x402 offers, best first, as many as fit beside its challenges.
fn price_list(config: &RouteConfig, offers: &[Offer], context: &RailContext<'_>) -> Option<PriceList> {
    let mut challenges = 0;
    let mut listed = Vec::new();
    for (place, offer) in offers.iter().enumerate() {
        match (offer.template(), offer.requirements()) {
            (Some(template), _) => challenges += template.request().as_str().len() + CHALLENGE_BYTES,
            (None, Some(requirements)) => listed.push((place, requirements.clone(), challenges)),
            (None, None) => {}
        }
    }
    // A route of one host is there for clients, wherever the other routes are.
    let public_url = context.public_url.filter(|_| config.host.is_none()).map(str::to_owned);
    let listing = Listing {
        description: brief(config).map(str::to_owned),
        extensions: extensions(config.payment_identifier_required),
        public_url,
        challenges,
        path: config.pattern.path.clone(),
        first_version: config.x402_v1,
    };
    PriceList::of(listed, listing, BUDGET_OF_BOTH)
}

/// What x402 clients are told beside the offers: that a payment may have a name, and that a nonce which is
/// made from what is bought is checked.
fn extensions(identifier_required: bool) -> JsonObject {
    let told = [
        (payment_identifier::NAME, payment_identifier::advertisement(identifier_required)),
        (binding::NAME, binding::advertisement()),
    ];
    told.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The payment methods that an `accept` entry means: those of the table of that name, and those of
/// every table of that method.
fn named_by<'a>(
    accept: &'a Accept,
    acceptors: &'a [(String, Acceptor)],
) -> impl Iterator<Item = (usize, &'a (String, Acceptor))> {
    let means = |(rail, acceptor): &(String, Acceptor)| {
        let terms = acceptor.terms();
        (*rail == accept.rail || terms.method.as_str() == accept.rail) && terms.intent.as_str() == accept.intent
    };
    acceptors.iter().enumerate().filter(move |(_, acceptor)| means(acceptor))
}

/// A challenge issued for another route, or for this one at another price, is worth nothing here.
fn scope_of(name: &str, price: Price) -> Sha256 {
    let mut hasher = Sha256::new();
    for part in ["farthing/scope/1", name, &price.to_string()] {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    hasher
}

fn offered(acceptors: &[(String, Acceptor)]) -> String {
    let names = acceptors.iter().map(|(rail, acceptor)| format!("{rail}/{}", acceptor.terms().intent));
    let names = names.collect::<Vec<_>>().join(", ");
    if names.is_empty() { "nothing".to_owned() } else { names }
}

/// Routes to the same origin with the same time-out share their connections.
fn upstream(config: &RouteConfig, reach: &Reach, upstreams: &mut Upstreams) -> Result<Upstream, ConfigError> {
    let key = (config.upstream.clone(), config.timeout);
    if let Some(upstream) = upstreams.get(&key) {
        return Ok(upstream.clone());
    }
    let refused = |reason: String| config.place.refuses(Mistake::Value { key: "upstream", reason });
    let origin: Uri = config.upstream.parse().map_err(|_| refused(format!("\"{}\" is no address", config.upstream)))?;
    let timeouts = Timeouts { first_byte: config.timeout, ..Timeouts::default() };
    let upstream =
        Upstream::new(&origin, Version::Auto, timeouts, reach.clone()).map_err(|reason| refused(reason.to_string()))?;
    upstreams.insert(key, upstream.clone());
    Ok(upstream)
}
