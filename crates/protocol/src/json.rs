//! JSON that two parties hash: strict reading (no duplicate keys, objects only) and RFC 8785 writing.

/// A JSON object, as read.
pub type JsonObject = serde_json::Map<String, serde_json::Value>;

/// A JSON object in its wire form: base64url of its canonical text. Keeps the exact string.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EncodedObject(Box<str>);

/// Why bytes are not an acceptable object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// See the text.
    #[error("{0}")]
    Invalid(String),
}

impl EncodedObject {
    /// Canonicalises and encodes.
    pub fn encode(object: &JsonObject) -> Result<Self, JsonError> {
        let _ = object;
        todo!()
    }
    /// Takes a wire string; checks alphabet and size, decodes lazily.
    pub fn from_wire(text: &str) -> Result<Self, JsonError> {
        let _ = text;
        todo!()
    }
    /// The wire string.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// The object.
    pub fn decode(&self) -> Result<JsonObject, JsonError> {
        todo!()
    }
}

/// RFC 8785 canonical text.
pub fn canonical(value: &serde_json::Value) -> Result<String, JsonError> {
    let _ = value;
    todo!()
}
/// Reads one object; refuses duplicate keys, trailing text, anything that is not an object.
pub fn parse_object(bytes: &[u8]) -> Result<JsonObject, JsonError> {
    let _ = bytes;
    todo!()
}
