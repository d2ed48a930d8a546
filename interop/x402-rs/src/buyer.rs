use std::sync::Arc;

use alloy_signer_local::PrivateKeySigner;
use reqwest::Client;
use reqwest_middleware::ClientWithMiddleware;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader, stdin};
use x402_chain_eip155::{V1Eip155ExactClient, V2Eip155ExactClient, V2Eip155UptoClient};
use x402_reqwest::{ReqwestWithPayments as _, ReqwestWithPaymentsBuild as _, X402Client};
use x402_types::util::Base64Bytes;

use crate::Failure;

/// The header of a payment's outcome, as version 2 and version 1 name it.
const OUTCOMES: [&str; 2] = ["payment-response", "x-payment-response"];

/// Buys what is at every URL it reads, with x402-reqwest, by whatever version and scheme is asked for.
pub(crate) async fn run(key: &str) -> Result<(), Failure> {
    let signer = Arc::new(key.parse::<PrivateKeySigner>()?);
    let payer = X402Client::new()
        .register(V1Eip155ExactClient::new(signer.clone()))
        .register(V2Eip155ExactClient::new(signer.clone()))
        .register(V2Eip155UptoClient::new(signer));
    let client = Client::new().with_payments(payer).build();
    let mut urls = BufReader::new(stdin()).lines();
    while let Some(url) = urls.next_line().await? {
        let answer = buy(&client, &url).await;
        println!("{}", answer.unwrap_or_else(|error| json!({ "error": error.to_string() })));
    }
    Ok(())
}

async fn buy(client: &ClientWithMiddleware, url: &str) -> Result<Value, Failure> {
    let response = client.get(url).send().await?;
    let status = response.status().as_u16();
    let outcome = OUTCOMES.iter().find_map(|name| response.headers().get(*name));
    let outcome = outcome.map(|header| decoded(header.as_bytes())).transpose()?;
    Ok(json!({ "status": status, "body": response.text().await?, "outcome": outcome }))
}

fn decoded(header: &[u8]) -> Result<Value, Failure> {
    Ok(serde_json::from_slice(&Base64Bytes::from(header).decode()?)?)
}
