//! Taking back what was signed and may not have been used.

use farthing_money::Price;
use farthing_rail::Sent;

use super::{PayError, PayingClient};
use crate::outgoing::{self, Orphan, Record};
use crate::policy::approve_reclaim;
use farthing_rail::Reclaim;

/// What became of something that was signed and not known to be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancelled {
    /// What it may have cost.
    pub cost: Price,
    /// How far it was signed for: `evm/charge`.
    pub method: String,
    /// Why it may still be used, in one sentence; nothing when nobody can use it any more.
    pub obstacle: Option<String>,
}

impl PayingClient {
    /// Takes back what this wallet signed and nobody is known to have used, where the money's own home lets it.
    /// What cannot be used any more is not counted once the chain says so; see [`Self::settle`].
    pub async fn cancel_signed(&self) -> Result<Vec<Cancelled>, PayError> {
        self.wallet.unlock().await?;
        let mut cancelled = Vec::new();
        for directory in self.wallet.outgoing_of_all()? {
            for orphan in outgoing::kept(&directory)? {
                if let Orphan::Sealed(record, sealed) | Orphan::Refused(record, sealed) = orphan {
                    cancelled.extend(self.cancel(&record, &sealed).await?);
                }
            }
        }
        Ok(cancelled)
    }

    /// Nothing for what was sealed by a key that is no longer in use.
    async fn cancel(&self, record: &Record, sealed: &[u8]) -> Result<Option<Cancelled>, PayError> {
        let sendable = record.open(&self.wallet.vault.seal()?, sealed);
        let Some(signed) = sendable.and_then(|sendable| sendable.signed()) else { return Ok(None) };
        let challenge = signed.credential.challenge();
        let by = (challenge.method().as_str(), challenge.intent().as_str());
        let method = format!("{}/{}", by.0, by.1);
        let sent = match self.payers.iter().find(|payer| payer.pays() == by) {
            Some(payer) => payer.cancel(&signed.credential, approve_reclaim(Reclaim::Request)).await,
            None => Sent::Never(format!("{method} is no method of this wallet")),
        };
        let obstacle = match sent {
            Sent::Moved => None,
            Sent::Never(sentence) | Sent::Unknown(sentence) => Some(sentence),
        };
        Ok(Some(Cancelled { cost: record.cost, method, obstacle }))
    }
}
