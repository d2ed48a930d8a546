//! How much value the seller carries: delivered or promised for vouchers, and not collected.
//!
//! Counted as what goes on in this process is known, and put right whenever the keeper reads a session. A hold
//! counts before the books are asked for it, so that many at once never carry more than the limits say.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use farthing_books::SessionRecord;
use farthing_books::session::Credit;
use farthing_money::Amount;
use farthing_protocol::Timestamp;
use farthing_rail::{PayerId, SessionId};

use super::rails::Policy;

/// At most so many sessions are collected from at once because of one limit.
const PRESSED_AT_ONCE: usize = 32;

/// What is carried of every session in an escrow.
#[derive(Default)]
pub(crate) struct Risk(Mutex<Carried>);

impl std::fmt::Debug for Risk {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Risk(..)")
    }
}

#[derive(Default)]
struct Carried {
    sessions: HashMap<SessionId, Share>,
    payers: HashMap<Arc<Payer>, Amount>,
    rails: HashMap<Arc<str>, Amount>,
    /// To be looked at before all others.
    urgent: HashSet<SessionId>,
    /// Limits that were reached: of a rail, or of one payer on it.
    reached: HashSet<(Arc<str>, Option<Arc<Payer>>)>,
}

/// A payer on a rail.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Payer {
    rail: Arc<str>,
    id: PayerId,
}

struct Share {
    payer: Arc<Payer>,
    carried: Amount,
    /// What of it the books have not answered yet.
    promised: Amount,
    /// What the rail or the books say was collected.
    collected: Amount,
    owed_since: Option<Timestamp>,
}

/// Which limit a hold would break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// That of one payer.
    Payer,
    /// That of the rail.
    Rail,
}

/// What a rail's sessions come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) unsettled: Amount,
    /// That of the payer with the most.
    pub(super) highest: Amount,
}

impl Risk {
    /// Whether a session is counted.
    pub(crate) fn knows(&self, session: SessionId) -> bool {
        self.carried().sessions.contains_key(&session)
    }

    /// Counts a session as it stands.
    pub(crate) fn stands(&self, session: &SessionRecord, now: Timestamp) {
        let mut carried = self.carried();
        if session.prepaid || session.state.is_final() {
            carried.forget(session.id);
            return;
        }
        let collected = session.settled.max(session.collected);
        let fresh = !carried.sessions.contains_key(&session.id);
        if fresh {
            let payer = carried.payer(session);
            carried.sessions.insert(
                session.id,
                Share { payer, carried: Amount::ZERO, promised: Amount::ZERO, collected, owed_since: None },
            );
        }
        carried.known(session.id, session.uncollected(), now);
        if let Some(share) = carried.sessions.get_mut(&session.id) {
            share.collected = collected;
            // What was delivered before this process began may be as old as the session.
            if fresh && share.owed_since.is_some() && session.collections == 0 {
                share.owed_since = Some(session.opened_at);
            }
        }
    }

    /// Counts a hold before it is made, or says which limit it would break.
    pub(crate) fn admit(&self, session: SessionId, hold: Amount, policy: &Policy, now: Timestamp) -> Result<(), Limit> {
        let mut carried = self.carried();
        let Some((payer, before)) =
            carried.sessions.get(&session).map(|share| (Arc::clone(&share.payer), share.carried))
        else {
            return Ok(());
        };
        let after = |sum: Option<&Amount>| sum.copied().unwrap_or_default().checked_add(hold);
        let fits = |sum: Option<Amount>, most: Amount| sum.is_some_and(|sum| sum <= most);
        if !fits(after(carried.payers.get(&payer)), policy.max_unsettled_per_payer) {
            carried.reached.insert((Arc::clone(&payer.rail), Some(payer)));
            return Err(Limit::Payer);
        }
        if !fits(after(carried.rails.get(&payer.rail)), policy.max_unsettled) {
            carried.reached.insert((Arc::clone(&payer.rail), None));
            return Err(Limit::Rail);
        }
        carried.set(session, before.checked_add(hold).unwrap_or(before), now);
        if let Some(share) = carried.sessions.get_mut(&session) {
            share.promised = share.promised.checked_add(hold).unwrap_or(share.promised);
        }
        Ok(())
    }

    /// Takes back a hold that was not made.
    pub(crate) fn release(&self, session: SessionId, hold: Amount, now: Timestamp) {
        let mut carried = self.carried();
        let Some(before) = carried.answered(session, hold).map(|share| share.carried) else { return };
        carried.set(session, before.checked_sub(hold).unwrap_or_default(), now);
    }

