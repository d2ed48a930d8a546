//! What a challenge was issued for: this method, authority, path, query, route, price, and how its
//! body is bound. A hash of it travels in the challenge's `opaque`, under the challenge's own HMAC,
//! so nothing need be stored.

use farthing_protocol::{Challenge, base64url};
use sha2::Digest;
use subtle::ConstantTimeEq;

use super::Asked;
use crate::route::Paid;

/// The hash of what is asked for.
pub(crate) struct Scope([u8; 32]);

impl Scope {
    /// Of this request to a route.
    pub(crate) fn of(paid: &Paid, asked: Asked<'_>) -> Self {
        let mut hasher = paid.scope.clone();
        let query = asked.target.query();
        let parts = [
            asked.method.as_str().as_bytes(),
            asked.target.authority().as_bytes(),
            asked.target.path().as_bytes(),
            if query.is_some() { b"?" } else { b"" },
            query.unwrap_or_default().as_bytes(),
            asked.body.kind().as_bytes(),
        ];
        for part in parts {
            hasher.update(part);
            // None of the parts can hold this byte.
            hasher.update([0]);
        }
        Self(hasher.finalize().into())
    }

    /// Of any request to a route: what a session's challenge is for, which serves many of them.
    pub(crate) fn of_route(paid: &Paid) -> Self {
        let mut hasher = paid.scope.clone();
        // No method of a request can be this.
        hasher.update(b"session/\0");
        Self(hasher.finalize().into())
    }

    /// The bytes.
    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The `opaque` of a challenge: base64url of the canonical object of nonce and scope.
    pub(crate) fn into_opaque(self, nonce: [u8; 16]) -> String {
        let mut object = String::with_capacity(82);
        object.push_str("{\"n\":\"");
        base64url::encode_into(nonce, &mut object);
        object.push_str("\",\"s\":\"");
        base64url::encode_into(self.0, &mut object);
        object.push_str("\"}");
        base64url::encode(object)
    }

    /// Whether an authentic challenge was issued for this.
    pub(crate) fn is_of(&self, challenge: &Challenge) -> bool {
        let named = challenge.opaque().and_then(|opaque| opaque.decode().ok());
        let named = named.as_ref().and_then(|object| object.get("s")).and_then(serde_json::Value::as_str);
        named.and_then(|text| base64url::decode(text).ok()).is_some_and(|hash| hash.ct_eq(self.0.as_slice()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_opaque_is_canonical() {
        let opaque = Scope([7; 32]).into_opaque([9; 16]);
        let object = farthing_protocol::EncodedObject::from_wire(&opaque).unwrap().decode().unwrap();
        assert_eq!(farthing_protocol::EncodedObject::encode(&object).unwrap().as_str(), opaque);
        assert!(object.values().all(serde_json::Value::is_string));
    }
}
