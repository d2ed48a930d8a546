//! Checks every step against what has been promised, by books of its own.
//!
//! It sees what really happened, from outside: what the wallet signed, what the rail moved, what the upstream served,
//! what clients were answered, and the ledger's transfers once they are durable. It knows nothing of how a gateway
//! or a wallet comes to what it does.

mod ledger;
mod payment;
mod reason;
mod session;

use std::collections::{BTreeMap, BTreeSet};

use farthing_books::SessionRecord;
use farthing_books::ledger::{Transfer, TransferId};
use farthing_books::session::Credit;
use farthing_money::Amount;
use farthing_rail::PaymentId;

pub use ledger::Ledger;
pub use payment::{Answered, Payment};
pub use reason::{missing_in_answer, missing_in_record};

use crate::faults::Fault;
use crate::scenario::{Goods, Scenario};
use session::Session;

/// What is known of a run, and what was found wrong with it.
#[derive(Debug, Default)]
pub struct Auditor {
    /// The ledger as the auditor adds it up.
    pub ledger: Ledger,
    orders: BTreeMap<u64, Facts>,
    payments: BTreeMap<PaymentId, Payment>,
    /// What everything that was signed may come to, in millionths.
    cap: u64,
    /// What is known of each session, by its name on the wire.
    sessions: BTreeMap<String, Session>,
    /// How many faults there were so far.
    disruptions: u64,
    findings: Vec<String>,
}

/// What is known of an order.
#[derive(Debug)]
struct Facts {
    goods: Goods,
    /// The faults so far, each time that the upstream served it.
    served: Vec<u64>,
    /// What the buyer was told in the end.
    outcome: Option<Outcome>,
}

/// What a buyer was told in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It has what it paid for.
    Bought,
    /// Its own policy said no.
    Denied,
    /// Nobody took its money, for a reason that another call would not change.
    Unpayable,
    /// It is not known what became of the money, and the same call would pay anew.
    GivenUp,
}

impl Auditor {
    /// For a scenario.
    pub fn new(scenario: &Scenario) -> Self {
        let facts = |goods| Facts { goods, served: Vec::new(), outcome: None };
        let orders = scenario.all_orders().map(|order| (order.number, facts(order.goods))).collect();
        Self { orders, cap: scenario.cap.millionths(), ..Self::default() }
    }

    /// Something is not as promised.
    pub fn found(&mut self, finding: String) {
        self.findings.push(finding);
    }

    /// What was found so far; the run is over with the first.
    pub fn findings(&self) -> &[String] {
        &self.findings
    }

    /// A fault happened: what is repeated after it may be repeated because of it.
    pub fn disrupted(&mut self, _fault: Fault) {
        self.disruptions = self.disruptions.saturating_add(1);
    }

    /// The wallet used its key for a payment.
    pub fn signed(&mut self, payment: PaymentId, cost: u64) {
        let signed = self.payments.entry(payment).or_default();
        if signed.cost.replace(cost).is_some() {
            self.found(format!("{payment} was signed twice"));
        }
        self.check_what_is_signed();
    }

    /// What is known of a session.
    pub fn session(&mut self, channel: &str) -> &mut Session {
        self.sessions.entry(channel.to_owned()).or_default()
    }

    /// The wallet used its key for a total in a session, or for the last one.
    pub fn signed_in_session(&mut self, channel: &str, total: Amount) {
        self.session(channel).sign(total);
        self.check_what_is_signed();
    }

    fn check_what_is_signed(&mut self) {
        let charged: u64 = self.payments.values().filter(|payment| !payment.is_off()).filter_map(|it| it.cost).sum();
        let drawn: u128 = self.sessions.values().map(Session::counts).sum();
        let open = drawn.saturating_add(charged.into());
        if open > self.cap.into() {
            self.found(format!("signed for {open} millionths, above the cap of {}", self.cap));
        }
    }

