//! A seller on `mpp` and axum. ../README.md has its one argument and what it sells.

use std::error::Error;
use std::sync::Arc;

use alloy::signers::local::PrivateKeySigner;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::response::{IntoResponse, Response};
use axum::{Router, routing::get};
use mpp::protocol::intents::ChargeRequest;
use mpp::server::axum::{ChargeChallenger, ChargeConfig, MppCharge, PaymentProblem, PaymentRequired, WithReceipt};
use mpp::server::{Mpp, TempoChargeMethod, TempoConfig, TempoProvider, tempo};
use mpp::{MppError, parse_authorization};
use serde_json::{Value, json};

type Charging = Mpp<TempoChargeMethod<TempoProvider>>;

/// Prices of the routes that the SDK's extractor guards.
struct Cents<const COUNT: u8>;

impl<const COUNT: u8> ChargeConfig for Cents<COUNT> {
    fn amount() -> &'static str {
        ["0", "0.01", "0.02", "0.03"].get(usize::from(COUNT)).copied().unwrap_or("9999")
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let terms: Value = serde_json::from_str(&std::env::args().nth(1).ok_or("usage: tempo-seller TERMS")?)?;
    let plain = charging(&terms, false)?;
    let state: Arc<dyn ChargeChallenger> = Arc::new(plain.clone());
    let sponsoring: Arc<dyn ChargeChallenger> = Arc::new(charging(&terms, true)?);
    let shop = Router::new()
        .route("/charge", get(sold::<1>))
        // The extractor takes a hash for any offer, but cannot ask for one alone.
        .route("/push", get(sold::<2>))
        .route("/proof", get(sold::<0>))
        .with_state(state)
        .merge(Router::new().route("/sponsored", get(sold::<3>)).with_state(sponsoring))
        .merge(Router::new().route("/splits", get(sold_with_splits)).with_state((plain, split(&terms)?)));
    let listen = text(&terms, "listen")?;
    axum::serve(tokio::net::TcpListener::bind(listen).await?, shop).await?;
    Ok(())
}

fn charging(terms: &Value, sponsoring: bool) -> Result<Charging, Box<dyn Error>> {
    let mut config = tempo(TempoConfig { recipient: text(terms, "recipient")? })
        .rpc_url(text(terms, "rpc")?)
        .chain_id(terms["chain"].as_u64().ok_or("no chain")?)
        .currencies([text(terms, "currency")?])
        .realm(text(terms, "realm")?)
        .secret_key(text(terms, "secret")?);
    if sponsoring {
        config = config.fee_payer(true).fee_payer_signer(text(terms, "sponsor")?.parse::<PrivateKeySigner>()?);
    }
    Ok(Mpp::create(config)?)
}

async fn sold<const CENTS: u8>(charge: MppCharge<Cents<CENTS>>) -> WithReceipt<&'static str> {
    WithReceipt { receipt: charge.receipt, body: "sold" }
}

/// Five cents, two of them for the second recipient.
fn split(terms: &Value) -> Result<ChargeRequest, Box<dyn Error>> {
    Ok(ChargeRequest {
        amount: "50000".to_owned(),
        currency: text(terms, "currency")?.to_owned(),
        recipient: Some(text(terms, "recipient")?.to_owned()),
        method_details: Some(json!({
            "chainId": terms["chain"], "splits": [{ "amount": "20000", "recipient": terms["second"] }],
        })),
        ..Default::default()
    })
}

/// What the extractor does, for a request that it cannot express.
async fn sold_with_splits(State((mpp, request)): State<(Charging, ChargeRequest)>, headers: HeaderMap) -> Response {
    let offer = || mpp.charge_challenge_with_options(&request, None, None);
    let bought = match headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()) {
        None => return offer().map_or_else(refused, |offer| PaymentRequired(offer).into_response()),
        Some(credential) => match parse_authorization(credential) {
            Ok(credential) => mpp.verify_credential_with_expected_request(&credential, &request).await,
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

fn text<'a>(terms: &'a Value, name: &str) -> Result<&'a str, String> {
    terms[name].as_str().ok_or_else(|| format!("the terms have no {name}"))
}
