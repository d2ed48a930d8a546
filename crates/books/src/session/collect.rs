//! Collecting from a rail what vouchers are worth, by a payment of the intent `session`.

use farthing_money::Amount;
use farthing_protocol::Timestamp;
use farthing_rail::SessionId;

use super::{INTENT, SessionOutcome, SessionRecord, SessionRefusal, SessionState};
use crate::payment::claim::claim;
use crate::shelf::{Missing, Shelf};
use crate::{ClaimOutcome, NewPayment, Outcome, PaymentRecord, PaymentState};

/// Claims the payment that collects from a session, the only one at a time.
pub(super) fn collect(shelf: &mut Shelf, session: SessionId, payment: &NewPayment) -> Result<Outcome, Missing> {
    let Some(record) = shelf.sessions.get(&session)?.cloned() else {
        return Ok(Outcome::Session(SessionOutcome::NotFound));
    };
    let refused = |refusal| Outcome::Session(SessionOutcome::Refused(refusal, Some(record.credit())));
    let again = || Outcome::Session(SessionOutcome::Again(Box::new(record.clone())));
    if record.collecting == Some(payment.id) {
        return Ok(again());
    }
    let is_its_own = payment.intent == INTENT && payment.method == record.method && payment.proof.asset == record.asset;
    match record.state {
        _ if record.prepaid || payment.prepaid || !is_its_own => return Ok(refused(SessionRefusal::Contradiction)),
        SessionState::Opening => return Ok(refused(SessionRefusal::NotYetOpen)),
        SessionState::Open | SessionState::Closing if record.collecting.is_some() => {
            return Ok(refused(SessionRefusal::Busy));
        }
        SessionState::Open | SessionState::Closing => {}
        SessionState::Closed | SessionState::Refused => return Ok(refused(SessionRefusal::Ending)),
    }
    match claim(shelf, payment)? {
        Outcome::Claim(ClaimOutcome::Won(claimed)) => {
            shelf.payments.put(claimed.id, PaymentRecord { session: Some(session), ..*claimed });
            let collections = record.collections.saturating_add(1);
            let record = SessionRecord { collecting: Some(payment.id), collections, updated_at: payment.at, ..record };
            shelf.sessions.put(session, record.clone());
            Ok(Outcome::Session(SessionOutcome::Done(Box::new(record))))
        }
        Outcome::Claim(ClaimOutcome::Lost(known)) if known.session == Some(session) => Ok(again()),
        Outcome::Claim(_) => Ok(refused(SessionRefusal::ProofUsed)),
        other => Ok(other),
    }
}

/// The session after a step of a payment that collects from it.
pub(crate) fn settled_with(
    session: &SessionRecord,
    before: &PaymentRecord,
    after: &PaymentRecord,
    at: Timestamp,
) -> SessionRecord {
    let mut session = SessionRecord { updated_at: at, ..session.clone() };
    session.collected = match (has_arrived(before), has_arrived(after)) {
        (false, true) => session.collected.checked_add(after.amount).unwrap_or(session.collected),
        (true, false) => session.collected.checked_sub(after.amount).unwrap_or(Amount::ZERO),
        _ => session.collected,
    };
    if session.collecting == Some(after.id) && after.state.is_final() && after.confirm_at.is_none() {
        session.collecting = None;
    }
    session
}

/// Whether what a payment collected is in the ledger and stands.
pub(crate) fn has_arrived(payment: &PaymentRecord) -> bool {
    payment.state.is_paid() && payment.state != PaymentState::Reversed
}
