//! What is to be done about a session: a question of how it stands and what time it is.

use std::time::Duration;

use farthing_books::{SessionRecord, SessionState};
use farthing_protocol::Timestamp;

use super::rails::Policy;
use crate::sessions::ending::is_certain;

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
    /// Whether the rail was asked just now what became of its deposit. It may never say, and what else is to be done
    /// cannot wait for that: a payer could put off everything by an addition that hangs.
    pub(super) deposit_asked: bool,
}

/// The next step, if there is one.
pub(super) fn next(session: &SessionRecord, known: Known, policy: &Policy, now: Timestamp) -> Option<Step> {
    if let Some(pending) = session.pending.as_ref().filter(|_| !known.deposit_asked)
        && (pending.ask_at.unwrap_or(pending.claimed_at.after(ABANDONED)) <= now || pending.claimed_at > now)
    {
        return Some(Step::FindDeposit);
    }
    match session.state {
        SessionState::Open => open(session, known, policy, now),
        SessionState::Closing => closing(session, known, policy, now),
        SessionState::Opening | SessionState::Closed | SessionState::Refused => None,
    }
}

fn open(session: &SessionRecord, known: Known, policy: &Policy, now: Timestamp) -> Option<Step> {
    if !session.prepaid && is_to_be_seen(session, now) {
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

fn closing(session: &SessionRecord, known: Known, policy: &Policy, now: Timestamp) -> Option<Step> {
    if session.collecting.is_some() {
        return None;
    }
    if session.held.is_zero() && is_certain(session, now) {
        return Some(Step::End);
    }
    if session.prepaid {
        return None;
    }
    if session.ended_at.is_some() {
        return is_to_be_seen(session, now).then_some(Step::Look);
    }
    // A stream is let finish, but not until the money is gone: it may never be read to its end.
    let is_late = session.collect_until.is_some_and(|until| until.before(LAST_CALL) <= now);
    if (is_late && session.uncollected() > session.held) || is_due(session, known, policy, now) {
        return Some(Step::Collect);
    }
    is_to_be_seen(session, now).then_some(Step::Look)
}

/// Whether it is time to collect what was delivered.
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

/// Whether the rail is to be asked how a session stands. Of one that was seen in a time to come the clock was turned
/// back: nobody knows how long ago that was.
fn is_to_be_seen(session: &SessionRecord, now: Timestamp) -> bool {
    let pause = match session.close_requested_at {
        Some(_) => WATCH_CLOSELY,
        None if session.uncollected().is_zero() => WATCH_AT_LEISURE,
        None => WATCH,
    };
    let seen_at = session.seen_at.unwrap_or(session.opened_at);
    seen_at > now || seen_at.after(pause) <= now
}

#[cfg(test)]
mod tests {
    use farthing_books::testing::MemoryStore;
    use farthing_books::testing::samples::at;
    use farthing_books::testing::sessions::{deliver, draw, id, opening, standing};
    use farthing_books::{Command, SessionCommand};
    use farthing_money::Amount;
    use farthing_rail::ProofKey;

    use super::*;

    const POLICY: Policy = Policy {
        settle_amount: Amount::new(50),
        settle_age: Duration::from_secs(3_600),
        settle_idle: Duration::from_secs(600),
        idle_close: Duration::from_secs(86_400),
        max_unsettled_per_payer: Amount::new(100),
        max_unsettled: Amount::new(100),
    };
    const SECOND: i64 = 1_000;

    /// An open session of which so much was delivered and so much is held.
    fn session(delivered: u128, held: u128) -> SessionRecord {
        let mut books = MemoryStore::default();
        let key = ProofKey::new("open/1");
        let mut commands = vec![
            SessionCommand::Open(Box::new(opening(1, 100))),
            SessionCommand::Deposited { session: id(1), key, standing: standing(100, 0), at: at(0) },
        ];
        commands.extend((delivered > 0).then(|| draw(1, Some(delivered), delivered)));
        commands.extend((delivered > 0).then(|| deliver(1, delivered, delivered)));
        commands.extend((held > 0).then(|| draw(1, Some(delivered + held), held)));
        books.batch(&commands.into_iter().map(Command::Session).collect::<Vec<_>>()).unwrap();
        books.sessions[&id(1)].clone()
    }

    const KNOWN: Known = Known { owed_since: Some(at(0)), posted_at: at(0), pressed: false, deposit_asked: false };

    fn step(session: &SessionRecord, seconds: i64) -> Option<Step> {
        next(session, KNOWN, &POLICY, at(seconds * SECOND))
    }

    #[test]
    fn what_is_owed_is_collected_for_its_amount_its_age_or_because_nobody_buys() {
        assert_eq!(step(&session(50, 0), 1), Some(Step::Collect));
        assert_eq!(step(&session(49, 51), 1), None, "what is only held is not collected");
        let mut seen = session(10, 0);
        seen.seen_at = Some(at(600 * SECOND));
        assert_eq!(step(&seen, 601), Some(Step::Collect), "idle");
        (seen.used_at, seen.seen_at) = (at(3_599 * SECOND), Some(at(3_599 * SECOND)));
        assert_eq!(step(&seen, 3_601), Some(Step::Collect), "old");
        seen.collecting = Some(farthing_rail::PaymentId::from_bytes([1; 16]));
        assert_eq!(step(&seen, 3_601), Some(Step::Post), "one collection at a time");
    }

    #[test]
    fn a_rail_is_asked_often_enough_to_answer_a_forced_close() {
        let owed = session(10, 0);
        assert_eq!((step(&owed, 29), step(&owed, 30)), (None, Some(Step::Look)));
        let nothing = session(0, 0);
        assert_eq!((step(&nothing, 599), step(&nothing, 600)), (None, Some(Step::Look)));
        let mut forced = session(10, 0);
        forced.close_requested_at = Some(at(0));
        assert!(matches!(step(&forced, 1), Some(Step::Close(_))));
    }

    #[test]
    fn a_clock_that_is_turned_back_hides_no_forced_close() {
        let mut owed = session(10, 0);
        owed.seen_at = Some(at(7_200 * SECOND));
        assert_eq!(step(&owed, 1), Some(Step::Look));
        let mut opening = session(0, 0);
        opening.state = SessionState::Opening;
        let pending = farthing_books::testing::sessions::deposit("open/1", 100);
        opening.pending = Some(farthing_books::session::PendingDeposit { claimed_at: at(7_200 * SECOND), ..pending });
        assert_eq!(step(&opening, 1), Some(Step::FindDeposit));
    }

    #[test]
    fn a_closing_session_waits_for_its_streams_and_not_until_the_money_is_gone() {
        let mut closing = session(10, 20);
        closing.state = SessionState::Closing;
        assert_eq!(step(&closing, 1), None);
        closing.collect_until = Some(at(900 * SECOND));
        closing.seen_at = Some(at(599 * SECOND));
        assert_eq!((step(&closing, 599), step(&closing, 600)), (None, Some(Step::Collect)));
        closing.held = Amount::ZERO;
        assert_eq!(step(&closing, 1), Some(Step::End));
        closing.collecting = Some(farthing_rail::PaymentId::from_bytes([1; 16]));
        assert_eq!(step(&closing, 600), None, "its end waits for what is being collected");
    }

    #[test]
    fn g_06_an_addition_that_hangs_hides_no_forced_close() {
        let asked = Known { deposit_asked: true, ..KNOWN };
        let mut owed = session(10, 0);
        owed.pending = Some(farthing_books::testing::sessions::deposit("add/1", 100));
        assert_eq!(next(&owed, KNOWN, &POLICY, at(60 * SECOND)), Some(Step::FindDeposit));
        assert_eq!(next(&owed, asked, &POLICY, at(60 * SECOND)), Some(Step::Look));
        owed.close_requested_at = Some(at(0));
        owed.seen_at = Some(at(60 * SECOND));
        assert!(matches!(next(&owed, asked, &POLICY, at(60 * SECOND)), Some(Step::Close(_))));
        owed.state = SessionState::Closing;
        assert_eq!(next(&owed, asked, &POLICY, at(60 * SECOND)), Some(Step::End));
    }

    #[test]
    fn a_stream_that_is_never_read_to_its_end_is_collected_from_as_others_are() {
        let mut closing = session(10, 20);
        closing.state = SessionState::Closing;
        assert_eq!(step(&closing, 3_600), Some(Step::Collect));
    }

    #[test]
    fn what_a_rail_says_is_gone_is_looked_at_again_before_it_is_given_up() {
        let mut gone = session(10, 0);
        gone.state = SessionState::Closing;
        gone.ended_at = Some(at(0));
        assert_eq!((step(&gone, 30), step(&gone, 599)), (Some(Step::Look), Some(Step::Look)));
        assert_eq!(step(&gone, 600), Some(Step::End));
        gone.collected = Amount::new(10);
        assert_eq!(step(&gone, 1), Some(Step::End), "nothing is lost by it");
    }

    #[test]
    fn a_deposit_in_doubt_is_asked_about_when_it_is_due() {
        let mut opening = session(0, 0);
        opening.state = SessionState::Opening;
        opening.pending = Some(farthing_books::testing::sessions::deposit("open/1", 100));
        assert_eq!((step(&opening, 59), step(&opening, 60)), (None, Some(Step::FindDeposit)));
        opening.pending.as_mut().unwrap().ask_at = Some(at(5 * SECOND));
        assert_eq!((step(&opening, 4), step(&opening, 5)), (None, Some(Step::FindDeposit)));
    }

    #[test]
    fn an_idle_session_is_closed_and_a_busy_one_posted() {
        let mut idle = session(0, 0);
        idle.seen_at = Some(at(86_400 * SECOND));
        assert!(matches!(step(&idle, 86_400), Some(Step::Close(_))));
        let mut busy = session(10, 0);
        (busy.used_at, busy.seen_at) = (at(580 * SECOND), Some(at(580 * SECOND)));
        assert_eq!((step(&busy, 599), step(&busy, 600)), (None, Some(Step::Post)));
    }
}
