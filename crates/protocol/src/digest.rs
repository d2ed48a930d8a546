//! The body a challenge was issued for (core, section 5.1.3; RFC 9530).

/// A SHA-256 of a request body, as `sha-256=:<base64>:`; keeps the exact wire text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BodyDigest;

/// Not a digest this software can check.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a sha-256 body digest")]
pub struct InvalidDigest(pub String);

impl BodyDigest {
    /// Of these bytes, in the form we emit.
    pub fn of(body: &[u8]) -> Self {
        let _ = body;
        todo!()
    }
    /// From a finished SHA-256.
    pub fn from_sha256(hash: [u8; 32]) -> Self {
        let _ = hash;
        todo!()
    }
    /// Reads both the RFC 9530 form and the bare form.
    pub fn parse(text: &str) -> Result<Self, InvalidDigest> {
        let _ = text;
        todo!()
    }
    /// The wire text.
    pub fn as_str(&self) -> &str {
        todo!()
    }
    /// Whether the body is the one, in constant time.
    pub fn matches(&self, body: &[u8]) -> bool {
        let _ = body;
        todo!()
    }
    /// The same with a finished SHA-256.
    pub fn matches_sha256(&self, hash: &[u8; 32]) -> bool {
        let _ = hash;
        todo!()
    }
}
