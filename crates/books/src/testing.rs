//! Books in memory, for tests and simulations: the same core, nothing durable.

pub mod questions;
pub mod samples;
pub mod sessions;

use std::collections::BTreeMap;
use std::convert::Infallible;

use farthing_protocol::Timestamp;
use farthing_rail::{Cursor, EntryKey, PaymentId, ProofKey, SessionId};

use crate::approval::{ApprovalId, ApprovalRecord, FactsDigest};
use crate::audit::{AuditRecord, Head, PolicyVersion};
use crate::bank::{AssignmentRecord, EntryRecord, PayoutId, PayoutRecord, StatementRecord};
use crate::budget::{BudgetCounter, BudgetKey, ReservationId, ReservationRecord};
use crate::ledger::Phase;
use crate::payment::IdempotencyHash;
use crate::shelf::{LeftBehind, ProofUse, Rows, Shelf};
use crate::store::{BatchError, run};
use crate::topup::{TopUpId, TopUpRecord, TopUpState};
use crate::touches::Wanted;
use crate::{Account, AccountId, Auditor, Command, MovementRecord, Outcome, PaymentRecord, Store, StoredResponse};
use crate::{SessionRecord, Transfer, TransferId, Verification};

/// A store that forgets everything when it is dropped.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    /// Accounts.
    pub accounts: BTreeMap<AccountId, Account>,
    /// Transfers in the order they were posted.
    pub transfers: Vec<Transfer>,
    /// Nothing is claimed by a clock that reads a time before this.
    pub horizon: Option<Timestamp>,
    /// Payments.
    pub payments: BTreeMap<PaymentId, PaymentRecord>,
    /// Responses kept.
    pub responses: BTreeMap<PaymentId, StoredResponse>,
    /// Movements of statements.
    pub movements: BTreeMap<ProofKey, MovementRecord>,
    /// How far statements have been read.
    pub cursors: BTreeMap<String, Cursor>,
    /// Budget counters.
    pub counters: BTreeMap<BudgetKey, BudgetCounter>,
    /// Reservations.
    pub reservations: BTreeMap<ReservationId, ReservationRecord>,
    /// Approvals.
    pub approvals: BTreeMap<ApprovalId, ApprovalRecord>,
    /// The newest approval of these facts.
    asked: BTreeMap<FactsDigest, ApprovalId>,
    /// Sessions.
    pub sessions: BTreeMap<SessionId, SessionRecord>,
    /// The log of decisions.
    pub audit: Vec<AuditRecord>,
    /// The newest policy of each level.
    pub policies: BTreeMap<String, PolicyVersion>,
    /// Orders to fund a balance.
    pub topups: BTreeMap<TopUpId, TopUpRecord>,
    /// Entries of accounts elsewhere.
    pub bank_entries: BTreeMap<EntryKey, EntryRecord>,
    /// What persons said of them.
    pub assignments: BTreeMap<(EntryKey, u32), AssignmentRecord>,
    /// Statements that were taken.
    pub bank_statements: BTreeMap<EntryKey, StatementRecord>,
    /// Payouts.
    pub payouts: BTreeMap<PayoutId, PayoutRecord>,
    visits: BTreeMap<PaymentId, Timestamp>,
    proofs: BTreeMap<ProofKey, ProofUse>,
    keys: BTreeMap<IdempotencyHash, PaymentId>,
    positions: BTreeMap<TransferId, usize>,
    resolutions: BTreeMap<TransferId, TransferId>,
}

impl MemoryStore {
    /// Applies a batch of commands with nothing kept between batches.
    pub fn batch(&mut self, commands: &[Command]) -> Result<Vec<Outcome>, BatchError<Infallible>> {
        run(self, &mut Shelf::default(), commands, None)
    }

    /// Adds everything up again.
    pub fn verify(&mut self) -> Verification {
        let mut auditor = Auditor::default();
        let Ok(()) = self.scan(&mut auditor);
        auditor.finish()
    }

    /// The largest time that approvals and reservations have seen.
    fn latest(&self) -> Timestamp {
        let approvals = self.approvals.values().map(|approval| approval.updated_at);
        let reservations = self.reservations.values().map(|record| record.updated_at);
        approvals.chain(reservations).max().unwrap_or(Timestamp::from_unix_millis(0))
    }

    fn load_bank(&self, wanted: &Wanted, shelf: &mut Shelf) {
        load(&wanted.topups, &self.topups, &mut shelf.topups);
        load(&wanted.bank_entries, &self.bank_entries, &mut shelf.bank_entries);
        load(&wanted.bank_statements, &self.bank_statements, &mut shelf.bank_statements);
        load(&wanted.payouts, &self.payouts, &mut shelf.payouts);
        for reference in &wanted.references {
            let found = self.topups.values().find(|record| record.order.reference == *reference);
            shelf.references.load(reference.clone(), found.map(|record| record.order.id));
        }
        for payer in &wanted.standing {
            let of_payer = |record: &&TopUpRecord| record.order.payer == *payer && record.state == TopUpState::Open;
            let ids = self.topups.values().filter(of_payer).map(|record| record.order.id).collect();
            shelf.standing.load(payer.clone(), Some(ids));
        }
        for asset in &wanted.first_statements {
            let of_account = self.bank_statements.values().filter(|record| record.asset == *asset);
            shelf.first_statements.load(asset.clone(), of_account.min_by_key(|record| record.place()).cloned());
        }
        for file in &wanted.payout_files {
            let in_file = self.payouts.values().filter(|record| record.file.as_deref() == Some(file));
            shelf.payout_files.load(file.clone(), Some(in_file.map(|record| record.order.id).collect()));
        }
    }

    fn known_transfer(&self, id: &TransferId) -> Option<Transfer> {
        self.positions.get(id).and_then(|at| self.transfers.get(*at)).cloned()
    }
}

