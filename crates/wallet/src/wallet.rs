use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use farthing_keys::{
    Ambient, FileError, OwnerPublic, PassphraseSource, Stopped, Vault, VaultAccount, VaultError, VaultSigner,
};
use farthing_rail::{Approved, Reclaim};
use farthing_store::Books;

use crate::approvals::Authority;
use crate::cards::OpenCard;
use crate::fleet::Fleet;
use crate::policy::{Level, Refused, Rule, refuse_unreadable};
use crate::runs::RunLimit;
use crate::sellers::Sellers;
use crate::sessions::{Sessions, SessionsError};
use crate::undertaking::{Undertaking, UndertakingError};
use crate::wallets::{Policies, WalletsError, members};
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
    policies: Arc<Policies>,
    card: Option<OpenCard>,
    /// What it pays within for now, and what its sessions are kept under meanwhile.
    run: Option<(RunLimit, String)>,
    unwinds: bool,
    home: PathBuf,
    owner: (Option<OwnerPublic>, Option<PassphraseSource>),
    fleet: Option<Arc<Fleet>>,
    sessions: Arc<Mutex<Option<Sessions>>>,
    /// Whether it does without threads of its own; for simulations.
    in_place: bool,
}

/// Where a wallet's things are.
pub(crate) struct Places<'a> {
    pub(crate) home: &'a Path,
    pub(crate) policy: PathBuf,
    pub(crate) outgoing: PathBuf,
    /// The card that it was opened by.
    pub(crate) card: Option<OpenCard>,
    /// Whose word counts, and what opens their key, if this process knows.
    pub(crate) owner: (Option<OwnerPublic>, Option<PassphraseSource>),
    /// What it has in common with wallets of other machines.
    pub(crate) fleet: Option<Arc<Fleet>>,
}

impl Wallet {
    pub(crate) fn new(
        name: WalletName,
        vault: Vault,
        budgets: Books,
        places: Places<'_>,
        ambient: Ambient,
    ) -> Result<Self, WalletsError> {
        let Places { home, policy, outgoing, card, owner, fleet } = places;
        let vault = Arc::new(vault);
        let signer = Arc::new(VaultSigner::new(Arc::clone(&vault))?);
        let has_account = vault.has_account();
        let account = has_account.then(|| VaultAccount::new(Arc::clone(&vault)).map(Arc::new)).transpose()?;
        let (home, sessions) = (home.to_owned(), Arc::default());
        let policies = Arc::default();
        Ok(Self {
            name,
            vault,
            budgets,
            outgoing,
            ambient,
            signer,
            account,
            policy,
            policies,
            card,
            run: None,
            unwinds: false,
            home,
            owner,
            fleet,
            sessions,
            in_place: false,
        })
    }

    /// The same wallet as another process would have it: with its own handle to the budgets, its own clock and its own
    /// randomness. The keys are shared, and open once they are opened anywhere. For simulations: it has no threads of
    /// its own, so that one order of events is the only one.
    #[must_use]
    pub fn beside(&self, budgets: Books, ambient: Ambient) -> Self {
        let (policies, sessions) = (Arc::default(), Arc::default());
        Self { budgets, ambient, policies, sessions, in_place: true, ..self.clone() }
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
        if self.vault.is_open() {
            return Ok(());
        }
        let vault = Arc::clone(&self.vault);
        let opened = tokio::task::spawn_blocking(move || vault.unlock()).await;
        opened.unwrap_or(Err(VaultError::Interrupted))
    }

    /// Where its own things are, whichever card it was opened by.
    pub(crate) fn directory(&self) -> PathBuf {
        self.home.join("wallets").join(self.name.as_str())
    }

    /// Takes up what it sends of this name that is no payment. Nobody else has it until this is dropped.
    pub fn undertake(&self, name: &str) -> Result<Undertaking, UndertakingError> {
        Undertaking::take_up(&self.outgoing, name)
    }

    /// Where payments under way are kept: its own, and those of its cards, revoked ones included.
    pub(crate) fn outgoing_of_all(&self) -> Result<Vec<PathBuf>, FileError> {
        let mut all = vec![self.outgoing.clone()];
        if self.card.is_none() {
            all.extend(crate::cards::outgoing(&self.outgoing.with_file_name("cards"))?);
        }
        Ok(all)
    }

