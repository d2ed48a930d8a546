//! The comparison: every payment, delivery and taking that somebody saw has its counterpart with the others, and what
//! differs is explained by a death of the gateway in between, or is a fault.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::books::{Books, Payment};
use crate::journal::{Purchase, SessionSeen};
use crate::street::{GRANT, PRICE};
use crate::upstream::Log;

mod money;
mod sessions;
#[cfg(test)]
mod tests;

/// What everybody saw.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// What the buyers paid for by charges.
    pub purchases: Vec<Purchase>,
    /// What they paid for by sessions.
    pub sessions: Vec<SessionSeen>,
    /// What reached the server behind.
    pub upstream: Log,
    /// The rail's memory: a line for each taking, and for each refund.
    pub rail: String,
    /// What the gateway wrote down.
    pub books: Books,
    /// Who has a balance.
    pub payers: Vec<String>,
    /// How many gateways died.
    pub deaths: u32,
}

/// What came of a trial.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// How much was done.
    pub figures: Figures,
    /// What nothing explains; none is the promise.
    pub faults: Vec<String>,
}

/// How much was done, and what the deaths explain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// Gateways that died.
    pub deaths: u32,
    /// Credentials of charges that were presented.
    pub charges: u64,
    /// Charges that were delivered.
    pub delivered: u64,
    /// Credentials that were refused, and for which nothing was taken.
    pub refused: u64,
    /// Charges that were paid back.
    pub paid_back: u64,
    /// Charges that are still owed: their deadline is later.
    pub owed: u64,
    /// Sessions.
    pub sessions: u64,
    /// Requests that sessions paid for.
    pub vouchers: u64,
    /// Answers that said to come back later.
    pub later: u64,
    /// Explained by a death: a charge that was delivered, and again by the next process.
    pub delivered_again: u64,
    /// Explained by a death: requests of sessions that were delivered, and not charged.
    pub given_away: u64,
}

/// Compares.
pub fn judge(evidence: &Evidence) -> Verdict {
    let mut verdict = Verdict::default();
    verdict.figures.deaths = evidence.deaths;
    let payments: BTreeMap<&str, &Payment> =
        evidence.books.payments.iter().map(|payment| (payment.challenge.as_str(), payment)).collect();
    for purchase in &evidence.purchases {
        verdict.figures.charges += 1;
        of_purchase(purchase, payments.get(purchase.challenge.as_str()).copied(), &mut verdict);
        of_upstream(purchase, payments.get(purchase.challenge.as_str()).copied(), &evidence.upstream, &mut verdict);
    }
    let known: BTreeSet<&str> = evidence.purchases.iter().map(|purchase| purchase.challenge.as_str()).collect();
    for payment in evidence.books.payments.iter().filter(|payment| !known.contains(payment.challenge.as_str())) {
        verdict.faults.push(format!("nobody bought {payment:?}"));
    }
    money::compare(evidence, &mut verdict);
    sessions::compare(evidence, &mut verdict);
    verdict
}

/// A buyer against the books: delivered is charged, once; charged is delivered, or owed, or paid back.
fn of_purchase(purchase: &Purchase, payment: Option<&Payment>, verdict: &mut Verdict) {
    let (figures, state) = (&mut verdict.figures, payment.map_or("absent", |payment| payment.state.as_str()));
    let processes: BTreeSet<u32> = purchase.delivered.iter().copied().collect();
    if processes.len() < purchase.delivered.len() {
        verdict.faults.push(format!("delivered twice by one process: {purchase:?}"));
    }
    figures.delivered_again += u64::try_from(processes.len().saturating_sub(1)).unwrap_or(u64::MAX);
    let fault = match (purchase.delivered.is_empty(), state) {
        (false, "closed") => {
            figures.delivered += 1;
            None
        }
        // Delivered, and the process died before it wrote that down: the payer may come again, or has its money back.
        (false, "entitled" | "refunded") if processes.last().is_some_and(|process| *process <= figures.deaths) => {
            figures.delivered += 1;
            figures.delivered_again += 1;
            None
        }
        (false, _) => Some("delivered and not charged"),
        (true, "absent" | "rejected") => {
            figures.refused += 1;
            None
        }
        (true, "entitled") => {
            figures.owed += 1;
            None
        }
        (true, "refunded") => {
            figures.paid_back += 1;
            None
        }
        (true, "reversed") => Some("taken back by a rail that takes nothing back"),
        (true, _) => Some("charged and not delivered"),
    };
    if let Some(fault) = fault {
        verdict.faults.push(format!("{fault}: {purchase:?}, in the books {payment:?}"));
    }
    if payment.is_some_and(|payment| payment.amount != PRICE) {
        verdict.faults.push(format!("charged with another amount: {payment:?}"));
    }
}

/// The server behind against the books: nothing is asked of it that is not paid for, and no process asks it for success twice.
fn of_upstream(purchase: &Purchase, payment: Option<&Payment>, log: &Log, verdict: &mut Verdict) {
    let Some(arrivals) = log.get(&purchase.path) else { return };
    if !payment.is_some_and(Payment::is_paid) {
        verdict.faults.push(format!("served and not paid: {purchase:?}, {arrivals:?}, in the books {payment:?}"));
    }
    let mut served = BTreeSet::new();
    for arrival in arrivals.iter().filter(|arrival| arrival.is_served) {
        if !served.insert(arrival.generation) {
            verdict.faults.push(format!("asked for twice by one process: {purchase:?}, {arrivals:?}"));
        }
    }
}

impl Verdict {
    /// An error with everything that nothing explains.
    pub fn or_fail(self) -> anyhow::Result<Figures> {
        let count = self.faults.len();
        let shown = self.faults.iter().take(20).map(String::as_str).collect::<Vec<_>>().join("\n  ");
        anyhow::ensure!(count == 0, "{count} differences that nothing explains:\n  {shown}\n{:?}", self.figures);
        Ok(self.figures)
    }
}

impl Figures {
    /// Adds what another trial did.
    pub fn add(&mut self, other: &Self) {
        self.deaths += other.deaths;
        self.charges += other.charges;
        self.delivered += other.delivered;
        self.refused += other.refused;
        self.paid_back += other.paid_back;
        self.owed += other.owed;
        self.sessions += other.sessions;
        self.vouchers += other.vouchers;
        self.later += other.later;
        self.delivered_again += other.delivered_again;
        self.given_away += other.given_away;
    }
}
