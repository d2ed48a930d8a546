use std::fmt;
use std::future::ready;

use farthing_rail::{Answer, RecoverableSigner, SignError};

use crate::secp256k1_key::address_of;
use crate::{Secp256k1Key, VaultError};

/// A signer whose key is in this process for as long as the process lives.
pub struct LocalSigner {
    key: Secp256k1Key,
    public_key: [u8; 64],
}

impl LocalSigner {
    /// Signs with this key.
    pub fn new(key: Secp256k1Key) -> Result<Self, VaultError> {
        let public_key = key.public_key()?;
        Ok(Self { key, public_key })
    }
}

impl RecoverableSigner for LocalSigner {
    fn public_key(&self) -> [u8; 64] {
        self.public_key
    }

    fn sign_keccak<'a>(&'a self, message: &'a [u8]) -> Answer<'a, Result<[u8; 65], SignError>> {
        Box::pin(ready(self.key.sign_keccak(message).map_err(|error| SignError::Key(error.to_string()))))
    }
}

impl fmt::Debug for LocalSigner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LocalSigner").field("address", &address_of(&self.public_key)).finish_non_exhaustive()
    }
}
