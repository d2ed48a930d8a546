use std::path::Path;

use farthing_books::ApprovalRecord;
use farthing_keys::{OwnerKey, OwnerPublic};
use farthing_protocol::Timestamp;

use super::ApprovalError;
use super::webhook::Webhook;

/// What the owner's signatures over permissions are for.
const PURPOSE: &str = "permission";
/// Says in a proof that the owner signed it.
const OWNER: &str = "owner ";

/// Whose word counts when a permission is used.
#[derive(Clone, Copy, Debug)]
pub struct Authority<'a> {
    /// The directory of the wallets, where a webhook is kept.
    pub home: &'a Path,
    /// The owner whom the wallet names; `None` for one that was made before there were owners.
    pub owner: Option<OwnerPublic>,
}

/// The owner's signature under a permission that is about to be given.
pub(super) fn prove(owner: &OwnerKey, record: &ApprovalRecord, at: Timestamp) -> String {
    format!("{OWNER}{}", owner.sign(PURPOSE, &statement(record, at)))
}

impl Authority<'_> {
    /// Whether the permission in a record was given by who may give it: what stands in the books is not believed
    /// by itself, because whoever can write there could write that, too.
    pub(super) fn gave(&self, record: &ApprovalRecord) -> Result<bool, ApprovalError> {
        let Some(answer) = record.answer.as_ref().filter(|answer| answer.allow) else { return Ok(false) };
        let signature = answer.proof.as_deref().and_then(|proof| proof.strip_prefix(OWNER));
        match (&self.owner, signature, &answer.proof) {
            (Some(owner), Some(signature), _) => Ok(owner.verifies(PURPOSE, &statement(record, answer.at), signature)),
            (None, Some(_), _) => Ok(false),
            (_, None, Some(_)) => {
                Ok(Webhook::of(self.home)?.is_some_and(|webhook| webhook.has_allowed(record, self.owner)))
            }
            (owner, None, None) => Ok(owner.is_none()),
        }
    }
}

/// What the owner signs: the question by its name, all its facts, the bound, and the time.
fn statement(record: &ApprovalRecord, at: Timestamp) -> String {
    let (facts, cost) = (record.facts.digest(), record.facts.cost);
    format!("allow\n{}\n{facts}\n{cost}\n{}\n{}", record.id, record.deadline.unix_millis(), at.unix_millis())
}
