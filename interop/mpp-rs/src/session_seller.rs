//! A seller by sessions on `mpp` and axum, over plain requests and SSE. ../README.md has its one argument and what it
//! sells.

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;

use alloy::signers::local::PrivateKeySigner;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing::get};
use futures_util::{StreamExt as _, stream};
use mpp::protocol::methods::tempo::SessionCredentialPayload as Payload;
use mpp::protocol::methods::tempo::session_method::deduct_from_channel;
use mpp::server::axum::{PaymentProblem, PaymentRequired, WithReceipt};
use mpp::server::sse::{self, ServeOptions};
use mpp::server::{
    Mpp, SessionChallengeOptions, SessionChannelStore, SessionMethodConfig, SessionVerifyResult, TempoChargeMethod,
    TempoConfig, TempoProvider, TempoSessionMethod, tempo, tempo_provider,
};
use mpp::{MppError, PaymentChallenge, PaymentCredential, parse_authorization};
use serde_json::Value;

/// One thing for sale, by the unit.
struct Offer {
    /// Of a unit, in base units.
    price: u128,
    /// What a deposit should be.
    deposit: &'static str,
    /// Sells words in a stream instead of one answer.
    streams: bool,
}

struct Shop {
    mpp: Mpp<TempoChargeMethod<TempoProvider>, TempoSessionMethod<TempoProvider>>,
    channels: Arc<SessionChannelStore>,
    currency: String,
    words: Vec<String>,
}

const PLAIN: Offer = Offer { price: 1000, deposit: "10000", streams: false };
const SHORT: Offer = Offer { price: 1000, deposit: "2000", streams: false };
const SSE: Offer = Offer { price: 500, deposit: "10000", streams: true };

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let terms: Value = serde_json::from_str(&std::env::args().nth(1).ok_or("usage: session-seller TERMS")?)?;
    let shop = Arc::new(Shop::open(&terms)?);
    let mut routes = Router::new();
    for (path, offer) in [("/plain", &PLAIN), ("/short", &SHORT), ("/sse", &SSE)] {
        let sell = move |State(shop): State<Arc<Shop>>, method: Method, headers: HeaderMap| async move {
            shop.sell(offer, &method, &headers).await.unwrap_or_else(|error| shop.refuse(offer, &error))
        };
        routes = routes.route(path, get(sell).post(sell));
    }
    let listen = text(&terms, "listen")?;
    axum::serve(tokio::net::TcpListener::bind(listen).await?, routes.with_state(shop)).await?;
    Ok(())
}

impl Shop {
    fn open(terms: &Value) -> Result<Self, Box<dyn Error>> {
        let (rpc, chain_id) = (text(terms, "rpc")?, terms["chain"].as_u64().ok_or("no chain")?);
        let payee = text(terms, "payee")?.parse::<PrivateKeySigner>()?;
        let recipient = format!("{:#x}", payee.address());
        let channels = Arc::new(SessionChannelStore::new());
        let escrow_contract = text(terms, "escrow")?.parse()?;
        let config = SessionMethodConfig { escrow_contract, chain_id, min_voucher_delta: 0 };
        let method = TempoSessionMethod::new(tempo_provider(rpc)?, channels.clone(), config).with_close_signer(payee);
        let currency = text(terms, "currency")?.to_owned();
        let config = tempo(TempoConfig { recipient: &recipient })
            .rpc_url(rpc)
            .chain_id(chain_id)
            .currencies([currency.as_str()])
            .realm(text(terms, "realm")?)
            .secret_key(text(terms, "secret")?);
        let words = serde_json::from_value(terms["words"].clone())?;
        Ok(Self { mpp: Mpp::create(config)?.with_session_method(method), channels, currency, words })
    }

    /// Sells to whoever pays with a request that asks for goods; a POST asks for none.
    async fn sell(&self, offer: &Offer, method: &Method, headers: &HeaderMap) -> Result<Response, MppError> {
        let Some(credential) = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()) else {
            return Ok(PaymentRequired(self.challenge(offer)?).into_response());
        };
        let credential = parse_authorization(credential)?;
        let verified = self.mpp.verify_session(&credential).await?;
        let buys = matches!(credential.payload_as(), Ok(Payload::Open { .. } | Payload::Voucher { .. }));
        if method == Method::POST || !buys {
            return Ok(WithReceipt { receipt: verified.receipt, body: StatusCode::NO_CONTENT }.into_response());
        }
        if offer.streams {
            Ok(self.stream(offer, &credential, &verified))
        } else {
            self.hand_over(offer, verified).await
        }
    }

    fn challenge(&self, offer: &Offer) -> Result<PaymentChallenge, MppError> {
        let recipient = self.mpp.recipient().unwrap_or_default();
        let options = SessionChallengeOptions { suggested_deposit: Some(offer.deposit), ..Default::default() };
        let price = offer.price.to_string();
        self.mpp.session_challenge_with_details(&price, &self.currency, recipient, options)
    }

    /// What went wrong, with a challenge to try again with.
    fn refuse(&self, offer: &Offer, error: &MppError) -> Response {
        PaymentProblem::new(error, self.challenge(offer).into_iter().collect()).into_response()
    }

    async fn hand_over(&self, offer: &Offer, verified: SessionVerifyResult) -> Result<Response, MppError> {
        let channel = &verified.receipt.reference;
        deduct_from_channel(&*self.channels, channel, offer.price).await?;
        Ok(WithReceipt { receipt: verified.receipt, body: "sold" }.into_response())
    }

    fn stream(&self, offer: &Offer, credential: &PaymentCredential, verified: &SessionVerifyResult) -> Response {
        let events = sse::serve(ServeOptions {
            store: self.channels.clone(),
            channel_id: verified.receipt.reference.clone(),
            challenge_id: credential.challenge.id.clone(),
            tick_cost: offer.price,
            generate: stream::iter(self.words.clone()),
            poll_interval_ms: 50,
            min_voucher_delta: 0,
            before_charge: None,
        });
        let body = Body::from_stream(events.map(Ok::<_, Infallible>));
        ([(CONTENT_TYPE, "text/event-stream")], body).into_response()
    }
}

fn text<'a>(terms: &'a Value, name: &str) -> Result<&'a str, String> {
    terms[name].as_str().ok_or_else(|| format!("the terms have no {name}"))
}
