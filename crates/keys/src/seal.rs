//! Sealing bytes at rest under a wallet's own key.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use zeroize::Zeroizing;

use crate::{Ambient, NoRandomness};

/// Separates the sealing key from every other use of the wallet's key.
const PURPOSES: &[&[u8]] = &[b"farthing wallet outgoing payments v1"];

/// Encrypts what a wallet must keep on disk for a while: a credential that may have been used.
pub struct Seal(LessSafeKey);

/// It was not sealed with this key, or was changed since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a kept payment cannot be opened with the wallet's key")]
pub struct Broken;

impl Seal {
    /// From the wallet's private key.
    pub fn of(seed: &[u8; 32]) -> Result<Self, Broken> {
        let secret = Salt::new(HKDF_SHA256, &[]).extract(seed);
        let derived = secret.expand(PURPOSES, &AES_256_GCM).map_err(|_| Broken)?;
        Ok(Self(LessSafeKey::new(UnboundKey::from(derived))))
    }

    /// Nonce, then ciphertext and tag; bound to the name it is kept under.
    pub fn close(&self, ambient: &Ambient, name: &str, plain: &[u8]) -> Result<Vec<u8>, NoRandomness> {
        let nonce: [u8; NONCE_LEN] = ambient.random()?;
        let mut sealed = plain.to_vec();
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(name), &mut sealed)
            .map_err(|_| NoRandomness)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// The plain bytes.
    pub fn open(&self, name: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Broken> {
        let (nonce, rest) = sealed.split_at_checked(NONCE_LEN).ok_or(Broken)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Broken)?;
        let mut buffer = Zeroizing::new(rest.to_vec());
        let length = self.0.open_in_place(nonce, Aad::from(name), &mut buffer).map_err(|_| Broken)?.len();
        buffer.truncate(length);
        Ok(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use farthing_protocol::Timestamp;

    #[test]
    fn what_is_sealed_opens_under_its_name_only() {
        let ambient = Ambient::new(|| Timestamp::from_unix_millis(0));
        let seal = Seal::of(&[1; 32]).unwrap();
        let sealed = seal.close(&ambient, "a", b"credential").unwrap();
        assert_eq!(seal.open("a", &sealed).unwrap().as_slice(), b"credential");
        assert!(seal.open("b", &sealed).is_err());
        assert!(Seal::of(&[2; 32]).unwrap().open("a", &sealed).is_err());
        assert!(seal.open("a", &sealed[..11]).is_err());
        assert!(!sealed.windows(4).any(|window| window == b"cred"));
    }
}
