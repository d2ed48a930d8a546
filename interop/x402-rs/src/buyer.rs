use std::sync::Arc;

use alloy_signer_local::PrivateKeySigner;
use reqwest::Client;
use serde_json::{Value, json};
use x402_chain_eip155::{V1Eip155ExactClient, V2Eip155ExactClient, V2Eip155UptoClient};
use x402_reqwest::{ReqwestWithPayments as _, ReqwestWithPaymentsBuild as _, X402Client};
use x402_types::util::Base64Bytes;

use crate::Failure;

/// The header of a payment's outcome, as version 2 and version 1 name it.
const OUTCOMES: [&str; 2] = ["payment-response", "x-payment-response"];

/// Buys with x402-reqwest, by whatever version and scheme is asked for.
pub(crate) async fn pay(url: &str, key: &str) -> Result<Value, Failure> {
    let signer = Arc::new(key.parse::<PrivateKeySigner>()?);
    let payer = X402Client::new()
        .register(V1Eip155ExactClient::new(signer.clone()))
        .register(V2Eip155ExactClient::new(signer.clone()))
        .register(V2Eip155UptoClient::new(signer));
    let response = Client::new().with_payments(payer).build().get(url).send().await?;
    let status = response.status().as_u16();
    let outcome = OUTCOMES.iter().find_map(|name| response.headers().get(*name));
    let outcome = outcome.map(|header| decoded(header.as_bytes())).transpose()?;
    Ok(json!({ "status": status, "body": response.text().await?, "outcome": outcome }))
}

fn decoded(header: &[u8]) -> Result<Value, Failure> {
    Ok(serde_json::from_slice(&Base64Bytes::from(header).decode()?)?)
}
