//! The end of a session: what was delivered is collected, and the rest goes back.

use std::sync::Arc;
use std::time::Duration;

use farthing_books::{SessionCommand, SessionOutcome, SessionRecord, SessionState};
use farthing_protocol::Timestamp;
use farthing_rail::{Deposits, Escrow, SessionId};
use tokio::time::timeout;
use tracing::Instrument;

use super::books::{carry_out, record_of};
use super::collect::{Collected, collect, last_reference};
use super::stop::Stop;
use crate::seller::Seller;

/// How soon an end is asked for again that could not come yet.
const SOON: Duration = Duration::from_secs(1);

/// How long a rail must have said that a session has ended before what it owes is given up. A node that lags, or a
/// reorganisation, says so for a while of what is there, and a loss that was written down is final.
const CERTAIN: Duration = Duration::from_secs(600);

/// Whether it may end as far as its rail goes: nothing is lost by it, or the rail has long said the same.
pub(super) fn is_certain(session: &SessionRecord, now: Timestamp) -> bool {
    session.uncollected().is_zero() || session.ended_at.is_none_or(|ended| ended.after(CERTAIN) <= now)
}

/// A session whose end is known.
pub(super) struct Ended {
    pub(super) record: Box<SessionRecord>,
    /// Where the last of it was collected, where the rail has a name for that.
    pub(super) transaction: Option<String>,
}

/// Ends a session that is closing, in a task that outlives the client, if that is possible within a rail's time. An
/// end that the rail could still take back is one: the books wait for the last word of it, the payer does not.
pub(super) async fn end(
    seller: &Arc<Seller>,
    deposits: &Deposits,
    session: SessionId,
    patience: Duration,
) -> Result<Ended, Stop> {
    let (shared, deposits) = (Arc::clone(seller), deposits.clone());
    let task = async move {
        match deposits {
            Deposits::InBooks => end_in_books(&shared, session).await,
            Deposits::InEscrow(escrow) => end_in_escrow(&shared, escrow.as_ref(), session, patience).await,
        }
    };
    let ended = seller.spawn(task.instrument(tracing::info_span!("end", %session))).await;
    ended.unwrap_or_else(|error| {
        tracing::error!(%error, %session, "the end of a session broke off; the keeper goes on with it");
        Err(Stop::in_doubt(SOON))
    })
}

async fn end_in_escrow(
    seller: &Arc<Seller>,
    escrow: &dyn Escrow,
    session: SessionId,
    patience: Duration,
) -> Result<Ended, Stop> {
    let Some(mut record) = record_of(seller, session).await? else { return Err(Stop::not_found()) };
    if record.state == SessionState::Closed {
        let transaction = last_reference(seller, &record).await;
        return Ok(Ended { record: Box::new(record), transaction });
    }
    if !record.held.is_zero() {
        return Err(Stop::in_doubt(SOON));
    }
    // What an earlier collection came to is the rail's to say before another is made: it may have ended the session.
    if record.collections > 0 && record.collecting.is_none() {
        record = *observe(seller, escrow, &record, patience).await?.ok_or(Stop::in_doubt(SOON))?;
    }
    if !is_certain(&record, seller.now()) {
        return Err(Stop::in_doubt(SOON));
    }
    let mut transaction = last_reference(seller, &record).await;
    if record.ended_at.is_none() {
        let collected = collect(seller, escrow, &record, true, patience).await;
        match collected.map_err(|error| Stop::store_down(seller, &error))? {
            Collected::Done(reference) => transaction = Some(reference),
            Collected::UnderWay(wait) => return Err(Stop::in_doubt(wait)),
            Collected::Not(reason) => {
                tracing::error!(%session, reason, "a session was not collected; the keeper tries again");
                return Err(Stop::in_doubt(SOON));
            }
        }
        let seen = observe(seller, escrow, &record, patience).await?;
        // A collection of an earlier time may have taken a part only, and closed nothing.
        if record.collecting.is_some() && seen.is_none_or(|seen| seen.ended_at.is_none()) {
            return Err(Stop::in_doubt(SOON));
        }
    }
    match end_in_books(seller, session).await {
        Ok(ended) => Ok(Ended { transaction, ..ended }),
        // It is collected, and the rail could still take that back: the books end it when it no longer can.
        Err(_) if transaction.is_some() => {
            let Some(record) = record_of(seller, session).await? else { return Err(Stop::not_found()) };
            Ok(Ended { record: Box::new(record), transaction })
        }
        Err(stop) => Err(stop),
    }
}

/// Lets the rail say how the session stands. Silence changes nothing.
async fn observe(
    seller: &Seller,
    escrow: &dyn Escrow,
    record: &SessionRecord,
    patience: Duration,
) -> Result<Option<Box<SessionRecord>>, Stop> {
    let Ok(Ok(standing)) = timeout(patience, escrow.standing(&record.kept)).await else { return Ok(None) };
    match carry_out(seller, SessionCommand::Observe { session: record.id, standing, at: seller.now() }).await? {
        SessionOutcome::Done(record) | SessionOutcome::Again(record) => Ok(Some(record)),
        _ => Ok(None),
    }
}

async fn end_in_books(seller: &Seller, session: SessionId) -> Result<Ended, Stop> {
    let Some(record) = record_of(seller, session).await? else { return Err(Stop::not_found()) };
    let reason = record.reason.unwrap_or_default();
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
