//! Finding out what became of payments whose outcome no server has settled.

use std::time::Duration;

use farthing_protocol::Credential;
use farthing_rail::{Became, Signed};
use tokio::time::Instant;

use super::{PayError, PayingClient};
use crate::outgoing::{self, Orphan, Record};

/// How long one answer may take, and all that are asked for before one call pays.
const PATIENCE: Duration = Duration::from_secs(10);
const BEFORE_PAYING: Duration = Duration::from_secs(5);

/// What was found out about payments whose outcome was unknown: how many of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// They were made after all, and are counted as spent.
    pub paid: usize,
    /// They can no longer be made, and are not counted any more.
    pub released: usize,
    /// Still unknown, and still counted.
    pub unknown: usize,
}

impl PayingClient {
    /// Finds out what became of the payments whose outcome is unknown, from where the money is: those
    /// that can no longer be made are not counted any more.
    ///
    /// One that was made and not refused is kept, for the same call to fetch what it paid for.
    pub async fn settle(&self) -> Result<Settled, PayError> {
        self.wallet.unlock().await?;
        let mut kept = Vec::new();
        for directory in self.wallet.outgoing_of_all()? {
            kept.extend(outgoing::kept(&directory)?);
        }
        self.look_at(kept, None).await
    }

    /// The same for those that a server refused, so that they do not use up a limit for longer than they
    /// must. What is not answered soon waits for the next call.
    pub(super) async fn settle_refused(&self) -> Result<(), PayError> {
        let kept = outgoing::kept(&self.wallet.outgoing)?.into_iter();
        let refused: Vec<_> = kept.filter(|kept| matches!(kept, Orphan::Refused(..))).collect();
        self.look_at(refused, Some(Instant::now() + BEFORE_PAYING)).await.map(drop)
    }

    async fn look_at(&self, kept: Vec<Orphan>, until: Option<Instant>) -> Result<Settled, PayError> {
        let mut settled = Settled::default();
        for orphan in kept {
            let (record, sealed, is_refused) = match orphan {
                Orphan::Refused(record, sealed) => (record, sealed, true),
                Orphan::Sealed(record, sealed) => (record, sealed, false),
                Orphan::Unsigned(_) | Orphan::Lost(_) => continue,
            };
            let patience = until.map_or(PATIENCE, |until| until.saturating_duration_since(Instant::now()));
            let Some(became) = self.became(&record, &sealed, patience).await? else {
                settled.unknown += 1;
                if is_refused {
                    record.finish();
                }
                continue;
            };
            match became {
                Became::Never => {
                    self.release(record, "the chain can no longer take it").await?;
                    settled.released += 1;
                }
                Became::Paid if is_refused => {
                    self.confirm(record, None).await;
                    settled.paid += 1;
                }
                Became::Paid => settled.paid += 1,
                Became::Unknown => settled.unknown += 1,
            }
        }
        Ok(settled)
    }

    /// Asks the method that signed it. `None` when nobody will ever tell: the key that sealed it is no
    /// longer in use, or only the server's own books know. It then stays counted.
    async fn became(&self, record: &Record, sealed: &[u8], patience: Duration) -> Result<Option<Became>, PayError> {
        let sendable = record.open(&self.wallet.vault.seal()?, sealed);
        let Some(signed) = sendable.and_then(|sendable| sendable.signed()) else { return Ok(None) };
        Ok(self.became_of(&signed.credential, patience).await)
    }

    /// The same of a credential at hand.
    pub(super) async fn became_of(&self, credential: &Credential, patience: Duration) -> Option<Became> {
        let challenge = credential.challenge();
        let by = (challenge.method().as_str(), challenge.intent().as_str());
        let Some(payer) = self.payers.iter().find(|payer| payer.pays() == by) else {
            return Some(Became::Unknown);
        };
        if !payer.is_bearer() {
            return None;
        }
        let asked = tokio::time::timeout(patience, payer.became(credential)).await;
        Some(asked.unwrap_or(Became::Unknown))
    }

    /// Whether what was signed has ended and the money's own home says that it was not taken: there is then
    /// nothing to fetch with it, and the next payment is the first.
    pub(super) async fn is_over(&self, signed: &Signed) -> bool {
        signed.to_send.is_none()
            && signed.credential.challenge().is_expired(self.wallet.ambient.now())
            && self.became_of(&signed.credential, BEFORE_PAYING).await == Some(Became::Never)
    }
}
