//! A nonce that says what it pays for.
//!
//! x402 leaves an authorization's nonce to chance, so that what was signed for one resource pays for any
//! other at that price. Our wallet derives it from what is bought and a salt; to everybody who does not know
//! the rule it is as random as any other.

use farthing_protocol::json::canonical;
use farthing_protocol::{BodyDigest, ChallengeId, base64url};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Requirements;

/// What makes two purchases of the same thing differ.
pub type Salt = [u8; 16];

const RULE: &[u8] = b"farthing/x402-nonce/1";

/// What is bought.
#[derive(Clone, Copy, Debug)]
pub struct Binding<'a> {
    /// The HTTP method.
    pub method: &'a str,
    /// `resource.url` of the offer.
    pub resource: &'a str,
    /// The digest of the request's body, where it has one.
    pub digest: Option<&'a BodyDigest>,
    /// The offer, as the server made it.
    pub accepted: &'a Requirements,
    /// The client's own.
    pub salt: &'a Salt,
}

impl Binding<'_> {
    /// The nonce: 32 bytes.
    pub fn nonce(&self) -> [u8; 32] {
        let accepted = canonical(&Value::Object(self.accepted.to_object())).unwrap_or_default();
        let digest = self.digest.map_or("", BodyDigest::as_str);
        let mut hasher = Sha256::new();
        for part in [RULE, self.method.as_bytes(), self.resource.as_bytes(), digest.as_bytes(), accepted.as_bytes()] {
            hasher.update(part.len().to_be_bytes());
            hasher.update(part);
        }
        hasher.update(self.salt);
        hasher.finalize().into()
    }

    /// The nonce as the id of the challenge that our wallet answers.
    pub fn challenge_id(&self) -> Option<ChallengeId> {
        ChallengeId::read(&base64url::encode(self.nonce())).ok()
    }
}
