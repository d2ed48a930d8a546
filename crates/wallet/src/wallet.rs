use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use farthing_keys::{Ambient, KeyFile, PassphraseSource, Stop, Stopped, Vault, VaultAccount, VaultError, VaultSigner};
use farthing_store::Books;

use crate::policy::Level;
use crate::sessions::{Sessions, SessionsError};
use crate::undertaking::{Undertaking, UndertakingError};
use crate::wallets::{WalletsError, read_policy};
use crate::{Policy, WalletName};

/// One wallet, ready to pay.
#[derive(Clone)]
pub struct Wallet {
    pub(crate) name: WalletName,
    pub(crate) vault: Arc<Vault>,
    pub(crate) budgets: Books,
    pub(crate) outgoing: PathBuf,
    pub(crate) ambient: Ambient,
    signer: Arc<VaultSigner>,
    account: Option<Arc<VaultAccount>>,
    policy: PathBuf,
    home: PathBuf,
    sessions: Arc<Mutex<Option<Sessions>>>,
}

/// Where a wallet's things are.
pub(crate) struct Places<'a> {
    pub(crate) home: &'a Path,
    pub(crate) policy: PathBuf,
    pub(crate) stops: Vec<Stop>,
    pub(crate) outgoing: PathBuf,
}

impl Wallet {
    pub(crate) fn new(
        name: WalletName,
        file: KeyFile,
        passphrase: PassphraseSource,
        budgets: Books,
        places: Places<'_>,
        ambient: Ambient,
    ) -> Result<Self, WalletsError> {
        let has_account = file.address().is_some();
        let Places { home, policy, stops, outgoing } = places;
        let vault = Arc::new(Vault::new(file, home, stops, passphrase));
        let signer = Arc::new(VaultSigner::new(Arc::clone(&vault))?);
        let account = has_account.then(|| VaultAccount::new(Arc::clone(&vault)).map(Arc::new)).transpose()?;
        let (home, sessions) = (home.to_owned(), Arc::default());
        Ok(Self { name, vault, budgets, outgoing, ambient, signer, account, policy, home, sessions })
    }

    /// Its name.
    pub fn name(&self) -> &WalletName {
        &self.name
    }

    /// The key of its prepaid balances; a [`farthing_rail::Payer`] is made with it.
    pub fn signer(&self) -> Arc<VaultSigner> {
        Arc::clone(&self.signer)
    }

    /// The key of its account on chains, a [`farthing_rail::RecoverableSigner`]; wallets made before
    /// there was one have none until `farthing key create --type evm`.
    pub fn account(&self) -> Option<Arc<VaultAccount>> {
        self.account.clone()
    }

    /// Opens its keys ahead of their use, off this thread: it takes a fifth of a second of computing.
    pub async fn unlock(&self) -> Result<(), VaultError> {
        let vault = Arc::clone(&self.vault);
        let opened = tokio::task::spawn_blocking(move || vault.unlock()).await;
        opened.unwrap_or(Err(VaultError::Interrupted))
    }

    /// Takes up what it sends of this name that is no payment. Nobody else has it until this is dropped.
    pub fn undertake(&self, name: &str) -> Result<Undertaking, UndertakingError> {
        Undertaking::take_up(&self.outgoing, name)
    }

    /// Its sessions, and those of every wallet beside it; the file is opened when it is first needed.
    pub(crate) fn sessions(&self) -> Result<Sessions, SessionsError> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sessions) = &*sessions {
            return Ok(sessions.clone());
        }
        let opened = Sessions::open(&self.home)?;
        Ok(sessions.insert(opened).clone())
    }

    /// Whether there ever was a session here.
    pub(crate) fn has_sessions(&self) -> bool {
        self.home.join("sessions.db").exists()
    }

    /// The directory of this wallet and of those beside it.
    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    /// Its counters and reservations.
    pub fn budgets(&self) -> &Books {
        &self.budgets
    }

    /// What it may spend, as it stands on disk now; `None` is nothing.
    pub fn policy(&self) -> Result<Option<Policy>, WalletsError> {
        read_policy(&self.policy)
    }

    /// Every policy that a payment out of it has to satisfy, as they stand on disk now; none is nothing paid.
    pub fn levels(&self) -> Result<Vec<Level>, WalletsError> {
        let level = |policy| Level { name: self.name.to_string(), policy: Arc::new(policy) };
        Ok(self.policy()?.map(level).into_iter().collect())
    }

    /// Whether its owner stopped it, or everything.
    pub fn is_frozen(&self) -> bool {
        self.stopped().is_some()
    }

    /// Who stopped it, if anybody; looked up now.
    pub fn stopped(&self) -> Option<Stopped> {
        self.vault.stopped()
    }
}

impl std::fmt::Debug for Wallet {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Wallet").field("name", &self.name).field("signer", &self.signer).finish_non_exhaustive()
    }
}