    /// A credential of this payment is sent, for this order.
    ///
    /// Whether it was sent before, so that what is heard of it now is not all there is.
    pub fn presented(&mut self, payment: PaymentId, order: u64) -> bool {
        let presented = self.payments.entry(payment).or_default();
        let before = *presented.order.get_or_insert(order);
        let doubt = presented.sent;
        presented.sent = true;
        if before != order {
            self.found(format!("{payment} was presented for order {order} and for order {before}"));
        }
        doubt
    }

    /// The rail took money.
    pub fn took(&mut self, payment: PaymentId, amount: Amount) {
        let taken = self.payments.entry(payment).or_default();
        taken.taken.push(amount);
        let (times, off) = (taken.taken.len(), taken.is_off());
        if times > 1 {
            self.found(format!("the rail took the money of {payment} {times} times"));
        }
        if off {
            self.found(format!("the rail took the money of {payment} after its payer was told that it would not"));
        }
        self.check_cap();
    }

    /// The rail took back what it had settled: its payer has the money again.
    pub fn taken_back(&mut self, payment: PaymentId) {
        let known = self.payments.entry(payment).or_default();
        known.taken.clear();
        known.reversed = true;
    }

    /// Somebody added to a balance and was told so.
    pub fn topped_up(&mut self, transfer: TransferId) {
        if !self.ledger.holds(transfer) {
            self.found(format!("a top-up was acknowledged, and {transfer} is not in the ledger"));
        }
    }

    /// The rail sent money back.
    pub fn sent_back(&mut self, payment: PaymentId, amount: Amount) {
        let back = self.payments.entry(payment).or_default();
        back.sent_back.push(amount);
        let (times, fits) = (back.sent_back.len(), back.taken.contains(&amount));
        if times > 1 || !fits {
            self.found(format!("the rail sent {amount} of {payment} back, {times} times"));
        }
    }

    /// These transfers are durable.
    pub fn posted(&mut self, transfers: &[(u64, Transfer)]) {
        for (number, transfer) in transfers {
            self.ledger.add(*number, transfer, &mut self.findings);
            let Some(payment) = transfer.payment else { continue };
            let posted = self.payments.entry(payment).or_default();
            posted.post(transfer);
            if posted.is_off() && posted.paid > posted.returned {
                self.found(format!("{payment} was charged after its payer was told that it would not be"));
            }
        }
        self.check_cap();
    }

    /// What was taken of the wallet, wherever from, is within its cap: always.
    fn check_cap(&mut self) {
        let taken: u128 = self.payments.values().map(Payment::moved).sum();
        if taken > u128::from(self.cap) {
            self.found(format!("{taken} millionths were taken of the wallet, above its cap of {}", self.cap));
        }
    }

    /// The upstream served an order, for a gateway that others may have taken for dead or not.
    pub fn served(&mut self, order: Option<u64>, was_held_up: bool) {
        let disruptions = self.disruptions;
        let of_order = self.payments.values().filter(|payment| payment.order == order && payment.paid > 0);
        let (paid, standing) = of_order
            .fold((0, 0), |(paid, standing), payment| (paid + 1, standing + usize::from(payment.returned == 0)));
        let Some(facts) = order.and_then(|order| self.orders.get_mut(&order)) else {
            return self.found(format!("something was served that nobody ordered: {order:?}"));
        };
        if facts.goods == Goods::Drawn {
            // What a voucher is worth is checked when its payer is answered; what fails is not charged.
            return facts.served.push(disruptions);
        }
        let again = facts.served.len() >= paid && facts.served.last() == Some(&disruptions);
        facts.served.push(disruptions);
        let name = order.unwrap_or_default();
        if paid == 0 {
            self.found(format!("order {name} was served, and no durable entry says that it is paid"));
        } else if standing == 0 && !was_held_up {
            self.found(format!("order {name} was served after it was paid back"));
        } else if again {
            self.found(format!("order {name} was served twice, and nothing had gone wrong in between"));
        }
    }

    /// A payer of vouchers was served for this total, and the books say this of its session.
    pub fn acknowledged(&mut self, channel: &str, total: Amount, credit: Option<Credit>) {
        let finding = self.session(channel).acknowledge(total, credit);
        self.findings.extend(finding);
    }

