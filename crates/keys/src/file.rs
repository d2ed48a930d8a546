use std::path::Path;

use farthing_protocol::JsonObject;
use secrecy::SecretSlice;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::account::EVM_CHAIN;
use crate::envelope::bytes;
use crate::private_keys::{ByCurve, PrivateKeys, Seed};
use crate::secp256k1_key::address_of;
use crate::{
    Account, Ambient, DEFAULT_PATH, Envelope, OwnerPublic, Phrase, Secp256k1Key, Token, VaultError, private_file,
};

/// The version of the wallet file format that is written.
const VERSION: u32 = 2;

/// The version before, whose files may call it `lws_version`. It is read, and kept on a rewrite.
const OLDER: u32 = 1;

/// How the `did:key` of every Ed25519 key begins.
const ED25519_DID: &str = "did:key:z6Mk";

/// The member that names the owner.
const OWNER: &str = "farthing_owner";

/// Encrypted keys on disk, in the form of the Open Wallet Standard (version 2). Members of other software
/// are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyFile {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ows_version: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lws_version: Option<u32>,
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
            ows_version: Some(VERSION),
            lws_version: None,
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

    /// The same wallet with only what other software has, too: without the name of the key for prepaid
    /// balances, and without the public key of the account.
    #[must_use]
    pub fn for_other_software(mut self) -> Self {
        self.accounts.retain(|account| !account.account_id.starts_with(ED25519_DID));
        for account in &mut self.accounts {
            account.public_key = None;
        }
        self
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
        match (file.ows_version, file.lws_version) {
            (Some(VERSION | OLDER), None) | (None, Some(OLDER)) => {}
            (Some(other), None) | (None, Some(other)) => {
                return Err(VaultError::Format(format!("its version is {other}, and this software reads {VERSION}")));
            }
            _ => return Err(VaultError::Format("it does not say one version".into())),
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

    /// The same file for a wallet of this owner: it takes no other's word.
    #[must_use]
    pub fn owned_by(mut self, owner: &OwnerPublic) -> Self {
        self.extra.insert(OWNER.to_owned(), owner.to_hex().into());
        self
    }

    /// The owner whose word the wallet takes; `None` for one that was made before there were owners.
    pub fn owner(&self) -> Result<Option<OwnerPublic>, VaultError> {
        let Some(stated) = self.extra.get(OWNER) else { return Ok(None) };
        let owner = stated.as_str().and_then(OwnerPublic::from_hex);
        owner.map(Some).ok_or_else(|| VaultError::Format("it names an owner by something that is no key".into()))
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

    /// The wallet's secret once more, under a token, after a check that it is the one the file names.
    pub(crate) fn copy_under(
        &self,
        ambient: &Ambient,
        passphrase: &SecretSlice<u8>,
        token: &Token,
    ) -> Result<Envelope, VaultError> {
        let secret = self.open_secret(passphrase)?;
        self.read_secret(&secret)?;
        Envelope::close_under(ambient, token, &secret)
    }

    /// The private keys out of such a copy.
    pub(crate) fn open_copy(&self, copy: &Envelope, token: &Token) -> Result<PrivateKeys, VaultError> {
        self.read_secret(&copy.open_under(token)?)
    }

    /// The private keys, after a check that they are the ones the file names.
    pub(crate) fn open(&self, passphrase: &SecretSlice<u8>) -> Result<PrivateKeys, VaultError> {
        self.read_secret(&self.open_secret(passphrase)?)
    }

    fn read_secret(&self, secret: &[u8]) -> Result<PrivateKeys, VaultError> {
        let keys = match self.key_type {
            KeyType::PrivateKey => self.private(secret)?,
            KeyType::Mnemonic => PrivateKeys { ed25519: None, secp256k1: Some(self.derived(secret)?) },
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

    /// Keys by curve; or one key of an account on EVM chains, as it is.
    fn private(&self, secret: &[u8]) -> Result<PrivateKeys, VaultError> {
        match <[u8; 32]>::try_from(secret) {
            Ok(key) if self.address().is_some() => {
                let key = Secp256k1Key::from_bytes(Zeroizing::new(key))?;
                Ok(PrivateKeys { ed25519: None, secp256k1: Some(key) })
            }
            _ => ByCurve::from_json(secret)?.open(),
        }
    }

    /// The key that a phrase gives at the path of the file's account.
    fn derived(&self, secret: &[u8]) -> Result<Secp256k1Key, VaultError> {
        let path = self.evm_account().and_then(|account| account.derivation_path.as_deref());
        Phrase::from_secret(secret)?.key(path.filter(|path| !path.is_empty()).unwrap_or(DEFAULT_PATH))
    }

    fn open_secret(&self, passphrase: &SecretSlice<u8>) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        self.crypto.open(passphrase)
    }
}

#[cfg(test)]
mod tests;
