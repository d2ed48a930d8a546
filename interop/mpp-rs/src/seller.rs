//! A seller on `mpp`'s axum layer, for `cargo xtask bench` to compare with: one challenge of one offer with a problem
//! document, and a free route beside it. One worker thread.

use axum::body::Body;
use axum::{Router, routing::get};
use mpp::protocol::core::Base64UrlJson;
use mpp::server::middleware::PaymentLayer;
use mpp::{PaymentChallenge, PaymentCredential, Receipt, expires, format_receipt, parse_authorization};
use serde_json::json;

const SECRET: &str = "a secret of this benchmark, 32 bytes or more";
const REALM: &str = "127.0.0.1";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).ok_or("usage: seller ADDRESS")?;
    let request = Base64UrlJson::from_value(&json!({
        "amount": "1000", "currency": "usd.6", "methodDetails": { "issuer": "http://127.0.0.1" },
    }))?;
    let paid = PaymentLayer::from_fns(
        move || challenge(request.clone()).to_header().map_err(|error| error.to_string()),
        |credential| Box::pin(async move { verify(&credential).map_err(|error| error.to_string()) }),
    );
    let paid = Router::new().route("/", get(|| async { "paid" })).route_layer(paid.with_problem_details(Body::from));
    let listener = tokio::net::TcpListener::bind(address).await?;
    axum::serve(listener, paid.route("/free", get(|| async { "free" }))).await?;
    Ok(())
}

fn challenge(request: Base64UrlJson) -> PaymentChallenge {
    let until = expires::minutes(5);
    PaymentChallenge::with_secret_key_full(
        SECRET,
        REALM,
        "balance",
        "charge",
        request,
        Some(&until),
        None,
        None,
        None,
        None,
    )
}

/// Everything short of the method's own signature.
fn verify(header: &str) -> mpp::Result<String> {
    let credential: PaymentCredential = parse_authorization(header)?;
    let echo = &credential.challenge;
    let issued = PaymentChallenge::with_secret_key_full(
        SECRET,
        REALM,
        echo.method.as_str(),
        echo.intent.as_str(),
        echo.request.clone(),
        echo.expires.as_deref(),
        echo.digest.as_deref(),
        None,
        echo.opaque.clone(),
        echo.header.as_deref(),
    );
    expires::assert(echo.expires.as_deref(), Some(&echo.id))?;
    if issued.id != echo.id {
        return Err(mpp::MppError::verification_failed_default());
    }
    format_receipt(&Receipt::success("balance", echo.id.clone()))
}
