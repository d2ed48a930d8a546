//! The way of a deposit into the escrow: asked for once, looked up ever after.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use farthing_books::{Command, SessionCommand, SessionOutcome, SessionRecord, SessionState};
use farthing_protocol::ProblemType;
use farthing_rail::{DepositClaim, Deposited, Escrow, SessionId, Unknown};
use tokio::time::timeout;

use super::books::carry_out;
use super::stop::Stop;
use crate::denial::Denial;
use crate::failpoint::reach;
use crate::seller::Seller;

/// How long a rail may take to say what became of a deposit.
const PATIENCE: Duration = Duration::from_secs(5);
/// When a deposit that nobody is at is asked about: whoever was to put it in is gone by then.
const ABANDONED: Duration = Duration::from_secs(60);
/// When to ask again for what a task of this process is at.
const SOON: Duration = Duration::from_secs(1);

/// Sessions with a deposit that a task of this process is putting in or asking about.
#[derive(Default)]
pub(crate) struct Depositing(Mutex<HashSet<SessionId>>);

/// The right to put in, or ask about, one session's deposit.
pub(super) struct Right {
    seller: Arc<Seller>,
    session: SessionId,
}

/// Takes the right, unless somebody has it. It is taken before the claim, so that whoever finds a deposit claimed
/// and has the right knows that no task of this process is at it.
pub(super) fn right(seller: &Arc<Seller>, session: SessionId) -> Option<Right> {
    let fresh = seller.sessions.depositing.0.lock().unwrap_or_else(PoisonError::into_inner).insert(session);
    fresh.then(|| Right { seller: Arc::clone(seller), session })
}

impl Drop for Right {
    fn drop(&mut self) {
        self.seller.sessions.depositing.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.session);
    }
}

/// Puts a claimed deposit in, once, and writes down what the rail says.
pub(super) async fn put_in(
    right: &Right,
    escrow: &dyn Escrow,
    patience: Duration,
    claim: DepositClaim,
) -> Result<Box<SessionRecord>, Stop> {
    reach("before-deposit");
    let deposited = timeout(patience, escrow.deposit(&claim)).await.unwrap_or_else(|_| silent(patience));
    reach("after-deposit");
    write_down(&right.seller, claim, deposited).await
}

/// Finds out what became of a deposit that was claimed before: it is looked up, never put in again.
pub(super) async fn find_out(
    seller: &Arc<Seller>,
    escrow: &dyn Escrow,
    session: SessionId,
) -> Result<Box<SessionRecord>, Stop> {
    let Some(_right) = right(seller, session) else { return Err(Stop::in_doubt(SOON)) };
    let Some(record) = seller.books.session(session).await.map_err(|error| Stop::store_down(seller, &error))? else {
        return Err(Stop::not_found());
    };
    let Some(pending) = record.pending.clone() else { return Ok(Box::new(record)) };
    // Another node may be putting it in at this moment, and what is not there yet would look refused.
    let is_free = pending.ask_at.is_some() || pending.claimed_at.after(ABANDONED) <= seller.now();
    if !is_free {
        return Err(Stop::in_doubt(SOON));
    }
    let claim = DepositClaim {
        session,
        payer: record.payer,
        amount: pending.amount,
        key: pending.key,
        deposit_kept: pending.kept,
        session_kept: record.kept,
        claimed_at: pending.claimed_at,
    };
    let deposited = timeout(PATIENCE, escrow.lookup_deposit(&claim)).await.unwrap_or_else(|_| silent(PATIENCE));
    write_down(seller, claim, deposited).await
}

/// Writes down what the rail said. When the books do not answer, it is written down as soon as they do.
async fn write_down(
    seller: &Arc<Seller>,
    claim: DepositClaim,
    deposited: Deposited,
) -> Result<Box<SessionRecord>, Stop> {
    let (session, key, at) = (claim.session, claim.key, seller.now());
    let (command, otherwise) = match deposited {
        Deposited::Held(standing) => (SessionCommand::Deposited { session, key, standing, at }, None),
        Deposited::Rejected(rejected) => {
            tracing::info!(%session, reason = rejected.reason, "a deposit was refused");
            let stop = Stop::from(Denial::of(rejected.refusal));
            (SessionCommand::Refuse { session, key, reason: rejected.reason, at }, Some(stop))
        }
        Deposited::Unknown(Unknown { reason, ask_again }) => {
            tracing::warn!(%session, reason, "it is unknown whether a deposit was made");
            let ask_at = at.after(ask_again);
            (SessionCommand::Doubt { session, key, reason, ask_at, at }, Some(Stop::in_doubt(ask_again)))
        }
    };
    let outcome = match carry_out(seller, command.clone()).await {
        Ok(outcome) => outcome,
        Err(stop) => {
            seller.later(Command::Session(command));
            return Err(stop);
        }
    };
    reach("after-deposited");
    seller.sessions.arrivals.announce(session);
    match (outcome, otherwise) {
        (SessionOutcome::Done(_) | SessionOutcome::Again(_), Some(otherwise)) => Err(otherwise),
        (SessionOutcome::Done(record) | SessionOutcome::Again(record), None) => Ok(record),
        (outcome, _) => {
            tracing::error!(%session, ?outcome, "the books refused what the rail said of a deposit");
            Err(Stop::in_doubt(SOON))
        }
    }
}

/// What a session comes to whose opening was claimed before.
pub(super) async fn standing(
    seller: &Arc<Seller>,
    escrow: Option<&dyn Escrow>,
    record: Box<SessionRecord>,
) -> Result<Box<SessionRecord>, Stop> {
    match (record.state, escrow) {
        (SessionState::Opening, Some(escrow)) => {
            let record = find_out(seller, escrow, record.id).await?;
            if record.state == SessionState::Open { Ok(record) } else { Err(Stop::in_doubt(SOON)) }
        }
        (SessionState::Open, _) => Ok(record),
        (SessionState::Opening, None) => Err(Stop::fault()),
        (SessionState::Refused, _) => {
            let detail = "The deposit was refused when this credential was first presented; open another channel.";
            Err(Stop::denied(ProblemType::VerificationFailed, detail))
        }
        (SessionState::Closing | SessionState::Closed, _) => {
            let detail = "The channel is closed or being closed; open another.";
            Err(Stop::denied(ProblemType::SessionChannelFinalized, detail))
        }
    }
}

fn silent(patience: Duration) -> Deposited {
    let reason = format!("the rail did not answer within {patience:?}");
    Deposited::Unknown(Unknown { reason, ask_again: Duration::from_secs(2) })
}
