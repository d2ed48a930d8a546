//! A gateway as its customers see it, whichever process of it is there.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use farthing_protocol::Challenge;
use http::HeaderValue;
use http::header::{AUTHORIZATION, HOST, RETRY_AFTER, WWW_AUTHENTICATE};

/// The name under which every process of the gateway is reached, so that a challenge outlives its port.
const NAME: &str = "shop.example";
/// Longer than anything that a gateway may let a client wait for.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where to ask.
#[derive(Clone)]
pub struct Shop {
    client: reqwest::Client,
    address: Arc<RwLock<String>>,
}

/// What came of asking.
#[derive(Debug)]
pub enum Answer {
    /// Success, whole, by way of this gateway process.
    Delivered(u32),
    /// A price; with the problem that it names, and what can be paid.
    Price {
        /// The last part of the problem's type.
        problem: String,
        /// What can be paid.
        challenges: Vec<Challenge>,
    },
    /// To come back, with the same credential.
    Later {
        /// The status.
        status: u16,
        /// Whether it says when.
        says_when: bool,
    },
    /// Nobody answered, or not to the end.
    Silence,
    /// Anything else.
    Other {
        /// The status.
        status: u16,
        /// The body.
        text: String,
    },
}

impl Shop {
    /// Nobody is there yet.
    pub fn new() -> anyhow::Result<Self> {
        let client = reqwest::Client::builder().timeout(PATIENCE).build()?;
        Ok(Self { client, address: Arc::default() })
    }

    /// This process of the gateway is there now.
    pub fn moves_to(&self, address: &str) {
        address.clone_into(&mut self.address.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// Asks once, paying with a credential or not.
    pub async fn ask(&self, path: &str, credential: Option<&HeaderValue>) -> Answer {
        let address = self.address.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mut request = self.client.get(format!("{address}{path}")).header(HOST, NAME);
        if let Some(credential) = credential {
            request = request.header(AUTHORIZATION, credential);
        }
        let Ok(response) = request.send().await else { return Answer::Silence };
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let Ok(text) = response.text().await else { return Answer::Silence };
        match status {
            200..=299 => Answer::Delivered(text.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)),
            402 => {
                let lines = headers.get_all(WWW_AUTHENTICATE).iter().map(HeaderValue::as_bytes);
                let challenges = Challenge::parse_all(lines).into_iter().flatten().collect();
                Answer::Price { problem: problem_of(&text), challenges }
            }
            409 | 500..=599 => Answer::Later { status, says_when: headers.contains_key(RETRY_AFTER) },
            _ => Answer::Other { status, text },
        }
    }
}

/// The last part of a problem's type.
fn problem_of(body: &str) -> String {
    let body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    body["type"].as_str().and_then(|kind| kind.rsplit('/').next()).unwrap_or_default().to_owned()
}
