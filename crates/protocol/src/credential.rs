//! What a client presents (core, section 5.2).

use crate::{Challenge, JsonObject};

/// A challenge echoed, with the proof that it is paid. `Debug` shows no payload.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential;

/// Why a presented value is not a credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// Two Payment credentials in one request: answer 400.
    #[error("a request carries one Payment credential; this one has several")]
    Several,
    /// Anything else: answer 402 `malformed-credential`.
    #[error("{0}")]
    Malformed(String),
}

impl Credential {
    /// A credential for a challenge.
    pub fn new(challenge: Challenge, payload: JsonObject, source: Option<String>) -> Self {
        let _ = (challenge, payload, source);
        todo!()
    }
    /// The echoed challenge.
    pub fn challenge(&self) -> &Challenge {
        todo!()
    }
    /// The method's proof.
    pub fn payload(&self) -> &JsonObject {
        todo!()
    }
    /// Who says to have paid.
    pub fn source(&self) -> Option<&str> {
        todo!()
    }
    /// `Payment <base64url>`. Sensitive.
    pub fn to_header(&self) -> String {
        todo!()
    }
    /// Finds the one Payment credential among all values of one header field; other schemes are left alone.
    pub fn from_lines<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Result<Option<Credential>, CredentialError> {
        let _ = lines.into_iter().count();
        todo!()
    }
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Credential(..)")
    }
}
