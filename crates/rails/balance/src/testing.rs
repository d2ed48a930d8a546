//! A fixed key and challenges made to order, for this crate's tests.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use farthing_protocol::{
    Binder, BindingSecret, BodyDigest, Challenge, ChallengeTemplate, Credential, EncodedObject, IntentName, JsonObject,
    MethodName, Realm, Timestamp,
};
use farthing_rail::{SignError, Signer};

use crate::{PayerKey, signed_message};

pub(crate) const NOW: &str = "2026-01-31T12:00:00Z";
pub(crate) const SOON: &str = "2026-01-31T12:05:00Z";

/// The key of the specification's test vector: the seed is 32 bytes of 0x42.
pub(crate) struct FixedKey {
    pair: Ed25519KeyPair,
    did: String,
}

pub(crate) fn signer() -> FixedKey {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[0x42; 32]).unwrap();
    FixedKey { pair, did: key().to_string() }
}

pub(crate) fn key() -> PayerKey {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[0x42; 32]).unwrap();
    PayerKey::from_bytes(pair.public_key().as_ref().try_into().unwrap())
}

impl Signer for FixedKey {
    fn did(&self) -> &str {
        &self.did
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        Ok(self.pair.sign(message).as_ref().try_into().unwrap())
    }
}

/// What a challenge says; the default is the specification's example.
#[derive(Clone)]
pub(crate) struct Terms {
    pub(crate) realm: &'static str,
    pub(crate) method: &'static str,
    pub(crate) amount: &'static str,
    pub(crate) currency: &'static str,
    pub(crate) issuer: &'static str,
    pub(crate) expires: &'static str,
    pub(crate) digest: Option<&'static [u8]>,
    /// Set or replaced in the request, as JSON; `null` removes.
    pub(crate) patch: &'static str,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            realm: "api.example.com",
            method: "balance",
            amount: "1000",
            currency: "usd.6",
            issuer: "https://api.example.com",
            expires: SOON,
            digest: None,
            patch: "{}",
        }
    }
}

impl Terms {
    pub(crate) fn request(&self) -> JsonObject {
        let mut request = serde_json::json!({
            "amount": self.amount,
            "currency": self.currency,
            "methodDetails": { "issuer": self.issuer },
        });
        let patch: JsonObject = serde_json::from_str(self.patch).unwrap();
        let object = request.as_object_mut().unwrap();
        for (name, value) in patch {
            if value.is_null() {
                object.remove(&name)
            } else {
                object.insert(name, value)
            };
        }
        object.clone()
    }

    pub(crate) fn header(&self) -> String {
        let realm = Realm::new(self.realm).unwrap();
        let method = MethodName::read(self.method).unwrap();
        let request = EncodedObject::encode(&self.request()).unwrap();
        let template =
            ChallengeTemplate::new(&realm, &method, &IntentName::new("charge").unwrap(), &request, None).unwrap();
        let binder = Binder::new(BindingSecret::new(&[0x24; 32]).unwrap(), None);
        let digest = self.digest.map(BodyDigest::of);
        let mut header = String::new();
        template.issue(&binder, self.expires, digest.as_ref(), "e30", &mut header);
        header
    }

    pub(crate) fn challenge(&self) -> Challenge {
        read(&self.header())
    }

    pub(crate) fn credential(&self) -> Credential {
        let challenge = self.challenge();
        let signature = signer().sign(&signed_message(&challenge, &key()).unwrap()).unwrap();
        let payload = crate::payload::Payload { payer: key(), did: key().to_string(), signature }.to_object();
        Credential::new(challenge, payload, None)
    }
}

pub(crate) fn read(header: &str) -> Challenge {
    Challenge::parse_all([header.as_bytes()]).remove(0).unwrap()
}

pub(crate) fn now() -> Timestamp {
    Timestamp::parse(NOW).unwrap()
}
