use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SecureRandom;
use aws_lc_rs::rsa::{KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use zeroize::Zeroizing;

use super::{Envelope, NotAnEnvelope};
use crate::EncryptionKey;

/// The exponent of every key that is made here: 65537.
const EXPONENT: [u8; 3] = [1, 0, 1];
/// The bytes between modulus and exponent in the DER of a public key (RFC 8017, appendix A.1.1).
const TAG_AND_LENGTH: usize = 2;
const MODULUS_BYTES: usize = 256;

/// A private key that opens tokens: an enabler's alone. `Debug` shows its name.
pub struct DecryptionKey {
    private: OaepPrivateDecryptingKey,
    public: EncryptionKey,
    pkcs8: Zeroizing<Vec<u8>>,
}

/// Why a private key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the private key is not an RSA key of 2048 bits with the exponent 65537 in PKCS#8 (DER)")]
pub struct UnusableKey;

impl From<Unspecified> for UnusableKey {
    fn from(_: Unspecified) -> Self {
        Self
    }
}

/// Why a token does not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotOpened {
    /// See [`NotAnEnvelope`].
    #[error(transparent)]
    Envelope(#[from] NotAnEnvelope),
    /// For somebody else.
    #[error("the encrypted payload is for another key than the one that is offered")]
    OtherKey,
    /// Changed, cut, or for another key of the same name. One word for all: which step failed helps who guesses.
    #[error("the encrypted payload does not open with the key that it names")]
    Undecipherable,
}

impl DecryptionKey {
    /// A fresh key of 2048 bits.
    pub fn generate(kid: &str) -> Result<Self, UnusableKey> {
        Self::over(PrivateDecryptingKey::generate(KeySize::Rsa2048)?, kid)
    }

    /// One that was kept.
    pub fn from_pkcs8(pkcs8: &[u8], kid: &str) -> Result<Self, UnusableKey> {
        Self::over(PrivateDecryptingKey::from_pkcs8(pkcs8).map_err(|_| UnusableKey)?, kid)
    }

    fn over(key: PrivateDecryptingKey, kid: &str) -> Result<Self, UnusableKey> {
        let pkcs8: Pkcs8V1Der<'static> = key.as_der()?;
        let pkcs8 = Zeroizing::new(pkcs8.as_ref().to_vec());
        let public: PublicKeyX509Der<'static> = key.public_key().as_der()?;
        let public = public_of(public.as_ref(), kid).ok_or(UnusableKey)?;
        Ok(Self { private: OaepPrivateDecryptingKey::new(key)?, public, pkcs8 })
    }

    /// What a token is encrypted to so that this opens it.
    pub fn public(&self) -> &EncryptionKey {
        &self.public
    }

    /// The private key itself, for keeping.
    pub fn reveal(&self) -> &[u8] {
        &self.pkcs8
    }

    /// Opens a token. Where the content's key does not come out, a random one takes its place, so that the one
    /// failure looks and lasts like the other (RFC 7516, section 11.5).
    pub fn open(&self, text: &str, random: &dyn SecureRandom) -> Result<Zeroizing<Vec<u8>>, NotOpened> {
        let envelope = Envelope::read(text)?;
        if envelope.kid() != self.public.kid() {
            return Err(NotOpened::OtherKey);
        }
        let key = self.content_key(&envelope, random).map_err(|_| NotOpened::Undecipherable)?;
        open_content(&envelope, &key).map_err(|_| NotOpened::Undecipherable)
    }

    fn content_key(
        &self,
        envelope: &Envelope<'_>,
        random: &dyn SecureRandom,
    ) -> Result<Zeroizing<[u8; 32]>, Unspecified> {
        let mut key = Zeroizing::new([0_u8; 32]);
        random.fill(key.as_mut())?;
        let mut out = Zeroizing::new(vec![0_u8; self.private.min_output_size()]);
        if let Ok(found) = self.private.decrypt(&OAEP_SHA256_MGF1SHA256, &envelope.key, &mut out, None)
            && let Ok(found) = <[u8; 32]>::try_from(&*found)
        {
            *key = found;
        }
        Ok(key)
    }
}

fn open_content(envelope: &Envelope<'_>, key: &[u8; 32]) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
    let content = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key)?);
    let mut bytes = Zeroizing::new([envelope.ciphertext.as_slice(), &envelope.tag].concat());
    let nonce = Nonce::assume_unique_for_key(envelope.iv);
    let length = content.open_in_place(nonce, Aad::from(envelope.header.as_bytes()), &mut bytes)?.len();
    bytes.truncate(length);
    Ok(bytes)
}

/// The public key that a DER of one ends with, if the whole of it is that key's.
fn public_of(der: &[u8], kid: &str) -> Option<EncryptionKey> {
    let end = der.len().checked_sub(EXPONENT.len() + TAG_AND_LENGTH)?;
    let modulus = der.get(end.checked_sub(MODULUS_BYTES)?..end)?;
    let public = EncryptionKey::from_numbers(kid, modulus.to_vec(), EXPONENT.to_vec()).ok()?;
    let written: PublicKeyX509Der<'static> = public.components().as_der().ok()?;
    (written.as_ref() == der).then_some(public)
}

impl fmt::Debug for DecryptionKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("DecryptionKey").field(&self.public.kid()).finish()
    }
}
