//! `POST /balance/topups` and `GET /balance/topups/{id}`: what a payer must know to fund a balance.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use farthing_books::topup::MOST_OPEN;
use farthing_books::{NewTopUp, TopUpId, TopUpOutcome, TopUpRecord};
use farthing_money::{Asset, Price, Rounding};
use farthing_protocol::Timestamp;
use farthing_rail::{FundingAccount, PayerId};
use farthing_store::StoreError;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::answer::{NO_STORE, plain, retry_after};
use crate::proxy::Body;
use crate::seller::Seller;
use crate::site::Site;

const PATH: &str = "/balance/topups";
/// An order is a few names and a number.
const LARGEST_ORDER: usize = 4 << 10;
/// The longest name that a caller may give an order.
const LONGEST_NAME: usize = 128;
/// The longest name of a payer.
const LONGEST_PAYER: usize = 128;
/// A reference is random: another one is as good.
const DRAWS: usize = 8;

/// So many orders at once, and one more every second: each is a row for good.
const BURST: i64 = 120;
const EVERY_MILLIS: i64 = 1_000;

/// Bounds how many orders everybody together makes.
#[derive(Debug, Default)]
pub(crate) struct OrderRate(Mutex<Option<i64>>);

/// An order as a payer sends it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    /// Whose balance.
    payer: String,
    /// Which: `"USD"`.
    currency: String,
    /// How much: `"5"`.
    amount: Option<String>,
    /// Over which rail; any that there is, when it does not say.
    rail: Option<String>,
    /// The caller's own name: ordering twice under one name is ordering once.
    id: Option<String>,
}