impl Store for MemoryStore {
    type Error = Infallible;

    fn begin(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    fn load(&mut self, wanted: &Wanted, shelf: &mut Shelf) -> Result<(), Infallible> {
        for id in &wanted.transfers {
            shelf.transfers.load(*id, self.known_transfer(id));
        }
        load(&wanted.accounts, &self.accounts, &mut shelf.accounts);
        load(&wanted.resolutions, &self.resolutions, &mut shelf.resolutions);
        load(&wanted.payments, &self.payments, &mut shelf.payments);
        load(&wanted.visits, &self.visits, &mut shelf.visits);
        load(&wanted.proofs, &self.proofs, &mut shelf.proofs);
        load(&wanted.keys, &self.keys, &mut shelf.keys);
        load(&wanted.movements, &self.movements, &mut shelf.movements);
        load(&wanted.cursors, &self.cursors, &mut shelf.cursors);
        load(&wanted.counters, &self.counters, &mut shelf.counters);
        load(&wanted.reservations, &self.reservations, &mut shelf.reservations);
        load(&wanted.approvals, &self.approvals, &mut shelf.approvals);
        load(&wanted.asked, &self.asked, &mut shelf.asked);
        load(&wanted.policies, &self.policies, &mut shelf.policies);
        if wanted.audit {
            let newest =
                self.audit.last().map(|newest| Head { sequence: newest.sequence, at: newest.at, hash: newest.hash });
            shelf.audit.head = Some(newest.unwrap_or(Head::EMPTY));
        }
        if wanted.horizon {
            shelf.horizon = Some(self.horizon.unwrap_or(Timestamp::from_unix_millis(i64::MIN)));
        }
        if wanted.latest {
            shelf.latest = Some(self.latest());
        }
        load(&wanted.sessions, &self.sessions, &mut shelf.sessions);
        self.load_bank(wanted, shelf);
        if wanted.left_behind {
            for payment in self.payments.values().filter(|payment| !payment.state.is_final()) {
                shelf.payments.load(payment.id, Some(payment.clone()));
            }
            for session in self.sessions.values().filter(|session| !session.state.is_final()) {
                shelf.sessions.load(session.id, Some(session.clone()));
            }
            shelf.left_behind = Some(LeftBehind::Everything);
        }
        Ok(())
    }

    fn commit(&mut self, shelf: &Shelf) -> Result<(), Infallible> {
        for transfer in shelf.transfers.changes().filter_map(|change| change.row) {
            if let Phase::Post(hold) | Phase::Void(hold) = transfer.phase {
                self.resolutions.insert(hold, transfer.id);
            }
            self.positions.insert(transfer.id, self.transfers.len());
            self.transfers.push(transfer.clone());
        }
        store(&shelf.accounts, &mut self.accounts);
        store(&shelf.payments, &mut self.payments);
        store(&shelf.sessions, &mut self.sessions);
        store(&shelf.visits, &mut self.visits);
        store(&shelf.proofs, &mut self.proofs);
        store(&shelf.keys, &mut self.keys);
        store(&shelf.responses, &mut self.responses);
        store(&shelf.movements, &mut self.movements);
        store(&shelf.cursors, &mut self.cursors);
        store(&shelf.counters, &mut self.counters);
        store(&shelf.reservations, &mut self.reservations);
        store(&shelf.policies, &mut self.policies);
        self.audit.extend_from_slice(shelf.audit.appended());
        store(&shelf.approvals, &mut self.approvals);
        store(&shelf.asked, &mut self.asked);
        store(&shelf.topups, &mut self.topups);
        store(&shelf.bank_entries, &mut self.bank_entries);
        store(&shelf.assignments, &mut self.assignments);
        store(&shelf.bank_statements, &mut self.bank_statements);
        store(&shelf.payouts, &mut self.payouts);
        Ok(())
    }

    fn abandon(&mut self) {}

    fn scan(&mut self, auditor: &mut Auditor) -> Result<(), Infallible> {
        self.transfers.iter().for_each(|transfer| auditor.transfer(transfer));
        self.accounts.values().for_each(|account| auditor.account(account));
        self.payments.values().for_each(|payment| auditor.payment(payment));
        for (key, used) in &self.proofs {
            if let ProofUse::Deposit(session) = used {
                auditor.deposit(key, *session);
            }
        }
        self.sessions.values().for_each(|session| auditor.session(session));
        self.movements.values().for_each(|movement| auditor.movement(movement));
        self.payouts.values().for_each(|payout| auditor.payout(payout));
        self.bank_entries.values().for_each(|entry| auditor.bank_entry(entry));
        self.assignments.iter().for_each(|((entry, _), assignment)| auditor.assignment(*entry, assignment));
        self.bank_statements.values().for_each(|statement| auditor.bank_statement(statement));
        self.topups.values().for_each(|order| auditor.topup(order));
        self.reservations.values().for_each(|reservation| auditor.reservation(reservation));
        self.counters.values().for_each(|counter| auditor.counter(counter));
        Ok(())
    }
}

fn load<'a, K, V>(wanted: impl IntoIterator<Item = &'a K>, stored: &BTreeMap<K, V>, rows: &mut Rows<K, V>)
where
    K: Clone + Ord + std::hash::Hash + 'a,
    V: Clone,
{
    for key in wanted {
        rows.load(key.clone(), stored.get(key).cloned());
    }
}

fn store<K: Clone + Ord + std::hash::Hash, V: Clone>(rows: &Rows<K, V>, stored: &mut BTreeMap<K, V>) {
    for change in rows.changes() {
        match change.row {
            Some(row) => stored.insert(change.key.clone(), row.clone()),
            None => stored.remove(change.key),
        };
    }
}
