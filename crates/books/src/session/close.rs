//! What the rail says of a session, and its end.

use farthing_money::Amount;
use farthing_protocol::Timestamp;
use farthing_rail::{ChannelStanding, Voucher};

use super::step::{Next, Verdict};
use super::{SessionRecord, SessionRefusal, SessionState};

/// Serves nothing more from here on.
///
/// The last voucher may be lower than the highest: a payer may sign for exactly what was delivered, and on
/// some rails that is the only way to give back the rest. It must cover what is delivered, promised and
/// collected.
pub(super) fn close(record: &SessionRecord, voucher: Option<&Voucher>, reason: &str, at: Timestamp) -> Verdict {
    match record.state {
        SessionState::Opening => return Err(SessionRefusal::NotYetOpen),
        SessionState::Open | SessionState::Closing => {}
        SessionState::Closed | SessionState::Refused => return Ok(Next::Again),
    }
    let last = match voucher {
        None => None,
        Some(voucher) => last(record, voucher)?,
    };
    if record.state == SessionState::Closing && last.is_none() {
        return Ok(Next::Again);
    }
    let mut next = Box::new(SessionRecord { updated_at: at, ..record.clone() });
    if let Some(voucher) = last {
        next.accept(voucher);
    }
    if record.state == SessionState::Open {
        next.state = SessionState::Closing;
        next.reason = Some(reason.to_owned());
    }
    Ok(Next::becomes(next))
}

/// The voucher, if it takes the place of the highest.
fn last<'a>(record: &SessionRecord, voucher: &'a Voucher) -> Result<Option<&'a Voucher>, SessionRefusal> {
    if let Some(higher) = record.higher(record.id, voucher)? {
        return Ok(Some(higher));
    }
    let taken = record.committed().max(record.settled).max(record.collected);
    let frees_the_rest = voucher.cumulative < record.accepted && voucher.cumulative >= taken;
    Ok(Some(voucher).filter(|_| frees_the_rest && record.collecting.is_none()))
}

/// The rail says how the session stands.
pub(super) fn observe(record: &SessionRecord, standing: &ChannelStanding, at: Timestamp) -> Verdict {
    if record.prepaid || matches!(record.state, SessionState::Opening | SessionState::Refused) {
        return Err(SessionRefusal::Contradiction);
    }
    let mut next = Box::new(record.clone());
    next.stands(standing, at);
    Ok(Next::becomes(next))
}

/// Posts what was delivered since the last time.
pub(super) fn post(record: &SessionRecord, at: Timestamp) -> Next {
    if record.unposted.is_empty() {
        return Next::Again;
    }
    let next = SessionRecord { unposted: std::collections::BTreeMap::new(), updated_at: at, ..record.clone() };
    Next::Changed(Box::new(next), record.postings(at))
}

/// Ends a session: what is left is posted, what the books hold for its payer goes back, and what was
/// delivered and never collected is a loss. One that a rail holds ends when the rail says that it has.
pub(super) fn end(record: &SessionRecord, reason: &str, at: Timestamp) -> Verdict {
    match record.state {
        SessionState::Opening => return Err(SessionRefusal::NotYetOpen),
        SessionState::Open => return Err(SessionRefusal::Contradiction),
        SessionState::Closing => {}
        SessionState::Closed | SessionState::Refused => return Ok(Next::Again),
    }
    if record.pending.is_some() || record.collecting.is_some() || !record.held.is_zero() {
        return Err(SessionRefusal::Busy);
    }
    // A collection that was under way when the end was asked for may have left a part uncollected and the rest locked.
    if !record.prepaid && record.ended_at.is_none() {
        return Err(SessionRefusal::NotYetEnded);
    }
    let entries = record.last_entries(at);
    let next = SessionRecord {
        state: SessionState::Closed,
        reason: Some(reason.to_owned()),
        unposted: std::collections::BTreeMap::new(),
        updated_at: at,
        ..record.clone()
    };
    Ok(Next::Changed(Box::new(next), entries))
}

impl SessionRecord {
    /// Takes the rail's word. Of a session that has ended a rail may have forgotten the figures: they stay.
    ///
    /// A deposit below what was accepted was taken back by the rail (a reorganisation): nothing more is
    /// served from it.
    pub(super) fn stands(&mut self, standing: &ChannelStanding, at: Timestamp) {
        self.seen_at = Some(at);
        self.updated_at = at;
        if standing.closed {
            self.ended_at = self.ended_at.or(Some(at));
            self.settled = self.settled.max(standing.settled);
            self.serve_no_more("the rail says that it has ended");
            return;
        }
        self.ended_at = None;
        self.deposit = standing.deposit;
        self.settled = standing.settled;
        self.close_requested_at = standing.close_requested_at;
        self.collect_until = standing.collect_until;
        if self.accepted > self.deposit {
            self.serve_no_more("the rail holds less than was signed for");
        }
    }

    fn serve_no_more(&mut self, reason: &str) {
        if self.state == SessionState::Open {
            self.state = SessionState::Closing;
            self.reason = Some(reason.to_owned());
        }
    }

    /// Delivered or promised, and not collected: what the seller carries.
    pub fn uncollected(&self) -> Amount {
        if self.prepaid {
            return Amount::ZERO;
        }
        self.committed().checked_sub(self.settled.max(self.collected)).unwrap_or(Amount::ZERO)
    }
}
