//! What a session puts into the ledger. The accounts are those of the [chart](crate::ledger::chart).

use farthing_money::Amount;
use farthing_protocol::Timestamp;
use farthing_rail::SessionId;

use super::SessionRecord;
use crate::ledger::Phase;
use crate::{AccountId, AccountKind, Transfer, TransferId};

impl SessionRecord {
    /// A part of the payer's balance that is set aside: the deposit of a prepaid session, or an addition to it.
    pub(super) fn deposit_entry(&self, amount: Amount, at: Timestamp) -> Transfer {
        self.entry(0, AccountKind::Payer(self.payer.clone()), self.source(), amount, at)
    }

    /// What was delivered since the last time, to the revenue of its routes.
    pub(crate) fn postings(&self, at: Timestamp) -> Vec<Transfer> {
        let posting = |(place, (route, amount)): (u64, (&String, &Amount))| {
            self.entry(place, self.source(), AccountKind::Revenue(route.clone()), *amount, at)
        };
        (0..).zip(&self.unposted).map(posting).collect()
    }

    /// Everything that its end puts into the ledger: what is left to post, and what makes its account even.
    pub(crate) fn last_entries(&self, at: Timestamp) -> Vec<Transfer> {
        let mut entries = self.postings(at);
        let place = u64::try_from(entries.len()).unwrap_or(u64::MAX);
        let payer = || AccountKind::Payer(self.payer.clone());
        let (taken, due) = if self.prepaid { (self.deposit, self.spent) } else { (self.collected, self.spent) };
        let (rest, missing) = (difference(taken, due), difference(due, taken));
        if !rest.is_zero() {
            entries.push(self.entry(place, self.source(), payer(), rest, at));
        } else if !missing.is_zero() {
            let losses = AccountKind::Losses(self.method.clone());
            entries.push(self.entry(place, losses, self.source(), missing, at));
        }
        entries
    }

    /// Where what it delivers comes from: its deposit in these books, or what its vouchers are worth.
    pub(crate) fn source(&self) -> AccountKind {
        if self.prepaid { AccountKind::Deposit(self.id) } else { AccountKind::Vouchers(self.method.clone()) }
    }

    fn entry(&self, place: u64, debit: AccountKind, credit: AccountKind, amount: Amount, at: Timestamp) -> Transfer {
        Transfer {
            id: TransferId::of_session(self.id, self.transfers.saturating_add(place)),
            debit: AccountId::new(debit, &self.asset),
            credit: AccountId::new(credit, &self.asset),
            amount,
            phase: Phase::Single,
            payment: None,
            at,
        }
    }

    /// The session once these of its transfers are in the ledger.
    pub(super) fn entered(mut self: Box<Self>, entries: &[Transfer]) -> Box<Self> {
        let more = u64::try_from(entries.len()).unwrap_or(u64::MAX);
        self.transfers = self.transfers.saturating_add(more);
        self
    }
}

/// The ids of the transfers that a session made.
pub(crate) fn ids_of(session: SessionId, transfers: u64) -> impl Iterator<Item = TransferId> {
    (0..transfers).map(move |number| TransferId::of_session(session, number))
}

fn difference(more: Amount, less: Amount) -> Amount {
    more.checked_sub(less).unwrap_or(Amount::ZERO)
}
