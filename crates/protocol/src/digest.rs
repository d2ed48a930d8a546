//! The body a challenge was issued for (core, section 5.1.3; RFC 9530).

use base64::Engine;
use base64::alphabet::STANDARD as STANDARD_ALPHABET;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// A SHA-256 of a request body, as `sha-256=:<base64>:`; keeps the exact wire text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BodyDigest {
    wire: Box<str>,
    hash: [u8; 32],
}

/// Not a digest this software can check.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a sha-256 body digest such as sha-256=:<base64>:")]
pub struct InvalidDigest(pub String);

const ALGORITHM: &str = "sha-256=";
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD_ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl BodyDigest {
    /// Of these bytes, in the form we emit.
    pub fn of(body: &[u8]) -> Self {
        Self::from_sha256(Sha256::digest(body).into())
    }

    /// From a finished SHA-256.
    pub fn from_sha256(hash: [u8; 32]) -> Self {
        let mut wire = String::with_capacity(54);
        wire.push_str(ALGORITHM);
        wire.push(':');
        STANDARD.encode_string(hash, &mut wire);
        wire.push(':');
        Self { wire: wire.into(), hash }
    }

    /// Reads both the RFC 9530 form and the bare form that deployed SDKs write, each with or
    /// without padding.
    pub fn parse(text: &str) -> Result<Self, InvalidDigest> {
        match decode(text) {
            Some(hash) => Ok(Self { wire: text.into(), hash }),
            None => Err(InvalidDigest(text.chars().take(80).collect())),
        }
    }

    /// The wire text.
    pub fn as_str(&self) -> &str {
        &self.wire
    }

    /// Whether the body is the one, in constant time.
    pub fn matches(&self, body: &[u8]) -> bool {
        self.matches_sha256(&Sha256::digest(body).into())
    }

    /// The same with a finished SHA-256.
    pub fn matches_sha256(&self, hash: &[u8; 32]) -> bool {
        self.hash.ct_eq(hash).into()
    }
}

fn decode(text: &str) -> Option<[u8; 32]> {
    let value = text.strip_prefix(ALGORITHM)?;
    let encoded = match value.strip_prefix(':') {
        Some(opened) => opened.strip_suffix(':')?,
        None => value,
    };
    LENIENT.decode(encoded).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_digest_reads_back_and_matches_its_body_alone(body: Vec<u8>, other: Vec<u8>) {
            let digest = BodyDigest::of(&body);
            let read = BodyDigest::parse(digest.as_str());
            prop_assert_eq!(read.as_ref(), Ok(&digest));
            prop_assert!(digest.matches(&body));
            prop_assert_eq!(digest.matches(&other), body == other);
        }

        #[test]
        fn arbitrary_text_never_panics(text: String) {
            let _ = BodyDigest::parse(&text);
        }
    }
}
