//! What is to be done about a session: a question of how it stands and what time it is.

use std::time::Duration;

use farthing_books::{SessionRecord, SessionState};
use farthing_protocol::Timestamp;

use super::rails::Policy;

/// A deposit that nobody is at any more is asked about after this.
const ABANDONED: Duration = Duration::from_secs(60);
/// How often the rail is asked how a session stands that it was not collected from: a payer who closes by force is
/// answered well within the quarter of an hour that there is for it.
const WATCH: Duration = Duration::from_secs(30);
/// The same while its payer asks for a forced close.
const WATCH_CLOSELY: Duration = Duration::from_secs(15);
/// The same of one with nothing to be lost.
const WATCH_AT_LEISURE: Duration = Duration::from_secs(600);
/// What was delivered is posted to the ledger this often; at the end it is in any case.
const POST: Duration = Duration::from_secs(600);
/// So long before the payer may take the rest, what is still being served is no longer waited for.
const LAST_CALL: Duration = Duration::from_secs(300);

/// One step for a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Ask what became of its deposit.
    FindDeposit,
    /// Ask how it stands.
    Look,
    /// Serve nothing more.
    Close(&'static str),
    /// Collect what was delivered.
    Collect,
    /// Collect what was delivered, and end it.
    End,
    /// Post what was delivered.
    Post,
}

/// What is known of a session beside its record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    /// Since when there is something to collect.
    pub(super) owed_since: Option<Timestamp>,
    /// When it was last posted, or first seen.
    pub(super) posted_at: Timestamp,
    /// Whether it is to be collected from now, whatever the policy.
    pub(super) pressed: bool,
}

/// The next step, if there is one.
pub(super) fn next(session: &SessionRecord, known: Known, policy: &Policy, now: Timestamp) -> Option<Step> {
    if let Some(pending) = &session.pending
        && pending.ask_at.unwrap_or(pending.claimed_at.after(ABANDONED)) <= now
    {
        return Some(Step::FindDeposit);
    }
    match session.state {
        SessionState::Open => open(session, known, policy, now),
        SessionState::Closing => closing(session, now),
        SessionState::Opening | SessionState::Closed | SessionState::Refused => None,
    }
}

fn open(session: &SessionRecord, known: Known, policy: &Policy, now: Timestamp) -> Option<Step> {
    if !session.prepaid && look_at(session) <= now {
        return Some(Step::Look);
    }
    if session.close_requested_at.is_some() {
        return Some(Step::Close("its payer asked to take the rest by force"));
    }
    if session.used_at.after(policy.idle_close) <= now && session.held.is_zero() {
        return Some(Step::Close("nothing was bought with it for long"));
    }
    if is_due(session, known, policy, now) {
        return Some(Step::Collect);
    }
    let unposted = !session.unposted.is_empty() && known.posted_at.after(POST) <= now;
    unposted.then_some(Step::Post)
}

fn closing(session: &SessionRecord, now: Timestamp) -> Option<Step> {
    if session.pending.is_some() || session.collecting.is_some() {
        return None;
    }
    if session.held.is_zero() {
        return Some(Step::End);
    }
    if session.prepaid || session.ended_at.is_some() {
        return None;
    }
    // A stream is let finish, but not until the money is gone.
    match session.collect_until {
        Some(until) if until.before(LAST_CALL) <= now => Some(Step::Collect),
        _ => (look_at(session) <= now).then_some(Step::Look),
    }
    .filter(|step| *step == Step::Look || session.uncollected() > session.held)
}

/// Whether it is time to collect from a session that serves.
fn is_due(session: &SessionRecord, known: Known, policy: &Policy, now: Timestamp) -> bool {
    let delivered = session.uncollected().checked_sub(session.held).unwrap_or_default();
    if session.prepaid || session.collecting.is_some() || delivered.is_zero() {
        return false;
    }
    known.pressed
        || delivered >= policy.settle_amount
        || session.used_at.after(policy.settle_idle) <= now
        || known.owed_since.is_some_and(|since| since.after(policy.settle_age) <= now)
}

/// When the rail is asked next how a session stands.
fn look_at(session: &SessionRecord) -> Timestamp {
    let pause = match session.close_requested_at {
        Some(_) => WATCH_CLOSELY,
        None if session.uncollected().is_zero() => WATCH_AT_LEISURE,
        None => WATCH,
    };
    session.seen_at.unwrap_or(session.opened_at).after(pause)
}
