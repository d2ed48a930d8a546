use std::path::Path;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use farthing_protocol::JsonObject;
use secrecy::SecretSlice;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::envelope::{bytes, hex};
use super::{Envelope, VaultError};
use crate::{Ambient, private_file};

/// The version of the wallet file format that is written and read.
const VERSION: u32 = 2;

/// How the `did:key` of every Ed25519 key begins.
const ED25519_DID: &str = "did:key:z6Mk";

/// One encrypted key on disk, in the form of the Open Wallet Standard (version 2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyFile {
    ows_version: u32,
    /// A UUID.
    pub id: String,
    /// The wallet's name.
    pub name: String,
    /// RFC 3339.
    pub created_at: String,
    /// What the key is known as; here, its `did:key`.
    pub accounts: Vec<Account>,
    crypto: Envelope,
    key_type: String,
    #[serde(flatten)]
    extra: JsonObject,
}

/// A public name of the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The whole name: `did:key:z6Mk...`.
    pub account_id: String,
    /// The address within its chain.
    pub address: String,
    /// The chain; `did:key` for a key that is on none.
    pub chain_id: String,
    #[serde(flatten)]
    extra: JsonObject,
}

/// What is encrypted: keys by curve, as hexadecimal text.
#[derive(Serialize, Deserialize)]
struct PrivateKeys<'a> {
    ed25519: &'a str,
}

impl KeyFile {
    /// A fresh Ed25519 key.
    pub fn create(ambient: &Ambient, name: &str, passphrase: &SecretSlice<u8>) -> Result<Self, VaultError> {
        let seed = Zeroizing::new(ambient.random::<32>()?);
        let did = did_of(&seed)?;
        let seed = Zeroizing::new(hex(seed.as_slice()));
        let secret = serde_json::to_vec(&PrivateKeys { ed25519: &seed }).map(Zeroizing::new);
        let secret = secret.map_err(|error| VaultError::Format(error.to_string()))?;
        let address = did.strip_prefix("did:key:").unwrap_or(&did).to_owned();
        let account = Account { account_id: did, address, chain_id: "did:key".into(), extra: JsonObject::new() };
        Ok(Self {
            ows_version: VERSION,
            id: ambient.uuid()?,
            name: name.to_owned(),
            created_at: ambient.now().to_rfc3339(),
            accounts: vec![account],
            crypto: Envelope::close(ambient, passphrase, &secret)?,
            key_type: "private_key".into(),
            extra: JsonObject::new(),
        })
    }

    /// Reads a file that only the owner can read.
    pub fn read(path: &Path) -> Result<Self, VaultError> {
        Self::from_json(&private_file::read(path)?)
    }

    /// Reads the text of one.
    pub fn from_json(json: &[u8]) -> Result<Self, VaultError> {
        // The parser's message could quote what it read, so only its position is passed on.
        let file: Self = serde_json::from_slice(json).map_err(|error| {
            VaultError::Format(format!("it is not a wallet file (line {}, column {})", error.line(), error.column()))
        })?;
        if file.ows_version != VERSION {
            return Err(VaultError::Format(format!("its version is {}, not {VERSION}", file.ows_version)));
        }
        if file.key_type != "private_key" {
            return Err(VaultError::Format(format!("its key type is {}, not private_key", file.key_type)));
        }
        file.did()?;
        Ok(file)
    }

    /// The text of the file.
    pub fn to_json(&self) -> Result<Vec<u8>, VaultError> {
        let mut json = serde_json::to_vec_pretty(self).map_err(|error| VaultError::Format(error.to_string()))?;
        json.push(b'\n');
        Ok(json)
    }

    /// The public name of the key.
    pub fn did(&self) -> Result<&str, VaultError> {
        let mut dids = self.accounts.iter().map(|account| account.account_id.as_str());
        dids.find(|id| id.starts_with(ED25519_DID))
            .ok_or_else(|| VaultError::Format("it names no did:key of an Ed25519 key".into()))
    }

    /// The private key, after a check that it is the one the file names.
    pub(crate) fn open(&self, passphrase: &SecretSlice<u8>) -> Result<Zeroizing<[u8; 32]>, VaultError> {
        let secret = self.crypto.open(passphrase)?;
        let malformed = || VaultError::Format("what it holds is not an Ed25519 key".into());
        let keys: PrivateKeys<'_> = serde_json::from_slice(&secret).map_err(|_| malformed())?;
        let seed = Zeroizing::new(bytes("key", keys.ed25519).map_err(|_| malformed())?);
        let seed = Zeroizing::new(<[u8; 32]>::try_from(seed.as_slice()).map_err(|_| malformed())?);
        let stated = self.did()?;
        if did_of(&seed)? != stated {
            return Err(VaultError::Mislabelled { stated: stated.to_owned() });
        }
        Ok(seed)
    }
}

fn did_of(seed: &[u8; 32]) -> Result<String, VaultError> {
    let malformed = || VaultError::Format("what it holds is not an Ed25519 key".into());
    let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| malformed())?;
    let public: [u8; 32] = pair.public_key().as_ref().try_into().map_err(|_| malformed())?;
    Ok(did_key(&public))
}

/// The `did:key` of an Ed25519 key: multicodec `ed25519-pub`, then the key, in base58btc.
fn did_key(public: &[u8; 32]) -> String {
    let bytes = [&[0xed, 0x01], public.as_slice()].concat();
    format!("did:key:z{}", bs58::encode(bytes).into_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use farthing_protocol::Timestamp;

    fn passphrase() -> SecretSlice<u8> {
        b"open sesame".to_vec().into()
    }

    fn created() -> KeyFile {
        let ambient = Ambient::new(|| Timestamp::from_unix_millis(0));
        KeyFile::create(&ambient, "agent", &passphrase()).unwrap()
    }

    #[test]
    fn a_file_reads_back_and_opens() {
        let file = created();
        let json = file.to_json().unwrap();
        let read = KeyFile::from_json(&json).unwrap();
        assert_eq!(read, file);
        let seed = read.open(&passphrase()).unwrap();
        assert_eq!(did_of(&seed).unwrap(), read.did().unwrap());
        assert!(!String::from_utf8(json).unwrap().contains(&hex(seed.as_slice())));
    }

    #[test]
    fn a_file_that_names_another_key_is_refused() {
        let mut file = created();
        file.accounts = created().accounts;
        assert!(matches!(file.open(&passphrase()), Err(VaultError::Mislabelled { .. })));
    }

    #[test]
    fn other_versions_and_kinds_are_refused() {
        let json: serde_json::Value = serde_json::from_slice(&created().to_json().unwrap()).unwrap();
        for (name, value) in
            [("ows_version", 99.into()), ("key_type", "mnemonic".into()), ("accounts", serde_json::json!([]))]
        {
            let mut changed = json.clone();
            changed[name] = value;
            assert!(KeyFile::from_json(changed.to_string().as_bytes()).is_err(), "{name}");
        }
    }

    #[test]
    fn unknown_members_survive() {
        let mut json: serde_json::Value = serde_json::from_slice(&created().to_json().unwrap()).unwrap();
        json["metadata"] = serde_json::json!({ "note": "x" });
        json["accounts"][0]["derivation_path"] = "m/0".into();
        let read = KeyFile::from_json(json.to_string().as_bytes()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), json);
    }
}
