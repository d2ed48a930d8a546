//! A buyer on `mpp`. ../README.md has the five calls.

mod balance;

use std::error::Error;

use alloy::signers::local::PrivateKeySigner;
use balance::{Balance, did};
use ed25519_dalek::SigningKey;
use mpp::client::{Fetch as _, PaymentProvider, TempoProvider};
use mpp::{PaymentChallenge, parse_receipt, parse_www_authenticate_all};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

type Answer = Result<Value, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let words = std::env::args().skip(1).collect::<Vec<_>>();
    let words = words.iter().map(String::as_str).collect::<Vec<_>>();
    let answer = match words.as_slice() {
        ["did", seed] => json!({ "did": did(&key_from(seed)?) }),
        ["read", url, body @ ..] => read(request(url, body.first().copied())).await?,
        ["pay", url, seed, body @ ..] => {
            bought(request(url, body.first().copied()), "balance/charge", &Balance(key_from(seed)?)).await?
        }
        ["charge", url, key, rpc, "pull"] => {
            let account = TempoProvider::new(key.parse::<PrivateKeySigner>()?, rpc)?;
            bought(request(url, None), "tempo/charge", &account).await?
        }
        ["charge", .., mode] => return Err(format!("mpp has no {mode}").into()),
        ["authorize", ..] => return Err("mpp has no method for EVM chains".into()),
        _ => return Err("usage: peer did KEY | read URL [BODY] | pay URL KEY [BODY] | charge URL KEY RPC MODE".into()),
    };
    println!("{answer}");
    Ok(())
}

async fn read(request: RequestBuilder) -> Answer {
    let response = request.send().await?;
    let lines = response.headers().get_all("www-authenticate").iter();
    let lines = lines.map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned()).collect::<Vec<_>>();
    let challenges = parse_www_authenticate_all(lines.iter().map(String::as_str));
    let challenges = challenges.into_iter().map(|each| decoded(&each?)).collect::<Result<Vec<_>, _>>()?;
    let status = response.status().as_u16();
    let problem: Value = serde_json::from_slice(&response.bytes().await?)?;
    Ok(json!({ "status": status, "problem": problem, "challenges": challenges }))
}

/// A challenge with its request in the clear.
fn decoded(challenge: &PaymentChallenge) -> Answer {
    let mut value = serde_json::to_value(challenge)?;
    value["request"] = challenge.request.decode_value()?;
    Ok(value)
}

async fn bought(request: RequestBuilder, accepted: &str, provider: &impl PaymentProvider) -> Answer {
    let response = request.header("accept-payment", accepted).send_with_payment(provider).await?;
    let status = response.status().as_u16();
    let receipt = match response.headers().get("payment-receipt") {
        Some(header) => Some(parse_receipt(header.to_str()?)?),
        None => None,
    };
    Ok(json!({ "status": status, "body": response.text().await?, "receipt": receipt }))
}

fn request(url: &str, body: Option<&str>) -> RequestBuilder {
    match body {
        None => Client::new().get(url),
        Some(body) => Client::new().post(url).header("content-type", "application/json").body(body.to_owned()),
    }
}

fn key_from(seed: &str) -> Result<SigningKey, Box<dyn Error>> {
    let byte = |at: usize| seed.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes = (0..64).step_by(2).map(byte).collect::<Option<Vec<_>>>().ok_or("KEY is 64 hex digits")?;
    Ok(SigningKey::from_bytes(bytes.as_slice().try_into()?))
}
