//! JSON that two parties hash: strict reading (no duplicate keys, objects only) and RFC 8785 writing.

mod canonical;
mod strict;

pub use canonical::canonical;
pub(crate) use canonical::{push_canonical, push_canonical_string};
pub use strict::parse_object;
pub(crate) use strict::{Strict, StrictObject};

use crate::base64url;

/// A JSON object, as read.
pub type JsonObject = serde_json::Map<String, serde_json::Value>;

/// The longest wire form of a `request` or `opaque`: 16 KiB, the deployed limit.
pub const LONGEST_ENCODED_BYTES: usize = 16 * 1024;

/// A JSON object in its wire form: base64url of its canonical text. Keeps the exact string.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EncodedObject(Box<str>);

/// Why bytes are not an acceptable object. No variant quotes the text: it may be a credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// The wire form is not base64url.
    #[error("the value is not base64url without padding")]
    NotBase64Url,
    /// The wire form is longer than [`LONGEST_ENCODED_BYTES`].
    #[error("the value has {length} bytes; the longest allowed has {longest}")]
    TooLong {
        /// Its length in bytes.
        length: usize,
        /// The limit in bytes.
        longest: usize,
    },
    /// Not JSON.
    #[error("the value is not JSON: line {line}, column {column}")]
    Syntax {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// JSON, but not an object.
    #[error("the value is JSON but not an object")]
    NotAnObject,
    /// A member name stands twice in one object.
    #[error("an object names the same member twice")]
    DuplicateMember,
    /// Deeper nesting than any reader would follow.
    #[error("the value is nested more than 128 levels deep")]
    TooDeep,
    /// A whole number that JSON readers round.
    #[error("whole numbers beyond 2^53-1 are rounded by JSON readers; write {0} as text")]
    UnsafeInteger(String),
    /// A known member that breaks its rule.
    #[error("the member \"{member}\" must be {rule}")]
    Member {
        /// Its name.
        member: &'static str,
        /// What it must be.
        rule: &'static str,
    },
}

impl EncodedObject {
    /// Canonicalises and encodes. Refuses numbers that peers would round and more than 16 KiB.
    pub fn encode(object: &JsonObject) -> Result<Self, JsonError> {
        let text = canonical::canonical_object(object)?;
        let wire = base64url::encode(text);
        within_limit(&wire)?;
        Ok(Self(wire.into()))
    }

    /// Takes a wire string; checks alphabet and size, decodes lazily.
    pub fn from_wire(text: &str) -> Result<Self, JsonError> {
        within_limit(text)?;
        if text.is_empty() || !base64url::looks_encoded(text.as_bytes()) {
            return Err(JsonError::NotBase64Url);
        }
        Ok(Self(text.into()))
    }

    /// The wire string.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The object.
    pub fn decode(&self) -> Result<JsonObject, JsonError> {
        let bytes = base64url::decode(self.0.as_bytes()).map_err(|_| JsonError::NotBase64Url)?;
        parse_object(&bytes)
    }

    /// Whether this is exactly what [`EncodedObject::encode`] writes for its object.
    pub fn is_canonical(&self) -> bool {
        self.decode().and_then(|object| Self::encode(&object)).is_ok_and(|canonical| canonical == *self)
    }

    /// The object, when it is flat and every value is text, as `opaque` must be (core, section 5.1.2).
    pub fn decode_text_map(&self) -> Result<JsonObject, JsonError> {
        let object = self.decode()?;
        if object.values().all(serde_json::Value::is_string) {
            return Ok(object);
        }
        Err(JsonError::Member { member: "opaque", rule: "a flat object of text values" })
    }
}

/// The text member `name`; `None` when it is absent.
pub(crate) fn optional_text(object: &JsonObject, name: &'static str) -> Result<Option<String>, JsonError> {
    match object.get(name) {
        None => Ok(None),
        Some(serde_json::Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(JsonError::Member { member: name, rule: "text" }),
    }
}

/// The text member `name`, which must be there.
pub(crate) fn required_text(object: &JsonObject, name: &'static str) -> Result<String, JsonError> {
    optional_text(object, name)?.ok_or(JsonError::Member { member: name, rule: "present and text" })
}

fn within_limit(wire: &str) -> Result<(), JsonError> {
    let (length, longest) = (wire.len(), LONGEST_ENCODED_BYTES);
    if length > longest { Err(JsonError::TooLong { length, longest }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: serde_json::Value) -> JsonObject {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn the_wire_form_is_kept_and_decoded() {
        let encoded = EncodedObject::encode(&object(json!({"b": 1, "a": "x"}))).unwrap();
        assert_eq!(base64url::decode(encoded.as_str()).unwrap(), br#"{"a":"x","b":1}"#);
        assert_eq!(EncodedObject::from_wire(encoded.as_str()).unwrap(), encoded);
        let padded = EncodedObject::from_wire("e30=").unwrap();
        assert_eq!(padded.as_str(), "e30=");
        assert!(padded.decode().unwrap().is_empty() && !padded.is_canonical());
        let spaced = EncodedObject::from_wire(&base64url::encode("{ }")).unwrap();
        assert!(!spaced.is_canonical());
    }

    #[test]
    fn what_is_not_an_object_is_refused() {
        for text in ["[]", "\"x\"", "null", "1"] {
            let wire = EncodedObject::from_wire(&base64url::encode(text)).unwrap();
            assert_eq!(wire.decode(), Err(JsonError::NotAnObject), "{text}");
        }
        assert_eq!(EncodedObject::from_wire(""), Err(JsonError::NotBase64Url));
        assert_eq!(EncodedObject::from_wire("a|b"), Err(JsonError::NotBase64Url));
        let long = "A".repeat(LONGEST_ENCODED_BYTES + 1);
        assert!(matches!(EncodedObject::from_wire(&long), Err(JsonError::TooLong { .. })));
    }

    #[test]
    fn numbers_that_peers_round_are_not_issued() {
        let large = object(json!({"a": [{"b": 9_007_199_254_740_992_u64}]}));
        assert_eq!(EncodedObject::encode(&large), Err(JsonError::UnsafeInteger("9007199254740992".into())));
        assert!(EncodedObject::encode(&object(json!({"a": 9_007_199_254_740_991_u64}))).is_ok());
        assert!(EncodedObject::encode(&object(json!({"a": -9_007_199_254_740_992_i64}))).is_err());
    }
}
