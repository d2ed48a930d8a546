use farthing_protocol::JsonObject;
use serde::{Deserialize, Serialize};

use crate::envelope::hex;
use crate::private_keys::Seed;
use crate::secp256k1_key::address_of;
use crate::{Secp256k1Key, VaultError};

/// How the names of accounts on EVM chains begin. One key is the same account on all of them; a file
/// names it by the first.
pub(crate) const EVM_CHAIN: &str = "eip155:";

/// A public name of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The whole name: `did:key:z6Mk...`, `eip155:1:0x...`.
    pub account_id: String,
    /// The address within its chain.
    pub address: String,
    /// The chain; `did:key` for a key that is on none.
    pub chain_id: String,
    /// Where the key was derived (BIP-32); empty for a key that was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derivation_path: Option<String>,
    /// The public key of an account on an EVM chain: 64 bytes, in hexadecimal. Only this software
    /// writes it, so that the account is known before the file is opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
    #[serde(flatten)]
    extra: JsonObject,
}

impl Account {
    pub(crate) fn of_seed(seed: &Seed) -> Result<Self, VaultError> {
        let did = seed.did()?;
        let address = did.strip_prefix("did:key:").unwrap_or(&did).to_owned();
        Ok(Self {
            account_id: did,
            address,
            chain_id: "did:key".into(),
            derivation_path: Some(String::new()),
            public_key: None,
            extra: JsonObject::new(),
        })
    }

    pub(crate) fn of_key(key: &Secp256k1Key) -> Result<Self, VaultError> {
        let public = key.public_key()?;
        let address = address_of(&public);
        Ok(Self {
            account_id: format!("{EVM_CHAIN}1:{address}"),
            address,
            chain_id: format!("{EVM_CHAIN}1"),
            derivation_path: Some(String::new()),
            public_key: Some(hex(&public)),
            extra: JsonObject::new(),
        })
    }
}
