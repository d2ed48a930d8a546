//! A page of a rail's statement against the payments: each movement once, and the cursor with them.

use std::collections::HashSet;

use farthing_protocol::Timestamp;
use farthing_rail::{Cursor, Direction, Movement};

use super::{MovementRecord, Reconciled, Seen, StatementPage};
use crate::ledger::posting::post;
use crate::shelf::{Missing, Shelf};
use crate::{Outcome, PaymentState, Transfer};

/// Takes a page. One that does not begin where the books stand changes nothing: it was taken before,
/// or one before it is missing.
pub(crate) fn reconcile(shelf: &mut Shelf, page: &StatementPage, at: Timestamp) -> Result<Outcome, Missing> {
    let stands_at = shelf.cursors.get(&page.source)?.cloned().unwrap_or_default();
    if stands_at != page.after {
        return Ok(Outcome::CursorMoved(stands_at));
    }
    let (mut sums, mut rows, mut transfers) = (Reconciled::default(), Vec::new(), Vec::new());
    let mut met = HashSet::new();
    for movement in &page.movements {
        match met.insert(&movement.key).then(|| arrival(shelf, &page.rail, movement, at)).transpose()?.flatten() {
            None => sums.repeated += 1,
            Some((record, transfer)) => {
                match movement.direction {
                    Direction::In if record.suspended => sums.suspended += 1,
                    Direction::Out if record.suspended => sums.withdrawn += 1,
                    _ => sums.matched += 1,
                }
                transfers.push(transfer);
                rows.push(record);
            }
        }
    }
    if let Err(refused) = post(shelf, &transfers) {
        return refused.outcome();
    }
    for record in rows {
        shelf.movements.put(record.key.clone(), record);
    }
    if stands_at != page.next {
        shelf.cursors.put(page.source.clone(), Cursor(page.next.0.clone()));
    }
    Ok(Outcome::Reconciled(sums))
}

/// What a movement of a statement does to the books; nothing, when it was shown before.
fn arrival(
    shelf: &Shelf,
    rail: &str,
    movement: &Movement,
    at: Timestamp,
) -> Result<Option<(MovementRecord, Transfer)>, Missing> {
    let known = shelf.movements.get(&movement.key)?.cloned();
    let mut record = known.unwrap_or_else(|| MovementRecord::unheard_of(&movement.key));
    if record.seen.is_some() {
        return Ok(None);
    }
    let seen = Seen::of(rail, movement);
    let clearing = clearing_of(shelf, &record, seen.direction)?;
    record.suspended = clearing.is_none();
    let transfer = record.confirmed(&seen, clearing.as_deref(), at);
    record.seen = Some(seen);
    Ok(Some((record, transfer)))
}

/// The rail that owes for a movement: that of its payment. Of one that was reversed nothing is owed;
/// if its money comes after all, nobody knows yet what it is for. Its refund and its fee stay booked.
fn clearing_of(shelf: &Shelf, record: &MovementRecord, direction: Direction) -> Result<Option<String>, Missing> {
    let Some(id) = record.payment else { return Ok(None) };
    let payment = shelf.payments.get(&id)?;
    let is_owed = |state| direction != Direction::In || state != PaymentState::Reversed;
    let stands = payment.filter(|payment| is_owed(payment.state));
    Ok(stands.map(|payment| payment.method.clone()))
}

/// Adds what taking a page needs, as far as the shelf lets it be known.
pub(crate) fn touches(page: &StatementPage, shelf: &Shelf, at: Timestamp, mut want: impl FnMut(Need)) {
    want(Need::Cursor(page.source.clone()));
    for movement in &page.movements {
        want(Need::Movement(movement.key.clone()));
        let Ok(known) = shelf.movements.get(&movement.key) else { continue };
        if let Some(payment) = known.and_then(|record| record.payment) {
            want(Need::Payment(payment));
        }
        if let Ok(Some((_, transfer))) = arrival(shelf, &page.rail, movement, at) {
            want(Need::Transfer(Box::new(transfer)));
        }
    }
}

/// A row that a page touches.
pub(crate) enum Need {
    Cursor(String),
    Movement(farthing_rail::ProofKey),
    Payment(farthing_rail::PaymentId),
    Transfer(Box<Transfer>),
}
