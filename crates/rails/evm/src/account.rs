use std::fmt;
use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes, keccak256};
use farthing_rail::{RecoverableSigner, SignError};

use crate::recover;

/// A key that can sign for an account on every chain of this crate: the address and whoever holds
/// the key.
#[derive(Clone)]
pub struct Account {
    address: Address,
    signer: Arc<dyn RecoverableSigner>,
}

/// Why an account did not sign.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccountError {
    /// The key could not be used.
    #[error(transparent)]
    Key(#[from] SignError),
    /// What came back is not a signature of this account.
    #[error("the signer of {0} answered with a signature that is not its own; check which key it holds")]
    Foreign(Address),
}

impl Account {
    /// The account of this signer.
    pub fn new(signer: Arc<dyn RecoverableSigner>) -> Self {
        Self { address: Address::from_raw_public_key(&signer.public_key()), signer }
    }

    /// Where it is paid, and what it pays from.
    pub fn address(&self) -> Address {
        self.address
    }

    /// Signs the Keccak-256 hash of a message and checks what came back: r, s and 27 or 28.
    pub async fn sign(&self, message: &[u8]) -> Result<Bytes, AccountError> {
        let mut signature = self.signer.sign_keccak(message).await?;
        signature[64] += 27 * u8::from(signature[64] < 27);
        let digest: B256 = keccak256(message);
        if recover(&digest, &signature) != Ok(self.address) {
            return Err(AccountError::Foreign(self.address));
        }
        Ok(Bytes::copy_from_slice(&signature))
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Account").field("address", &self.address).finish_non_exhaustive()
    }
}
