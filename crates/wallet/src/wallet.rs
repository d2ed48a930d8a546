use std::path::PathBuf;
use std::sync::Arc;

use farthing_store::Books;

use crate::wallets::{WalletsError, read_policy};
use crate::{Ambient, Policy, VaultSigner, WalletName};

/// One wallet, ready to pay.
#[derive(Clone)]
pub struct Wallet {
    pub(crate) name: WalletName,
    pub(crate) signer: Arc<VaultSigner>,
    pub(crate) budgets: Books,
    pub(crate) outgoing: PathBuf,
    pub(crate) ambient: Ambient,
    policy: PathBuf,
    frozen: PathBuf,
}

impl Wallet {
    pub(crate) fn new(
        name: WalletName,
        signer: VaultSigner,
        budgets: Books,
        policy: PathBuf,
        frozen: PathBuf,
        outgoing: PathBuf,
        ambient: Ambient,
    ) -> Self {
        Self { name, signer: Arc::new(signer), budgets, outgoing, ambient, policy, frozen }
    }

    /// Its name.
    pub fn name(&self) -> &WalletName {
        &self.name
    }

    /// Its key; a [`farthing_rail::Payer`] is made with it.
    pub fn signer(&self) -> Arc<VaultSigner> {
        Arc::clone(&self.signer)
    }

    /// Its counters and reservations.
    pub fn budgets(&self) -> &Books {
        &self.budgets
    }

    /// What it may spend, as it stands on disk now; `None` is nothing.
    pub fn policy(&self) -> Result<Option<Policy>, WalletsError> {
        read_policy(&self.policy)
    }

    /// Whether its owner stopped it.
    pub fn is_frozen(&self) -> bool {
        self.frozen.exists()
    }
}

impl std::fmt::Debug for Wallet {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Wallet").field("name", &self.name).field("signer", &self.signer).finish_non_exhaustive()
    }
}
