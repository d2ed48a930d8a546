use std::fmt;

use alloy_primitives::{Address, keccak256};
use secp256k1::{Message, SECP256K1, SecretKey};
use zeroize::Zeroizing;

use crate::envelope::{bytes, hex};
use crate::{Ambient, VaultError};

/// A secp256k1 private key in memory, overwritten when it is dropped.
pub struct Secp256k1Key(Zeroizing<[u8; 32]>);

impl Secp256k1Key {
    /// A fresh key.
    pub fn generate(ambient: &Ambient) -> Result<Self, VaultError> {
        // Nearly every 32 bytes are a key; those that are not are drawn again.
        loop {
            if let Ok(key) = Self::from_bytes(Zeroizing::new(ambient.random()?)) {
                return Ok(key);
            }
        }
    }

    /// From its 32 bytes.
    pub fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> Result<Self, VaultError> {
        let mut key = SecretKey::from_byte_array(*bytes).map_err(|_| malformed())?;
        key.non_secure_erase();
        Ok(Self(bytes))
    }

    /// From 64 hexadecimal digits, `0x` before them or not.
    pub fn from_hex(text: &str) -> Result<Self, VaultError> {
        let text = text.trim();
        let decoded = bytes("key", text.strip_prefix("0x").unwrap_or(text)).map_err(|_| malformed())?;
        let decoded = Zeroizing::new(decoded);
        let key = <[u8; 32]>::try_from(decoded.as_slice()).map_err(|_| malformed())?;
        Self::from_bytes(Zeroizing::new(key))
    }

    /// 64 hexadecimal digits.
    pub(crate) fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(hex(self.0.as_slice()))
    }

    /// The public key, uncompressed, without the leading 0x04 (SEC 1, section 2.3.3).
    pub fn public_key(&self) -> Result<[u8; 64], VaultError> {
        let mut key = SecretKey::from_byte_array(*self.0).map_err(|_| malformed())?;
        let public = key.public_key(SECP256K1).serialize_uncompressed();
        key.non_secure_erase();
        let (_, point) = public.split_at(1);
        point.try_into().map_err(|_| malformed())
    }

    /// The account that this key signs for, checksummed (EIP-55).
    pub fn address(&self) -> Result<String, VaultError> {
        self.public_key().map(|public| address_of(&public))
    }

    /// Signs the Keccak-256 hash of a message: r, s in the lower half, and the recovery id 0 or 1. The
    /// same message gives the same signature (RFC 6979).
    pub fn sign_keccak(&self, message: &[u8]) -> Result<[u8; 65], VaultError> {
        let mut key = SecretKey::from_byte_array(*self.0).map_err(|_| malformed())?;
        let signature = SECP256K1.sign_ecdsa_recoverable(Message::from_digest(keccak256(message).0), &key);
        key.non_secure_erase();
        let (recovery, compact) = signature.serialize_compact();
        let mut signed = [0; 65];
        let (first, last) = signed.split_at_mut(64);
        first.copy_from_slice(&compact);
        // 2 and 3 need an r above the order: nobody has ever seen one.
        last.fill(u8::try_from(i32::from(recovery)).ok().filter(|id| *id < 2).ok_or_else(malformed)?);
        Ok(signed)
    }
}

/// The account of a public key, checksummed (EIP-55).
pub(crate) fn address_of(public: &[u8; 64]) -> String {
    Address::from_raw_public_key(public).to_checksum(None)
}

fn malformed() -> VaultError {
    VaultError::Malformed("it is not a secp256k1 private key: 64 hexadecimal digits below the order".into())
}

impl fmt::Debug for Secp256k1Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secp256k1Key(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use farthing_protocol::Timestamp;

    /// The first account of the well-known development phrase.
    const KEY: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
    const ADDRESS: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";

    #[test]
    fn a_well_known_key_has_its_well_known_address() {
        let key = Secp256k1Key::from_hex(&format!("{KEY}\n")).unwrap();
        assert_eq!(key.address().unwrap(), ADDRESS);
        assert_eq!(format!("{key:?}"), "Secp256k1Key(..)");
        assert_eq!(format!("0x{}", *key.to_hex()), KEY);
    }

    #[test]
    fn a_signature_is_over_the_keccak_hash_and_recovers_to_the_key() {
        let key = Secp256k1Key::from_hex(KEY).unwrap();
        let signed = key.sign_keccak(b"message").unwrap();
        let id = secp256k1::ecdsa::RecoveryId::from_u8_masked(signed[64]);
        let signature = secp256k1::ecdsa::RecoverableSignature::from_compact(&signed[..64], id).unwrap();
        let public = SECP256K1.recover_ecdsa(Message::from_digest(keccak256(b"message").0), &signature).unwrap();
        assert_eq!(public.serialize_uncompressed()[1..], key.public_key().unwrap());
        assert_eq!(signed, key.sign_keccak(b"message").unwrap());
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_quoted() {
        let above = "f".repeat(64);
        for text in ["", "0x", "zz", "ab", &"0".repeat(64), &above, &format!("{KEY}00")] {
            let refusal = Secp256k1Key::from_hex(text).unwrap_err().to_string();
            assert!(text.len() < 8 || !refusal.contains(text), "{refusal}");
        }
    }

    #[test]
    fn fresh_keys_differ() {
        let ambient = Ambient::new(|| Timestamp::from_unix_millis(0));
        let fresh = || Secp256k1Key::generate(&ambient).unwrap().address().unwrap();
        assert_ne!(fresh(), fresh());
    }
}
