use std::fmt;

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rsa::{OaepPublicEncryptingKey, PublicEncryptingKey, PublicKeyComponents};
use farthing_protocol::{JsonObject, base64url};
use serde_json::Value;

use crate::jwe::ALGORITHM;

/// The smallest key that is encrypted to, and the largest: what is larger only costs time.
const BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// What names a key; it stands in every header.
const LONGEST_KID: usize = 256;
/// What makes a key a private one (RFC 7518, section 6.3.2).
const PRIVATE: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "oth"];

/// A public RSA key of an enabler, for RSA-OAEP-256 and nothing else. A certificate chain beside it (`x5c`) is not
/// read: what vouches for the key is the challenge that it stands in.
#[derive(Clone, PartialEq, Eq)]
pub struct EncryptionKey {
    kid: String,
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

/// Why a JSON Web Key is not one to encrypt a token to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAKey {
    /// A key for something else.
    #[error("the key's \"kty\" is not RSA; tokens are encrypted to RSA keys only")]
    Type,
    /// For another algorithm, or for none.
    #[error("the key's \"alg\" is not RSA-OAEP-256, the only algorithm of the method")]
    Algorithm,
    /// For another use, or for none.
    #[error("the key's \"use\" is not enc; a key that signs encrypts nothing")]
    Use,
    /// Without a name.
    #[error("the key has no \"kid\" of 1 to 256 printable ASCII characters, by which the enabler finds it")]
    Name,
    /// Somebody shows a secret.
    #[error("the key is a private one; show only kty, alg, use, kid, n and e")]
    Private,
    /// Not a number.
    #[error("the key's \"{0}\" is not an unsigned number in base64url without leading zeros")]
    Number(&'static str),
    /// Too short to protect anything, or long enough to hurt.
    #[error("the key has {0} bits; take one of 2048 to 8192")]
    Size(usize),
    /// Not an exponent that keys have.
    #[error("the key's exponent is not an odd number from 65537 to 4294967295; keys have 65537 (AQAB)")]
    Exponent,
    /// The library refuses it.
    #[error("the key is not one of RSA")]
    Refused,
}

impl EncryptionKey {
    /// Reads a JSON Web Key, whole or not at all; members that say nothing of the above are ignored.
    pub fn from_object(object: &JsonObject) -> Result<Self, NotAKey> {
        let is = |name: &str, word: &str| object.get(name).and_then(Value::as_str) == Some(word);
        if !is("kty", "RSA") {
            return Err(NotAKey::Type);
        }
        if PRIVATE.iter().any(|name| object.contains_key(*name)) {
            return Err(NotAKey::Private);
        }
        if !is("alg", ALGORITHM) {
            return Err(NotAKey::Algorithm);
        }
        if !is("use", "enc") {
            return Err(NotAKey::Use);
        }
        let kid = object.get("kid").and_then(Value::as_str).unwrap_or_default();
        Self::from_numbers(kid, number(object, "n")?, number(object, "e")?)
    }

    /// Out of its numbers, big-endian and without leading zeros.
    pub(crate) fn from_numbers(kid: &str, modulus: Vec<u8>, exponent: Vec<u8>) -> Result<Self, NotAKey> {
        if !is_name(kid) {
            return Err(NotAKey::Name);
        }
        let bits = bits(&modulus);
        if !BITS.contains(&bits) {
            return Err(NotAKey::Size(bits));
        }
        let value = exponent.iter().try_fold(0_u32, |value, byte| Some(value.checked_mul(256)? | u32::from(*byte)));
        if value.is_none_or(|value| value < 65_537 || value % 2 == 0) {
            return Err(NotAKey::Exponent);
        }
        let key = Self { kid: kid.to_owned(), modulus, exponent };
        key.for_oaep().map_err(|_| NotAKey::Refused)?;
        Ok(key)
    }

    /// As a JSON Web Key.
    pub fn to_object(&self) -> JsonObject {
        let texts = [
            ("kty", "RSA".to_owned()),
            ("alg", ALGORITHM.to_owned()),
            ("use", "enc".to_owned()),
            ("kid", self.kid.clone()),
            ("n", base64url::encode(&self.modulus)),
            ("e", base64url::encode(&self.exponent)),
        ];
        texts.into_iter().map(|(name, text)| (name.to_owned(), Value::from(text))).collect()
    }

    /// What it is called.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// How many bytes it encrypts to.
    pub(crate) fn size(&self) -> usize {
        self.modulus.len()
    }

    pub(crate) fn components(&self) -> PublicKeyComponents<&[u8]> {
        PublicKeyComponents { n: self.modulus.as_slice(), e: self.exponent.as_slice() }
    }

    pub(crate) fn for_oaep(&self) -> Result<OaepPublicEncryptingKey, Unspecified> {
        let key: PublicEncryptingKey = self.components().try_into()?;
        OaepPublicEncryptingKey::new(key)
    }
}

/// Whether a text can name a key.
pub(crate) fn is_name(kid: &str) -> bool {
    !kid.is_empty() && kid.len() <= LONGEST_KID && kid.bytes().all(|byte| matches!(byte, b'!'..=b'~'))
}

fn number(object: &JsonObject, name: &'static str) -> Result<Vec<u8>, NotAKey> {
    let text = object.get(name).and_then(Value::as_str);
    let bytes = text.and_then(|text| base64url::decode(text).ok()).unwrap_or_default();
    if bytes.first().is_none_or(|first| *first == 0) { Err(NotAKey::Number(name)) } else { Ok(bytes) }
}

fn bits(number: &[u8]) -> usize {
    let leading = number.first().map_or(0, |byte| byte.leading_zeros());
    number.len().saturating_mul(8).saturating_sub(usize::try_from(leading).unwrap_or(0))
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("EncryptionKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}
