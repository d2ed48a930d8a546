//! Reserving, confirming and releasing: every counter of a payment or none.

use std::time::Duration;

use farthing_money::Price;
use farthing_protocol::Timestamp;

use super::{
    BudgetCharge, BudgetCounter, Reservation, ReservationId, ReservationRecord, ReservationState, ReserveOutcome,
};
use crate::Outcome;
use crate::approval::step as asking;
use crate::audit::{Event, facts};
use crate::command::Invalid;
use crate::shelf::{Missing, Shelf};

/// How far a clock may stand behind the newest record: processes of one machine read it before they take turns.
const LARGEST_STEP_BACK: Duration = Duration::from_secs(60);

/// Counts a payment toward each of its budgets when all of them have room.
pub(crate) fn reserve(shelf: &mut Shelf, wanted: &Reservation) -> Result<Outcome, Missing> {
    if let Some(known) = shelf.reservations.get(&wanted.id)? {
        let again = known.state == ReservationState::Reserved && known.reservation.is_same_payment(wanted);
        let outcome = if again { ReserveOutcome::Reserved } else { ReserveOutcome::Conflict };
        return Ok(Outcome::Reserve(outcome));
    }
    if let Some(seen) = turned_back(shelf, wanted.at)? {
        note_denial(shelf, wanted, ("clock", None))?;
        return Ok(Outcome::Reserve(ReserveOutcome::ClockBehind { seen }));
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
    let at = latest(&counters).max(Some(shelf.audit.head()?.at)).max(Some(wanted.at)).unwrap_or(wanted.at);
    for (charge, counter) in wanted.charges.iter().zip(&mut counters) {
        let Some(amount) = charge.counts.of(wanted.cost) else {
            return Ok(Outcome::Invalid(Invalid::CountersDiffer));
        };
        counter.advance(at);
        let (spent, reserved) = (counter.spent, counter.reserved);
        if !charge.has_room(counter, wanted.cost) || counter.reserve(amount, at).is_none() {
            note_denial(shelf, wanted, ("budget", Some((charge, spent, reserved))))?;
            let charge = charge.clone();
            return Ok(Outcome::Reserve(ReserveOutcome::Exceeded { charge, spent, reserved }));
        }
    }
    if let Some(used) = wanted.approval {
        if !asking::usable(shelf, used, wanted.cost, at)? {
            note_denial(shelf, wanted, ("approval", None))?;
            return Ok(Outcome::Reserve(ReserveOutcome::NotApproved));
        }
        asking::use_up(shelf, used, wanted.id, at)?;
    }
    put(shelf, counters);
    let reservation = Reservation { at, decided: None, ..wanted.clone() };
    let event = (Event::Allowed, wanted.wallet.as_str(), wanted.at);
    shelf.audit.append(event, Some(facts::Allowed::of(&reservation)), wanted.decided.as_ref())?;
    let state = ReservationState::Reserved;
    let record = ReservationRecord { reservation, state, receipt: None, reason: None, updated_at: at };
    shelf.reservations.put(wanted.id, record);
    Ok(Outcome::Reserve(ReserveOutcome::Reserved))
}

/// What the log has seen, when the clock stands further behind it than processes differ in writing.
fn turned_back(shelf: &Shelf, now: Timestamp) -> Result<Option<Timestamp>, Missing> {
    let seen = shelf.audit.head()?.at;
    Ok((now < seen.before(LARGEST_STEP_BACK)).then_some(seen))
}

/// The latest instant that a rolling window of these has seen.
fn latest(counters: &[BudgetCounter]) -> Option<Timestamp> {
    counters.iter().filter_map(|counter| counter.window.as_ref()).map(|window| window.newest).max()
}

/// A refusal of the books' own is in the log like every other: why, and the counter with its figures.
fn note_denial(
    shelf: &mut Shelf,
    wanted: &Reservation,
    (rule, counter): (&str, Option<(&BudgetCharge, u64, u64)>),
) -> Result<(), Missing> {
    let denied = facts::Denied {
        cost: wanted.cost.to_string(),
        counter: counter.map(|(charge, ..)| charge.key.0.as_str()),
        limit: counter.map(|(charge, ..)| charge.limit.to_string()),
        reserved: counter.map(|(_, _, reserved)| reserved.to_string()),
        rule,
        spent: counter.map(|(_, spent, _)| spent.to_string()),
    };
    let event = (Event::Denied, wanted.wallet.as_str(), wanted.at);
    shelf.audit.append(event, Some(denied), wanted.decided.as_ref())
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
    shelf.audit.head()?;
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
    let event = if ended.state == ReservationState::Confirmed { Event::Confirmed } else { Event::Released };
    let cost = ended.actual.unwrap_or(record.reservation.cost);
    let facts = facts::Ended {
        cost: cost.to_string(),
        reason: ended.reason.map(Into::into),
        receipt: ended.receipt.map(Into::into),
        reservation: facts::hex(id),
    };
    shelf.audit.append((event, record.reservation.wallet.as_str(), ended.at), Some(facts), None)?;
    record.state = ended.state;
    record.reservation.cost = cost;
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
