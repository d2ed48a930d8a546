//! What a wallet subscribed to: a seller collects for it period after period, and lets the wallet in meanwhile.
//!
//! ```text
//! <home>/wallets/<name>/subscriptions/<hash>.json    one for each offer at each origin
//! ```
//!
//! Nothing in such a file is a secret: whoever uses a subscription signs with the wallet's key. A subscription is found
//! by the origin and the request of the offer that began it, word for word: at another price it is another one, and
//! beginning that is for the policy to allow.

use std::path::PathBuf;

use aws_lc_rs::digest::{Context, SHA256};
use farthing_keys::{FileError, private_file};
use farthing_money::Price;
use farthing_protocol::{Challenge, Timestamp};
use farthing_rail::{Origin, SubscriptionId};
use serde::{Deserialize, Serialize};

use crate::Wallet;

/// One subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Its id, as the seller's receipt said it.
    pub id: String,
    /// Where it is used.
    pub origin: String,
    /// A URL that it opens: the one it was begun for.
    pub url: String,
    /// The method and intent: `stripe/subscription`.
    pub method: String,
    /// What a period costs.
    pub price: String,
    /// How long a period is: `1 month`.
    pub period: String,
    /// When it began, RFC 3339.
    pub began: String,
    /// When it will not be renewed, RFC 3339, once it was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<String>,
}

/// What is known of a subscription when it begins.
pub(crate) struct Begins<'a> {
    pub(crate) challenge: &'a Challenge,
    pub(crate) origin: &'a Origin,
    pub(crate) url: &'a str,
    pub(crate) id: SubscriptionId,
    pub(crate) price: Price,
    pub(crate) period: String,
    pub(crate) at: Timestamp,
}

impl Wallet {
    fn subscriptions_directory(&self) -> PathBuf {
        self.directory().join("subscriptions")
    }

    fn subscription_file(&self, challenge: &Challenge, origin: &str) -> PathBuf {
        let mut hasher = Context::new(&SHA256);
        for part in [origin, challenge.method().as_str(), challenge.request().as_str()] {
            hasher.update(part.as_bytes());
            hasher.update(&[0]);
        }
        let name: String = hasher.finish().as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        self.subscriptions_directory().join(format!("{name}.json"))
    }

    /// The subscription that answers an offer at an origin, if there is one.
    pub(crate) fn subscription_for(&self, challenge: &Challenge, origin: &Origin) -> Option<SubscriptionId> {
        let bytes = private_file::read(&self.subscription_file(challenge, origin.as_str())).ok()?;
        let known: Subscription = serde_json::from_slice(&bytes).ok()?;
        SubscriptionId::read(&known.id)
    }

    /// Remembers a subscription that began; one that it takes the place of is forgotten.
    pub(crate) fn remember_subscription(&self, begins: &Begins<'_>) -> Result<(), FileError> {
        let known = Subscription {
            id: begins.id.to_string(),
            origin: begins.origin.to_string(),
            url: begins.url.to_owned(),
            method: format!("{}/{}", begins.challenge.method(), begins.challenge.intent()),
            price: begins.price.to_string(),
            period: begins.period.clone(),
            began: begins.at.to_rfc3339(),
            ends: None,
        };
        let text = serde_json::to_vec_pretty(&known).unwrap_or_default();
        private_file::private_directory(&self.subscriptions_directory())?;
        private_file::write(&self.subscription_file(begins.challenge, begins.origin.as_str()), &text)
    }

    /// Everything that it subscribed to, the newest first.
    pub fn subscriptions(&self) -> Result<Vec<Subscription>, FileError> {
        let directory = self.subscriptions_directory();
        let entries = match std::fs::read_dir(&directory) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            read => read.map_err(FileError::system(&directory))?,
        };
        let mut all = Vec::new();
        for entry in entries {
            let path = entry.map_err(FileError::system(&directory))?.path();
            all.extend(serde_json::from_slice::<Subscription>(&private_file::read(&path)?).ok());
        }
        all.sort_by(|left, right| right.began.cmp(&left.began).then_with(|| left.id.cmp(&right.id)));
        Ok(all)
    }

    /// Writes down when one ends that was cancelled.
    pub(crate) fn note_end(&self, known: &Subscription, ends: &str) -> Result<(), FileError> {
        let directory = self.subscriptions_directory();
        for entry in std::fs::read_dir(&directory).map_err(FileError::system(&directory))? {
            let path = entry.map_err(FileError::system(&directory))?.path();
            let read = serde_json::from_slice::<Subscription>(&private_file::read(&path)?).ok();
            if let Some(found) = read.filter(|found| found.id == known.id) {
                let ended = Subscription { ends: Some(ends.to_owned()), ..found };
                private_file::write(&path, &serde_json::to_vec_pretty(&ended).unwrap_or_default())?;
            }
        }
        Ok(())
    }
}
