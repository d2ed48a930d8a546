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
        let counter = shelf.counters.get(&charge.key)?.cloned().unwrap_or_else(|| charge.new_counter(wanted.at));
        if !charge.fits(&counter) {
            return Ok(Outcome::Invalid(Invalid::CountersDiffer));
        }
        counters.push(counter);
    }
    let at = latest(&counters).map_or(wanted.at, |latest| latest.max(wanted.at));
    for (charge, counter) in wanted.charges.iter().zip(&mut counters) {
        if let Err(refused) = count(charge, counter, wanted.cost, at) {
            return Ok(refused);
        }
    }
    if let Some(used) = wanted.approval {
        if !asking::usable(shelf, used, wanted.cost, at)? {
            return Ok(Outcome::Reserve(ReserveOutcome::NotApproved));
        }
        asking::use_up(shelf, used, wanted.id, at)?;
    }
    put(shelf, counters);
    let record = ReservationRecord {
        reservation: Reservation { at, ..wanted.clone() },
        state: ReservationState::Reserved,
        receipt: None,
        reason: None,
        updated_at: at,
    };
    shelf.reservations.put(wanted.id, record);
    Ok(Outcome::Reserve(ReserveOutcome::Reserved))
}

/// The latest instant that a rolling window of these has seen.
fn latest(counters: &[BudgetCounter]) -> Option<Timestamp> {
    counters.iter().filter_map(|counter| counter.window.as_ref()).map(|window| window.newest).max()
}

/// Reserves a cost on a counter, or says why not.
fn count(charge: &BudgetCharge, counter: &mut BudgetCounter, cost: Price, at: Timestamp) -> Result<(), Outcome> {
    let amount = charge.counts.of(cost).ok_or(Outcome::Invalid(Invalid::CountersDiffer))?;
    counter.advance(at);
    let (spent, reserved) = (counter.spent, counter.reserved);
    if charge.has_room(counter, cost) && counter.reserve(amount, at).is_some() {
        return Ok(());
    }
    Err(Outcome::Reserve(ReserveOutcome::Exceeded { charge: charge.clone(), spent, reserved }))
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
            return Ok(Outcome::Invalid(Invalid::CountersDiffer));
        }
        if known.state == ReservationState::Reserved && actual.millionths() > reserved.millionths() {
            return Ok(Outcome::Invalid(Invalid::MoreThanReserved));
        }
    }
    let ended = Ended { state: ReservationState::Confirmed, receipt, reason: None, actual, at };
    end(shelf, id, &ended, |cost| Some(actual.unwrap_or(cost)))
}

/// It is proven that the payment did not happen: what was reserved is free again.
pub(crate) fn release(shelf: &mut Shelf, id: ReservationId, reason: &str, at: Timestamp) -> Result<Outcome, Missing> {
    let ended = Ended { state: ReservationState::Released, receipt: None, reason: Some(reason), actual: None, at };
    end(shelf, id, &ended, |_| None)
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
    spent: impl Fn(Price) -> Option<Price>,
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
        let cost = record.reservation.cost;
        let reserved = charge.counts.of(cost);
        let spent = spent(cost).map_or(Some(0), |spent| charge.counts.of(spent));
        let ended = reserved.zip(spent).and_then(|(of, spent)| counter.end(of, spent, record.reservation.at));
        if ended.is_none() {
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
