//! Reserving, confirming and releasing: every counter of a payment or none.

use farthing_money::Price;
use farthing_protocol::Timestamp;

use super::{
    BudgetCharge, BudgetCounter, Reservation, ReservationId, ReservationRecord, ReservationState, ReserveOutcome,
};
use crate::Outcome;
use crate::approval::step as asking;
use crate::command::Invalid;
use crate::shelf::{Missing, Shelf};

/// Counts a payment toward each of its budgets when all of them have room.
pub(crate) fn reserve(shelf: &mut Shelf, wanted: &Reservation) -> Result<Outcome, Missing> {
    if let Some(known) = shelf.reservations.get(&wanted.id)? {
        let again = known.state == ReservationState::Reserved && known.reservation.is_same_payment(wanted);
        let outcome = if again { ReserveOutcome::Reserved } else { ReserveOutcome::Conflict };
        return Ok(Outcome::Reserve(outcome));
    }
    let mut counters = Vec::with_capacity(wanted.charges.len());
    for charge in &wanted.charges {
        if counters.iter().any(|counter: &BudgetCounter| counter.key == charge.key) {
            return Ok(Outcome::Invalid(Invalid::RepeatedCounter));
        }
        let counter = shelf.counters.get(&charge.key)?.cloned().unwrap_or_else(|| charge.new_counter(wanted.cost));
        match charge.count(counter, wanted.cost) {
            Ok(counted) => counters.push(counted),
            Err(refused) => return Ok(refused),
        }
    }
    if let Some(used) = wanted.approval {
        if !asking::usable(shelf, used, wanted.cost, wanted.at)? {
            return Ok(Outcome::Reserve(ReserveOutcome::NotApproved));
        }
        asking::use_up(shelf, used, wanted.id, wanted.at)?;
    }
    put(shelf, counters);
    let record = ReservationRecord {
        reservation: wanted.clone(),
        state: ReservationState::Reserved,
        receipt: None,
        reason: None,
        updated_at: wanted.at,
    };
    shelf.reservations.put(wanted.id, record);
    Ok(Outcome::Reserve(ReserveOutcome::Reserved))
}

/// The payment happened: what was reserved, or the part of it that it cost, is spent.
pub(crate) fn confirm(
    shelf: &mut Shelf,
    id: ReservationId,
    receipt: Option<&str>,
    actual: Option<Price>,
    at: Timestamp,
) -> Result<Outcome, Missing> {
    if let (Some(known), Some(actual)) = (shelf.reservations.get(&id)?, actual) {
        let reserved = known.reservation.cost;
        if actual.currency() != reserved.currency() {
            return Ok(Outcome::Invalid(Invalid::CurrenciesDiffer));
        }
        if known.state == ReservationState::Reserved && actual.millionths() > reserved.millionths() {
            return Ok(Outcome::Invalid(Invalid::MoreThanReserved));
        }
    }
    let ended = Ended { state: ReservationState::Confirmed, receipt, reason: None, actual, at };
    end(shelf, id, &ended, |counter, cost| {
        counter.reserved = less(counter.reserved, cost)?;
        counter.spent = more(counter.spent, actual.unwrap_or(cost))?;
        Some(())
    })
}

/// It is proven that the payment did not happen: what was reserved is free again.
pub(crate) fn release(shelf: &mut Shelf, id: ReservationId, reason: &str, at: Timestamp) -> Result<Outcome, Missing> {
    let ended = Ended { state: ReservationState::Released, receipt: None, reason: Some(reason), actual: None, at };
    end(shelf, id, &ended, |counter, cost| {
        counter.reserved = less(counter.reserved, cost)?;
        Some(())
    })
}

/// How a reservation ended.
struct Ended<'a> {
    state: ReservationState,
    receipt: Option<&'a str>,
    reason: Option<&'a str>,
    /// What it cost, where that is less than was reserved.
    actual: Option<Price>,
    at: Timestamp,
}

fn end(
    shelf: &mut Shelf,
    id: ReservationId,
    ended: &Ended<'_>,
    move_on: impl Fn(&mut BudgetCounter, Price) -> Option<()>,
) -> Result<Outcome, Missing> {
    let Some(known) = shelf.reservations.get(&id)? else {
        return Ok(Outcome::NotFound);
    };
    if known.state != ReservationState::Reserved {
        return Ok(if known.state == ended.state { Outcome::Done } else { Outcome::Conflict });
    }
    let mut record = known.clone();
    let mut counters = Vec::with_capacity(record.reservation.charges.len());
    for charge in &record.reservation.charges {
        let Some(mut counter) = shelf.counters.get(&charge.key)?.cloned() else {
            return Ok(Outcome::NotFound);
        };
        if move_on(&mut counter, record.reservation.cost).is_none() {
            return Ok(Outcome::Invalid(Invalid::TooLarge));
        }
        counters.push(counter);
    }
    if let Some(used) = record.reservation.approval.filter(|_| ended.state == ReservationState::Released) {
        asking::give_back(shelf, used, id, ended.at)?;
    }
    put(shelf, counters);
    record.state = ended.state;
    record.reservation.cost = ended.actual.unwrap_or(record.reservation.cost);
    record.receipt = ended.receipt.map(str::to_owned);
    record.reason = ended.reason.map(str::to_owned);
    record.updated_at = ended.at;
    shelf.reservations.put(id, record);
    Ok(Outcome::Done)
}

impl BudgetCharge {
    fn new_counter(&self, cost: Price) -> BudgetCounter {
        let nothing = Price::from_millionths(0, cost.currency());
        BudgetCounter { key: self.key.clone(), spent: nothing, reserved: nothing }
    }

    /// The counter with a cost reserved on it, or why not.
    fn count(&self, mut counter: BudgetCounter, cost: Price) -> Result<BudgetCounter, Outcome> {
        if self.limit.currency() != cost.currency() || counter.spent.currency() != cost.currency() {
            return Err(Outcome::Invalid(Invalid::CurrenciesDiffer));
        }
        let exceeded = Outcome::Reserve(ReserveOutcome::Exceeded {
            key: self.key.clone(),
            limit: self.limit,
            spent: counter.spent,
            reserved: counter.reserved,
        });
        let Some(reserved) = more(counter.reserved, cost) else {
            return Err(exceeded);
        };
        match more(counter.spent, reserved) {
            Some(total) if total.millionths() <= self.limit.millionths() => {
                counter.reserved = reserved;
                Ok(counter)
            }
            _ => Err(exceeded),
        }
    }
}

impl Reservation {
    /// Whether another reservation is for the same payment; limits and time may have moved on.
    fn is_same_payment(&self, other: &Self) -> bool {
        let keys = |reservation: &Self| reservation.charges.iter().map(|charge| charge.key.clone()).collect::<Vec<_>>();
        self.wallet == other.wallet
            && self.cost == other.cost
            && self.challenge == other.challenge
            && self.origin == other.origin
            && self.request == other.request
            && self.approval == other.approval
            && keys(self) == keys(other)
    }
}

fn put(shelf: &mut Shelf, counters: Vec<BudgetCounter>) {
    for counter in counters {
        shelf.counters.put(counter.key.clone(), counter);
    }
}

fn more(sum: Price, cost: Price) -> Option<Price> {
    sum.millionths().checked_add(cost.millionths()).map(|sum_of| Price::from_millionths(sum_of, sum.currency()))
}

fn less(sum: Price, cost: Price) -> Option<Price> {
    sum.millionths().checked_sub(cost.millionths()).map(|rest| Price::from_millionths(rest, sum.currency()))
}
