//! The log of what was decided: reading it, and making every decision again.

use farthing_books::audit::{AuditRecord, Head, LogVerification, LogVerifier, RecordHash};
use farthing_store::AuditFilter;

use crate::policy::made_again;
use crate::{Wallets, WalletsError};

impl Wallets {
    /// Records of the log, in the order in which they were written.
    pub async fn audit(&self, filter: AuditFilter) -> Result<Vec<AuditRecord>, WalletsError> {
        Ok(self.budgets()?.audit(filter).await?)
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
}
