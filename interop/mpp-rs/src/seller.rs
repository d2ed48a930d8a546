//! A seller on `mpp`'s axum layer, for `cargo xtask bench` to compare with: one challenge of one offer with a problem
//! document, and one answer to whoever pays it by balance. It checks what a gateway checks, the payer's signature
//! included, and keeps what was used in memory, so that nothing is durable. One worker thread.

mod balance;
mod terms;

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use axum::body::Body;
use axum::{Router, routing::get};
use mpp::server::middleware::PaymentLayer;
use mpp::{Receipt, format_receipt};

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
    balance::check(&credential)?;
    let id = credential.challenge.id;
    let is_fresh = USED.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default().insert(id.clone());
    if !is_fresh {
        return Err(mpp::MppError::verification_failed_default());
    }
    format_receipt(&Receipt::success("balance", id))
}
