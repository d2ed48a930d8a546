use std::path::Path;

use farthing_books::ApprovalRecord;

use super::ApprovalError;
use super::webhook::Webhook;

/// Whether the permission in a record was given by who may give it: what stands in the books is not believed by
/// itself, because whoever can write there could write that, too.
pub(super) fn is_proven(home: &Path, record: &ApprovalRecord) -> Result<bool, ApprovalError> {
    let Some(answer) = record.answer.as_ref().filter(|answer| answer.allow) else { return Ok(false) };
    match &answer.proof {
        Some(_) => Ok(Webhook::of(home)?.is_some_and(|webhook| webhook.has_allowed(record))),
        None => Ok(true),
    }
}
