//! Sessions against the transfers that they made and the payments that collected from them.

use std::collections::{HashMap, HashSet};

use farthing_money::Amount;
use farthing_rail::{PaymentId, SessionId};

use crate::ledger::AccountKind;
use crate::session::{INTENT, SessionState, has_arrived, ids_of};
use crate::{PaymentRecord, SessionRecord, Transfer, TransferId};

/// What the sessions are checked against, until all of them were shown.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    /// Transfers that no payment made and that touch what sessions touch.
    transfers: HashMap<TransferId, Moved>,
    /// What payments collected for a session.
    collected: HashMap<SessionId, Option<Amount>>,
    /// The collections that are not at rest.
    under_way: HashMap<PaymentId, SessionId>,
    /// The proofs of deposits.
    deposits: HashSet<Box<str>>,
    shown: u64,
}

/// A transfer of a session, small enough to keep one for each: accounts by their place among all.
#[derive(Clone, Copy, Debug)]
struct Moved {
    what: What,
    /// The deposit's account, or that of what vouchers are worth.
    own: usize,
    /// The payer's, the route's or that of losses.
    other: usize,
    amount: Amount,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Deposited,
    Delivered,
    Back,
    Lost,
    /// No session makes such a transfer.
    Strange,
}

/// The accounts of a session, by their place among all; nothing for one that nothing was moved on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Own {
    pub(super) source: Option<usize>,
    pub(super) payer: Option<usize>,
    pub(super) losses: Option<usize>,
}

/// What the transfers of a session add up to. `None`: more than 128 bits.
#[derive(Debug)]
struct Sums {
    deposited: Option<Amount>,
    delivered: Option<Amount>,
    /// To the payer's balance.
    back: Option<Amount>,
    lost: Option<Amount>,
}

impl Sessions {
    /// Shows a transfer that no payment made, and the places of its accounts.
    pub(super) fn transfer(&mut self, transfer: &Transfer, debit: usize, credit: usize) {
        use AccountKind::{Deposit, Losses, Payer, Revenue, Vouchers};
        let (what, own, other) = match (&transfer.debit.kind, &transfer.credit.kind) {
            (Payer(_), Deposit(_)) => (What::Deposited, credit, debit),
            (Deposit(_) | Vouchers(_), Revenue(_)) => (What::Delivered, debit, credit),
            (Deposit(_) | Vouchers(_), Payer(_)) => (What::Back, debit, credit),
            (Losses(_), Vouchers(_)) => (What::Lost, credit, debit),
            (Deposit(_) | Vouchers(_), _) => (What::Strange, debit, credit),
            (_, Deposit(_) | Vouchers(_)) => (What::Strange, credit, debit),
            _ => return,
        };
        self.transfers.insert(transfer.id, Moved { what, own, other, amount: transfer.amount });
    }

    /// Says what does not hold of a payment as far as sessions go.
    pub(super) fn payment(&mut self, payment: &PaymentRecord) -> Vec<String> {
        let id = payment.id;
        let Some(session) = payment.session else {
            let claims_to_collect = payment.intent == INTENT;
            return Vec::from_iter(claims_to_collect.then(|| format!("{id}: collects vouchers and names no session")));
        };
        let sum = self.collected.entry(session).or_insert(Some(Amount::ZERO));
        if has_arrived(payment) {
            *sum = sum.and_then(|sum| sum.checked_add(payment.amount));
        }
        if !payment.state.is_final() || payment.confirm_at.is_some() {
            self.under_way.insert(id, session);
        }
        Vec::from_iter(payment.prepaid.then(|| format!("{id}: collects vouchers from these very books")))
    }

    /// Says whether the proof of a deposit was used for another one.
    pub(super) fn deposit(&mut self, key: &str, session: SessionId) -> Option<String> {
        let repeated = !self.deposits.insert(key.into());
        repeated.then(|| format!("{session}: the proof of a deposit was used for another one"))
    }

