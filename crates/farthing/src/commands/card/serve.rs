//! `farthing card serve`: where Stripe asks whether a card may be charged.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header::CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use clap::Args;
use farthing_rail_stripe::webhook::SigningSecret;
use farthing_rails::{CardDesk, Told};
use serde_json::json;
use tokio::net::TcpListener;

use crate::commands::home::Home;
use crate::failure::{Failure, OrFail};
use crate::stop::Stop;
use crate::{environment, logging, terminal};

/// No message about a card is longer.
const LONGEST: usize = 256 * 1024;
/// The version of the API that answers are made in.
const VERSION: &str = "2026-04-22.preview";

#[derive(Args)]
pub(crate) struct Serve {
    /// Where it listens; a proxy with TLS in front of it is what Stripe calls.
    #[arg(long, default_value = "127.0.0.1:4040")]
    listen: SocketAddr,
    /// The variable of the environment that holds the webhook's signing secret, whsec_...
    #[arg(long, value_name = "NAME", default_value = "STRIPE_ISSUING_WEBHOOK")]
    secret_env: String,
    /// Say the address as one line of JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    home: Home,
}

impl Serve {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        logging::start();
        let secret = environment::variable(&self.secret_env).ok_or_else(|| {
            Failure::new(format!("{} is not set; put the webhook's signing secret in it", self.secret_env))
        })?;
        let secret =
            SigningSecret::parse(&secret).map_err(|error| Failure::new(format!("{}: {error}", self.secret_env)))?;
        let desk = Arc::new(CardDesk::new(self.home.wallets()?, self.home.passphrase()?, secret));
        let router = Router::new()
            .route("/webhooks/stripe-issuing", post(hear))
            .layer(DefaultBodyLimit::max(LONGEST))
            .with_state(desk);
        let listener = TcpListener::bind(self.listen).await.or_fail("the desk of cards cannot listen there")?;
        let address = listener.local_addr().or_fail("the desk of cards cannot listen there")?;
        let mut stop = Stop::listen()?;
        match self.json {
            true => terminal::say_json(&json!({ "address": address.to_string() })),
            false => terminal::note(&format!(
                "farthing: cards are decided about at http://{address}/webhooks/stripe-issuing"
            )),
        }
        let stopped = async move { stop.asked().await };
        axum::serve(listener, router).with_graceful_shutdown(stopped).await.or_fail("the desk of cards stopped")?;
        Ok(ExitCode::SUCCESS)
    }
}

async fn hear(State(desk): State<Arc<CardDesk>>, headers: HeaderMap, body: Bytes) -> Response {
    let mut signatures = headers.get_all("stripe-signature").iter();
    let signature = signatures.next().filter(|_| signatures.next().is_none()).and_then(|value| value.to_str().ok());
    match desk.hear(signature, &body).await {
        // The reason is the owner's; the merchant's side learns yes or no.
        Told::Decided { approved, .. } => {
            let headers = [(CONTENT_TYPE.as_str(), "application/json"), ("stripe-version", VERSION)];
            (headers, json!({ "approved": approved }).to_string()).into_response()
        }
        Told::Taken => StatusCode::OK.into_response(),
        Told::Refused(why) => {
            tracing::warn!(why, "a message about a card is not Stripe's");
            StatusCode::BAD_REQUEST.into_response()
        }
        Told::Later(error) => {
            tracing::warn!(error, "a message about a card waits");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}
