//! The log of what was decided: reading it, and making every decision again.

use farthing_books::audit::{AuditRecord, Entry, Event, Grounds, Head, LogVerification, LogVerifier, RecordHash};
use farthing_policy::{Policy, Replayed, replay};
use farthing_protocol::Timestamp;
use farthing_store::AuditFilter;

use crate::policy::{History, made_again};
use crate::{WalletName, Wallets, WalletsError};

/// Records that are read at a time.
const PAGE: u32 = 1_000;

impl Wallets {
    /// Records of the log, in the order in which they were written.
    pub async fn audit(&self, filter: AuditFilter) -> Result<Vec<AuditRecord>, WalletsError> {
        Ok(self.budgets()?.audit(filter).await?)
    }

    /// Writes into the log that the owner stopped something, or let it go on: of one wallet, or of all. What is
    /// stopped is stopped whether or not that succeeds.
    pub async fn note_stop(&self, event: Event, wallet: Option<&WalletName>, said: &str) -> Result<(), WalletsError> {
        let wallet = wallet.map(ToString::to_string).unwrap_or_default();
        let decided = Grounds::of(&serde_json::json!({ "sentence": said }));
        Ok(self.budgets()?.log(Entry { event, wallet, decided, at: self.ambient.now() }).await?)
    }

    /// The newest record. An owner who keeps its hash elsewhere can tell later whether anything was cut off.
    pub async fn audit_head(&self) -> Result<Head, WalletsError> {
        Ok(self.budgets()?.audit_head().await?)
    }

    /// Looks through the whole log: whether it is unbroken, whether every decision comes out again from its
    /// grounds and the policies of that time, whether the budgets are what the log says, and whether a record
    /// has the hash that the owner kept.
    pub async fn verify_audit(&self, kept: Option<RecordHash>) -> Result<LogVerification, WalletsError> {
        let verifier = LogVerifier::new(Box::new(made_again), kept);
        Ok(self.budgets()?.verify_log(verifier).await?.finish())
    }

    /// What would have come out otherwise, had this been a wallet's policy from an instant on, or always. Nothing is
    /// changed, and the policy need not be signed.
    pub async fn try_policy(
        &self,
        wallet: &WalletName,
        policy: Policy,
        since: Option<Timestamp>,
    ) -> Result<Replayed, WalletsError> {
        policy.check()?;
        let budgets = self.budgets()?;
        let mut records: Vec<AuditRecord> = Vec::new();
        loop {
            let after = records.last().map_or(0, |record| record.sequence);
            // Other wallets' payments count in the groups that they share.
            let page = budgets.audit(AuditFilter { wallet: None, since: None, after, limit: PAGE }).await?;
            if page.is_empty() {
                break;
            }
            records.extend(page);
        }
        // Read after the records: whatever they name was archived before them.
        let archive = budgets.archived_policies().await?;
        let group = |name: &str| Ok(self.group_policy(&name.parse()?)?.map(std::sync::Arc::new));
        let history = History::new(wallet.as_str(), policy, since, &archive, group);
        Ok(replay(history.read(&records)?))
    }
}
