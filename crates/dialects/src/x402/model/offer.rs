use farthing_protocol::challenge::{ChallengeDraft, ChallengeError};
use farthing_protocol::{
    BodyDigest, Challenge, ChallengeId, ChargeRequest, EncodedObject, IntentName, MethodName, Realm, Timestamp,
};
use serde_json::Value;

use crate::x402::{METHOD, Malformed, Network, Requirements};

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
        self.draft(realm, expires, digest)?.with_id(id)
    }

    pub(super) fn draft(
        &self,
        realm: &Realm,
        expires: Option<Timestamp>,
        digest: Option<&BodyDigest>,
    ) -> Result<ChallengeDraft, ChallengeError> {
        let request = EncodedObject::encode(&self.to_request().to_object());
        let request = request.map_err(|reason| ChallengeError::Object { parameter: "request", reason })?;
        let mut draft =
            ChallengeDraft::new(realm.clone(), MethodName::read(METHOD)?, IntentName::read(&self.scheme)?, request);
        if let Some(expires) = expires {
            draft = draft.expires(expires);
        }
        Ok(match digest {
            Some(digest) => draft.digest(digest.clone()),
            None => draft,
        })
    }
}