/// Whether a path is answered here.
pub(crate) fn is_ours(site: &Site, path: &str) -> bool {
    !site.fundings.is_empty() && path.strip_prefix(PATH).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Answers a request for one of these paths.
pub(crate) async fn answer(
    seller: &Seller,
    site: &Site,
    method: &Method,
    path: &str,
    body: Incoming,
) -> Response<Body> {
    let rest = path.strip_prefix(PATH).unwrap_or_default();
    let answered = match (method, rest) {
        (&Method::POST, "") => order(seller, site, body).await,
        (&Method::GET | &Method::HEAD, _) if rest.len() > 1 => show(seller, site, rest.trim_start_matches('/')).await,
        _ => {
            Err(plain(StatusCode::METHOD_NOT_ALLOWED, "POST an order to /balance/topups, or GET /balance/topups/{id}."))
        }
    };
    answered.unwrap_or_else(|refused| refused)
}

type Answered = Result<Response<Body>, Response<Body>>;

async fn order(seller: &Seller, site: &Site, body: Incoming) -> Answered {
    let bad = |detail: &str| plain(StatusCode::BAD_REQUEST, detail);
    let bytes =
        Limited::new(body, LARGEST_ORDER).collect().await.map_err(|_| bad("An order is a small JSON object."))?;
    let order: Order = serde_json::from_slice(&bytes.to_bytes()).map_err(|error| {
        bad(&format!(
            "An order is {{\"payer\": \"did:key:z6Mk...\", \"currency\": \"USD\", \"amount\": \"5\"}}: {error}."
        ))
    })?;
    let unknown = || bad("No balance in this currency can be funded here over such a rail.");
    let (asset, prepaid) = site.prepaid(&order.currency).ok_or_else(unknown)?;
    let account = site.funding(order.rail.as_deref(), &order.currency).ok_or_else(unknown)?;
    if order.payer.len() > LONGEST_PAYER || !prepaid.knows_payer(&order.payer) {
        return Err(bad("The payer is not one that a balance here can belong to; it looks like did:key:z6Mk...."));
    }
    let amount = order.amount.as_ref().map(|amount| priced(amount, &order.currency, &asset));
    let expected = amount.transpose().map_err(|detail| bad(&detail))?;
    if order.id.as_ref().is_some_and(|id| id.is_empty() || id.len() > LONGEST_NAME) {
        return Err(bad("The id of an order has 1 to 128 characters."));
    }
    if let Err(wait) = seller.order_rate.take(seller.now()) {
        let refused = plain(StatusCode::TOO_MANY_REQUESTS, "More orders are made here than anybody pays; come back.");
        return Err(retry_after(refused, wait));
    }
    let payer = PayerId::new(order.payer);
    let id = order.id.map_or_else(|| TopUpId::from_bytes(rand::random()), |name| TopUpId::of(&payer, &name));
    for _ in 0..DRAWS {
        let new = NewTopUp {
            id,
            payer: payer.clone(),
            rail: account.name().to_owned(),
            reference: account.reference(rand::random()),
            asset: asset.clone(),
            expected,
            at: seller.now(),
        };
        match seller.books.order_topup(new).await.map_err(|error| unavailable(&error))? {
            Some(TopUpOutcome::Opened(record)) => return Ok(shown(StatusCode::CREATED, account.as_ref(), &record)),
            Some(TopUpOutcome::Stands(record)) => return Ok(shown(StatusCode::OK, account.as_ref(), &record)),
            Some(TopUpOutcome::TooMany) => {
                let detail =
                    format!("This payer has {MOST_OPEN} open orders; pay one of them, any amount is credited.");
                return Err(plain(StatusCode::TOO_MANY_REQUESTS, &detail));
            }
            None => return Err(plain(StatusCode::CONFLICT, "This id was used for another order; use a new one.")),
            Some(TopUpOutcome::ReferenceTaken) => {}
        }
    }
    Err(plain(StatusCode::SERVICE_UNAVAILABLE, "No free reference was found; ask again."))
}

async fn show(seller: &Seller, site: &Site, id: &str) -> Answered {
    let unknown = || plain(StatusCode::NOT_FOUND, "There is no such order.");
    let id: TopUpId = id.parse().map_err(|_| unknown())?;
    let found = seller.books.topup(id).await.map_err(|error| unavailable(&error))?.ok_or_else(unknown)?;
    let account = site.fundings.iter().find(|account| account.name() == found.order.rail).ok_or_else(unknown)?;
    Ok(shown(StatusCode::OK, account.as_ref(), &found))
}

/// An amount of a currency as a balance counts it.
fn priced(amount: &str, currency: &str, asset: &Asset) -> Result<farthing_money::Amount, String> {
    let price: Price = format!("{amount} {currency}").parse().map_err(|error| format!("{error}"))?;
    let converted = price.in_asset(asset, Rounding::Exact).map_err(|error| error.to_string())?;
    if converted.amount.is_zero() {
        return Err("An order is for more than nothing.".to_owned());
    }
    Ok(converted.amount)
}

fn shown(status: StatusCode, account: &dyn FundingAccount, record: &TopUpRecord) -> Response<Body> {
    let order = &record.order;
    // A bank's form takes whole cents: what it is asked for is never less than what was ordered.
    let whole = order.expected.and_then(|expected| {
        let (from, to) = (order.asset.decimals(), account.asset().decimals());
        farthing_money::Rate::PARITY.convert(expected, from, to, Rounding::Up).ok().map(|converted| converted.amount)
    });
    let instructions = account.instructions(&order.reference, whole);
    let mut body: Map<String, Value> = Map::from_iter([
        ("id".to_owned(), order.id.to_string().into()),
        ("state".to_owned(), record.state.as_str().into()),
        ("payer".to_owned(), order.payer.as_str().into()),
        ("rail".to_owned(), order.rail.clone().into()),
        ("currency".to_owned(), order.asset.code().into()),
        ("expected".to_owned(), order.expected.map(|expected| order.asset.display(expected)).into()),
        ("credited".to_owned(), order.asset.display(record.credited).into()),
        ("created".to_owned(), order.at.to_rfc3339().into()),
    ]);
    for (key, _, value) in &instructions.fields {
        body.insert((*key).to_owned(), value.clone().into());
    }
    let lines: Vec<Value> = instructions.fields.iter().map(|(_, label, value)| json!([label, value])).collect();
    body.insert("fields".to_owned(), lines.into());
    body.insert("instructions".to_owned(), instructions.sentences.into());
    let mut response = Response::new(Body::full(Value::Object(body).to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    response
}

fn unavailable(error: &StoreError) -> Response<Body> {
    tracing::error!(%error, "an order could not be kept");
    plain(StatusCode::SERVICE_UNAVAILABLE, "The order could not be kept; ask again.")
}

impl OrderRate {
    /// Takes a place, or says how long none is free.
    fn take(&self, now: Timestamp) -> Result<(), Duration> {
        let now = now.unix_millis();
        let mut full_at = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Each order moves the moment at which all places are free again.
        let next = full_at.unwrap_or(now).max(now) + EVERY_MILLIS;
        let wait = next - now - BURST * EVERY_MILLIS;
        if wait > 0 {
            return Err(Duration::from_millis(u64::try_from(wait).unwrap_or_default()));
        }
        *full_at = Some(next);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn u_15_everybody_s_orders_together_are_bounded() {
        let rate = OrderRate::default();
        let at = Timestamp::from_unix_millis;
        assert!((0..BURST).all(|_| rate.take(at(0)).is_ok()));
        assert_eq!(rate.take(at(0)), Err(Duration::from_secs(1)));
        assert!(rate.take(at(1_000)).is_ok());
        assert!(rate.take(at(1_000)).is_err());
        assert!((0..BURST).all(|_| rate.take(at(1_000_000)).is_ok()));
    }
}
