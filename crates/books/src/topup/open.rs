//! Opening an order, or finding the one that stands.

use super::{MOST_OPEN, NewTopUp, TopUpId, TopUpOutcome, TopUpRecord, TopUpState};
use crate::Outcome;
use crate::shelf::{Missing, Shelf};
use crate::touches::{Wanted, want};
use farthing_money::Amount;

/// Adds the rows that an order touches.
pub(crate) fn touches(new: &NewTopUp, shelf: &Shelf, wanted: &mut Wanted) {
    want(&shelf.topups, &mut wanted.topups, new.id);
    want(&shelf.references, &mut wanted.references, new.reference.clone());
    want(&shelf.standing, &mut wanted.standing, new.payer.clone());
    for id in shelf.standing.get(&new.payer).ok().flatten().into_iter().flatten() {
        want(&shelf.topups, &mut wanted.topups, *id);
    }
}

/// Opens an order. One of the same payer for the same, which is still open, stands for it.
pub(crate) fn open(shelf: &mut Shelf, new: &NewTopUp) -> Result<Outcome, Missing> {
    if let Some(known) = shelf.topups.get(&new.id)? {
        let same = known.order.payer == new.payer && known.order.is_for_the_same(new);
        return Ok(match same {
            true => Outcome::TopUp(TopUpOutcome::Stands(Box::new(known.clone()))),
            false => Outcome::Conflict,
        });
    }
    let mut standing: Vec<TopUpId> = shelf.standing.get(&new.payer)?.cloned().unwrap_or_default();
    let mut open = 0;
    for id in &standing {
        let Some(record) = shelf.topups.get(id)?.filter(|record| record.state == TopUpState::Open) else { continue };
        if record.order.is_for_the_same(new) {
            return Ok(Outcome::TopUp(TopUpOutcome::Stands(Box::new(record.clone()))));
        }
        open += 1;
    }
    if open >= MOST_OPEN {
        return Ok(Outcome::TopUp(TopUpOutcome::TooMany));
    }
    if shelf.references.get(&new.reference)?.is_some() {
        return Ok(Outcome::TopUp(TopUpOutcome::ReferenceTaken));
    }
    let record =
        TopUpRecord { order: new.clone(), state: TopUpState::Open, credited: Amount::ZERO, updated_at: new.at };
    standing.push(new.id);
    shelf.standing.put(new.payer.clone(), standing);
    shelf.references.put(new.reference.clone(), new.id);
    shelf.topups.put(new.id, record.clone());
    Ok(Outcome::TopUp(TopUpOutcome::Opened(Box::new(record))))
}

impl NewTopUp {
    fn is_for_the_same(&self, other: &Self) -> bool {
        self.rail == other.rail && self.asset == other.asset && self.expected == other.expected
    }
}
