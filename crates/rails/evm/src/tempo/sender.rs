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
pub(super) fn read_signature(bytes: &[u8]) -> Result<TempoSignature, SenderError> {
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
