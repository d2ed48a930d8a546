use std::fmt;

use aws_lc_rs::aead::NONCE_LEN;
use farthing_protocol::base64url;
use farthing_protocol::json::{JsonError, parse_object};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{ALGORITHM, ENCRYPTION};

/// Longer than any token with its cryptogram, and far below what would hurt.
const LONGEST: usize = 16 * 1024;
/// What an RSA key of 2048 to 8192 bits encrypts to.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;
/// The tag of GCM, always whole (RFC 7518, section 5.3).
pub(super) const TAG_BYTES: usize = 16;

/// A part of a compact JWE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What says how the rest was made.
    Header,
    /// The content's key, encrypted.
    Key,
    /// What makes the content's encryption unique.
    Iv,
    /// The content, encrypted.
    Ciphertext,
    /// What shows a change.
    Tag,
}

/// A compact JWE of this method, as far as it can be read without a key. Its text has one spelling: what differs is
/// another token.
#[derive(Clone, PartialEq, Eq)]
pub struct Envelope<'a> {
    pub(super) header: &'a str,
    pub(super) key: Vec<u8>,
    pub(super) iv: [u8; NONCE_LEN],
    pub(super) ciphertext: Vec<u8>,
    pub(super) tag: [u8; TAG_BYTES],
    kid: String,
    text: &'a str,
}

/// Why a text is no token of this method. Nothing of it is repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAnEnvelope {
    /// Too much.
    #[error("the encrypted payload is longer than 16 KiB")]
    Long,
    /// Another form.
    #[error("the encrypted payload is not a compact JWE, five parts between full stops")]
    NotCompact,
    /// A part in another spelling.
    #[error("a part of the encrypted payload is not base64url without padding: {0:?}")]
    Spelling(Part),
    /// A header that cannot be read.
    #[error("the header of the encrypted payload cannot be read: {0}")]
    Header(#[from] JsonError),
    /// Another way to encrypt the key.
    #[error("the encrypted payload's \"alg\" is not RSA-OAEP-256")]
    Algorithm,
    /// Another way to encrypt the content.
    #[error("the encrypted payload's \"enc\" is not A256GCM")]
    Encryption,
    /// Nobody knows whose it is.
    #[error("the encrypted payload's header has no \"kid\"")]
    Name,
    /// Compressed: what it is can be learnt from its length.
    #[error("the encrypted payload is compressed (\"zip\"), which the method forbids")]
    Compressed,
    /// Extensions that must be understood.
    #[error("the encrypted payload's header has \"crit\", and no extension is understood here")]
    Critical,
    /// A part of another length.
    #[error("a part of the encrypted payload has an impossible length: {0:?}")]
    Length(Part),
}

impl<'a> Envelope<'a> {
    /// Reads what can be read without a key.
    pub fn read(text: &'a str) -> Result<Self, NotAnEnvelope> {
        if text.len() > LONGEST {
            return Err(NotAnEnvelope::Long);
        }
        let mut parts = text.split('.');
        let mut next = || parts.next().ok_or(NotAnEnvelope::NotCompact);
        let (header, key, iv, ciphertext, tag) = (next()?, next()?, next()?, next()?, next()?);
        if parts.next().is_some() {
            return Err(NotAnEnvelope::NotCompact);
        }
        let kid = name_in(&decoded(header, Part::Header)?)?;
        let key = decoded(key, Part::Key)?;
        if !KEY_BYTES.contains(&key.len()) {
            return Err(NotAnEnvelope::Length(Part::Key));
        }
        let ciphertext = decoded(ciphertext, Part::Ciphertext)?;
        if ciphertext.is_empty() {
            return Err(NotAnEnvelope::Length(Part::Ciphertext));
        }
        let iv = decoded(iv, Part::Iv)?.try_into().map_err(|_| NotAnEnvelope::Length(Part::Iv))?;
        let tag = decoded(tag, Part::Tag)?.try_into().map_err(|_| NotAnEnvelope::Length(Part::Tag))?;
        Ok(Self { header, key, iv, ciphertext, tag, kid, text })
    }

    /// Whose it is: the name of the key that opens it.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// What it goes by in books and logs: the SHA-256 of it, in hexadecimal.
    pub fn fingerprint(&self) -> String {
        let hash: [u8; 32] = Sha256::digest(self.text.as_bytes()).into();
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A header's `kid`, if the rest of it is what the method wants.
fn name_in(header: &[u8]) -> Result<String, NotAnEnvelope> {
    let header = parse_object(header)?;
    let is = |name: &str, word: &str| header.get(name).and_then(Value::as_str) == Some(word);
    if header.contains_key("crit") {
        return Err(NotAnEnvelope::Critical);
    }
    if header.contains_key("zip") {
        return Err(NotAnEnvelope::Compressed);
    }
    if !is("alg", ALGORITHM) {
        return Err(NotAnEnvelope::Algorithm);
    }
    if !is("enc", ENCRYPTION) {
        return Err(NotAnEnvelope::Encryption);
    }
    let kid = header.get("kid").and_then(Value::as_str).filter(|kid| !kid.is_empty());
    kid.map(str::to_owned).ok_or(NotAnEnvelope::Name)
}

/// The bytes of a part in its one spelling: a ciphertext in two spellings would be two tokens to the books.
fn decoded(text: &str, part: Part) -> Result<Vec<u8>, NotAnEnvelope> {
    let bytes = base64url::decode(text).map_err(|_| NotAnEnvelope::Spelling(part))?;
    if base64url::encode(&bytes) == text { Ok(bytes) } else { Err(NotAnEnvelope::Spelling(part)) }
}

impl fmt::Debug for Envelope<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Envelope").field("kid", &self.kid).finish_non_exhaustive()
    }
}
