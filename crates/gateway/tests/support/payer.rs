//! A payer of sessions: keeps a challenge and says what it signs for.

use farthing_protocol::Challenge;
use http::Method;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};

use super::client::credential;
use super::{Answer, Client};

/// One channel of a payer.
#[derive(Clone)]
pub struct Payer {
    pub client: Client,
    pub challenge: Challenge,
    pub signer: String,
    pub channel: String,
}

impl Payer {
    /// Asks for the price and keeps the first session challenge of this method.
    pub async fn asking(client: Client, path: &str, method: &str, signer: &str, channel: &str) -> Self {
        let asked = client.get(path).await;
        let challenge = session_challenge(&asked, method);
        Self { client, challenge, signer: signer.to_owned(), channel: channel.to_owned() }
    }

    pub fn open(&self, deposit: u128, cumulative: u128) -> String {
        self.says(
            json!({ "action": "open", "deposit": deposit.to_string(), "cumulativeAmount": cumulative.to_string() }),
        )
    }

    pub fn top_up(&self, deposit: u128, key: &str) -> String {
        self.says(json!({ "action": "topUp", "deposit": deposit.to_string(), "key": key }))
    }

    pub fn voucher(&self, cumulative: u128) -> String {
        self.says(json!({ "action": "voucher", "cumulativeAmount": cumulative.to_string() }))
    }

    pub fn close(&self, cumulative: u128) -> String {
        self.says(json!({ "action": "close", "cumulativeAmount": cumulative.to_string() }))
    }

    /// A credential of this payload, with the channel and the signer where it does not say them.
    pub fn says(&self, mut payload: Value) -> String {
        let members = payload.as_object_mut().unwrap();
        members.entry("channelId").or_insert(json!(self.channel));
        members.entry("signer").or_insert(json!(self.signer));
        credential(self.challenge.clone(), payload)
    }

    /// GET with a credential.
    pub async fn get(&self, path: &str, credential: &str) -> Answer {
        self.client.get_with(path, credential).await
    }

    /// Brings a credential: `POST` without a body.
    pub async fn bring(&self, path: &str, credential: &str) -> Answer {
        self.client.send(Method::POST, path, &[(AUTHORIZATION.as_str(), credential)], "").await
    }
}

/// The session challenge of a method in a 402.
pub fn session_challenge(answer: &Answer, method: &str) -> Challenge {
    let named = |it: &Challenge| it.intent().as_str() == "session" && it.method().as_str() == method;
    answer.challenges().into_iter().find(named).unwrap_or_else(|| panic!("no session of {method} in {answer:?}"))
}

/// A number of a receipt or snapshot.
pub fn number(object: &serde_json::Map<String, Value>, name: &str) -> u128 {
    let value = object.get(name).unwrap_or_else(|| panic!("no {name} in {object:?}"));
    value.as_str().map_or_else(|| value.to_string(), str::to_owned).parse().unwrap()
}
