use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{ED25519, ParsedPublicKey, UnparsedPublicKey};

/// Multicodec `ed25519-pub`, 0xed as an unsigned varint.
const ED25519_PUB: [u8; 2] = [0xed, 0x01];

/// `did:key:` and the multibase letter of base58btc.
const PREFIX: &str = "did:key:z";

/// More characters than 34 bytes in base58 can have.
const MAX_BASE58: usize = 48;

/// A payer: an Ed25519 public key, written `did:key:z6Mk...`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PayerKey([u8; 32]);

/// Not the `did:key` of an Ed25519 key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not the did:key of an Ed25519 key; it begins with did:key:z6Mk")]
pub struct NotADid(pub String);

impl PayerKey {
    /// From the 32 bytes of RFC 8032.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes of RFC 8032.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether this key made the signature over the message.
    pub fn made(&self, signature: &[u8; 64], message: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0).verify(message, signature).is_ok()
    }
}

impl fmt::Display for PayerKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0; 34];
        let (codec, key) = bytes.split_at_mut(ED25519_PUB.len());
        codec.copy_from_slice(&ED25519_PUB);
        key.copy_from_slice(&self.0);
        write!(formatter, "{PREFIX}{}", bs58::encode(bytes).into_string())
    }
}

impl fmt::Debug for PayerKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for PayerKey {
    type Err = NotADid;

    fn from_str(text: &str) -> Result<Self, NotADid> {
        let refused = || NotADid(text.chars().take(64).collect());
        let encoded = text.strip_prefix(PREFIX).filter(|rest| rest.len() <= MAX_BASE58).ok_or_else(refused)?;
        let bytes = bs58::decode(encoded).into_vec().map_err(|_| refused())?;
        let key = bytes.strip_prefix(&ED25519_PUB).ok_or_else(refused)?;
        ParsedPublicKey::new(&ED25519, key).map_err(|_| refused())?;
        Ok(Self(key.try_into().map_err(|_| refused())?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // The example of the did:key specification.
    const EXAMPLE: &str = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK";

    #[test]
    fn a_did_reads_back_from_its_text() {
        let key: PayerKey = EXAMPLE.parse().unwrap();
        assert_eq!(key.to_string(), EXAMPLE);
    }

    #[test]
    fn other_keys_and_other_methods_are_refused() {
        for text in [
            "",
            "did:key:z",
            "did:key:z6Mk",
            "did:web:example.com",
            // secp256k1
            "did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme",
            // a leading 1 is a zero byte
            "did:key:z16MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
            "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK#key",
        ] {
            assert!(text.parse::<PayerKey>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn one_key_has_one_spelling(text in "did:key:z[1-9A-Za-z]{40,50}") {
            if let Ok(key) = text.parse::<PayerKey>() {
                prop_assert_eq!(key.to_string(), text);
            }
        }
    }
}
