//! The way that every paid request takes: a voucher, a hold, and what was delivered of it.
//!
//! A session is changed where it lies, never copied: what a draw costs is two look-ups and the write.

use farthing_money::Amount;
use farthing_protocol::Timestamp;
use farthing_rail::{SessionId, Voucher};

use super::{SessionOutcome, SessionRecord, SessionRefusal, SessionState, Tender};
use crate::Outcome;
use crate::shelf::{Extent, Missing, Shelf};

/// See [`super::SessionCommand::Draw`].
pub(super) struct Draw<'a> {
    pub(super) tender: &'a Tender,
    pub(super) voucher: Option<&'a Voucher>,
    pub(super) least_delta: Amount,
    pub(super) hold: Amount,
    pub(super) at: Timestamp,
}

/// See [`super::SessionCommand::Deliver`].
pub(super) struct Delivery<'a> {
    pub(super) held: Amount,
    pub(super) delivered: Amount,
    pub(super) units: u64,
    pub(super) route: &'a str,
    pub(super) at: Timestamp,
}

/// Accepts a voucher and holds an amount. A voucher is accepted even where the amount is not covered.
pub(super) fn draw(shelf: &mut Shelf, session: SessionId, draw: &Draw<'_>) -> Result<Outcome, Missing> {
    let Some(record) = shelf.sessions.get(&session)? else {
        return Ok(Outcome::Session(SessionOutcome::NotFound));
    };
    let refused = |refusal, credit| Ok(Outcome::Session(SessionOutcome::Refused(refusal, Some(credit))));
    if !draw.tender.is_of(record) {
        return refused(SessionRefusal::Foreign, record.credit());
    }
    let higher = match serves(record).and_then(|()| news(record, session, draw)) {
        Ok(higher) => higher,
        Err(refusal) => return refused(refusal, record.credit()),
    };
    let held = held_after(record, higher.map_or(record.accepted, |voucher| voucher.cumulative), draw.hold);
    let extent = match (higher, &held) {
        (Some(_), _) => Extent::Voucher,
        (None, Ok(_)) if !draw.hold.is_zero() => Extent::Counters,
        (None, Ok(_)) => return Ok(Outcome::Session(SessionOutcome::Drawn(record.credit()))),
        (None, Err(refusal)) => return refused(refusal.clone(), record.credit()),
    };
    let Some(record) = shelf.sessions.change(&session, extent)? else {
        return Ok(Outcome::Session(SessionOutcome::NotFound));
    };
    if let Some(voucher) = higher {
        record.accept(voucher);
    }
    record.updated_at = draw.at;
    match held {
        Ok(held) => {
            record.held = held;
            record.used_at = draw.at;
            Ok(Outcome::Session(SessionOutcome::Drawn(record.credit())))
        }
        Err(refusal) => refused(refusal, record.credit()),
    }
}

/// Spends what was delivered of a hold and lets go of the rest. Where the hold is gone, because somebody
/// else recovered the books meanwhile, what the voucher still covers is spent.
pub(super) fn deliver(shelf: &mut Shelf, session: SessionId, delivery: &Delivery<'_>) -> Result<Outcome, Missing> {
    let Some(record) = shelf.sessions.get(&session)? else {
        return Ok(Outcome::Session(SessionOutcome::NotFound));
    };
    if record.state.is_final() || delivery.delivered > delivery.held {
        let refusal = SessionOutcome::Refused(SessionRefusal::Contradiction, Some(record.credit()));
        return Ok(Outcome::Session(refusal));
    }
    let Some(record) = shelf.sessions.change(&session, Extent::Counters)? else {
        return Ok(Outcome::Session(SessionOutcome::NotFound));
    };
    record.held = record.held.checked_sub(delivery.held).unwrap_or(Amount::ZERO);
    record.spend(delivery.delivered.min(record.available()), delivery.route);
    record.units = record.units.saturating_add(delivery.units);
    record.updated_at = delivery.at;
    Ok(Outcome::Session(SessionOutcome::Drawn(record.credit())))
}

/// Whether a session serves at all.
fn serves(record: &SessionRecord) -> Result<(), SessionRefusal> {
    match record.state {
        SessionState::Opening => Err(SessionRefusal::NotYetOpen),
        SessionState::Open if record.close_requested_at.is_some() => Err(SessionRefusal::CloseRequested),
        SessionState::Open => Ok(()),
        SessionState::Closing | SessionState::Closed | SessionState::Refused => Err(SessionRefusal::Ending),
    }
}

/// The voucher, if it raises the total.
fn news<'a>(
    record: &SessionRecord,
    session: SessionId,
    draw: &Draw<'a>,
) -> Result<Option<&'a Voucher>, SessionRefusal> {
    let Some(voucher) = draw.voucher else { return Ok(None) };
    let Some(voucher) = record.higher(session, voucher)? else { return Ok(None) };
    let enough = record.accepted.checked_add(draw.least_delta).is_some_and(|least| voucher.cumulative >= least);
    if enough { Ok(Some(voucher)) } else { Err(SessionRefusal::DeltaTooSmall) }
}

/// What is held once so much more is; the total that would cover it where this one does not.
fn held_after(record: &SessionRecord, accepted: Amount, more: Amount) -> Result<Amount, SessionRefusal> {
    let required = record.committed().checked_add(more).ok_or(SessionRefusal::Contradiction)?;
    if required > accepted && !more.is_zero() {
        return Err(SessionRefusal::Uncovered { required });
    }
    record.held.checked_add(more).ok_or(SessionRefusal::Contradiction)
}

impl Tender {
    fn is_of(&self, session: &SessionRecord) -> bool {
        self.method == session.method && self.rail == session.rail && self.asset == session.asset
    }
}

impl SessionRecord {
    /// The voucher, if it is this session's, covered by the deposit, and raises the total. An equal or a lower
    /// one is no news and no fault.
    pub(super) fn higher<'a>(
        &self,
        session: SessionId,
        voucher: &'a Voucher,
    ) -> Result<Option<&'a Voucher>, SessionRefusal> {
        if voucher.session != session {
            return Err(SessionRefusal::Contradiction);
        }
        if voucher.signer != self.signer {
            return Err(SessionRefusal::Signer);
        }
        if voucher.cumulative <= self.accepted {
            return Ok(None);
        }
        if voucher.cumulative > self.deposit {
            return Err(SessionRefusal::AboveDeposit);
        }
        Ok(Some(voucher))
    }

    /// Accepts a voucher that was found good.
    pub(super) fn accept(&mut self, voucher: &Voucher) {
        self.accepted = voucher.cumulative;
        let kept = self.voucher.get_or_insert_default();
        kept.clear();
        kept.extend_from_slice(&voucher.kept);
    }

    fn spend(&mut self, amount: Amount, route: &str) {
        let Some(spent) = self.spent.checked_add(amount).filter(|_| !amount.is_zero()) else { return };
        self.spent = spent;
        match self.unposted.get_mut(route) {
            // No larger than `spent`, which fits.
            Some(sum) => *sum = sum.checked_add(amount).unwrap_or(spent),
            None => {
                self.unposted.insert(route.to_owned(), amount);
            }
        }
    }
}
