use std::collections::BTreeMap;
use std::path::Path;

use farthing_protocol::{JsonObject, Timestamp};
use secrecy::SecretSlice;
use serde::{Deserialize, Serialize};

use crate::{Ambient, Envelope, KeyFile, Secp256k1Key, Token, VaultError, private_file};

/// A key of limited authority on disk, in the form of the Open Wallet Standard's API keys: for each wallet
/// that it may sign with, a copy of the wallet's secret under the key's token.
///
/// Removing the file is the revocation. A change of the owner's passphrase does not touch it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKeyFile {
    /// A UUID.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    token_hash: String,
    /// RFC 3339.
    pub created_at: String,
    /// The wallets that it may sign with, by id.
    pub wallet_ids: Vec<String>,
    /// The policies that must all allow what it signs. A key without one signs nothing.
    pub policy_ids: Vec<String>,
    /// Until when it signs, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    wallet_secrets: BTreeMap<String, Envelope>,
    /// Members of later versions and of other software, kept.
    #[serde(flatten)]
    pub extra: JsonObject,
}

impl ApiKeyFile {
    /// A key for these wallets, each with the passphrase that opens it, and its token, which is kept
    /// nowhere.
    pub fn create(
        ambient: &Ambient,
        name: &str,
        wallets: &[(&KeyFile, &SecretSlice<u8>)],
        policy_ids: &[String],
        expires_at: Option<Timestamp>,
    ) -> Result<(Token, Self), VaultError> {
        let token = Token::fresh(ambient)?;
        let mut wallet_secrets = BTreeMap::new();
        for (wallet, passphrase) in wallets {
            wallet_secrets.insert(wallet.id.clone(), wallet.copy_under(ambient, passphrase, &token)?);
        }
        let key = Self {
            id: ambient.uuid()?,
            name: name.to_owned(),
            token_hash: token.hash(),
            created_at: ambient.now().to_rfc3339(),
            wallet_ids: wallets.iter().map(|(wallet, _)| wallet.id.clone()).collect(),
            policy_ids: policy_ids.to_vec(),
            expires_at: expires_at.map(Timestamp::to_rfc3339),
            wallet_secrets,
            extra: JsonObject::new(),
        };
        Ok((token, key))
    }

    /// Reads a file that only the owner can read.
    pub fn read(path: &Path) -> Result<Self, VaultError> {
        Self::from_json(&private_file::read(path)?)
    }

    /// Reads the text of one.
    pub fn from_json(json: &[u8]) -> Result<Self, VaultError> {
        // The parser's message could quote what it read, so only its position is passed on.
        serde_json::from_slice(json).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            VaultError::Format(format!("it is not the file of an API key (line {line}, column {column})"))
        })
    }

    /// The text of the file.
    pub fn to_json(&self) -> Result<Vec<u8>, VaultError> {
        let mut json = serde_json::to_vec_pretty(self).map_err(|error| VaultError::Format(error.to_string()))?;
        json.push(b'\n');
        Ok(json)
    }

    /// Whether this is the token's file; takes as long whatever the answer is.
    pub fn is_of(&self, token: &Token) -> bool {
        let (stated, hash) = (self.token_hash.to_ascii_lowercase(), token.hash());
        aws_lc_rs::constant_time::verify_slices_are_equal(stated.as_bytes(), hash.as_bytes()).is_ok()
    }

    /// Whether it signs no more at this time. An end that cannot be read is one that has come.
    pub fn has_ended(&self, now: Timestamp) -> bool {
        self.expires_at.as_deref().is_some_and(|end| !Timestamp::parse(end).is_ok_and(|end| now <= end))
    }

    /// The copy of a wallet's secret, if it may sign with that wallet.
    pub fn secret_of(&self, wallet_id: &str) -> Option<&Envelope> {
        let named = self.wallet_ids.iter().any(|id| id == wallet_id);
        self.wallet_secrets.get(wallet_id).filter(|_| named)
    }

    /// The key of a wallet's account on EVM chains. What may be signed with it is for the caller to decide.
    pub fn open_account(&self, wallet: &KeyFile, token: &Token) -> Result<Secp256k1Key, VaultError> {
        let copy = self.secret_of(&wallet.id).filter(|_| self.is_of(token)).ok_or(VaultError::WrongToken)?;
        wallet.open_copy(copy, token)?.secp256k1.ok_or_else(|| VaultError::NoAccount(wallet.name.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ambient() -> Ambient {
        Ambient::new(|| Timestamp::from_unix_millis(1_000))
    }

    fn created() -> (KeyFile, Token, ApiKeyFile) {
        let passphrase: SecretSlice<u8> = b"open sesame".to_vec().into();
        let wallet = KeyFile::create(&ambient(), "agent", &passphrase).unwrap();
        let end = Timestamp::from_unix_millis(2_000);
        let wallets = [(&wallet, &passphrase)];
        let (token, key) = ApiKeyFile::create(&ambient(), "card", &wallets, &["limits".into()], Some(end)).unwrap();
        (wallet, token, key)
    }

    #[test]
    fn a_created_key_opens_its_wallet_with_its_token_only() {
        let (wallet, token, key) = created();
        let read = ApiKeyFile::from_json(&key.to_json().unwrap()).unwrap();
        assert_eq!(read, key);
        assert!(read.is_of(&token) && !read.is_of(&Token::fresh(&ambient()).unwrap()));
        let secret = read.secret_of(&wallet.id).unwrap();
        assert!(wallet.open_copy(secret, &token).unwrap().secp256k1.is_some());
        assert!(wallet.open_copy(secret, &Token::fresh(&ambient()).unwrap()).is_err());
        assert!(!String::from_utf8(key.to_json().unwrap()).unwrap().contains(token.expose()));
    }

    #[test]
    fn a_copy_is_used_only_for_a_wallet_that_the_key_names() {
        let (wallet, _, mut key) = created();
        key.wallet_ids.clear();
        assert!(key.secret_of(&wallet.id).is_none());
    }

    #[test]
    fn an_end_that_cannot_be_read_has_come() {
        let (_, _, mut key) = created();
        let at = Timestamp::from_unix_millis;
        assert!(!key.has_ended(at(2_000)) && key.has_ended(at(2_001)));
        key.expires_at = Some("soon".into());
        assert!(key.has_ended(at(0)));
        key.expires_at = None;
        assert!(!key.has_ended(at(i64::MAX)));
    }
}
