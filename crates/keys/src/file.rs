use std::path::Path;

use farthing_protocol::JsonObject;
use secrecy::SecretSlice;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::envelope::{bytes, hex};
use crate::private_keys::{ByCurve, PrivateKeys, Seed};
use crate::secp256k1_key::address_of;
use crate::{Ambient, DEFAULT_PATH, Envelope, Phrase, Secp256k1Key, VaultError, private_file};

/// The version of the wallet file format that is written and read.
const VERSION: u32 = 2;

/// How the `did:key` of every Ed25519 key begins.
const ED25519_DID: &str = "did:key:z6Mk";

/// How the names of accounts on EVM chains begin. One key is the same account on all of them; a file
/// names it by the first.
const EVM_CHAIN: &str = "eip155:";

/// Encrypted keys on disk, in the form of the Open Wallet Standard (version 2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyFile {
    ows_version: u32,
    /// A UUID.
    pub id: String,
    /// The wallet's name.
    pub name: String,
    /// RFC 3339.
    pub created_at: String,
    /// What the keys are known as: a `did:key`, an address.
    pub accounts: Vec<Account>,
    crypto: Envelope,
    key_type: KeyType,
    #[serde(flatten)]
    extra: JsonObject,
}

/// What a file's secret is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KeyType {
    /// Private keys by curve.
    PrivateKey,
    /// A BIP-39 phrase. Read, never written.
    Mnemonic,
}

/// A public name of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The whole name: `did:key:z6Mk...`, `eip155:1:0x...`.
    pub account_id: String,
    /// The address within its chain.
    pub address: String,
    /// The chain; `did:key` for a key that is on none.
    pub chain_id: String,
    /// Where the key was derived (BIP-32).
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
    fn of_seed(seed: &Seed) -> Result<Self, VaultError> {
        let did = seed.did()?;
        let address = did.strip_prefix("did:key:").unwrap_or(&did).to_owned();
        Ok(Self {
            account_id: did,
            address,
            chain_id: "did:key".into(),
            derivation_path: None,
            public_key: None,
            extra: JsonObject::new(),
        })
    }

    fn of_key(key: &Secp256k1Key) -> Result<Self, VaultError> {
        let public = key.public_key()?;
        let address = address_of(&public);
        Ok(Self {
            account_id: format!("{EVM_CHAIN}1:{address}"),
            address,
            chain_id: format!("{EVM_CHAIN}1"),
            derivation_path: None,
            public_key: Some(hex(&public)),
            extra: JsonObject::new(),
        })
    }
}

impl KeyFile {
    /// Fresh keys of both curves.
    pub fn create(ambient: &Ambient, name: &str, passphrase: &SecretSlice<u8>) -> Result<Self, VaultError> {
        Self::with_key(ambient, name, passphrase, &Secp256k1Key::generate(ambient)?)
    }

    /// A fresh Ed25519 key beside a secp256k1 key that came from elsewhere.
    pub fn with_key(
        ambient: &Ambient,
        name: &str,
        passphrase: &SecretSlice<u8>,
        key: &Secp256k1Key,
    ) -> Result<Self, VaultError> {
        let seed = Seed::new(Zeroizing::new(ambient.random()?));
        let secret = ByCurve::new(&seed.to_hex(), &key.to_hex()).to_json()?;
        Ok(Self {
            ows_version: VERSION,
            id: ambient.uuid()?,
            name: name.to_owned(),
            created_at: ambient.now().to_rfc3339(),
            accounts: vec![Account::of_seed(&seed)?, Account::of_key(key)?],
            crypto: Envelope::close(ambient, passphrase, &secret)?,
            key_type: KeyType::PrivateKey,
            extra: JsonObject::new(),
        })
    }

    /// The same file with a fresh Ed25519 key, under a new id; its account on chains stays.
    pub fn renewed(&self, ambient: &Ambient, passphrase: &SecretSlice<u8>) -> Result<Self, VaultError> {
        let seed = Seed::new(Zeroizing::new(ambient.random()?));
        let secret = self.open_secret(passphrase)?;
        let secret = ByCurve::from_json(&secret)?.with_ed25519(&seed.to_hex()).to_json()?;
        let mut renewed = self.clone();
        renewed.id = ambient.uuid()?;
        renewed.created_at = ambient.now().to_rfc3339();
        renewed.accounts.retain(|account| !account.account_id.starts_with(ED25519_DID));
        renewed.accounts.insert(0, Account::of_seed(&seed)?);
        renewed.crypto = Envelope::close(ambient, passphrase, &secret)?;
        Ok(renewed)
    }

