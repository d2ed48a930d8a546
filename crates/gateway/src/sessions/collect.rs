//! Taking from a deposit what was delivered of it.

use std::sync::Arc;
use std::time::Duration;

use farthing_books::{SessionCommand, SessionOutcome, SessionRecord, SessionState};
use farthing_rail::{Deposits, SessionId};

use super::books::{carry_out, record_of};
use super::stop::Stop;
use crate::seller::Seller;

/// How soon an end is asked for again that could not come yet.
const SOON: Duration = Duration::from_secs(1);

/// A session that has ended.
pub(super) struct Ended {
    pub(super) record: Box<SessionRecord>,
    /// Where the last of it was collected.
    pub(super) transaction: Option<String>,
}

/// Ends a session that is closing, if that is possible within a rail's time.
pub(super) async fn end(
    seller: &Arc<Seller>,
    deposits: &Deposits,
    session: SessionId,
    patience: Duration,
) -> Result<Ended, Stop> {
    let Some(record) = record_of(seller, session).await? else { return Err(Stop::not_found()) };
    if record.state == SessionState::Closed {
        return Ok(Ended { record: Box::new(record), transaction: None });
    }
    let _ = patience;
    match deposits {
        Deposits::InBooks => {}
        // The keeper collects it.
        Deposits::InEscrow(_) => return Err(Stop::in_doubt(SOON)),
    }
    let reason = record.reason.clone().unwrap_or_default();
    match carry_out(seller, SessionCommand::End { session, reason, at: seller.now() }).await? {
        SessionOutcome::Done(record) | SessionOutcome::Again(record) => Ok(Ended { record, transaction: None }),
        // Something is still being served from it, or collected.
        SessionOutcome::Refused(..) => Err(Stop::in_doubt(SOON)),
        outcome => {
            tracing::error!(%session, ?outcome, "the books answered an end with something else");
            Err(Stop::fault())
        }
    }
}
