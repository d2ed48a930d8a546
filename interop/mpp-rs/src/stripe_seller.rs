//! A seller on `mpp` and axum that takes cards. ../README.md has its one argument and what it sells.

use std::error::Error;

use axum::extract::{Path, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing::get};
use mpp::server::axum::{PaymentProblem, PaymentRequired, WithReceipt};
use mpp::server::{Mpp, StripeChargeMethod, StripeChargeOptions, StripeConfig, stripe};
use mpp::{MppError, parse_authorization};
use serde_json::Value;

type Charging = Mpp<StripeChargeMethod>;

const PRICE: &str = "5.00";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let terms: Value = serde_json::from_str(&std::env::args().nth(1).ok_or("usage: stripe-seller TERMS")?)?;
    let config = StripeConfig {
        secret_key: text(&terms, "seller")?,
        network_id: text(&terms, "profile")?,
        payment_method_types: &["card"],
        currency: "usd",
        decimals: 2,
    };
    let config = stripe(config).realm(text(&terms, "realm")?).secret_key(text(&terms, "secret")?);
    let charging = Mpp::create_stripe(config.stripe_api_base(text(&terms, "api")?))?;
    let shop = Router::new().route("/{offer}", get(sold)).with_state(charging);
    axum::serve(tokio::net::TcpListener::bind(text(&terms, "listen")?).await?, shop).await?;
    Ok(())
}

/// The extractor of the SDK has no place for the seller's own reference, so this does what it does.
async fn sold(State(mpp): State<Charging>, Path(offer): Path<String>, headers: HeaderMap) -> Response {
    let options = || match offer.as_str() {
        "charge" => Some(StripeChargeOptions::default()),
        "referenced" => Some(StripeChargeOptions { external_id: Some("order-7"), ..Default::default() }),
        _ => None,
    };
    let Some(asked) = options() else { return StatusCode::NOT_FOUND.into_response() };
    let bought = match headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()) {
        None => {
            let offered = mpp.stripe_charge_with_options(PRICE, asked);
            return offered.map_or_else(refused, |offered| PaymentRequired(offered).into_response());
        }
        Some(credential) => match parse_authorization(credential) {
            Ok(credential) => mpp.stripe_verify_charge_with_options(&credential, PRICE, asked).await,
            Err(error) => return refused(error),
        },
    };
    match bought {
        Ok(receipt) => WithReceipt { receipt, body: "sold" }.into_response(),
        Err(error) => refused(error.into()),
    }
}

fn refused(error: MppError) -> Response {
    PaymentProblem::new(&error, Vec::new()).into_response()
}

fn text<'a>(terms: &'a Value, name: &str) -> Result<&'a str, Box<dyn Error>> {
    terms[name].as_str().ok_or_else(|| format!("the terms have no {name}").into())
}
