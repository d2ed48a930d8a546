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

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{U256, address, b256, hex};
    use proptest::prelude::*;

    /// The first account of every development chain, and its signature over [`DIGEST`].
    const SIGNER: Address = address!("f39fd6e51aad88f6f4ce6ab8827279cfffb92266");
    const DIGEST: B256 = b256!("1111111111111111111111111111111111111111111111111111111111111111");
    const KEY: [u8; 32] = hex!("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");

    /// r, s and a recovery id of 27 or 28.
    fn signature() -> [u8; 65] {
        let key = secp256k1::SecretKey::from_byte_array(KEY).unwrap();
        let signed = SECP256K1.sign_ecdsa_recoverable(Message::from_digest(DIGEST.0), &key);
        let (id, compact) = signed.serialize_compact();
        let mut signature = [0; 65];
        signature[..64].copy_from_slice(&compact);
        signature[64] = 27 + u8::try_from(i32::from(id)).unwrap();
        signature
    }

    fn with(change: impl Fn(&mut [u8; 65])) -> Result<Address, NotRecoverable> {
        let mut signature = signature();
        change(&mut signature);
        recover(&DIGEST, &signature)
    }

    #[test]
    fn the_signer_is_recovered_whichever_way_v_is_counted() {
        assert_eq!(with(|_| ()), Ok(SIGNER));
        assert_eq!(with(|signature| signature[64] -= 27), Ok(SIGNER));
        for v in [2, 3, 4, 26, 29, 30, 35, 36, 255] {
            assert_eq!(with(|signature| signature[64] = v), Err(NotRecoverable::RecoveryId), "{v}");
        }
    }

    #[test]
    fn the_high_s_twin_is_refused() {
        let twin = with(|signature| {
            let order = U256::from_be_bytes(secp256k1::constants::CURVE_ORDER);
            let s = order - U256::from_be_slice(&signature[32..64]);
            signature[32..64].copy_from_slice(&s.to_be_bytes::<32>());
            signature[64] ^= 27 ^ 28;
        });
        assert_eq!(twin, Err(NotRecoverable::HighS));
    }

    /// EIP-2098 writes v into the highest bit of s: 64 bytes for the same signature.
    #[test]
    fn the_compact_twin_is_refused() {
        let mut compact = signature();
        compact[32] |= (compact[64] - 27) << 7;
        assert_eq!(recover(&DIGEST, &compact[..64]), Err(NotRecoverable::Length));
        for length in [0, 63, 64] {
            assert_eq!(recover(&DIGEST, &signature()[..length]), Err(NotRecoverable::Length));
        }
        let longer = [signature().as_slice(), &[0]].concat();
        assert_eq!(recover(&DIGEST, &longer), Err(NotRecoverable::Length));
    }

    #[test]
    fn numbers_out_of_range_belong_to_no_key() {
        let order = secp256k1::constants::CURVE_ORDER;
        for value in [[0; 32], order, [0xff; 32]] {
            assert_eq!(with(|signature| signature[..32].copy_from_slice(&value)), Err(NotRecoverable::NoKey));
            assert_eq!(with(|signature| signature[32..64].copy_from_slice(&value)), Err(NotRecoverable::NoKey));
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic_and_are_not_the_signers(digest: [u8; 32], bytes in prop::collection::vec(any::<u8>(), 0..70)) {
            prop_assert_ne!(recover(&B256::from(digest), &bytes), Ok(SIGNER));
        }
    }
}
