//! Who signed a Tempo transaction or proof.

use alloy_primitives::{Address, B256, U256};
use tempo_primitives::transaction::tt_signature::P256N_HALF;
use tempo_primitives::transaction::{KeychainSignature, PrimitiveSignature, TempoSignature};

use crate::{NotRecoverable, recover};

/// An account and the key that signed for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sender {
    /// The account.
    pub account: Address,
    /// The key, when it is not the account's own. Only the chain knows whether the account has
    /// authorized it.
    pub access_key: Option<Address>,
}

/// Why nobody can be said to have signed, in words for whoever signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SenderError {
    /// A secp256k1 signature that is refused.
    #[error(transparent)]
    Recoverable(#[from] NotRecoverable),
    /// A P-256 signature with s in the upper half of the order.
    #[error("the P-256 signature's s is in the upper half of the order; send the low-s form")]
    HighS,
    /// Not a signature at all.
    #[error("the signature is none that Tempo knows: {0}")]
    Form(&'static str),
    /// A signature of something else.
    #[error("the signature does not belong to what it comes with; sign exactly what is sent")]
    Mismatch,
}

impl Sender {
    /// Recovers who made a signature over a digest.
    pub fn recover(signature: &TempoSignature, digest: &B256) -> Result<Self, SenderError> {
        match signature {
            TempoSignature::Primitive(signature) => {
                Ok(Self { account: signer_of(signature, digest)?, access_key: None })
            }
            TempoSignature::Keychain(wrapped) => {
                let account = wrapped.user_address;
                let digest =
                    if wrapped.is_legacy() { *digest } else { KeychainSignature::signing_hash(*digest, account) };
                Ok(Self { account, access_key: Some(signer_of(&wrapped.signature, &digest)?) })
            }
        }
    }
}

/// Reads a signature: 65 bytes of secp256k1, or a type byte and what belongs to it.
pub(crate) fn read_signature(bytes: &[u8]) -> Result<TempoSignature, SenderError> {
    // A keychain signature is a type byte and an account before the signature of the key.
    const COMPACT: usize = 64;
    const WRAPPED_COMPACT: usize = 21 + COMPACT;
    match (bytes.len(), bytes.first()) {
        (COMPACT, _) | (WRAPPED_COMPACT, Some(3 | 4)) => Err(NotRecoverable::Length.into()),
        _ => TempoSignature::from_bytes(bytes).map_err(SenderError::Form),
    }
}

/// Our own recovery where the curve is secp256k1: it is faster, and refuses the high-s twin.
fn signer_of(signature: &PrimitiveSignature, digest: &B256) -> Result<Address, SenderError> {
    let s = match signature {
        PrimitiveSignature::Secp256k1(signature) => return Ok(recover(digest, &signature.as_bytes())?),
        PrimitiveSignature::P256(signature) => signature.s,
        PrimitiveSignature::WebAuthn(signature) => signature.s,
    };
    if U256::from_be_bytes(s.0) > P256N_HALF {
        return Err(SenderError::HighS);
    }
    signature.recover_signer(digest).map_err(|_| SenderError::Mismatch)
}

#[cfg(test)]
mod tests {
    use alloy_primitives::hex;
    use serde_json::Value;
    use tempo_primitives::transaction::tt_signature::P256_ORDER;

    use super::*;

    /// The published P-256 signature (`tempo.json`, the second voucher): digest, signature, signer.
    fn published() -> (B256, Vec<u8>, Address) {
        let vectors: Value = serde_json::from_str(include_str!("../../tests/vectors/tempo.json")).unwrap();
        let case = &vectors["voucher"]["cases"][1];
        let bytes = |name: &str| hex::decode(case[name].as_str().unwrap()).unwrap();
        (B256::from_slice(&bytes("signing_hash")), bytes("signature"), Address::from_slice(&bytes("signer")))
    }

    #[test]
    fn a_p256_key_has_an_account() {
        let (digest, signature, signer) = published();
        let signature = read_signature(&signature).unwrap();
        assert_eq!(Sender::recover(&signature, &digest), Ok(Sender { account: signer, access_key: None }));
        assert_eq!(Sender::recover(&signature, &B256::ZERO), Err(SenderError::Mismatch));
    }

    #[test]
    fn the_twin_of_a_p256_signature_is_refused() {
        let (digest, mut signature, _) = published();
        let s = U256::from_be_slice(&signature[33..65]);
        signature[33..65].copy_from_slice(&(P256_ORDER - s).to_be_bytes::<32>());
        let signature = read_signature(&signature).unwrap();
        assert_eq!(Sender::recover(&signature, &digest), Err(SenderError::HighS));
    }

    #[test]
    fn bytes_that_are_no_signature_are_refused() {
        for bytes in [&[][..], &[0x01], &[0x09; 66], &[0x03; 22], &[0x02; 100]] {
            assert!(matches!(read_signature(bytes), Err(SenderError::Form(_))), "{bytes:?}");
        }
    }
}
