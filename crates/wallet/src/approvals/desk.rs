use std::path::PathBuf;
use std::time::Duration;

use farthing_books::approval::Answer;
use farthing_books::{ApprovalId, ApprovalOutcome, ApprovalRecord, ApprovalState};
use farthing_keys::{OwnerFile, OwnerKey};
use farthing_protocol::Timestamp;
use farthing_store::Books;

use super::proof::prove;
use super::webhook::{Courier, NotAnswered, SignedAnswer, Told, Webhook};
use super::{ApprovalError, Reply};
use crate::fleet::is_of_fleet;
use crate::{Ambient, PassphraseSource, VaultError, Wallet, WalletName, Wallets, WalletsError};

/// How often a waiting call looks whether there is an answer.
const GLANCE: Duration = Duration::from_millis(200);
/// The most that a list shows.
const MOST_SHOWN: u32 = 1_000;

/// Where questions are looked at and answered.
#[derive(Clone)]
pub struct Desk {
    home: PathBuf,
    books: Books,
    ambient: Ambient,
    /// What opens the owner's key; without it nothing is allowed where there is an owner.
    owner: Option<PassphraseSource>,
    /// Whose questions; `None` for everybody's.
    wallet: Option<WalletName>,
}

impl Wallets {
    /// The questions of a wallet, or of all.
    pub fn desk(&self, wallet: Option<&WalletName>) -> Result<Desk, ApprovalError> {
        let (home, ambient) = (self.home().to_owned(), self.ambient().clone());
        let (books, owner) = (self.budgets()?, self.owner_source().cloned());
        Ok(Desk { home, books, ambient, owner, wallet: wallet.cloned() })
    }
}

impl Wallet {
    /// Its questions.
    pub fn desk(&self) -> Desk {
        let (home, books, ambient) = (self.home().to_owned(), self.budgets.clone(), self.ambient.clone());
        let owner = self.owner_source().cloned();
        Desk { home, books, ambient, owner, wallet: Some(self.name.clone()) }
    }
}

impl Desk {
    /// The same, with what opens the owner's key, unless that is known already.
    #[must_use]
    pub fn opened_by(mut self, source: PassphraseSource) -> Self {
        self.owner.get_or_insert(source);
        self
    }

    /// The approvals, the newest first.
    pub async fn all(&self) -> Result<Vec<ApprovalRecord>, ApprovalError> {
        let wallet = self.wallet.as_ref().map(WalletName::as_str);
        Ok(self.books.approvals(wallet, self.now(), MOST_SHOWN).await?)
    }

    /// One approval.
    pub async fn one(&self, id: ApprovalId) -> Result<ApprovalRecord, ApprovalError> {
        let found = self.books.approval(id, self.now()).await?.filter(|record| self.is_of(record));
        found.ok_or(ApprovalError::Absent(id))
    }

    /// Answers one.
    pub async fn answer(&self, id: ApprovalId, reply: &Reply) -> Result<ApprovalRecord, ApprovalError> {
        let record = self.one(id).await?;
        let Reply { allow, reason, by } = reply.clone();
        let at = self.now();
        let key = if allow { self.owner_key().await? } else { None };
        let proof = key.map(|key| prove(&key, &record, at));
        self.put_down(id, Answer { allow, by, reason, proof, at }).await
    }

    /// The owner's key, where there is an owner; opened off this thread, for it takes a fifth of a second.
    async fn owner_key(&self) -> Result<Option<OwnerKey>, ApprovalError> {
        let Some(file) = OwnerFile::of(&self.home).map_err(ApprovalError::Owner)? else {
            // A permission that nobody signed would be nobody's.
            return if is_of_fleet(&self.home) { Err(WalletsError::OwnerElsewhere.into()) } else { Ok(None) };
        };
        let source = self.owner.clone().ok_or(ApprovalError::Owner(VaultError::EmptyPassphrase))?;
        let home = self.home.clone();
        let opened = tokio::task::spawn_blocking(move || file.open(&source.read(&home)?)).await;
        opened.unwrap_or(Err(VaultError::Interrupted)).map(Some).map_err(ApprovalError::Owner)
    }

    /// Takes an answer that the webhook's receiver signed.
    pub async fn take_answer(&self, said: &SignedAnswer) -> Result<ApprovalRecord, ApprovalError> {
        let webhook = Webhook::of(&self.home)?.ok_or(NotAnswered::Forged)?;
        let id = said.id.parse().map_err(|_| NotAnswered::OtherFacts)?;
        let answer = said.check(&webhook.secret, &self.one(id).await?, self.now())?;
        self.put_down(id, answer).await
    }

    async fn put_down(&self, id: ApprovalId, answer: Answer) -> Result<ApprovalRecord, ApprovalError> {
        match self.books.answer(id, answer, self.now()).await? {
            ApprovalOutcome::Stands(record) | ApprovalOutcome::Asked(record) => Ok(*record),
            ApprovalOutcome::TooLate(record) => Err(ApprovalError::TooLate { id, state: record.state }),
            ApprovalOutcome::NotFound => Err(ApprovalError::Absent(id)),
        }
    }

    /// Tells the webhook of a question, if there is a webhook and it is due, and takes its answer; the approval as
    /// it stands then. That nobody could be told keeps nothing from going on: it is tried again.
    pub async fn announce(&self, record: ApprovalRecord) -> Result<ApprovalRecord, ApprovalError> {
        let Some(webhook) = Webhook::of(&self.home)? else { return Ok(record) };
        match self.courier().tell(&webhook, &record).await? {
            Told::NotDue | Told::Taken(None) => Ok(record),
            Told::Failed(reason) => {
                tracing::warn!(approval = %record.id, reason, "a webhook was not told of a question; it is tried again");
                Ok(record)
            }
            Told::Taken(Some(said)) => match self.take_answer(&said).await {
                Err(ApprovalError::NotAnswered(refused)) => {
                    tracing::warn!(approval = %record.id, %refused, "a webhook's answer is not taken");
                    Ok(record)
                }
                answered => answered,
            },
        }
    }

    /// Tells the webhook of everything that waits and is due; for desks of all wallets.
    pub async fn announce_all(&self) -> Result<(), ApprovalError> {
        let pending = |record: &ApprovalRecord| record.state == ApprovalState::Pending;
        let waiting: Vec<ApprovalRecord> = self.all().await?.into_iter().filter(pending).collect();
        self.courier().forget_all_but(&waiting)?;
        for record in waiting {
            self.announce(record).await?;
        }
        Ok(())
    }

    /// Waits until an approval is answered or its deadline passes, but not longer than `patience`; the approval
    /// as it stands then. The webhook is told meanwhile, as often as it takes.
    pub async fn wait(&self, id: ApprovalId, patience: Duration) -> Result<ApprovalRecord, ApprovalError> {
        let started = tokio::time::Instant::now();
        loop {
            let mut record = self.one(id).await?;
            if record.state == ApprovalState::Pending {
                record = self.announce(record).await?;
            }
            let left = patience.saturating_sub(started.elapsed());
            if record.state != ApprovalState::Pending || left.is_zero() {
                return Ok(record);
            }
            tokio::time::sleep(GLANCE.min(left)).await;
        }
    }

    fn courier(&self) -> Courier {
        Courier::new(self.home.join("webhook"), self.ambient.clone())
    }

    fn is_of(&self, record: &ApprovalRecord) -> bool {
        self.wallet.as_ref().is_none_or(|wallet| record.facts.wallet == wallet.as_str())
    }

    fn now(&self) -> Timestamp {
        self.ambient.now()
    }
}
