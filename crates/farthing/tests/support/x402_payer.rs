//! An x402 payer written from the protocol alone, without our dialect and our wallet: it signs what a test
//! wants, and presents it as often as the test likes.

use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes, U256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use farthing_devnet::Devnet;
use farthing_keys::{LocalSigner, Secp256k1Key};
use farthing_rail_evm::Account;
use farthing_rail_evm::evm::Authorization;
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::payer_on_chain::now;

pub struct X402Payer {
    pub account: Account,
    pub client: Client,
}

/// A signed payment, in every form in which it can be presented.
#[derive(Clone)]
pub struct Paid {
    accepted: Value,
    resource: Value,
    payload: Value,
}

impl X402Payer {
    /// One of the accounts that a chain has given money.
    pub fn of(devnet: &Devnet, number: usize) -> Self {
        let key = devnet.accounts()[number].publicly_known_key;
        let signer = LocalSigner::new(Secp256k1Key::from_bytes(Zeroizing::new(key.0)).unwrap()).unwrap();
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { account: Account::new(Arc::new(signer)), client }
    }

    /// The price list in the header of a 402.
    pub async fn price_list(&self, method: Method, url: &str) -> Value {
        let response = self.client.request(method, url).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::PAYMENT_REQUIRED, "{url}");
        read_header(&response, "payment-required").unwrap()
    }

    /// Signs the first offer for an unpaid GET.
    pub async fn pay(&self, url: &str) -> Paid {
        let list = self.price_list(Method::GET, url).await;
        self.sign(&list["accepts"][0], &list["resource"], B256::from(rand_bytes())).await
    }

    /// Signs an offer with this nonce.
    pub async fn sign(&self, accepted: &Value, resource: &Value, nonce: B256) -> Paid {
        let text = |name: &str| accepted[name].as_str().unwrap();
        let second = U256::from(now().unix_millis() / 1000);
        let unsigned = Authorization {
            from: self.account.address(),
            to: text("payTo").parse().unwrap(),
            value: text("amount").parse().unwrap(),
            valid_after: U256::ZERO,
            valid_before: second + U256::from(accepted["maxTimeoutSeconds"].as_u64().unwrap()),
            nonce,
            signature: Bytes::new(),
        };
        let token: Address = text("asset").parse().unwrap();
        let chain: u64 = text("network").strip_prefix("eip155:").unwrap().parse().unwrap();
        let separator = farthing_rail_evm::chain::token(chain, token).unwrap().separator().unwrap();
        let signature = self.account.sign(&unsigned.message(&separator)).await.unwrap();
        let authorization = json!({
            "from": unsigned.from, "to": unsigned.to, "value": unsigned.value.to_string(), "validAfter": "0",
            "validBefore": unsigned.valid_before.to_string(), "nonce": nonce,
        });
        let payload = json!({ "signature": signature, "authorization": authorization });
        Paid { accepted: accepted.clone(), resource: resource.clone(), payload }
    }
}

impl Paid {
    /// The value of `PAYMENT-SIGNATURE`.
    pub fn second_version(&self) -> String {
        let Self { accepted, resource, payload } = self;
        encode(&json!({ "x402Version": 2, "accepted": accepted, "resource": resource, "payload": payload }))
    }

    /// The value of `X-PAYMENT`.
    pub fn first_version(&self) -> String {
        let payload = &self.payload;
        encode(&json!({ "x402Version": 1, "scheme": "exact", "network": "base-sepolia", "payload": payload }))
    }

    /// Its authorization as the payload of a credential of the method `evm`.
    pub fn as_credential_payload(&self) -> Value {
        let mut payload = self.payload["authorization"].clone();
        payload["type"] = "authorization".into();
        payload["signature"] = self.payload["signature"].clone();
        payload
    }

    /// What moves the money, for whoever has it.
    pub fn signature(&self) -> String {
        self.payload["signature"].as_str().unwrap().to_owned()
    }

    /// Whose money.
    pub fn from(&self) -> String {
        self.payload["authorization"]["from"].as_str().unwrap().to_owned()
    }
}

/// A header that holds base64 of JSON.
pub fn read_header(response: &Response, name: &str) -> Option<Value> {
    let value = response.headers().get(name)?;
    Some(serde_json::from_slice(&STANDARD.decode(value.as_bytes()).unwrap()).unwrap())
}

fn encode(object: &Value) -> String {
    STANDARD.encode(object.to_string())
}

fn rand_bytes() -> [u8; 32] {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    bytes
}
