//! The rail's memory, and the payers' balances, against the books.

use std::collections::BTreeMap;

use super::{Evidence, GRANT, Verdict};
use crate::books::Payment;
use crate::journal::Way;

/// What the rail remembers of one payment, in millionths.
#[derive(Default)]
struct Moved {
    taken: Vec<u128>,
    returned: Vec<u128>,
}

pub(super) fn compare(evidence: &Evidence, verdict: &mut Verdict) {
    of_rail(evidence, verdict);
    of_balances(evidence, verdict);
}

/// Each payment was taken once, if the books say that it was paid, and else never; and the same for what went back.
fn of_rail(evidence: &Evidence, verdict: &mut Verdict) {
    let mut moved = remembered(&evidence.rail);
    for payment in evidence.books.payments.iter().filter(|payment| payment.method == "simulated") {
        let Moved { taken, returned } = moved.remove(payment.id.as_str()).unwrap_or_default();
        let expected = |happened: bool| if happened { vec![payment.amount] } else { Vec::new() };
        if taken != expected(payment.is_paid()) {
            verdict.faults.push(format!("the rail took {taken:?}, and the books say {payment:?}"));
        }
        if returned != expected(payment.is_paid_back()) {
            verdict.faults.push(format!("the rail returned {returned:?}, and the books say {payment:?}"));
        }
    }
    for (payment, Moved { taken, .. }) in moved {
        verdict.faults.push(format!("the rail took {taken:?} for {payment}, which the books do not know"));
    }
}

fn remembered(text: &str) -> BTreeMap<&str, Moved> {
    let mut moved: BTreeMap<&str, Moved> = BTreeMap::new();
    for line in text.lines() {
        let words = line.split(' ').collect::<Vec<_>>();
        match words.as_slice() {
            ["refund", payment, amount] => {
                moved.entry(payment).or_default().returned.extend(amount.parse::<u128>());
            }
            [payment, amount] => moved.entry(payment).or_default().taken.extend(amount.parse::<u128>()),
            _ => {}
        }
    }
    moved
}

/// What a payer has left is what it was given, less what it bought and did not have back.
fn of_balances(evidence: &Evidence, verdict: &mut Verdict) {
    for payer in &evidence.payers {
        let charged = |payment: &&Payment| payment.payer == *payer && payment.method == Way::Balance.path();
        let kept = |payment: &&Payment| payment.is_paid() && !payment.is_paid_back();
        let charges: u128 =
            evidence.books.payments.iter().filter(charged).filter(kept).map(|payment| payment.amount).sum();
        let own = evidence.books.sessions.iter().filter(|session| session.payer == *payer);
        let sessions: u128 =
            own.map(|session| if session.state == "closed" { session.spent } else { session.deposit }).sum();
        let left = evidence.books.accounts.get(&format!("payer/{payer}")).copied().unwrap_or_default();
        let expected =
            i128::try_from(GRANT).unwrap_or(i128::MAX) - i128::try_from(charges + sessions).unwrap_or(i128::MAX);
        if left != expected {
            verdict.faults.push(format!("{payer} has {left} left, and bought for {charges} and {sessions}"));
        }
    }
}
