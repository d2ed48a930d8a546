//! The owner's key: what signs policies and permissions, so that who has a wallet's keys cannot raise its limits.

use std::path::{Path, PathBuf};

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use secrecy::SecretSlice;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::envelope::{bytes, hex};
use crate::private_keys::Seed;
use crate::{Ambient, Envelope, VaultError, private_file};

/// The version of the file that is written.
const VERSION: u32 = 1;

/// The owner's key on disk, encrypted under the owner's passphrase: `owner.json` in the home directory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OwnerFile {
    farthing_owner: u32,
    public_key: String,
    created_at: String,
    crypto: Envelope,
}

/// The owner's key, opened.
pub struct OwnerKey(Ed25519KeyPair);

/// Whose signature an owner's is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnerPublic([u8; 32]);

impl OwnerFile {
    /// A fresh key.
    pub fn create(ambient: &Ambient, passphrase: &SecretSlice<u8>) -> Result<Self, VaultError> {
        let seed = Seed::new(Zeroizing::new(ambient.random()?));
        Ok(Self {
            farthing_owner: VERSION,
            public_key: hex(seed.key_pair()?.public_key().as_ref()),
            created_at: ambient.now().to_rfc3339(),
            crypto: Envelope::close(ambient, passphrase, seed.as_bytes())?,
        })
    }

    /// The one of a home directory, if it has an owner.
    pub fn of(home: &Path) -> Result<Option<Self>, VaultError> {
        let json = match private_file::read(&path(home)) {
            Err(error) if error.is_absent() => return Ok(None),
            read => read?,
        };
        let file: Self = serde_json::from_slice(&json).map_err(|_| malformed())?;
        if file.farthing_owner == VERSION { Ok(Some(file)) } else { Err(malformed()) }
    }

    /// Makes it the one of a home directory that has none.
    pub fn keep(&self, home: &Path) -> Result<(), VaultError> {
        Ok(private_file::write_new(&path(home), &self.to_json()?)?)
    }

    /// Puts it in the place of the same key under another passphrase.
    pub fn replace(&self, home: &Path) -> Result<(), VaultError> {
        Ok(private_file::write(&path(home), &self.to_json()?)?)
    }

    /// The same key under another passphrase.
    pub fn under(&self, ambient: &Ambient, old: &SecretSlice<u8>, new: &SecretSlice<u8>) -> Result<Self, VaultError> {
        self.open(old)?;
        Ok(Self { crypto: Envelope::close(ambient, new, &self.crypto.open(old)?)?, ..self.clone() })
    }

    /// Whose signature it makes.
    pub fn public(&self) -> Result<OwnerPublic, VaultError> {
        OwnerPublic::from_hex(&self.public_key).ok_or_else(malformed)
    }

    /// The key, after a check that it is the one the file names. Takes a fifth of a second of computing.
    pub fn open(&self, passphrase: &SecretSlice<u8>) -> Result<OwnerKey, VaultError> {
        let seed = self.crypto.open(passphrase)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| malformed())?;
        if hex(pair.public_key().as_ref()) == self.public_key { Ok(OwnerKey(pair)) } else { Err(malformed()) }
    }

    fn to_json(&self) -> Result<Vec<u8>, VaultError> {
        let mut json = serde_json::to_vec_pretty(self).map_err(|error| VaultError::Format(error.to_string()))?;
        json.push(b'\n');
        Ok(json)
    }
}

impl OwnerKey {
    /// Signs a text for one purpose: `policy`, `permission`. A signature for one is none for another.
    pub fn sign(&self, purpose: &str, text: &str) -> String {
        hex(self.0.sign(&signed(purpose, text)).as_ref())
    }

    /// Whose signature it makes.
    pub fn public(&self) -> Option<OwnerPublic> {
        self.0.public_key().as_ref().try_into().ok().map(OwnerPublic)
    }
}

impl OwnerPublic {
    /// Whether the owner signed this text for this purpose.
    pub fn verifies(&self, purpose: &str, text: &str, signature: &str) -> bool {
        let key = UnparsedPublicKey::new(&ED25519, self.0);
        bytes("signature", signature).is_ok_and(|signature| key.verify(&signed(purpose, text), &signature).is_ok())
    }

    /// Its text form.
    pub fn to_hex(&self) -> String {
        hex(&self.0)
    }

    /// The key of that text.
    pub fn from_hex(text: &str) -> Option<Self> {
        bytes("public_key", text).ok()?.try_into().ok().map(Self)
    }
}

fn signed(purpose: &str, text: &str) -> Vec<u8> {
    format!("farthing owner {VERSION}\n{}\n{purpose}\n{text}", purpose.len()).into_bytes()
}

fn path(home: &Path) -> PathBuf {
    home.join("owner.json")
}

fn malformed() -> VaultError {
    VaultError::Format("owner.json does not hold an owner's key of this version; restore it from a backup".into())
}

impl std::fmt::Debug for OwnerKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("OwnerKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use farthing_protocol::Timestamp;

    use super::*;

    fn passphrase(text: &str) -> SecretSlice<u8> {
        text.as_bytes().to_vec().into()
    }

    #[test]
    fn w_30_only_the_owner_s_passphrase_makes_the_owner_s_signature() {
        let home = tempfile::tempdir().unwrap();
        let ambient = Ambient::new(|| Timestamp::from_unix_millis(0));
        assert!(OwnerFile::of(home.path()).unwrap().is_none());
        let file = OwnerFile::create(&ambient, &passphrase("shared")).unwrap();
        file.keep(home.path()).unwrap();
        assert!(file.keep(home.path()).is_err(), "an owner is not overwritten");
        let apart = file.under(&ambient, &passphrase("shared"), &passphrase("owner's")).unwrap();
        apart.replace(home.path()).unwrap();
        let read = OwnerFile::of(home.path()).unwrap().unwrap();
        assert!(read.open(&passphrase("shared")).is_err());
        let (key, public) = (read.open(&passphrase("owner's")).unwrap(), file.public().unwrap());
        assert_eq!((key.public(), OwnerPublic::from_hex(&public.to_hex())), (Some(public), Some(public)));
        let signature = key.sign("permission", "text");
        assert!(public.verifies("permission", "text", &signature));
        for (purpose, text) in [("policy", "text"), ("permission", "other"), ("permissio", "ntext")] {
            assert!(!public.verifies(purpose, text, &signature), "{purpose} {text}");
        }
        assert!(!public.verifies("permission", "text", "") && !public.verifies("permission", "text", "00"));
    }
}
