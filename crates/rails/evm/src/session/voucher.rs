//! Whose voucher it is.

use alloy_primitives::{Address, B256, Bytes, keccak256};
use farthing_money::Amount;
use tempo_primitives::transaction::TempoSignature;

use super::{Vault, VaultKind};
use crate::tempo::{Sender, SenderError, read_signature};
use crate::{NotRecoverable, recover};

/// The bytes of a signature in the form of EIP-2098: r, and s whose highest bit says which of two keys.
const COMPACT: usize = 64;

/// Why nobody can be said to have signed a voucher, in words for whoever signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAVoucher {
    /// Not a signature of an ordinary key.
    #[error(transparent)]
    Nobody(#[from] NotRecoverable),
    /// Not a signature that Tempo knows.
    #[error(transparent)]
    Tempo(#[from] SenderError),
    /// A signature of an access key, which the escrow cannot check.
    #[error("a voucher cannot be signed by an access key in its wrapper; name the key as authorizedSigner instead")]
    AccessKey,
}

/// A voucher's signature in the one form that its vault takes, and the account that made it.
///
/// The form is 65 bytes with a last byte of 27 or 28. The shorter form of EIP-2098 is taken on Tempo and
/// written out; the reserve takes P-256 and WebAuthn keys too. The upper half of the order is refused.
pub fn voucher_signature(
    vault: &Vault,
    separator: &B256,
    channel: &B256,
    cumulative: Amount,
    signature: &[u8],
) -> Result<(Address, Bytes), NotAVoucher> {
    signed_message(vault, &vault.voucher_message(separator, channel, cumulative), signature)
}

/// The account that signed another message of a vault's domain.
pub(super) fn signer_of_message(vault: &Vault, message: &[u8; 66], signature: &[u8]) -> Result<Address, NotAVoucher> {
    signed_message(vault, message, signature).map(|(signer, _)| signer)
}

fn signed_message(vault: &Vault, message: &[u8; 66], signature: &[u8]) -> Result<(Address, Bytes), NotAVoucher> {
    let digest = keccak256(message);
    match (vault.kind, signature.len()) {
        (VaultKind::Stream | VaultKind::Reserve, COMPACT) => by_key(&digest, &expanded(signature)),
        (VaultKind::Reserve, length) if length > 65 => by_other_key(&digest, signature),
        _ => by_key(&digest, signature),
    }
}

fn by_key(digest: &B256, signature: &[u8]) -> Result<(Address, Bytes), NotAVoucher> {
    let signer = recover(digest, signature)?;
    let mut signature = signature.to_vec();
    if let Some(v) = signature.last_mut().filter(|v| **v < 27) {
        *v += 27;
    }
    Ok((signer, signature.into()))
}

fn by_other_key(digest: &B256, signature: &[u8]) -> Result<(Address, Bytes), NotAVoucher> {
    let read = read_signature(signature)?;
    if matches!(read, TempoSignature::Keychain(_)) {
        return Err(NotAVoucher::AccessKey);
    }
    let signer = Sender::recover(&read, digest)?;
    Ok((signer.account, Bytes::copy_from_slice(signature)))
}

/// The 65 bytes of a signature that came in 64.
fn expanded(compact: &[u8]) -> Vec<u8> {
    let mut signature = compact.to_vec();
    let mut parity = 0;
    if let Some(highest) = signature.get_mut(32) {
        parity = *highest >> 7;
        *highest &= 0x7f;
    }
    signature.push(27 + parity);
    signature
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{U256, address, b256, hex};
    use proptest::prelude::*;
    use secp256k1::{Message, SECP256K1, SecretKey};
    use serde_json::Value;

    use super::*;

    const SIGNER: Address = address!("f39fd6e51aad88f6f4ce6ab8827279cfffb92266");
    const KEY: [u8; 32] = hex!("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
    const CHANNEL: B256 = b256!("1111111111111111111111111111111111111111111111111111111111111111");

    const KINDS: [VaultKind; 3] = [VaultKind::Stream, VaultKind::Reserve, VaultKind::Evm];

    fn vault(kind: VaultKind) -> Vault {
        Vault { kind, chain: 42431, contract: Address::repeat_byte(3) }
    }

    fn signed(vault: &Vault, cumulative: Amount) -> Vec<u8> {
        let digest = keccak256(vault.voucher_message(&vault.separator(), &CHANNEL, cumulative));
        let key = SecretKey::from_byte_array(KEY).unwrap();
        let (id, compact) = SECP256K1.sign_ecdsa_recoverable(Message::from_digest(digest.0), &key).serialize_compact();
        [compact.as_slice(), &[27 + u8::try_from(i32::from(id)).unwrap()]].concat()
    }

    fn read(vault: &Vault, cumulative: Amount, signature: &[u8]) -> Result<(Address, Bytes), NotAVoucher> {
        voucher_signature(vault, &vault.separator(), &CHANNEL, cumulative, signature)
    }

    #[test]
    fn the_published_digests_are_ours() {
        let vectors: Value = serde_json::from_str(include_str!("../../tests/vectors/tempo.json")).unwrap();
        for case in vectors["voucher"]["cases"].as_array().unwrap() {
            let vault = Vault::reserve(case["chainId"].as_u64().unwrap());
            let channel: B256 = case["channelId"].as_str().unwrap().parse().unwrap();
            let cumulative: Amount = case["cumulativeAmount"].as_str().unwrap().parse().unwrap();
            let message = vault.voucher_message(&vault.separator(), &channel, cumulative);
            assert_eq!(keccak256(message).to_string(), case["signing_hash"].as_str().unwrap());
            let Some(signature) = case.get("signature").and_then(Value::as_str) else { continue };
            let signature = hex::decode(signature).unwrap();
            let (signer, kept) =
                voucher_signature(&vault, &vault.separator(), &channel, cumulative, &signature).unwrap();
            assert_eq!((format!("{signer:#x}"), kept.to_vec()), (case["signer"].as_str().unwrap().into(), signature));
        }
    }

    #[test]
    fn g_05_a_voucher_counts_in_its_own_vault_on_its_own_chain_alone() {
        let amount = Amount::new(25);
        for kind in KINDS {
            let signature = signed(&vault(kind), amount);
            assert_eq!(read(&vault(kind), amount, &signature).unwrap(), (SIGNER, signature.clone().into()));
            let elsewhere = [
                Vault { chain: 4217, ..vault(kind) },
                Vault { contract: Address::repeat_byte(4), ..vault(kind) },
                vault(KINDS.into_iter().find(|other| *other != kind).unwrap()),
            ];
            for other in elsewhere {
                assert_ne!(read(&other, amount, &signature).map(|(signer, _)| signer), Ok(SIGNER));
            }
            assert_ne!(read(&vault(kind), Amount::new(26), &signature).map(|(signer, _)| signer), Ok(SIGNER));
        }
    }

    #[test]
    fn every_form_becomes_the_one_that_contracts_take() {
        let amount = Amount::new(7);
        for kind in KINDS {
            let signature = signed(&vault(kind), amount);
            let mut counted_from_zero = signature.clone();
            counted_from_zero[64] -= 27;
            assert_eq!(read(&vault(kind), amount, &counted_from_zero).unwrap().1, signature);
            let mut compact = signature[..64].to_vec();
            compact[32] |= (signature[64] - 27) << 7;
            let short = read(&vault(kind), amount, &compact);
            match kind {
                VaultKind::Evm => assert_eq!(short, Err(NotAVoucher::Nobody(NotRecoverable::Length))),
                _ => assert_eq!(short, Ok((SIGNER, signature.into()))),
            }
        }
    }

    #[test]
    fn the_twin_of_a_signature_is_refused() {
        let amount = Amount::new(7);
        for kind in KINDS {
            let mut twin = signed(&vault(kind), amount);
            let order = U256::from_be_bytes(secp256k1::constants::CURVE_ORDER);
            let s = order - U256::from_be_slice(&twin[32..64]);
            twin[32..64].copy_from_slice(&s.to_be_bytes::<32>());
            twin[64] ^= 27 ^ 28;
            assert_eq!(read(&vault(kind), amount, &twin), Err(NotAVoucher::Nobody(NotRecoverable::HighS)));
        }
    }

    #[test]
    fn an_access_key_in_its_wrapper_is_refused() {
        let mut wrapped = vec![4; 21];
        wrapped.extend(signed(&vault(VaultKind::Reserve), Amount::new(1)));
        assert_eq!(read(&vault(VaultKind::Reserve), Amount::new(1), &wrapped), Err(NotAVoucher::AccessKey));
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..160), kind in 0..3_usize) {
            if let Ok((_, kept)) = read(&vault(KINDS[kind]), Amount::new(1), &bytes) {
                prop_assert!(kept.len() >= 65);
            }
        }
    }
}
