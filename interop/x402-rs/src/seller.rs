use alloy_primitives::Address;
use axum::Router;
use axum::routing::get;
use serde::Deserialize;
use tokio::net::TcpListener;
use x402_axum::X402Middleware;
use x402_chain_eip155::chain::{AssetTransferMethod, Eip155TokenDeployment};
use x402_chain_eip155::{KnownNetworkEip155 as _, V1Eip155Exact, V2Eip155Exact, V2Eip155Upto};
use x402_types::networks::USDC;

use crate::Failure;

#[derive(Deserialize)]
pub(crate) struct Terms {
    listen: String,
    facilitator: String,
    recipient: Address,
}

/// Sells with x402-axum, until it is killed.
pub(crate) async fn run(terms: Terms) -> Result<(), Failure> {
    let payments = X402Middleware::try_new(&terms.facilitator)?;
    let usdc: Eip155TokenDeployment = USDC::base_sepolia();
    let cents = |count: u64| usdc.amount(count * 10_000);
    let permitted = |count: u64| by_permit2(usdc.clone()).amount(count * 10_000);
    let to = terms.recipient;
    let exact = payments.with_price_tag(V2Eip155Exact::price_tag(to, cents(1)));
    let permit2 = payments.with_price_tag(V2Eip155Exact::price_tag(to, permitted(2)));
    let upto = payments.with_price_tag(V2Eip155Upto::price_tag(to, permitted(5)));
    let v1 = payments.with_price_tag(V1Eip155Exact::price_tag(to, cents(4)));
    let shop = Router::new()
        .route("/exact", get(sold).layer(exact))
        .route("/permit2", get(sold).layer(permit2))
        .route("/upto", get(sold).layer(upto))
        .route("/v1", get(sold).layer(v1));
    axum::serve(TcpListener::bind(terms.listen).await?, shop).await?;
    Ok(())
}

async fn sold() -> &'static str {
    "sold"
}

/// The same token, moved by Permit2.
fn by_permit2(token: Eip155TokenDeployment) -> Eip155TokenDeployment {
    let transfer_method = match token.transfer_method {
        AssetTransferMethod::Eip3009 { name, version } | AssetTransferMethod::Permit2 { name, version } => {
            AssetTransferMethod::Permit2 { name, version }
        }
    };
    Eip155TokenDeployment { transfer_method, ..token }
}
