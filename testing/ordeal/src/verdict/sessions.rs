//! What payers of sessions signed and had, against the books.

use std::collections::{BTreeMap, BTreeSet};

use super::{Evidence, PRICE, Verdict};
use crate::books::Session;
use crate::journal::{SessionSeen, Way};
use crate::upstream::Log;

pub(super) fn compare(evidence: &Evidence, verdict: &mut Verdict) {
    let mut sessions: BTreeMap<&str, &Session> =
        evidence.books.sessions.iter().map(|session| (session.channel.as_str(), session)).collect();
    for seen in &evidence.sessions {
        verdict.figures.sessions += 1;
        verdict.figures.vouchers += seen.delivered.values().sum::<u64>();
        match sessions.remove(seen.channel.as_str()) {
            Some(session) => of_session(seen, session, evidence, verdict),
            None => verdict.faults.push(format!("a session that the books do not know: {seen:?}")),
        }
    }
    for session in sessions.into_values() {
        verdict.faults.push(format!("nobody opened {session:?}"));
    }
    of_upstream(&evidence.upstream, verdict);
}

/// A voucher that was acknowledged is there; what was charged is what was delivered, but for what a process that died
/// had given last and not written down.
fn of_session(seen: &SessionSeen, session: &Session, evidence: &Evidence, verdict: &mut Verdict) {
    let mut broken = |what: &str| verdict.faults.push(format!("{what}: {seen:?}, in the books {session:?}"));
    if session.accepted < seen.acknowledged {
        broken("an acknowledged voucher is lost");
    }
    if session.accepted > seen.signed || session.spent > session.accepted || session.accepted > session.deposit {
        broken("more than was signed for");
    }
    if session.state != "closed" || session.held > 0 {
        broken("not ended, and its payer closed it");
    }
    if seen.unanswered > 0 {
        broken("a voucher is used up, and nothing came for it");
    }
    let delivered = seen.delivered.values().sum::<u64>();
    let charged = u64::try_from(session.spent / PRICE).unwrap_or(u64::MAX);
    if charged > delivered {
        broken("more was charged than delivered");
    }
    let given_away = delivered.saturating_sub(charged);
    let by_the_dead: u64 = seen.delivered.range(..=evidence.deaths).map(|(_, requests)| requests).sum();
    if given_away > by_the_dead {
        broken("a process that lived gave something away");
    }
    verdict.figures.given_away += given_away;
}

/// No process asks for the same request of a session twice.
fn of_upstream(log: &Log, verdict: &mut Verdict) {
    let prefix = format!("/{}/", Way::Session.path());
    for (path, arrivals) in log.iter().filter(|(path, _)| path.starts_with(&prefix)) {
        let mut served = BTreeSet::new();
        if !arrivals.iter().filter(|arrival| arrival.is_served).all(|arrival| served.insert(arrival.generation)) {
            verdict.faults.push(format!("asked for twice by one process: {path}, {arrivals:?}"));
        }
    }
}
