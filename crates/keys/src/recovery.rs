use alloy_primitives::keccak256;
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use secp256k1::{Message, SECP256K1};

use crate::secp256k1_key::address_of;

/// The account, checksummed (EIP-55), whose key signed the Keccak-256 hash of a message: r, s in the lower
/// half, and 27 or 28. `None` when it is no signature, or one in another spelling.
///
/// Nearly any 65 bytes are somebody's signature: what it says is who, not that it is the right one.
pub fn account_of(message: &[u8], signature: &[u8; 65]) -> Option<String> {
    let (compact, parity) = signature.split_at(64);
    let id = match parity {
        [27] => RecoveryId::Zero,
        [28] => RecoveryId::One,
        _ => return None,
    };
    let recoverable = RecoverableSignature::from_compact(compact, id).ok()?;
    let standard = recoverable.to_standard();
    let mut low = standard;
    low.normalize_s();
    if low != standard {
        return None;
    }
    let public = SECP256K1.recover_ecdsa(Message::from_digest(keccak256(message).0), &recoverable).ok()?;
    let public = public.serialize_uncompressed();
    let (_, point) = public.split_at(1);
    Some(address_of(&point.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Ambient, Secp256k1Key};
    use farthing_protocol::Timestamp;

    #[test]
    fn a_signature_leads_to_its_account_and_in_one_spelling_only() {
        let key = Secp256k1Key::generate(&Ambient::new(|| Timestamp::from_unix_millis(0))).unwrap();
        let mut signature = key.sign_keccak(b"message").unwrap();
        assert_eq!(account_of(b"message", &signature), None, "0 and 1 are another spelling");
        signature[64] += 27;
        let account = key.address().ok();
        assert_eq!(account_of(b"message", &signature), account);
        assert_ne!(account_of(b"another", &signature), account);
        assert_eq!(account_of(b"message", &[27; 65].map(|_| 0xff)), None);
    }
}
