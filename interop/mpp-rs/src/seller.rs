//! A seller on `mpp`'s axum layer, for `cargo xtask bench` to compare with: one challenge of one offer with a problem
//! document. One worker thread.

mod terms;

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
    format_receipt(&Receipt::success("balance", terms::check(credential)?))
}