    /// Counts a session as the books say that it stands after a draw of this hold.
    pub(crate) fn drawn(&self, session: SessionId, hold: Amount, credit: Credit, policy: &Policy, now: Timestamp) {
        let mut carried = self.carried();
        let Some(collected) = carried.answered(session, hold).map(|share| share.collected) else { return };
        let owed = credit.committed.checked_sub(collected).unwrap_or_default();
        carried.known(session, owed, now);
        if owed >= policy.settle_amount {
            carried.urgent.insert(session);
        }
    }

    /// The sessions to be looked at before all others, and whether a limit is why. Each is said once.
    pub(super) fn take_urgent(&self) -> Vec<(SessionId, bool)> {
        let mut carried = self.carried();
        let mut pressed = HashSet::new();
        for (rail, payer) in std::mem::take(&mut carried.reached) {
            let is_meant = |share: &Share| match &payer {
                Some(payer) => share.payer == *payer,
                None => share.payer.rail == rail,
            };
            let mut owing: Vec<(Amount, SessionId)> = carried
                .sessions
                .iter()
                .filter(|(_, share)| is_meant(share) && !share.carried.is_zero())
                .map(|(session, share)| (share.carried, *session))
                .collect();
            owing.sort_unstable_by(|one, other| other.cmp(one));
            pressed.extend(owing.into_iter().take(PRESSED_AT_ONCE).map(|(_, session)| session));
        }
        let urgent = std::mem::take(&mut carried.urgent);
        let others = urgent.into_iter().filter(|session| !pressed.contains(session)).map(|session| (session, false));
        let others: Vec<_> = others.collect();
        pressed.into_iter().map(|session| (session, true)).chain(others).collect()
    }

    /// Since when there is something to collect from a session.
    pub(super) fn owed_since(&self, session: SessionId) -> Option<Timestamp> {
        self.carried().sessions.get(&session).and_then(|share| share.owed_since)
    }

    /// What the sessions of a rail come to.
    pub(super) fn sums(&self, rail: &str) -> Sums {
        let carried = self.carried();
        let own = |payer: &&Arc<Payer>| *payer.rail == *rail;
        Sums {
            unsettled: carried.rails.get(rail).copied().unwrap_or_default(),
            highest: carried
                .payers
                .iter()
                .filter(|(payer, _)| own(payer))
                .map(|(_, sum)| *sum)
                .max()
                .unwrap_or_default(),
        }
    }

    fn carried(&self) -> MutexGuard<'_, Carried> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Carried {
    /// The payer of a session, the same for all of theirs.
    fn payer(&self, session: &SessionRecord) -> Arc<Payer> {
        let rail = self.rails.get_key_value(session.rail.as_str());
        let rail = rail.map_or_else(|| Arc::from(session.rail.as_str()), |(known, _)| Arc::clone(known));
        let payer = Payer { rail, id: session.payer.clone() };
        match self.payers.get_key_value(&payer) {
            Some((known, _)) => Arc::clone(known),
            None => Arc::new(payer),
        }
    }

    /// The books have answered a hold: what it came to is in what they say.
    fn answered(&mut self, session: SessionId, hold: Amount) -> Option<&Share> {
        let share = self.sessions.get_mut(&session)?;
        share.promised = share.promised.checked_sub(hold).unwrap_or_default();
        Some(share)
    }

    /// What the books say is carried, and what they have not answered yet beside it.
    fn known(&mut self, session: SessionId, owed: Amount, now: Timestamp) {
        let promised = self.sessions.get(&session).map_or(Amount::ZERO, |share| share.promised);
        self.set(session, owed.checked_add(promised).unwrap_or(owed), now);
    }

    fn set(&mut self, session: SessionId, amount: Amount, now: Timestamp) {
        let Some(share) = self.sessions.get_mut(&session) else { return };
        let before = std::mem::replace(&mut share.carried, amount);
        share.owed_since = if amount.is_zero() { None } else { share.owed_since.or(Some(now)) };
        let payer = Arc::clone(&share.payer);
        replace(self.rails.entry(Arc::clone(&payer.rail)).or_default(), before, amount);
        replace(self.payers.entry(payer).or_default(), before, amount);
    }

    fn forget(&mut self, session: SessionId) {
        let Some(Share { payer, carried, .. }) = self.sessions.remove(&session) else { return };
        self.urgent.remove(&session);
        if let Some(sum) = self.rails.get_mut(&payer.rail) {
            replace(sum, carried, Amount::ZERO);
        }
        let left = self.payers.get_mut(&payer).map(|sum| {
            replace(sum, carried, Amount::ZERO);
            *sum
        });
        if left.is_some_and(Amount::is_zero) {
            self.payers.remove(&payer);
        }
    }
}

