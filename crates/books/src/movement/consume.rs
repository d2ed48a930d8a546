//! A payment settles by its movements: each of them counts for one payment, ever.

use farthing_protocol::Timestamp;
use farthing_rail::PaymentId;

use super::MovementRecord;
use crate::shelf::{Missing, Shelf};
use crate::{PaymentRecord, Transfer};

/// What becomes of the movements that a payment names.
pub(crate) enum Consumed {
    /// They are its own: these rows change and these transfers are due.
    Own(Vec<MovementRecord>, Vec<Transfer>),
    /// One of them was this payment's.
    UsedBy(PaymentId),
}

/// Looks at the movements that a payment settles by. Nothing is changed.
pub(crate) fn consume(shelf: &Shelf, payment: &PaymentRecord, at: Timestamp) -> Result<Consumed, Missing> {
    let (mut rows, mut transfers) = (Vec::new(), Vec::new());
    for key in &payment.consumed {
        let mut record = shelf.movements.get(key)?.cloned().unwrap_or_else(|| MovementRecord::unheard_of(key));
        match record.payment {
            Some(own) if own == payment.id => continue,
            Some(other) => return Ok(Consumed::UsedBy(other)),
            None => record.payment = Some(payment.id),
        }
        if let Some(seen) = record.seen.as_ref().filter(|_| record.suspended) {
            transfers.push(record.explained(seen, &payment.method, at));
            record.suspended = false;
        }
        rows.push(record);
    }
    Ok(Consumed::Own(rows, transfers))
}
