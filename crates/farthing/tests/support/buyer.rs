//! A payer written from `docs/methods/balance.md` alone, without the wallet: it signs whatever it
//! is told to, so that tests can misuse the gateway.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use farthing_protocol::{Challenge, Credential};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::json;

/// Sent as `Host`, so that a challenge outlives a gateway that comes back on another port.
const HOST: &str = "shop.example";

pub struct Buyer {
    key: Ed25519KeyPair,
    pub did: String,
    pub client: Client,
}

impl Buyer {
    pub fn new() -> Self {
        let key = Ed25519KeyPair::generate().unwrap();
        let mut tagged = vec![0xed, 0x01];
        tagged.extend_from_slice(key.public_key().as_ref());
        let did = format!("did:key:z{}", bs58::encode(tagged).into_string());
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { key, did, client }
    }

    /// The challenges of an unpaid request.
    pub async fn challenges(&self, method: Method, url: &str) -> Vec<Challenge> {
        let response = self.client.request(method, url).header("host", HOST).send().await.unwrap();
        assert_eq!(response.status(), 402, "{url}");
        challenges_of(&response)
    }

    /// A credential for the first challenge of an unpaid GET.
    pub async fn credential(&self, url: &str) -> String {
        let challenge = self.challenges(Method::GET, url).await.into_iter().next().unwrap();
        self.sign(&challenge)
    }

    /// The `Authorization` value that pays a challenge, by its method.
    pub fn sign(&self, challenge: &Challenge) -> String {
        if challenge.method().as_str() == "simulated" {
            return self.with_payload(challenge, json!({ "token": challenge.id().as_str() }));
        }
        let text = format!(
            "farthing balance charge v1\nid: {}\nrealm: {}\nrequest: {}\ndigest: {}\npayer: {}\n",
            challenge.id().as_str(),
            challenge.realm(),
            challenge.request().as_str(),
            challenge.digest().map_or("-", |digest| digest.as_str()),
            self.did,
        );
        let signature = URL_SAFE_NO_PAD.encode(self.key.sign(text.as_bytes()));
        self.with_payload(challenge, json!({ "payer": self.did, "signature": signature }))
    }

    /// The key's signature over a message.
    #[allow(dead_code, reason = "each test file uses its own part")]
    pub fn raw_signature(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).as_ref().try_into().unwrap()
    }

    pub fn with_payload(&self, challenge: &Challenge, payload: serde_json::Value) -> String {
        let serde_json::Value::Object(payload) = payload else { panic!("a payload is an object") };
        Credential::new(challenge.clone(), payload, Some(self.did.clone())).to_header().to_string()
    }

    pub fn get(&self, url: &str, credential: &str) -> RequestBuilder {
        self.client.get(url).header("host", HOST).header("authorization", credential)
    }
}

pub fn challenges_of(response: &Response) -> Vec<Challenge> {
    let lines = response.headers().get_all("www-authenticate").iter().map(|line| line.as_bytes());
    Challenge::parse_all(lines).into_iter().map(|challenge| challenge.unwrap()).collect()
}