/// A part of a sum becomes another.
fn replace(sum: &mut Amount, before: Amount, after: Amount) {
    let rest = sum.checked_sub(before).unwrap_or_default();
    *sum = rest.checked_add(after).unwrap_or(rest);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use farthing_books::testing::MemoryStore;
    use farthing_books::testing::samples::at;
    use farthing_books::testing::sessions::{id, opening};
    use farthing_books::{Command, SessionCommand};

    use super::*;

    const POLICY: Policy = Policy {
        settle_amount: Amount::new(20),
        settle_age: Duration::ZERO,
        settle_idle: Duration::ZERO,
        idle_close: Duration::ZERO,
        max_unsettled_per_payer: Amount::new(30),
        max_unsettled: Amount::new(50),
    };

    /// A session of this payer that carries so much.
    fn session(number: u32, payer: &str, spent: u128) -> SessionRecord {
        let mut books = MemoryStore::default();
        books.batch(&[Command::Session(SessionCommand::Open(Box::new(opening(number, 100))))]).unwrap();
        let record = books.sessions[&id(number)].clone();
        SessionRecord { payer: PayerId::new(payer), spent: Amount::new(spent), ..record }
    }

    fn admits(risk: &Risk, number: u32, hold: u128) -> Result<(), Limit> {
        risk.admit(id(number), Amount::new(hold), &POLICY, at(1))
    }

    #[test]
    fn a_payer_and_a_rail_are_limited_each_over_all_sessions() {
        let risk = Risk::default();
        for (number, payer, spent) in [(1, "alice", 10), (3, "alice", 10), (5, "bob", 20)] {
            risk.stands(&session(number, payer, spent), at(0));
        }
        assert_eq!(admits(&risk, 1, 11), Err(Limit::Payer));
        assert_eq!(admits(&risk, 1, 10), Ok(()));
        assert_eq!(admits(&risk, 3, 1), Err(Limit::Payer), "a hold counts at once");
        assert_eq!(admits(&risk, 5, 1), Err(Limit::Rail));
        risk.release(id(1), Amount::new(10), at(1));
        assert_eq!(admits(&risk, 5, 10), Ok(()));
        let sums = risk.sums("evm");
        assert_eq!((sums.unsettled.units(), sums.highest.units()), (50, 30));
    }

    #[test]
    fn what_is_collected_lets_in_again_and_what_has_ended_is_forgotten() {
        let risk = Risk::default();
        risk.stands(&session(1, "alice", 30), at(0));
        assert_eq!(admits(&risk, 1, 1), Err(Limit::Payer));
        risk.stands(&SessionRecord { settled: Amount::new(30), ..session(1, "alice", 30) }, at(2));
        assert_eq!(admits(&risk, 1, 30), Ok(()));
        let ended = SessionRecord { state: farthing_books::SessionState::Closed, ..session(1, "alice", 30) };
        risk.stands(&ended, at(3));
        assert!(!risk.knows(id(1)) && risk.carried().payers.is_empty());
        assert_eq!(risk.sums("evm").unsettled, Amount::ZERO);
    }

    #[test]
    fn whoever_owes_most_is_collected_from_when_a_limit_is_reached() {
        let risk = Risk::default();
        for (number, spent) in [(1, 10), (3, 5), (5, 15)] {
            risk.stands(&session(number, "alice", spent), at(0));
        }
        assert_eq!(admits(&risk, 1, 1), Err(Limit::Payer));
        let mut urgent = risk.take_urgent();
        urgent.sort_unstable();
        let mut all = [1, 3, 5].map(|number| (id(number), true));
        all.sort_unstable();
        assert_eq!(urgent, all);
        assert!(risk.take_urgent().is_empty(), "each is said once");
        risk.drawn(id(1), Amount::ZERO, owes(19), &POLICY, at(1));
        assert!(risk.take_urgent().is_empty());
        risk.drawn(id(1), Amount::ZERO, owes(20), &POLICY, at(1));
        assert_eq!(risk.take_urgent(), [(id(1), false)]);
    }

    fn owes(committed: u128) -> Credit {
        let enough = Amount::new(100);
        Credit { deposit: enough, accepted: enough, committed: Amount::new(committed), units: 1 }
    }

    #[test]
    fn an_answer_to_one_hold_does_not_forget_those_that_are_still_asked_for() {
        let risk = Risk::default();
        risk.stands(&session(1, "alice", 0), at(0));
        assert_eq!((admits(&risk, 1, 10), admits(&risk, 1, 20)), (Ok(()), Ok(())));
        risk.drawn(id(1), Amount::new(10), owes(10), &POLICY, at(1));
        assert_eq!(admits(&risk, 1, 1), Err(Limit::Payer), "20 more are promised");
        risk.stands(&session(1, "alice", 10), at(1));
        assert_eq!(admits(&risk, 1, 1), Err(Limit::Payer), "whatever the keeper reads meanwhile");
        risk.release(id(1), Amount::new(20), at(1));
        assert_eq!(admits(&risk, 1, 20), Ok(()));
    }
}
