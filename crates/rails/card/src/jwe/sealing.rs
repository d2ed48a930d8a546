use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SecureRandom;
use aws_lc_rs::rsa::OAEP_SHA256_MGF1SHA256;
use farthing_protocol::base64url;
use serde_json::json;
use zeroize::Zeroizing;

use super::{ALGORITHM, ENCRYPTION};
use crate::EncryptionKey;

/// The library or the machine's randomness failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token could not be encrypted; try again")]
pub struct NotSealed;

impl From<Unspecified> for NotSealed {
    fn from(_: Unspecified) -> Self {
        Self
    }
}

impl EncryptionKey {
    /// Encrypts something that only the holder of the private key reads, with a fresh key and IV each time.
    pub fn seal(&self, plain: &[u8], random: &dyn SecureRandom) -> Result<String, NotSealed> {
        let (mut key, mut iv) = (Zeroizing::new([0_u8; 32]), [0_u8; NONCE_LEN]);
        random.fill(key.as_mut())?;
        random.fill(&mut iv)?;
        let mut encrypted = vec![0; self.size()];
        let encrypted = &*self.for_oaep()?.encrypt(&OAEP_SHA256_MGF1SHA256, key.as_ref(), &mut encrypted, None)?;
        let header = json!({ "alg": ALGORITHM, "enc": ENCRYPTION, "kid": self.kid() }).to_string();
        let header = base64url::encode(header);
        let content = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.as_ref())?);
        let mut bytes = plain.to_vec();
        let nonce = Nonce::assume_unique_for_key(iv);
        let tag = content.seal_in_place_separate_tag(nonce, Aad::from(header.as_bytes()), &mut bytes)?;
        let parts = [encrypted, iv.as_slice(), bytes.as_slice(), tag.as_ref()].map(base64url::encode);
        Ok(format!("{header}.{}", parts.join(".")))
    }
}
