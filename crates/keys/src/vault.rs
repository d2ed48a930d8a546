use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use farthing_rail::{Answer, Approved, Reclaim, RecoverableSigner, SignError, Signer};

use crate::private_keys::PrivateKeys;
use crate::secp256k1_key::address_of;
use crate::{ApiKeyFile, Envelope, KeyFile, PassphraseSource, Seal, Stop, Stopped, Token, VaultError};

/// Keys that stay encrypted on disk until something is to be signed, and are then held in memory for
/// the life of the process.
pub struct Vault {
    file: KeyFile,
    stops: Vec<Stop>,
    opening: Opening,
    opened: Mutex<Option<Arc<PrivateKeys>>>,
}

/// What opens a vault.
enum Opening {
    /// The owner's passphrase. A key file in place of one would be in `home`.
    Passphrase { source: PassphraseSource, home: PathBuf },
    /// A token, and the copy of the secret that it opens.
    Token { token: Token, copy: Box<Envelope> },
}

impl Vault {
    /// The keys of this file. `home` is where a key file in place of a passphrase would be. While any of
    /// `stops` says so, nothing is signed.
    pub fn new(file: KeyFile, home: &Path, stops: Vec<Stop>, passphrase: PassphraseSource) -> Self {
        let opening = Opening::Passphrase { source: passphrase, home: home.to_owned() };
        Self { file, stops, opening, opened: Mutex::new(None) }
    }

    /// The same keys out of the copy that a token opens. What the token may sign is for the caller to
    /// decide; a token of another key, or for another wallet, is refused.
    pub fn by_token(file: KeyFile, key: &ApiKeyFile, token: Token, stops: Vec<Stop>) -> Result<Self, VaultError> {
        let copy = key.secret_of(&file.id).filter(|_| key.is_of(&token)).ok_or(VaultError::WrongToken)?;
        let opening = Opening::Token { token, copy: Box::new(copy.clone()) };
        Ok(Self { file, stops, opening, opened: Mutex::new(None) })
    }

    /// Whether its file says that there is a key for accounts on chains.
    pub fn has_account(&self) -> bool {
        self.file.address().is_some()
    }

    /// Who stopped these keys, if anybody; looked up now.
    pub fn stopped(&self) -> Option<Stopped> {
        self.stops.iter().find_map(Stop::look)
    }

    /// Opens the keys ahead of their use. Takes a fifth of a second of computing the first time.
    pub fn unlock(&self) -> Result<(), VaultError> {
        self.keys().map(drop)
    }

    /// The seal for what this wallet keeps on disk.
    pub fn seal(&self) -> Result<Seal, VaultError> {
        let keys = self.keys()?;
        let seed = keys.ed25519.as_ref().ok_or_else(no_seed)?;
        Seal::of(seed.as_bytes()).map_err(|error| VaultError::Format(error.to_string()))
    }

    fn keys(&self) -> Result<Arc<PrivateKeys>, VaultError> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(keys) = opened.as_ref() {
            return Ok(Arc::clone(keys));
        }
        let keys = Arc::new(match &self.opening {
            Opening::Passphrase { source, home } => self.file.open(&source.read(home)?)?,
            Opening::Token { token, copy } => self.file.open_copy(copy, token)?,
        });
        *opened = Some(Arc::clone(&keys));
        Ok(keys)
    }

    fn keys_to_sign(&self, reclaims: bool) -> Result<Arc<PrivateKeys>, VaultError> {
        match self.stopped() {
            Some(stopped) if !reclaims => Err(stopped.into()),
            _ => self.keys(),
        }
    }

    /// Whether its keys were opened, so that signing takes no time.
    pub fn is_open(&self) -> bool {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Vault").field("name", &self.file.name).finish_non_exhaustive()
    }
}

/// A vault's Ed25519 key.
#[derive(Debug)]
pub struct VaultSigner {
    vault: Arc<Vault>,
    did: String,
    reclaims: bool,
}

impl VaultSigner {
    /// Signs with the Ed25519 key of this vault, which must have one.
    pub fn new(vault: Arc<Vault>) -> Result<Self, VaultError> {
        let did = vault.file.did()?.to_owned();
        Ok(Self { vault, did, reclaims: false })
    }

    /// The same key, which no stop keeps from signing: to take back what is its owner's own, and only that.
    #[must_use]
    pub fn reclaiming(&self, _: &Approved<Reclaim>) -> Self {
        Self { vault: Arc::clone(&self.vault), did: self.did.clone(), reclaims: true }
    }
}

impl Signer for VaultSigner {
    fn did(&self) -> &str {
        &self.did
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        let pair = self
            .vault
            .keys_to_sign(self.reclaims)
            .and_then(|keys| keys.ed25519.as_ref().ok_or_else(no_seed)?.key_pair());
        let signature = pair.map_err(|error| SignError::Key(error.to_string()))?.sign(message);
        signature.as_ref().try_into().map_err(|_| SignError::Key("it made no signature of 64 bytes".into()))
    }
}

/// A vault's secp256k1 key.
#[derive(Debug)]
pub struct VaultAccount {
    vault: Arc<Vault>,
    public_key: [u8; 64],
    reclaims: bool,
}

