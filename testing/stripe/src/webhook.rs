use aws_lc_rs::hmac;
use serde_json::{Value, json};

use crate::desk::Desk;

/// A webhook as Stripe would send it: the bytes of an event, and its signature.
#[derive(Clone, Debug)]
pub struct Event {
    /// The event's id.
    pub id: String,
    /// The body, byte for byte.
    pub body: String,
    /// The value of `Stripe-Signature`.
    pub signature: String,
}

impl Desk {
    /// An event about an object, signed now.
    pub fn event(&mut self, kind: &str, object: &Value, secret: &str) -> Event {
        let (id, at) = (self.id("evt"), self.seconds());
        let body = json!({ "id": id, "object": "event", "type": kind, "created": at, "data": { "object": object } });
        let body = body.to_string();
        let signature = signature(secret, at, &body);
        Event { id, body, signature }
    }
}

/// `t=..,v1=..`: the hexadecimal HMAC-SHA256 of the time, a dot and the body.
pub fn signature(secret: &str, at: i64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("{at}.{body}").as_bytes());
    let digits: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={at},v1={digits}")
}

/// Sends an event to a URL and gives the status back.
impl Event {
    /// Sends it, and gives back the status and the answer.
    pub async fn ask(&self, url: &str) -> Result<(u16, String), reqwest::Error> {
        let request = reqwest::Client::new().post(url).header("stripe-signature", &self.signature);
        let request = request.header("content-type", "application/json").body(self.body.clone());
        let answer = request.send().await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    }

    /// Sends it, and says with which status it was taken.
    pub async fn send(&self, url: &str) -> Result<u16, reqwest::Error> {
        let request = reqwest::Client::new().post(url).header("stripe-signature", &self.signature);
        let request = request.header("content-type", "application/json").body(self.body.clone());
        Ok(request.send().await?.status().as_u16())
    }
}
