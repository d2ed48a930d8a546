use farthing_protocol::challenge::ChallengeError;
use farthing_protocol::json::canonical;
use farthing_protocol::{BodyDigest, ChallengeId, Credential, JsonObject, Realm, base64url};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::x402::extension::binding;
use crate::x402::{Answers, Binding, Malformed, PaymentPayload, Requirements};

/// Whether a payment says what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Its nonce is made from what is asked.
    Yes,
    /// It does not say; its first use decides.
    Unsaid,
}

/// A payment says what it is for, and it is not for this.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the payment's nonce is made for another request; sign a new one for this request")]
pub struct NotBound;

impl PaymentPayload {
    /// Which of a route's offers this payment answers, by its place: in version 2 the one that it copies, in
    /// version 1 the first of its scheme and network. `None` is a payment for an offer that is not made, or
    /// no longer.
    pub fn answered(&self, offers: &[Requirements]) -> Option<usize> {
        offers.iter().position(|offer| match &self.answers {
            Answers::Offer(accepted) => offer.is_accepted_as(accepted.offer()),
            Answers::Scheme { scheme, network } => offer.scheme == *scheme && offer.network == *network,
        })
    }

    /// The payment in our own words, for one of our own offers: nothing but the scheme's payload is the
    /// client's. `scope` is a hash of what is asked for, `realm` the host that was asked. The challenge has no
    /// end of its own; the offer's `maxTimeoutSeconds` bounds how long a payment may be valid.
    pub fn to_credential(
        &self,
        offer: &Requirements,
        realm: &Realm,
        scope: &[u8; 32],
        digest: Option<&BodyDigest>,
    ) -> Result<Credential, ChallengeError> {
        let id = challenge_id(&self.payload, scope, digest).map_err(|_| ChallengeError::Id)?;
        Ok(Credential::new(offer.to_challenge(id, realm, None, digest)?, self.payload.clone(), None))
    }

    /// Checks the nonce of a client that says by `farthing-binding` how it came to it. `resource` is the URL
    /// that the offer said, `offer` the offer as it was made.
    pub fn check_binding(
        &self,
        method: &str,
        resource: &str,
        digest: Option<&BodyDigest>,
        offer: &Requirements,
    ) -> Result<Bound, NotBound> {
        match binding::salt(&self.extensions) {
            Ok(None) => Ok(Bound::Unsaid),
            Ok(Some(salt)) => {
                let bought = Binding { method, resource, digest, accepted: offer, salt: &salt };
                if bought.is_nonce_of(&self.payload) { Ok(Bound::Yes) } else { Err(NotBound) }
            }
            Err(_) => Err(NotBound),
        }
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
