use alloy_primitives::{Address, B256};
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use secp256k1::{Message, SECP256K1};

/// Why no address can be recovered, in words for whoever signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotRecoverable {
    /// Not 65 bytes.
    #[error("a signature is 65 bytes: r, s and v; the 64-byte form is not taken, since it would be a second spelling")]
    Length,
    /// v is not 0, 1, 27 or 28.
    #[error("the last byte of a signature is 27 or 28 (or 0 or 1)")]
    RecoveryId,
    /// s in the upper half of the order: a twin of another signature (EIP-2).
    #[error("the signature's s is in the upper half of the order; send the low-s form")]
    HighS,
    /// Not a point on the curve.
    #[error("the signature belongs to no key")]
    NoKey,
}

/// The account whose key made a 65-byte signature over a digest; only the low-s form is taken.
pub fn recover(digest: &B256, signature: &[u8]) -> Result<Address, NotRecoverable> {
    let signature: &[u8; 65] = signature.try_into().map_err(|_| NotRecoverable::Length)?;
    let (compact, v) = signature.split_at(64);
    let v = match v {
        [0 | 27] => RecoveryId::Zero,
        [1 | 28] => RecoveryId::One,
        _ => return Err(NotRecoverable::RecoveryId),
    };
    let recoverable = RecoverableSignature::from_compact(compact, v).map_err(|_| NotRecoverable::NoKey)?;
    let standard = recoverable.to_standard();
    let mut low = standard;
    low.normalize_s();
    if low != standard {
        return Err(NotRecoverable::HighS);
    }
    let key = SECP256K1
        .recover_ecdsa(Message::from_digest(digest.0), &recoverable)
        .map_err(|_| NotRecoverable::NoKey)?
        .serialize_uncompressed();
    let (_, point) = key.split_at(1);
    Ok(Address::from_raw_public_key(point))
}