    /// Says what does not hold of a session.
    pub(super) fn session(&mut self, session: &SessionRecord, own: Own) -> Vec<String> {
        self.shown += 1;
        let id = session.id;
        let mut findings = Vec::new();
        let mut must = |holds: bool, otherwise: &str| {
            if !holds {
                findings.push(format!("{id}: stands at {} and {otherwise}", session.state.as_str()));
            }
        };
        let committed = session.spent.checked_add(session.held);
        must(committed.is_some_and(|sum| sum <= session.accepted), "has more delivered or held than signed for");
        must(session.accepted <= most_signed(session), "has more signed for than deposited");
        let unposted = session.unposted.values().try_fold(Amount::ZERO, |sum, part| sum.checked_add(*part));
        let posted = unposted.and_then(|unposted| session.spent.checked_sub(unposted));
        must(posted.is_some(), "has more to post than was delivered");
        let collected = self.collected.remove(&id).unwrap_or(Some(Amount::ZERO));
        must(collected == Some(session.collected), "has not collected what its payments add up to");
        let under_way: Vec<PaymentId> =
            self.under_way.iter().filter(|(_, of)| **of == id).map(|(payment, _)| *payment).collect();
        self.under_way.retain(|_, of| *of != id);
        must(under_way == Vec::from_iter(session.collecting), "names another collection than the one under way");
        let Some(sums) = self.sums(session, own) else {
            must(false, "lacks a transfer of its own, or has one between other accounts than its own");
            return findings;
        };
        must(sums.delivered == posted, "has not posted what it delivered");
        must(
            !session.prepaid || sums.deposited == Some(session.deposit),
            "has set aside something else than its deposit",
        );
        if session.state == SessionState::Closed {
            let came = if session.prepaid { sums.deposited } else { Some(session.collected) };
            let sum = |one: Option<Amount>, other: Option<Amount>| one?.checked_add(other?);
            must(sum(came, sums.lost) == sum(sums.delivered, sums.back), "did not come out even");
        }
        findings
    }

    /// Takes the transfers of a session and adds them up.
    fn sums(&mut self, session: &SessionRecord, accounts: Own) -> Option<Sums> {
        let zero = Some(Amount::ZERO);
        let mut sums = Sums { deposited: zero, delivered: zero, back: zero, lost: zero };
        for transfer in ids_of(session.id, session.transfers) {
            let Moved { what, own, other, amount } = self.transfers.remove(&transfer)?;
            let (sum, expected) = match what {
                What::Deposited => (&mut sums.deposited, Some(accounts.payer)),
                What::Delivered => (&mut sums.delivered, None),
                What::Back => (&mut sums.back, Some(accounts.payer)),
                What::Lost => (&mut sums.lost, Some(accounts.losses)),
                What::Strange => return None,
            };
            if accounts.source != Some(own) || expected.is_some_and(|expected| expected != Some(other)) {
                return None;
            }
            *sum = sum.and_then(|sum| sum.checked_add(amount));
        }
        Some(sums)
    }

    /// How many sessions were shown, and what is left over.
    pub(super) fn left(self) -> (u64, Vec<String>) {
        let unmade = self.transfers.keys().map(|id| format!("transfer {id} is of a session, and none made it"));
        let unknown = self.collected.keys().map(|session| format!("{session}: was collected from and has no record"));
        let mut findings: Vec<String> = unmade.chain(unknown).collect();
        findings.sort();
        (self.shown, findings)
    }
}

/// The most that may be signed for: once a session serves nothing more, its rail may have taken back a deposit.
fn most_signed(session: &SessionRecord) -> Amount {
    match (session.state, &session.pending) {
        (SessionState::Opening, Some(pending)) => pending.amount,
        (SessionState::Opening | SessionState::Open | SessionState::Refused, _) => session.deposit,
        (SessionState::Closing | SessionState::Closed, _) => session.accepted,
    }
}
