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
    transfers: HashMap<TransferId, Transfer>,
    /// What payments collected for a session.
    collected: HashMap<SessionId, Option<Amount>>,
    /// The collections that are not at rest.
    under_way: HashMap<PaymentId, SessionId>,
    /// The proofs of deposits.
    deposits: HashSet<Box<str>>,
    shown: u64,
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
    pub(super) fn transfer(&mut self, transfer: &Transfer) {
        let is_of_sessions = |kind: &AccountKind| matches!(kind, AccountKind::Deposit(_) | AccountKind::Vouchers(_));
        if is_of_sessions(&transfer.debit.kind) || is_of_sessions(&transfer.credit.kind) {
            self.transfers.insert(transfer.id, transfer.clone());
        }
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
    pub(super) fn session(&mut self, session: &SessionRecord) -> Vec<String> {
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
        let Some(sums) = self.sums(session) else {
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
    fn sums(&mut self, session: &SessionRecord) -> Option<Sums> {
        let zero = Some(Amount::ZERO);
        let mut sums = Sums { deposited: zero, delivered: zero, back: zero, lost: zero };
        let is_own = |kind: &AccountKind| match kind {
            AccountKind::Deposit(of) => session.prepaid && *of == session.id,
            AccountKind::Vouchers(method) => !session.prepaid && *method == session.method,
            _ => false,
        };
        for transfer in ids_of(session.id, session.transfers) {
            let transfer = self.transfers.remove(&transfer)?;
            let (debit, credit) = (&transfer.debit.kind, &transfer.credit.kind);
            let sum = match (debit, credit) {
                (AccountKind::Payer(payer), to) if is_own(to) && *payer == session.payer => &mut sums.deposited,
                (from, AccountKind::Revenue(_)) if is_own(from) => &mut sums.delivered,
                (from, AccountKind::Payer(payer)) if is_own(from) && *payer == session.payer => &mut sums.back,
                (AccountKind::Losses(_), to) if is_own(to) => &mut sums.lost,
                _ => return None,
            };
            *sum = sum.and_then(|sum| sum.checked_add(transfer.amount));
        }
        Some(sums)
    }

    /// How many sessions were shown, and what is left over.
    pub(super) fn left(self) -> (u64, Vec<String>) {
        let unmade = self.transfers.values().filter(|transfer| transfer.payment.is_none());
        let unmade = unmade.map(|transfer| format!("transfer {} is of a session, and none made it", transfer.id));
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
