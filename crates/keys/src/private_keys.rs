use std::collections::BTreeMap;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use zeroize::Zeroizing;

use crate::envelope::{bytes, hex};
use crate::{Secp256k1Key, VaultError};

const ED25519: &str = "ed25519";
const SECP256K1: &str = "secp256k1";

/// The keys of an opened file.
#[derive(Debug)]
pub(crate) struct PrivateKeys {
    /// The seed of the Ed25519 key (RFC 8032).
    pub(crate) ed25519: Option<Seed>,
    /// The key of the accounts on chains.
    pub(crate) secp256k1: Option<Secp256k1Key>,
}

/// The seed of an Ed25519 key.
pub(crate) struct Seed(Zeroizing<[u8; 32]>);

/// What is encrypted: keys by curve, as hexadecimal text. Curves this software does not know are kept.
pub(crate) struct ByCurve<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> ByCurve<'a> {
    pub(crate) fn new(seed: &'a str, key: &'a str) -> Self {
        Self([(ED25519, seed), (SECP256K1, key)].into())
    }

    pub(crate) fn from_json(secret: &'a [u8]) -> Result<Self, VaultError> {
        // The parser's message could quote what it read.
        serde_json::from_slice(secret).map(Self).map_err(|_| malformed("keys by curve"))
    }

    pub(crate) fn with_secp256k1(mut self, key: &'a str) -> Self {
        self.0.insert(SECP256K1, key);
        self
    }

    pub(crate) fn with_ed25519(mut self, seed: &'a str) -> Self {
        self.0.insert(ED25519, seed);
        self
    }

    pub(crate) fn to_json(&self) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        // Long enough from the start, so that no copy is left behind by growing.
        let mut json = Zeroizing::new(Vec::with_capacity(1024));
        serde_json::to_writer(&mut *json, &self.0).map_err(|error| VaultError::Format(error.to_string()))?;
        Ok(json)
    }

    pub(crate) fn open(&self) -> Result<PrivateKeys, VaultError> {
        let ed25519 = self.0.get(ED25519).map(|text| Seed::from_hex(text)).transpose()?;
        let secp256k1 = self.0.get(SECP256K1).map(|text| Secp256k1Key::from_hex(text)).transpose()?;
        Ok(PrivateKeys { ed25519, secp256k1 })
    }
}

impl Seed {
    pub(crate) const fn new(seed: Zeroizing<[u8; 32]>) -> Self {
        Self(seed)
    }

    fn from_hex(text: &str) -> Result<Self, VaultError> {
        let seed = Zeroizing::new(bytes("key", text).map_err(|_| malformed("an Ed25519 key"))?);
        let seed = <[u8; 32]>::try_from(seed.as_slice()).map_err(|_| malformed("an Ed25519 key"))?;
        Ok(Self(Zeroizing::new(seed)))
    }

    pub(crate) fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(hex(self.0.as_slice()))
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn key_pair(&self) -> Result<Ed25519KeyPair, VaultError> {
        Ed25519KeyPair::from_seed_unchecked(self.0.as_slice()).map_err(|_| malformed("an Ed25519 key"))
    }

    /// Its `did:key`: multicodec `ed25519-pub`, then the public key, in base58btc.
    pub(crate) fn did(&self) -> Result<String, VaultError> {
        let pair = self.key_pair()?;
        let bytes = [&[0xed, 0x01], pair.public_key().as_ref()].concat();
        Ok(format!("did:key:z{}", bs58::encode(bytes).into_string()))
    }
}

impl std::fmt::Debug for Seed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Seed(..)")
    }
}

fn malformed(what: &str) -> VaultError {
    VaultError::Format(format!("what it holds is not {what}"))
}