impl VaultAccount {
    /// Signs with the secp256k1 key of this vault. A file that does not say which that is, is opened
    /// now; a file without one is refused.
    pub fn new(vault: Arc<Vault>) -> Result<Self, VaultError> {
        let none = || VaultError::NoAccount(vault.file.name.clone());
        let public_key = match vault.file.public_key() {
            Some(stated) => stated,
            None => vault.keys()?.secp256k1.as_ref().ok_or_else(none)?.public_key()?,
        };
        Ok(Self { vault, public_key, reclaims: false })
    }

    /// The same key, which no stop keeps from signing: to take back what is its owner's own, and only that.
    #[must_use]
    pub fn reclaiming(&self, _: &Approved<Reclaim>) -> Self {
        Self { vault: Arc::clone(&self.vault), public_key: self.public_key, reclaims: true }
    }

    /// The account on EVM chains, checksummed (EIP-55).
    pub fn address(&self) -> String {
        address_of(&self.public_key)
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 65], VaultError> {
        let keys = self.vault.keys_to_sign(self.reclaims)?;
        let none = || VaultError::NoAccount(self.vault.file.name.clone());
        keys.secp256k1.as_ref().ok_or_else(none)?.sign_keccak(message)
    }
}

impl RecoverableSigner for VaultAccount {
    fn public_key(&self) -> [u8; 64] {
        self.public_key
    }

    fn sign_keccak<'a>(&'a self, message: &'a [u8]) -> Answer<'a, Result<[u8; 65], SignError>> {
        Box::pin(async move {
            if !self.vault.is_open() {
                let vault = Arc::clone(&self.vault);
                let unlocked = tokio::task::spawn_blocking(move || vault.unlock()).await;
                let unlocked = unlocked.map_err(|_| SignError::Key("the program is ending".into()))?;
                unlocked.map_err(|error| SignError::Key(error.to_string()))?;
            }
            self.sign(message).map_err(|error| SignError::Key(error.to_string()))
        })
    }
}

fn no_seed() -> VaultError {
    VaultError::Format("it holds no Ed25519 key".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Ambient;
    use farthing_protocol::Timestamp;
    use secrecy::SecretString;

    fn vault(directory: &Path, passphrase: &str) -> Arc<Vault> {
        let ambient = Ambient::new(|| Timestamp::from_unix_millis(0));
        let file = KeyFile::create(&ambient, "agent", &b"open sesame".to_vec().into()).unwrap();
        let source = PassphraseSource::Given(SecretString::from(passphrase));
        let frozen = Stop::while_there(directory.join("frozen"), Stopped::Wallet("agent".into()));
        Arc::new(Vault::new(file, directory, vec![frozen], source))
    }

    #[tokio::test]
    async fn a_vault_opens_when_it_first_signs() {
        let directory = tempfile::tempdir().unwrap();
        let vault = vault(directory.path(), "open sesame");
        let account = VaultAccount::new(Arc::clone(&vault)).unwrap();
        assert!(!vault.is_open());
        let first = account.sign_keccak(b"message").await.unwrap();
        assert!(vault.is_open());
        assert_eq!(account.sign_keccak(b"message").await.unwrap(), first);
        assert_eq!(Some(account.address().as_str()), vault.file.address());
    }

    #[tokio::test]
    async fn a_frozen_vault_signs_with_neither_key() {
        let directory = tempfile::tempdir().unwrap();
        let vault = vault(directory.path(), "open sesame");
        vault.unlock().unwrap();
        let (signer, account) = (VaultSigner::new(Arc::clone(&vault)).unwrap(), VaultAccount::new(vault).unwrap());
        std::fs::write(directory.path().join("frozen"), "").unwrap();
        for refusal in [signer.sign(b"x").unwrap_err(), account.sign_keccak(b"x").await.unwrap_err()] {
            assert!(refusal.to_string().contains("farthing wallet thaw agent"), "{refusal}");
        }
        std::fs::remove_file(directory.path().join("frozen")).unwrap();
        assert!(signer.sign(b"x").is_ok() && account.sign_keccak(b"x").await.is_ok());
    }

    #[tokio::test]
    async fn a_token_opens_the_same_keys() {
        let ambient = Ambient::new(|| Timestamp::from_unix_millis(0));
        let passphrase = b"open sesame".to_vec().into();
        let file = KeyFile::create(&ambient, "agent", &passphrase).unwrap();
        let (token, key) = ApiKeyFile::create(&ambient, "card", &[(&file, &passphrase)], &[], None).unwrap();
        let other = Token::fresh(&ambient).unwrap();
        assert!(matches!(Vault::by_token(file.clone(), &key, other, vec![]), Err(VaultError::WrongToken)));
        let address = file.address().map(str::to_owned);
        let account = VaultAccount::new(Arc::new(Vault::by_token(file, &key, token, vec![]).unwrap())).unwrap();
        assert_eq!(Some(account.address()), address);
        assert!(account.sign_keccak(b"message").await.is_ok());
    }

    #[tokio::test]
    async fn a_wrong_passphrase_signs_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let account = VaultAccount::new(vault(directory.path(), "open simsim")).unwrap();
        assert!(account.sign_keccak(b"x").await.unwrap_err().to_string().contains("passphrase"));
    }
}
