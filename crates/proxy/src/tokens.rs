//! The passwords of agents: random, kept as hashes, one for each wallet.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use farthing_keys::{Ambient, FileError, NoRandomness, private_file};
use farthing_wallet::WalletName;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// By which a token is known when it turns up where it should not be.
const PREFIX: &str = "farthing_proxy_";

/// How long a hash that was read is believed: a token that is revoked ends within this time.
const BELIEVED: Duration = Duration::from_secs(1);

type Hash = [u8; 32];

/// A password of an agent. `Debug` does not show it.
pub struct Token(Zeroizing<String>);

/// Tokens that were made for wallets, in a directory of the owner alone.
#[derive(Debug)]
pub struct Tokens {
    directory: PathBuf,
    read: Mutex<BTreeMap<WalletName, (Instant, Option<Hash>)>>,
    /// Tokens of this process alone.
    own: BTreeMap<WalletName, Hash>,
}

/// Why a token could not be made or revoked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// See [`FileError`].
    #[error(transparent)]
    File(#[from] FileError),
    /// See [`NoRandomness`].
    #[error(transparent)]
    Random(#[from] NoRandomness),
}

impl Tokens {
    /// The tokens in this directory, which is made when it is first needed.
    pub fn at(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), read: Mutex::default(), own: BTreeMap::new() }
    }

    /// Makes a token for a wallet. The one it had before ends.
    ///
    /// # Errors
    ///
    /// See [`TokenError`].
    pub fn make(&self, wallet: &WalletName, ambient: &Ambient) -> Result<Token, TokenError> {
        let token = Token::random(ambient)?;
        private_file::private_directory(&self.directory)?;
        private_file::write(&self.file(wallet), hex(&token.hash()).as_bytes())?;
        Ok(token)
    }

    /// Ends the token of a wallet, within a second, in every process.
    ///
    /// # Errors
    ///
    /// See [`TokenError`].
    pub fn revoke(&self, wallet: &WalletName) -> Result<(), TokenError> {
        match private_file::remove(&self.file(wallet)) {
            Err(error) if !error.is_absent() => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// The same tokens, and one that is good in this process alone.
    ///
    /// # Errors
    ///
    /// [`NoRandomness`].
    pub fn with_own(mut self, wallet: &WalletName, ambient: &Ambient) -> Result<(Self, Token), NoRandomness> {
        let token = Token::random(ambient)?;
        self.own.insert(wallet.clone(), token.hash());
        Ok((self, token))
    }

    /// Whether this is a token of that wallet.
    pub(crate) fn admits(&self, wallet: &WalletName, token: &str) -> bool {
        let given = hash(token);
        let is = |kept: Option<Hash>| kept.is_some_and(|kept| bool::from(kept.ct_eq(&given)));
        is(self.own.get(wallet).copied()) | is(self.kept(wallet))
    }

    fn kept(&self, wallet: &WalletName) -> Option<Hash> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, kept)) = read.get(wallet).filter(|(at, _)| at.elapsed() < BELIEVED) {
            let _ = at;
            return *kept;
        }
        let kept = private_file::read(&self.file(wallet)).ok().and_then(|text| unhex(&text));
        // Names that have no token are not remembered: a stranger may try as many as he likes.
        match kept {
            Some(_) => drop(read.insert(wallet.clone(), (Instant::now(), kept))),
            None => drop(read.remove(wallet)),
        }
        kept
    }

    fn file(&self, wallet: &WalletName) -> PathBuf {
        self.directory.join(wallet.as_str())
    }
}

impl Token {
    fn random(ambient: &Ambient) -> Result<Self, NoRandomness> {
        let random = Zeroizing::new(ambient.random::<32>()?);
        Ok(Self(Zeroizing::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(*random)))))
    }

    /// The token itself, for the one who is to use it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    fn hash(&self) -> Hash {
        hash(&self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(..)")
    }
}

fn hash(token: &str) -> Hash {
    let mut hash = Hash::default();
    hash.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    hash
}

fn hex(hash: &Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &[u8]) -> Option<Hash> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let mut hash = Hash::default();
    if text.len() != 2 * hash.len() {
        return None;
    }
    for (at, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use farthing_protocol::Timestamp;

    #[test]
    fn a_token_is_good_for_its_wallet_until_it_is_revoked_or_made_anew() {
        let home = tempfile::tempdir().unwrap();
        let ambient = Ambient::new(|| Timestamp::from_unix_millis(0));
        let (agent, other) = ("agent".parse().unwrap(), "other".parse().unwrap());
        let tokens = || Tokens::at(&home.path().join("tokens"));
        let token = tokens().make(&agent, &ambient).unwrap();
        assert!(tokens().admits(&agent, token.reveal()));
        assert!(!tokens().admits(&other, token.reveal()));
        assert!(!tokens().admits(&agent, &format!("{}x", token.reveal())));
        assert!(!tokens().admits(&agent, ""));
        let next = tokens().make(&agent, &ambient).unwrap();
        assert!(!tokens().admits(&agent, token.reveal()) && tokens().admits(&agent, next.reveal()));
        tokens().revoke(&agent).unwrap();
        tokens().revoke(&agent).unwrap();
        assert!(!tokens().admits(&agent, next.reveal()));
    }

    #[test]
    fn a_token_is_nowhere_in_clear() {
        let home = tempfile::tempdir().unwrap();
        let ambient = Ambient::new(|| Timestamp::from_unix_millis(0));
        let agent = "agent".parse().unwrap();
        let token = Tokens::at(home.path()).make(&agent, &ambient).unwrap_err();
        assert!(matches!(token, TokenError::File(FileError::TooOpen { .. })), "{token}");
        let directory = home.path().join("tokens");
        let token = Tokens::at(&directory).make(&agent, &ambient).unwrap();
        let kept = std::fs::read_to_string(directory.join("agent")).unwrap();
        assert!(!kept.contains(token.reveal()) && kept.len() == 64);
        assert_eq!(format!("{token:?}"), "Token(..)");
    }

    #[test]
    fn a_token_of_one_process_is_on_no_disk() {
        let home = tempfile::tempdir().unwrap();
        let ambient = Ambient::new(|| Timestamp::from_unix_millis(0));
        let agent = "agent".parse().unwrap();
        let (tokens, token) = Tokens::at(&home.path().join("tokens")).with_own(&agent, &ambient).unwrap();
        assert!(tokens.admits(&agent, token.reveal()));
        assert!(!home.path().join("tokens").exists());
    }
}
