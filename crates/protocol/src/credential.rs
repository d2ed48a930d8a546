//! What a client presents (core, section 5.2).

mod echo;
mod lines;

use std::fmt;

use serde_json::Value;

use crate::json::{push_canonical, push_canonical_string};
use crate::{Challenge, JsonObject, base64url};

/// The longest credential read, as it stands in its header: 64 KiB, the deployed limit.
pub const LONGEST_CREDENTIAL_BYTES: usize = 64 * 1024;

/// A challenge echoed, with the proof that it is paid. `Debug` shows no payload.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    challenge: Challenge,
    payload: JsonObject,
    source: Option<String>,
}

/// Why a presented value is not a credential. The text never quotes what was presented.
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
        Self { challenge, payload, source }
    }

    /// The echoed challenge.
    pub fn challenge(&self) -> &Challenge {
        &self.challenge
    }

    /// The method's proof.
    pub fn payload(&self) -> &JsonObject {
        &self.payload
    }

    /// Who says to have paid.
    pub fn source(&self) -> Option<&str> {
        self.source.as_deref()
    }

    /// `Payment <base64url>`. Sensitive.
    pub fn to_header(&self) -> String {
        let mut header = String::from("Payment ");
        base64url::encode_into(self.to_json(), &mut header);
        header
    }

    /// Finds the one Payment credential among all values of one header field; other schemes are left alone.
    pub fn from_lines<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Result<Option<Credential>, CredentialError> {
        match lines::find(lines)? {
            Some(token) => Self::from_token(token).map(Some),
            None => Ok(None),
        }
    }

    /// Reads the base64url text after the scheme.
    pub fn from_token(token: &[u8]) -> Result<Self, CredentialError> {
        if token.len() > LONGEST_CREDENTIAL_BYTES {
            return Err(malformed("the credential is longer than 64 KiB"));
        }
        let json = base64url::decode(token).map_err(|_| malformed("the credential is not base64url"))?;
        Self::from_json(&json)
    }

    /// Reads the JSON inside: an object with `challenge` and `payload` objects and perhaps a
    /// `source` text. Unknown members are ignored.
    pub fn from_json(json: &[u8]) -> Result<Self, CredentialError> {
        echo::read(json)
    }

    /// The canonical JSON inside.
    fn to_json(&self) -> String {
        let mut json = String::with_capacity(1024);
        json.push_str("{\"challenge\":{");
        let challenge = &self.challenge;
        let members = [
            ("description", challenge.description()),
            ("digest", challenge.digest().map(crate::BodyDigest::as_str)),
            ("expires", challenge.expires_text()),
            ("header", challenge.field_text()),
            ("id", Some(challenge.id().as_str())),
            ("intent", Some(challenge.intent().as_str())),
            ("method", Some(challenge.method().as_str())),
            ("opaque", challenge.opaque().map(crate::EncodedObject::as_str)),
            ("realm", Some(challenge.realm().as_str())),
            ("request", Some(challenge.request().as_str())),
        ];
        let present = members.into_iter().filter_map(|(name, value)| value.map(|value| (name, value)));
        for (index, (name, value)) in present.enumerate() {
            if index > 0 {
                json.push(',');
            }
            push_canonical_string(name, &mut json);
            json.push(':');
            push_canonical_string(value, &mut json);
        }
        json.push_str("},\"payload\":");
        push_canonical(&Value::Object(self.payload.clone()), &mut json);
        if let Some(source) = &self.source {
            json.push_str(",\"source\":");
            push_canonical_string(source, &mut json);
        }
        json.push('}');
        json
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Credential(..)")
    }
}

fn malformed(reason: &str) -> CredentialError {
    CredentialError::Malformed(reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn challenge() -> Challenge {
        let line = concat!(
            r#"Payment id="a", realm="r", method="tempo", intent="charge", request="e30", opaque="eyJ4IjoieSJ9", "#,
            r#"expires="2099-01-01T00:00:00+01:00", description="é", header="payment-authorization""#,
        );
        Challenge::parse_all([line.as_bytes()]).remove(0).unwrap()
    }

    #[test]
    fn a_credential_echoes_every_member_as_it_came() {
        let payload = JsonObject::from_iter([("proof".to_owned(), Value::from("secret-proof"))]);
        let credential = Credential::new(challenge(), payload, Some("did:key:z".into()));
        let header = credential.to_header();
        let read = Credential::from_lines([header.as_bytes()]).unwrap().unwrap();
        assert_eq!(read, credential);
        assert!(read.challenge().echoes(&challenge()));
        assert_eq!(read.challenge().expires_text(), Some("2099-01-01T00:00:00+01:00"));
        assert_eq!(read.challenge().field_text(), Some("payment-authorization"));
        assert!(!format!("{read:?}").contains("proof"));
    }

    #[test]
    fn a_credential_that_is_too_long_is_refused_before_it_is_read() {
        let line = format!("Payment {}", "A".repeat(LONGEST_CREDENTIAL_BYTES + 1));
        let refused = Credential::from_lines([line.as_bytes()]).unwrap_err();
        assert_eq!(refused.to_string(), "the credential is longer than 64 KiB");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(json: Vec<u8>, line: Vec<u8>) {
            let _ = Credential::from_json(&json);
            let _ = Credential::from_lines([line.as_slice(), b"Payment e30"]);
        }

        #[test]
        fn any_payload_reads_back(members: std::collections::BTreeMap<String, String>, source: Option<String>) {
            let payload: JsonObject = members.into_iter().map(|(name, value)| (name, Value::from(value))).collect();
            let credential = Credential::new(challenge(), payload, source);
            let header = credential.to_header();
            prop_assert_eq!(Credential::from_lines([header.as_bytes()]), Ok(Some(credential)));
        }
    }
}
