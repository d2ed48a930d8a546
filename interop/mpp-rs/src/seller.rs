//! A seller on `mpp`'s axum layer, for `cargo xtask bench` to compare with: one challenge of one offer with a problem
//! document, and one answer to whoever pays it by balance. It checks what a gateway checks, the payer's signature
//! included, and keeps what was used in memory, so that nothing is durable. One worker thread.

mod terms;

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use axum::body::Body;
use axum::{Router, routing::get};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, Verifier as _, VerifyingKey};
use mpp::server::middleware::PaymentLayer;
use mpp::{MppError, PaymentCredential, Receipt, format_receipt};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).ok_or("usage: seller ADDRESS")?;
    let request = terms::request()?;
    let layer = PaymentLayer::from_fns(
        move || terms::issue(&request).to_header().map_err(|error| error.to_string()),
        |credential| Box::pin(async move { sell(&credential).map_err(|error| error.to_string()) }),
    );
    let paid = Router::new().route("/", get(|| async { "paid" })).route_layer(layer.with_problem_details(Body::from));
    axum::serve(tokio::net::TcpListener::bind(address).await?, paid).await?;
    Ok(())
}

fn sell(credential: &str) -> mpp::Result<String> {
    static USED: Mutex<Option<HashSet<String>>> = Mutex::new(None);
    let credential = terms::check(credential)?;
    check_signature(&credential)?;
    let id = credential.challenge.id;
    let is_fresh = USED.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default().insert(id.clone());
    if !is_fresh {
        return Err(MppError::verification_failed_default());
    }
    format_receipt(&Receipt::success("balance", id))
}

/// Whether the payer named in a credential signed its challenge.
fn check_signature(credential: &PaymentCredential) -> mpp::Result<()> {
    let wrong = MppError::verification_failed_default;
    let member = |name| credential.payload.get(name).and_then(|value| value.as_str()).ok_or_else(wrong);
    let payer = member("payer")?;
    let key = bs58::decode(payer.trim_start_matches("did:key:z")).into_vec().map_err(|_| wrong())?;
    let key = key.get(2..).and_then(|key| key.try_into().ok()).ok_or_else(wrong)?;
    let key = VerifyingKey::from_bytes(key).map_err(|_| wrong())?;
    let signature = URL_SAFE_NO_PAD.decode(member("signature")?).map_err(|_| wrong())?;
    let signature = Signature::from_slice(&signature).map_err(|_| wrong())?;
    let echo = &credential.challenge;
    let text = format!(
        "farthing balance charge v1\nid: {}\nrealm: {}\nrequest: {}\ndigest: {}\npayer: {payer}\n",
        echo.id,
        echo.realm,
        echo.request.raw(),
        echo.digest.as_deref().unwrap_or("-"),
    );
    key.verify(text.as_bytes(), &signature).map_err(|_| wrong())
}
