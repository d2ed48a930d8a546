//! What a route asks of sessions that pay for it, in base units of their asset.

use std::sync::Arc;
use std::time::Duration;

use farthing_books::Tender;
use farthing_money::{Amount, Price, Rounding};
use farthing_rail::{Acceptor, Deposits, SessionMethod, SessionOrder};

use super::offer::brief;
use crate::config::{Meter, RouteConfig};

/// So many units are advised to be deposited where the route does not say how many.
const ADVISED_UNITS: u64 = 100;
/// So many units may be under way to a payer where the route does not say how many.
const SLICE_UNITS: u64 = 25;
/// How long a stream waits for a voucher where the route does not say how long.
const PAUSE: Duration = Duration::from_secs(60);

/// One way to pay for a route by a session.
pub(crate) struct SessionTerms {
    /// Reads credentials.
    pub(crate) method: Arc<dyn SessionMethod>,
    /// Where deposits are.
    pub(crate) deposits: Deposits,
    /// What the price is in.
    pub(crate) tender: Arc<Tender>,
    /// The price of one unit.
    pub(crate) unit_price: Amount,
    /// The least that is taken for a deposit.
    pub(crate) least_deposit: Amount,
    /// The least that a voucher must add.
    pub(crate) least_delta: Amount,
    /// The most that may be held for one stream at a time.
    pub(crate) slice: Amount,
    /// How long a stream waits for a voucher.
    pub(crate) pause: Duration,
}

/// What a session pays for one unit: of what is counted, where the route counts something.
fn price_of_a_unit(route: &RouteConfig, price: Price) -> Price {
    route.meter.as_ref().map_or(price, |meter| meter.unit_price(price))
}

/// What a session's challenge says of this route.
pub(super) fn order(route: &RouteConfig, price: Price) -> SessionOrder {
    let price = price_of_a_unit(route, price);
    let counted = || route.meter.as_ref().map_or_else(|| "request".to_owned(), Meter::unit_name);
    let units = |count: u64| Price::from_millionths(price.millionths().saturating_mul(count), price.currency());
    let least = route.session.least_deposit.map_or(price.millionths(), Price::millionths);
    let advised = units(ADVISED_UNITS).millionths().max(least);
    SessionOrder {
        price,
        unit: route.session.unit.clone().unwrap_or_else(counted),
        suggested_deposit: route.session.deposit.unwrap_or(Price::from_millionths(advised, price.currency())),
        least_delta: route.session.least_delta,
        description: brief(route).map(str::to_owned),
    }
}

/// Prepares the terms, where the payment method is one of sessions.
pub(super) fn terms(
    (rail, acceptor): (&str, &Acceptor),
    route: &RouteConfig,
    price: Price,
    unit_price: Amount,
) -> Result<Option<Arc<SessionTerms>>, String> {
    let Acceptor::Session(method, deposits) = acceptor else { return Ok(None) };
    let price = price_of_a_unit(route, price);
    let asset = &acceptor.terms().asset;
    let said = &route.session;
    let amount = |price: Price| {
        let converted = price.in_asset(asset, Rounding::Exact).map_err(|reason| reason.to_string())?;
        Ok::<Amount, String>(converted.amount)
    };
    let slice = Price::from_millionths(price.millionths().saturating_mul(SLICE_UNITS), price.currency());
    Ok(Some(Arc::new(SessionTerms {
        method: Arc::clone(method),
        deposits: deposits.clone(),
        tender: Arc::new(Tender {
            method: acceptor.terms().method.as_str().to_owned(),
            rail: rail.to_owned(),
            asset: asset.clone(),
        }),
        unit_price,
        // A chain that moves nothing below its floor holds no deposit below it.
        least_deposit: amount(said.least_deposit.unwrap_or(price))?.max(acceptor.terms().floor),
        least_delta: said.least_delta.map_or(Ok(Amount::ZERO), amount)?,
        slice: amount(said.slice.unwrap_or(slice))?,
        pause: said.pause.unwrap_or(PAUSE),
    })))
}