    /// The same file with a key for accounts on chains, which it must not have yet.
    pub fn with_account(
        &self,
        ambient: &Ambient,
        passphrase: &SecretSlice<u8>,
        key: &Secp256k1Key,
    ) -> Result<Self, VaultError> {
        if self.address().is_some() || self.open(passphrase)?.secp256k1.is_some() {
            return Err(VaultError::HasAccount(self.name.clone()));
        }
        let secret = self.open_secret(passphrase)?;
        let secret = ByCurve::from_json(&secret)?.with_secp256k1(&key.to_hex()).to_json()?;
        let mut extended = self.clone();
        extended.accounts.push(Account::of_key(key)?);
        extended.crypto = Envelope::close(ambient, passphrase, &secret)?;
        Ok(extended)
    }

    /// Reads a file that only the owner can read.
    pub fn read(path: &Path) -> Result<Self, VaultError> {
        Self::from_json(&private_file::read(path)?)
    }

    /// Reads the text of one.
    pub fn from_json(json: &[u8]) -> Result<Self, VaultError> {
        // The parser's message could quote what it read, so only its position is passed on.
        let file: Self = serde_json::from_slice(json).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            VaultError::Format(format!("it is not a wallet file of this kind (line {line}, column {column})"))
        })?;
        if file.ows_version != VERSION {
            return Err(VaultError::Format(format!("its version is {}, not {VERSION}", file.ows_version)));
        }
        if file.accounts.is_empty() {
            return Err(VaultError::Format("it names no account".into()));
        }
        Ok(file)
    }

    /// The text of the file.
    pub fn to_json(&self) -> Result<Vec<u8>, VaultError> {
        let mut json = serde_json::to_vec_pretty(self).map_err(|error| VaultError::Format(error.to_string()))?;
        json.push(b'\n');
        Ok(json)
    }

    /// The public name of the Ed25519 key.
    pub fn did(&self) -> Result<&str, VaultError> {
        let mut dids = self.accounts.iter().map(|account| account.account_id.as_str());
        dids.find(|id| id.starts_with(ED25519_DID))
            .ok_or_else(|| VaultError::Format("it names no did:key of an Ed25519 key".into()))
    }

    /// The account on EVM chains, if the file has a key for one.
    pub fn address(&self) -> Option<&str> {
        self.evm_account().map(|account| account.address.as_str())
    }

    /// The public key of that account, if the file says it.
    pub fn public_key(&self) -> Option<[u8; 64]> {
        let stated = self.evm_account()?.public_key.as_deref()?;
        bytes("public_key", stated).ok()?.try_into().ok()
    }

    fn evm_account(&self) -> Option<&Account> {
        self.accounts.iter().find(|account| account.chain_id.starts_with(EVM_CHAIN))
    }

    /// Checks that the passphrase opens the file, and that it holds the keys it names.
    pub fn verify(&self, passphrase: &SecretSlice<u8>) -> Result<(), VaultError> {
        self.open(passphrase).map(drop)
    }

    /// The key of the account on EVM chains.
    pub fn open_account(&self, passphrase: &SecretSlice<u8>) -> Result<Secp256k1Key, VaultError> {
        self.open(passphrase)?.secp256k1.ok_or_else(|| VaultError::NoAccount(self.name.clone()))
    }

    /// The private keys, after a check that they are the ones the file names.
    pub(crate) fn open(&self, passphrase: &SecretSlice<u8>) -> Result<PrivateKeys, VaultError> {
        let secret = self.open_secret(passphrase)?;
        let keys = match self.key_type {
            KeyType::PrivateKey => ByCurve::from_json(&secret)?.open()?,
            KeyType::Mnemonic => PrivateKeys { ed25519: None, secp256k1: Some(self.derived(&secret)?) },
        };
        let mislabelled = |stated: &str| VaultError::Mislabelled { stated: stated.to_owned() };
        if let Ok(stated) = self.did()
            && keys.ed25519.as_ref().map(Seed::did).transpose()?.as_deref() != Some(stated)
        {
            return Err(mislabelled(stated));
        }
        if let Some(stated) = self.address() {
            let public = keys.secp256k1.as_ref().map(Secp256k1Key::public_key).transpose()?;
            let same = public.is_some_and(|public| {
                address_of(&public).eq_ignore_ascii_case(stated)
                    && self.public_key().is_none_or(|stated| stated == public)
            });
            if !same {
                return Err(mislabelled(stated));
            }
        }
        Ok(keys)
    }

    /// The key that a phrase gives at the path of the file's account.
    fn derived(&self, secret: &[u8]) -> Result<Secp256k1Key, VaultError> {
        let phrase = std::str::from_utf8(secret).map_err(|_| VaultError::Format("it holds no phrase".into()))?;
        let path = self.evm_account().and_then(|account| account.derivation_path.as_deref());
        Phrase::parse(phrase)?.key(path.unwrap_or(DEFAULT_PATH))
    }

    fn open_secret(&self, passphrase: &SecretSlice<u8>) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        self.crypto.open(passphrase)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use farthing_protocol::Timestamp;

    fn passphrase() -> SecretSlice<u8> {
        b"open sesame".to_vec().into()
    }

    fn ambient() -> Ambient {
        Ambient::new(|| Timestamp::from_unix_millis(0))
    }

    fn created() -> KeyFile {
        KeyFile::create(&ambient(), "agent", &passphrase()).unwrap()
    }

    /// As files were before they held a second key.
    fn older() -> KeyFile {
        let seed = Seed::new(Zeroizing::new([7; 32]));
        let secret = format!("{{\"ed25519\":\"{}\"}}", *seed.to_hex());
        let mut file = created();
        file.accounts = vec![Account::of_seed(&seed).unwrap()];
        file.crypto = Envelope::close(&ambient(), &passphrase(), secret.as_bytes()).unwrap();
        file
    }

    #[test]
    fn a_file_reads_back_and_opens() {
        let file = created();
        let json = file.to_json().unwrap();
        let read = KeyFile::from_json(&json).unwrap();
        assert_eq!(read, file);
        let keys = read.open(&passphrase()).unwrap();
        let (seed, key) = (keys.ed25519.unwrap(), keys.secp256k1.unwrap());
        assert_eq!(seed.did().unwrap(), read.did().unwrap());
        assert_eq!(Some(key.address().unwrap().as_str()), read.address());
        assert_eq!(key.public_key().ok(), read.public_key());
        let text = String::from_utf8(json).unwrap();
        assert!(!text.contains(seed.to_hex().as_str()) && !text.contains(key.to_hex().as_str()));
    }

    #[test]
    fn a_file_that_names_another_key_is_refused() {
        let other = created();
        for which in 0..2 {
            let mut file = created();
            file.accounts[which] = other.accounts[which].clone();
            assert!(matches!(file.open(&passphrase()), Err(VaultError::Mislabelled { .. })));
        }
        let mut file = created();
        file.accounts[1].public_key = other.accounts[1].public_key.clone();
        assert!(matches!(file.open(&passphrase()), Err(VaultError::Mislabelled { .. })));
    }

    #[test]
    fn an_older_file_opens_and_takes_an_account_once() {
        let older = older();
        assert_eq!((older.address(), older.public_key()), (None, None));
        assert!(older.open(&passphrase()).unwrap().secp256k1.is_none());
        let key = Secp256k1Key::generate(&ambient()).unwrap();
        let extended = older.with_account(&ambient(), &passphrase(), &key).unwrap();
        assert_eq!((extended.did().unwrap(), &extended.id), (older.did().unwrap(), &older.id));
        assert_eq!(extended.address(), Some(key.address().unwrap().as_str()));
        assert!(extended.open(&passphrase()).unwrap().secp256k1.is_some());
        let again = extended.with_account(&ambient(), &passphrase(), &key);
        assert!(matches!(again, Err(VaultError::HasAccount(_))));
    }

    #[test]
    fn a_renewed_file_keeps_its_account_on_chains() {
        let file = created();
        let renewed = file.renewed(&ambient(), &passphrase()).unwrap();
        assert_ne!(renewed.did().unwrap(), file.did().unwrap());
        assert_ne!(renewed.id, file.id);
        assert_eq!(renewed.address(), file.address());
        assert!(renewed.open(&passphrase()).is_ok());
    }

    #[test]
    fn other_versions_and_kinds_are_refused() {
        let json: serde_json::Value = serde_json::from_slice(&created().to_json().unwrap()).unwrap();
        for (name, value) in
            [("ows_version", 99.into()), ("key_type", "hardware".into()), ("accounts", serde_json::json!([]))]
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
        json["accounts"][0]["later"] = true.into();
        let read = KeyFile::from_json(json.to_string().as_bytes()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), json);
    }

    /// Written by the reference library of the standard, over a public test phrase.
    #[test]
    fn a_phrase_of_the_reference_library_opens_to_its_account() {
        let file = KeyFile::from_json(include_bytes!("../tests/vectors/ows-phrase.json")).unwrap();
        let passphrase: SecretSlice<u8> = b"correct horse battery staple".to_vec().into();
        assert_eq!(file.address(), Some("0x9858EfFD232B4033E47d90003D41EC34EcaEda94"));
        let keys = file.open(&passphrase).unwrap();
        assert_eq!(keys.secp256k1.unwrap().address().unwrap(), file.address().unwrap());
        assert!(keys.ed25519.is_none() && file.did().is_err());
    }
}
