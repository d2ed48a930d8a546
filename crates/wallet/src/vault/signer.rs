use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::signature::Ed25519KeyPair;
use farthing_rail::{SignError, Signer};
use zeroize::Zeroizing;

use super::{KeyFile, PassphraseSource, VaultError};
use crate::seal::Seal;

/// A wallet's key that stays encrypted on disk until something is to be signed, and is then held in
/// memory for the life of the process. A frozen wallet's key is not used.
pub struct VaultSigner {
    file: KeyFile,
    did: String,
    home: PathBuf,
    frozen: PathBuf,
    passphrase: PassphraseSource,
    opened: Mutex<Option<Zeroizing<[u8; 32]>>>,
}

impl VaultSigner {
    /// A key whose wallet is frozen while the file at `frozen` exists.
    pub(crate) fn new(
        file: KeyFile,
        home: &Path,
        frozen: &Path,
        passphrase: PassphraseSource,
    ) -> Result<Self, VaultError> {
        let did = file.did()?.to_owned();
        let (home, frozen) = (home.to_owned(), frozen.to_owned());
        Ok(Self { file, did, home, frozen, passphrase, opened: Mutex::new(None) })
    }

    /// Opens the key ahead of its use. Takes a fifth of a second the first time.
    pub fn unlock(&self) -> Result<(), VaultError> {
        self.seed().map(drop)
    }

    /// The seal for what this wallet keeps on disk.
    pub(crate) fn seal(&self) -> Result<Seal, VaultError> {
        Seal::of(&*self.seed()?).map_err(|error| VaultError::Format(error.to_string()))
    }

    fn seed(&self) -> Result<Zeroizing<[u8; 32]>, VaultError> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seed) = opened.as_ref() {
            return Ok(seed.clone());
        }
        let seed = self.file.open(&self.passphrase.read(&self.home)?)?;
        *opened = Some(seed.clone());
        Ok(seed)
    }

    fn key_pair(&self) -> Result<Ed25519KeyPair, VaultError> {
        if self.frozen.exists() {
            return Err(VaultError::Frozen(self.file.name.clone()));
        }
        let seed = self.seed()?;
        Ed25519KeyPair::from_seed_unchecked(seed.as_slice())
            .map_err(|_| VaultError::Format("what it holds is not an Ed25519 key".into()))
    }
}

impl Signer for VaultSigner {
    fn did(&self) -> &str {
        &self.did
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        let pair = self.key_pair().map_err(|error| SignError::Key(error.to_string()))?;
        let signature = pair.sign(message);
        signature.as_ref().try_into().map_err(|_| SignError::Key("it made no signature of 64 bytes".into()))
    }
}

impl fmt::Debug for VaultSigner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("VaultSigner").field("did", &self.did).finish_non_exhaustive()
    }
}