    /// What sessions were charged, by the books: no more than was signed for, nor than was served.
    pub fn compare_sessions(&mut self, sessions: &[SessionRecord]) {
        let mut spent_in_all = 0;
        for session in sessions {
            let known = self.sessions.get(&session.channel);
            let signed = known.map_or(Amount::ZERO, Session::highest);
            if known.is_some_and(Session::is_refused) {
                self.found("a session was opened after its payer was told that there is none".to_owned());
            }
            spent_in_all += session.spent.units();
            if session.spent > signed || session.collected > signed {
                self.found(format!("a session was charged {}, and {signed} was signed for", session.spent));
            }
        }
        let drawn = self.orders.values().filter(|facts| facts.goods == Goods::Drawn);
        let served: usize = drawn.map(|facts| facts.served.len()).sum();
        let worth = u128::from(Goods::Drawn.price()).saturating_mul(u128::try_from(served).unwrap_or(u128::MAX));
        if spent_in_all > worth {
            self.found(format!("sessions were charged {spent_in_all}, and {worth} was served"));
        }
    }

    /// A client got an answer to a credential.
    pub fn answered(&mut self, payment: PaymentId, answer: &Answered) {
        let known = self.payments.entry(payment).or_default();
        let findings = known.answer(answer);
        self.findings.extend(findings.into_iter().map(|finding| format!("{payment}: {finding}")));
    }

    /// A client lived to do what such an answer asks of it.
    pub fn told(&mut self, payment: PaymentId, answer: &Answered) {
        self.payments.entry(payment).or_default().tell(answer);
    }

    /// A buyer is told what came of an order.
    pub fn concluded(&mut self, order: u64, outcome: Outcome) {
        let served = self.orders.get(&order).is_some_and(|facts| !facts.served.is_empty());
        if outcome == Outcome::Bought && !served {
            self.found(format!("order {order} counts as bought, and was never served"));
        }
        if let Some(facts) = self.orders.get_mut(&order) {
            facts.outcome = Some(outcome);
        }
    }

    /// Whether its buyer was not told yet.
    pub fn is_open(&self, order: u64) -> bool {
        self.orders.get(&order).is_some_and(|facts| facts.outcome.is_none())
    }

    /// How many orders ended how.
    pub fn outcomes(&self) -> BTreeMap<Outcome, u64> {
        let mut outcomes = BTreeMap::new();
        for outcome in self.orders.values().filter_map(|facts| facts.outcome) {
            *outcomes.entry(outcome).or_insert(0_u64) += 1;
        }
        outcomes
    }

    /// Everything has come to rest: nothing may be left open, and every side must say the same.
    pub fn conclude(&mut self) {
        let served: BTreeSet<u64> =
            self.orders.iter().filter(|(_, facts)| !facts.served.is_empty()).map(|(order, _)| *order).collect();
        let mut findings = Vec::new();
        for (payment, known) in &self.payments {
            let is_served = known.order.is_some_and(|order| served.contains(&order));
            findings.extend(known.at_rest(is_served).into_iter().map(|finding| format!("{payment}: {finding}")));
        }
        for (order, facts) in &self.orders {
            match facts.outcome {
                None => findings.push(format!("nobody was ever told what came of order {order}")),
                Some(_) if self.disruptions > 0 => {}
                Some(Outcome::Bought | Outcome::Denied) => {}
                // A balance may be too small.
                Some(Outcome::Unpayable) if facts.goods != Goods::Charged => {}
                Some(outcome) => findings.push(format!("nothing went wrong, and order {order} is {outcome:?}")),
            }
        }
        let moved = |of: fn(&Payment) -> &Vec<Amount>| -> u128 {
            self.payments.values().flat_map(of).map(|amount| amount.units()).sum()
        };
        let (taken, back) = (moved(|payment| &payment.taken), moved(|payment| &payment.sent_back));
        findings.extend(self.ledger.at_rest(taken, back));
        self.findings.extend(findings);
    }
}
