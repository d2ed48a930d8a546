//! Asking, answering, using and expiring, by the largest time that the store has seen: an approval that ended
//! does not come back to life when a clock is set back.

use farthing_money::Price;
use farthing_protocol::Timestamp;

use super::{
    Answer, ApprovalCommand, ApprovalId, ApprovalOutcome, ApprovalRecord, ApprovalState, ApprovalUse, Question,
};
use crate::Outcome;
use crate::audit::{Event, facts};
use crate::budget::{Reservation, ReservationId};
use crate::shelf::{Missing, Shelf};
use crate::touches::{Wanted, want};

/// Adds the rows that a command touches.
pub(crate) fn touches(command: &ApprovalCommand, shelf: &Shelf, wanted: &mut Wanted) {
    wanted.latest |= shelf.latest.is_none();
    match command {
        ApprovalCommand::Ask(question) => {
            let digest = question.facts.digest();
            want(&shelf.approvals, &mut wanted.approvals, question.id);
            want(&shelf.asked, &mut wanted.asked, digest);
            if let Ok(Some(known)) = shelf.asked.get(&digest) {
                want(&shelf.approvals, &mut wanted.approvals, *known);
            }
        }
        ApprovalCommand::Answer { id, .. } | ApprovalCommand::Expire { id, .. } => {
            want(&shelf.approvals, &mut wanted.approvals, *id);
        }
    }
}

/// Adds the rows that a reservation touches when it uses an approval.
pub(crate) fn touches_of(reservation: &Reservation, shelf: &Shelf, wanted: &mut Wanted) {
    if let Some(used) = &reservation.approval {
        wanted.latest |= shelf.latest.is_none();
        want(&shelf.approvals, &mut wanted.approvals, used.id);
    }
}

/// Applies a command.
pub(crate) fn apply(shelf: &mut Shelf, command: &ApprovalCommand) -> Result<Outcome, Missing> {
    let outcome = match command {
        ApprovalCommand::Ask(question) => ask(shelf, question)?,
        ApprovalCommand::Answer { id, answer, at } => answered(shelf, *id, answer, *at)?,
        ApprovalCommand::Expire { id, at } => {
            let now = now(shelf, *at)?;
            match expired(shelf, *id, now)? {
                Some(record) => ApprovalOutcome::Stands(Box::new(record)),
                None => ApprovalOutcome::NotFound,
            }
        }
    };
    Ok(Outcome::Approval(outcome))
}

/// The same question stands until its deadline, however it was answered; a used one is asked anew.
fn ask(shelf: &mut Shelf, question: &Question) -> Result<ApprovalOutcome, Missing> {
    let now = now(shelf, question.at)?;
    let digest = question.facts.digest();
    if let Some(known) = shelf.asked.get(&digest)?.copied()
        && let Some(known) = expired(shelf, known, now)?
        && known.facts.cover(&question.facts)
    {
        let stands = match known.state {
            ApprovalState::Pending | ApprovalState::Allowed => true,
            ApprovalState::Denied => now < known.deadline,
            ApprovalState::Expired | ApprovalState::Used => false,
        };
        if stands {
            return Ok(ApprovalOutcome::Stands(Box::new(known)));
        }
    }
    if let Some(taken) = shelf.approvals.get(&question.id)? {
        return Ok(ApprovalOutcome::TooLate(Box::new(taken.clone())));
    }
    shelf.audit.head()?;
    let record = put(shelf, question.record(), now);
    shelf.asked.put(digest, record.id);
    let event = (Event::Asked, record.facts.wallet.as_str(), now);
    shelf.audit.append(event, Some(facts::Asked::of(&record)), question.decided.as_ref())?;
    Ok(ApprovalOutcome::Asked(Box::new(record)))
}

fn answered(shelf: &mut Shelf, id: ApprovalId, answer: &Answer, at: Timestamp) -> Result<ApprovalOutcome, Missing> {
    let now = now(shelf, at)?;
    let Some(mut record) = expired(shelf, id, now)? else { return Ok(ApprovalOutcome::NotFound) };
    let to = if answer.allow { ApprovalState::Allowed } else { ApprovalState::Denied };
    let follows = match record.state {
        state if state == to => return Ok(ApprovalOutcome::Stands(Box::new(record))),
        ApprovalState::Pending => true,
        ApprovalState::Allowed => !answer.allow,
        ApprovalState::Denied | ApprovalState::Expired | ApprovalState::Used => false,
    };
    if !follows {
        return Ok(ApprovalOutcome::TooLate(Box::new(record)));
    }
    record.state = to;
    record.answer = Some(answer.clone());
    shelf.audit.append((Event::Answered, record.facts.wallet.as_str(), now), Some(facts::Asked::of(&record)), None)?;
    Ok(ApprovalOutcome::Stands(Box::new(put(shelf, record, now))))
}

/// Whether a reservation may use the approval that it names.
pub(crate) fn usable(shelf: &Shelf, used: ApprovalUse, cost: Price, at: Timestamp) -> Result<bool, Missing> {
    let now = now(shelf, at)?;
    let Some(record) = shelf.approvals.get(&used.id)? else { return Ok(false) };
    let is_allowed = record.state_at(now) == ApprovalState::Allowed;
    Ok(is_allowed && record.facts.digest() == used.facts && record.facts.pay_for(cost))
}

/// A reservation was made with it.
pub(crate) fn use_up(shelf: &mut Shelf, used: ApprovalUse, by: ReservationId, at: Timestamp) -> Result<(), Missing> {
    let now = now(shelf, at)?;
    if let Some(mut record) = shelf.approvals.get(&used.id)?.cloned() {
        (record.state, record.used_by) = (ApprovalState::Used, Some(by));
        put(shelf, record, now);
    }
    Ok(())
}

/// It is proven that nothing was paid with it: it is good again until its deadline.
pub(crate) fn give_back(shelf: &mut Shelf, used: ApprovalUse, by: ReservationId, at: Timestamp) -> Result<(), Missing> {
    let now = now(shelf, at)?;
    let record = shelf.approvals.get(&used.id)?.filter(|record| record.used_by == Some(by)).cloned();
    if let Some(mut record) = record {
        (record.state, record.used_by) = (ApprovalState::Allowed, None);
        put(shelf, record, now);
    }
    Ok(())
}

/// The record, marked as expired once its time is over.
fn expired(shelf: &mut Shelf, id: ApprovalId, now: Timestamp) -> Result<Option<ApprovalRecord>, Missing> {
    let Some(mut record) = shelf.approvals.get(&id)?.cloned() else { return Ok(None) };
    let state = record.state_at(now);
    if state != record.state {
        record.state = state;
        record = put(shelf, record, now);
    }
    Ok(Some(record))
}

/// Now, or the largest time that was ever seen, whichever is later.
fn now(shelf: &Shelf, at: Timestamp) -> Result<Timestamp, Missing> {
    shelf.latest.map(|latest| latest.max(at)).ok_or(Missing("the largest time seen"))
}

fn put(shelf: &mut Shelf, mut record: ApprovalRecord, now: Timestamp) -> ApprovalRecord {
    record.updated_at = now;
    shelf.latest = shelf.latest.max(Some(now));
    shelf.approvals.put(record.id, record.clone());
    record
}
