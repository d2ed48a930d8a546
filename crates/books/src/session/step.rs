//! One command of a session against the rows on a shelf.

use super::{SessionCommand, SessionOutcome, SessionRecord, SessionRefusal, close, collect, draw, open};
use crate::ledger::posting::{Refused, post};
use crate::shelf::{Missing, Shelf};
use crate::{Outcome, Transfer};

/// What a command comes to, given the session as it stands.
pub(super) enum Next {
    /// It becomes this, together with these transfers.
    Changed(Box<SessionRecord>, Vec<Transfer>),
    /// It had been carried out before.
    Again,
}

/// A command that only one session decides about.
pub(super) type Verdict = Result<Next, SessionRefusal>;

impl Next {
    /// It becomes this, and the ledger stays as it is.
    pub(super) fn becomes(record: Box<SessionRecord>) -> Self {
        Self::Changed(record, Vec::new())
    }
}

/// Carries a command out, whole or not at all.
pub(crate) fn apply(shelf: &mut Shelf, command: &SessionCommand) -> Result<Outcome, Missing> {
    match command {
        SessionCommand::Draw { session, tender, voucher, least_delta, hold, at } => {
            let draw =
                draw::Draw { tender, voucher: voucher.as_deref(), least_delta: *least_delta, hold: *hold, at: *at };
            return draw::draw(shelf, *session, &draw);
        }
        SessionCommand::Deliver { session, held, delivered, units, route, at } => {
            let delivery =
                draw::Delivery { held: *held, delivered: *delivered, units: *units, route: route.as_str(), at: *at };
            return draw::deliver(shelf, *session, &delivery);
        }
        SessionCommand::Open(new) => return open::open(shelf, new),
        SessionCommand::Collect { session, payment } => return collect::collect(shelf, *session, payment),
        _ => {}
    }
    let Some(record) = shelf.sessions.get(&command.session())? else {
        return Ok(Outcome::Session(SessionOutcome::NotFound));
    };
    let verdict = match command {
        SessionCommand::TopUp { payer, deposit, at, .. } => {
            let used = shelf.proofs.get(&deposit.key)?;
            open::top_up(record, payer.as_ref(), deposit, used, *at)
        }
        SessionCommand::Deposited { key, standing, at, .. } => {
            let used = shelf.proofs.get(key)?;
            open::deposited(record, key, used, standing, *at)
        }
        SessionCommand::Doubt { key, reason, ask_at, at, .. } => open::doubt(record, key, reason, *ask_at, *at),
        SessionCommand::Refuse { key, reason, at, .. } => open::refuse(record, key, reason, *at),
        SessionCommand::Close { voucher, reason, at, .. } => close::close(record, voucher.as_deref(), reason, *at),
        SessionCommand::Observe { standing, at, .. } => close::observe(record, standing, *at),
        SessionCommand::Post { at, .. } => Ok(close::post(record, *at)),
        SessionCommand::End { reason, at, .. } => close::end(record, reason, *at),
        SessionCommand::Open(_)
        | SessionCommand::Draw { .. }
        | SessionCommand::Deliver { .. }
        | SessionCommand::Collect { .. } => Err(SessionRefusal::Contradiction),
    };
    let proof = match command {
        SessionCommand::TopUp { deposit, .. } => Some(&deposit.key),
        _ => None,
    };
    let outcome = match verdict {
        Err(refusal) => SessionOutcome::Refused(refusal, Some(record.credit())),
        Ok(Next::Again) => SessionOutcome::Again(Box::new(record.clone())),
        Ok(Next::Changed(record, entries)) => {
            return match enter(shelf, record, &entries)? {
                Ok(record) => {
                    if let Some(key) = proof {
                        shelf.proofs.put(key.clone(), crate::shelf::ProofUse::Deposit(record.id));
                    }
                    Ok(Outcome::Session(SessionOutcome::Done(record)))
                }
                Err(outcome) => Ok(outcome),
            };
        }
    };
    Ok(Outcome::Session(outcome))
}

/// Puts a session and its transfers on the shelf, or says why the ledger does not take them.
pub(super) fn enter(
    shelf: &mut Shelf,
    record: Box<SessionRecord>,
    entries: &[Transfer],
) -> Result<Result<Box<SessionRecord>, Outcome>, Missing> {
    match post(shelf, entries) {
        Ok(()) => {}
        Err(Refused::Insufficient { available }) => {
            let refusal = SessionRefusal::Insufficient { available };
            return Ok(Err(Outcome::Session(SessionOutcome::Refused(refusal, None))));
        }
        Err(refused) => return refused.outcome().map(Err),
    }
    let record = record.entered(entries);
    shelf.sessions.put(record.id, (*record).clone());
    Ok(Ok(record))
}
