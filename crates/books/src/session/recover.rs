//! After a start: what a process that died left on the way.

use farthing_money::Amount;
use farthing_protocol::Timestamp;

use super::{PendingDeposit, SessionRecord};

/// The session without what was held for requests that nobody serves any more, and with a deposit that
/// nobody puts in any more to be asked about; nothing where neither is.
pub(crate) fn recovered(session: &SessionRecord, at: Timestamp) -> Option<SessionRecord> {
    let forgotten = session.pending.as_ref().filter(|pending| pending.ask_at.is_none());
    if session.held.is_zero() && forgotten.is_none() {
        return None;
    }
    let mut session = SessionRecord { held: Amount::ZERO, updated_at: at, ..session.clone() };
    session.pending = session.pending.map(|pending| PendingDeposit { ask_at: pending.ask_at.or(Some(at)), ..pending });
    Some(session)
}

/// The session without what is held, whoever holds it: what a living process holds of it is spent all the same when it
/// is delivered, as far as the voucher covers it. Nothing where nothing is held.
pub(crate) fn let_go(session: &SessionRecord, at: Timestamp) -> Option<SessionRecord> {
    (!session.held.is_zero()).then(|| SessionRecord { held: Amount::ZERO, updated_at: at, ..session.clone() })
}