    /// Its sessions, and those of every wallet beside it; the file is opened when it is first needed.
    pub(crate) fn sessions(&self) -> Result<Sessions, SessionsError> {
        if let Some(fleet) = &self.fleet {
            return fleet.sessions();
        }
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sessions) = &*sessions {
            return Ok(sessions.clone());
        }
        let open = if self.in_place { Sessions::open_in_place } else { Sessions::open };
        let opened = open(&self.home)?;
        Ok(sessions.insert(opened).clone())
    }

    /// Whether there ever was a session here.
    pub(crate) fn has_sessions(&self) -> bool {
        self.fleet.is_some() || self.home.join("sessions.db").exists()
    }

    /// The owner whose word it takes; `None` for one that was made before there were owners.
    pub fn owner(&self) -> Option<OwnerPublic> {
        self.owner.0
    }

    /// What opens the owner's key, as far as this process knows.
    pub(crate) fn owner_source(&self) -> Option<&PassphraseSource> {
        self.owner.1.as_ref()
    }

    /// Whose permission counts when a person was asked.
    pub(crate) fn authority(&self) -> Authority<'_> {
        Authority { home: &self.home, owner: self.owner.0 }
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
    pub fn policy(&self) -> Result<Option<Arc<Policy>>, WalletsError> {
        self.policies.read(self.name.as_str(), &self.policy, self.owner())
    }

    /// What it remembers of sellers.
    pub(crate) fn sellers(&self) -> Sellers {
        Sellers::at(self.policy.with_file_name("sellers"))
    }

    /// Every policy that a payment out of it has to satisfy, as they stand on disk now, a run's and a card's own
    /// first. None is nothing paid; that is so, too, where the wallet or the card has none.
    pub async fn levels(&self) -> Result<Vec<Level>, WalletsError> {
        self.stopped_anywhere().await?;
        self.levels_here().await
    }

    async fn levels_here(&self) -> Result<Vec<Level>, WalletsError> {
        let card = self.card.as_ref().map(|card| (card.level.as_str(), card.policy.as_path()));
        let mut levels = loop {
            let levels = self.policies.levels(&self.home, self.owner(), card, (self.name.as_str(), &self.policy))?;
            if self.policies.must_be_newest(&self.budgets, self.ambient.now()).await? {
                break levels;
            }
        };
        if let Some((run, _)) = self.run.as_ref().filter(|_| !levels.is_empty()) {
            levels.insert(0, run.level().clone());
        }
        Ok(levels)
    }

    /// The same, for something that is signed now; that nothing is, because they cannot be followed, is in the log.
    pub(crate) async fn levels_to_pay_by(&self) -> Result<Vec<Level>, Refused> {
        let levels = match self.stopped_anywhere().await {
            Ok(Some(stopped)) if !self.unwinds => {
                return Err(Refused::Rule { rule: Rule::Frozen, sentence: stopped.to_string() });
            }
            Ok(_) => self.levels_here().await,
            Err(error) => Err(error),
        };
        match levels {
            Ok(levels) => Ok(levels),
            Err(WalletsError::Budgets(error)) => Err(Refused::Budgets(error)),
            Err(error) => Err(refuse_unreadable(&self.budgets, self.name.as_str(), error, self.ambient.now()).await),
        }
    }

    /// Reads what owners said on other machines, where it has its books in common with some; who stopped it there.
    async fn stopped_anywhere(&self) -> Result<Option<Stopped>, WalletsError> {
        match &self.fleet {
            Some(fleet) => fleet.refresh(&self.home, &self.name, self.owner()).await,
            None => Ok(None),
        }
    }

    /// The wallets whose payments count toward a level: its own and its cards', or those of a group.
    pub(crate) fn wallets_under(&self, level: &str) -> Result<Vec<String>, WalletsError> {
        match level.starts_with("group/") {
            true => members(&self.home, self.owner(), level),
            false => Ok(vec![level.to_owned()]),
        }
    }

    /// What its sessions are kept under: a card and a run draw from no deposit but their own.
    pub(crate) fn drawer(&self) -> &str {
        let own = self.card.as_ref().map_or(self.name.as_str(), |card| &card.level);
        self.run.as_ref().map_or(own, |(_, drawer)| drawer)
    }

    /// The same wallet, within the limit of a run besides its own.
    #[must_use]
    pub(crate) fn within(mut self, run: &RunLimit) -> Self {
        self.run = Some((run.clone(), run.drawer(self.drawer())));
        self
    }

    /// Whether its owner stopped it, or everything.
    pub fn is_frozen(&self) -> bool {
        self.stopped().is_some()
    }

    /// Who stopped it, if anybody; looked up now. A card stops by itself when its time is over.
    pub fn stopped(&self) -> Option<Stopped> {
        if self.unwinds {
            return Some(Stopped::Unwinding);
        }
        let ended = self.card.as_ref().filter(|card| card.ends.is_some_and(|end| self.ambient.now() > end));
        self.vault.stopped().or_else(|| ended.map(|card| Stopped::Ended(card.id.clone())))
    }

    /// The same; where another machine may have let it go on since, that is looked up first.
    pub(crate) async fn stopped_now(&self) -> Result<Option<Stopped>, WalletsError> {
        if self.stopped().is_some() {
            self.stopped_anywhere().await?;
        }
        Ok(self.stopped())
    }

    /// The same wallet, to take back what is its own and for nothing else, frozen or not: it pays nothing.
    pub(crate) fn into_unwinding(self, approved: &Approved<Reclaim>) -> Self {
        let signer = Arc::new(self.signer.reclaiming(approved));
        let account = self.account.as_ref().map(|account| Arc::new(account.reclaiming(approved)));
        Self { signer, account, unwinds: true, ..self }
    }

    /// Whether it takes back what is its own, and does nothing else.
    pub(crate) fn unwinds(&self) -> bool {
        self.unwinds
    }

    /// What lets the key of the card that it was opened by spend, where that is the card's own.
    pub(crate) fn delegation_of_card(&self) -> Option<&str> {
        self.card.as_ref()?.delegation.as_deref()
    }

    /// The id of the virtual card that it was opened by, if it was one.
    pub fn card_id(&self) -> Option<&str> {
        self.card.as_ref().map(|card| card.id.as_str())
    }
}

impl std::fmt::Debug for Wallet {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Wallet").field("name", &self.name).field("signer", &self.signer).finish_non_exhaustive()
    }
}
