//! Between x402's words and ours: the one place where the two meet.
//!
//! An offer is a [`ChargeRequest`] of the method `x402`, whose intent is the scheme:
//!
//! | `PaymentRequirements` | `ChargeRequest` |
//! |---|---|
//! | `amount` | `amount` |
//! | `asset` | `currency` |
//! | `payTo` | `recipient` |
//! | `network`, `maxTimeoutSeconds`, `extra` | members of `methodDetails` |
//!
//! A payment is a [`Credential`](farthing_protocol::Credential) whose payload is the scheme's own.

use farthing_protocol::challenge::{ChallengeDraft, ChallengeError};
use farthing_protocol::json::canonical;
use farthing_protocol::{
    BodyDigest, Challenge, ChallengeId, ChargeRequest, EncodedObject, IntentName, JsonObject, MethodName, Realm,
    Timestamp, base64url,
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{METHOD, Malformed, Network, Requirements};

impl Requirements {
    /// The offer in our own words; its intent is [`Requirements::scheme`].
    pub fn to_request(&self) -> ChargeRequest {
        let details = [
            ("network", Value::from(self.network.as_str())),
            ("maxTimeoutSeconds", self.max_timeout_seconds.into()),
            ("extra", Value::Object(self.extra.clone())),
        ];
        ChargeRequest {
            amount: self.amount,
            currency: self.asset.clone(),
            recipient: Some(self.pay_to.clone()),
            description: None,
            external_id: None,
            method_details: details.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        }
    }

    /// An offer of the method `x402` in x402's own words.
    pub fn from_request(scheme: &str, request: &ChargeRequest) -> Result<Self, Malformed> {
        let details = &request.method_details;
        let network = details.get("network").and_then(Value::as_str).and_then(Network::read);
        let seconds = details.get("maxTimeoutSeconds").and_then(Value::as_u64);
        let extra = details.get("extra").and_then(Value::as_object).cloned();
        Ok(Self {
            scheme: scheme.to_owned(),
            network: network.ok_or(Malformed::member("network", "a CAIP-2 name such as eip155:8453"))?,
            amount: request.amount,
            asset: request.currency.clone(),
            pay_to: request.recipient.clone().ok_or(Malformed::member("payTo", "an address"))?,
            max_timeout_seconds: seconds.ok_or(Malformed::member("maxTimeoutSeconds", "a whole number"))?,
            extra: extra.unwrap_or_default(),
        })
    }

    /// A challenge for this offer under an id of the caller's: what a payer is asked with, and what a
    /// payment answers. `expires` bounds what a payer signs.
    pub fn to_challenge(
        &self,
        id: ChallengeId,
        realm: &Realm,
        expires: Option<Timestamp>,
        digest: Option<&BodyDigest>,
    ) -> Result<Challenge, ChallengeError> {
        let request = EncodedObject::encode(&self.to_request().to_object());
        let request = request.map_err(|reason| ChallengeError::Object { parameter: "request", reason })?;
        let mut draft =
            ChallengeDraft::new(realm.clone(), MethodName::read(METHOD)?, IntentName::read(&self.scheme)?, request);
        if let Some(expires) = expires {
            draft = draft.expires(expires);
        }
        if let Some(digest) = digest {
            draft = draft.digest(digest.clone());
        }
        draft.with_id(id)
    }
}

/// The id of the challenge that a payment answers at a gateway, where there was none: the hash of the
/// scheme's payload and of what is asked for (`scope`, the digest of the body). The same payment for the
/// same request is the same payment, in any encoding and in either version.
pub fn challenge_id(
    payload: &JsonObject,
    scope: &[u8; 32],
    digest: Option<&BodyDigest>,
) -> Result<ChallengeId, Malformed> {
    let text = canonical(&Value::Object(payload.clone())).map_err(|error| Malformed::Json(error.to_string()))?;
    let mut hasher = Sha256::new();
    hasher.update(b"farthing/x402/1\0");
    hasher.update(scope);
    hasher.update(digest.map_or("", BodyDigest::as_str).as_bytes());
    hasher.update([0]);
    hasher.update(text.as_bytes());
    ChallengeId::read(&base64url::encode(hasher.finalize())).map_err(|error| Malformed::Json(error.to_string()))
}
