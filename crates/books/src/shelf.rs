//! The working set: the rows that a batch of commands touches, taken from a store and put back.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use farthing_money::Asset;
use farthing_protocol::Timestamp;
use farthing_rail::{Cursor, EntryKey, PayerId, PaymentId, ProofKey, SessionId};

use crate::approval::{ApprovalId, ApprovalRecord, FactsDigest};
use crate::audit::{PolicyVersion, Trail};
use crate::bank::{AssignmentRecord, EntryRecord, PayoutId, PayoutRecord, StatementRecord};
use crate::budget::{BudgetCounter, BudgetKey, ReservationId, ReservationRecord};
use crate::movement::MovementRecord;
use crate::payment::IdempotencyHash;
use crate::topup::{TopUpId, TopUpRecord};
use crate::{Account, AccountId, PaymentRecord, SessionRecord, StoredResponse, Transfer, TransferId};

/// The rows a batch works on. A row is known (present or known to be absent) or not loaded; reading
/// one that is not loaded is an error and never "absent".
#[derive(Debug, Default)]
pub struct Shelf {
    /// Accounts by name and asset.
    pub accounts: Rows<AccountId, Account>,
    /// Transfers by id.
    pub transfers: Rows<TransferId, Transfer>,
    /// Which transfer posted or voided a hold, by the hold.
    pub resolutions: Rows<TransferId, TransferId>,
    /// Payments by id, and so by challenge: the id is derived from it.
    pub payments: Rows<PaymentId, PaymentRecord>,
    /// Payments that another process which shares the books changed last: what it has in hand is left to it.
    pub elsewhere: HashSet<PaymentId>,
    /// Until when the credential of a visit lives, by the payment that it would have made.
    pub visits: Rows<PaymentId, Timestamp>,
    /// What a proof was used for.
    pub proofs: Rows<ProofKey, ProofUse>,
    /// Which payment holds an idempotency key.
    pub keys: Rows<IdempotencyHash, PaymentId>,
    /// Responses kept by the payments closed in this batch.
    pub responses: Rows<PaymentId, StoredResponse>,
    /// Movements by key.
    pub movements: Rows<ProofKey, MovementRecord>,
    /// How far each statement has been read, by its name.
    pub cursors: Rows<String, Cursor>,
    /// Budget counters.
    pub counters: Rows<BudgetKey, BudgetCounter>,
    /// Reservations by id.
    pub reservations: Rows<ReservationId, ReservationRecord>,
    /// Approvals by id.
    pub approvals: Rows<ApprovalId, ApprovalRecord>,
    /// The newest approval of these facts.
    pub asked: Rows<FactsDigest, ApprovalId>,
    /// Nothing is claimed by a clock that reads a time before this; `None` when it is not loaded.
    pub horizon: Option<Timestamp>,
    /// The largest time that approvals and reservations have seen; `None` when it is not loaded.
    pub latest: Option<Timestamp>,
    /// Sessions by id.
    pub sessions: Rows<SessionId, SessionRecord>,
    /// The newest policy of each level.
    pub policies: Rows<String, PolicyVersion>,
    /// The end of the log.
    pub audit: Trail,
    /// Orders to fund a balance, by id.
    pub topups: Rows<TopUpId, TopUpRecord>,
    /// Which order a reference stands for.
    pub references: Rows<String, TopUpId>,
    /// The open orders of a payer.
    pub standing: Rows<PayerId, Vec<TopUpId>>,
    /// Entries of accounts elsewhere.
    pub bank_entries: Rows<EntryKey, EntryRecord>,
    /// What persons said of entries, by entry and number.
    pub assignments: Rows<(EntryKey, u32), AssignmentRecord>,
    /// Statements that were taken.
    pub bank_statements: Rows<EntryKey, StatementRecord>,
    /// The earliest statement of an account.
    pub first_statements: Rows<Asset, StatementRecord>,
    /// Payouts by id.
    pub payouts: Rows<PayoutId, PayoutRecord>,
    /// The payouts in a payment file.
    pub payout_files: Rows<String, Vec<PayoutId>>,
    /// What dead processes left in progress, for `Recover`; `None` when it is not loaded.
    pub left_behind: Option<LeftBehind>,
}

/// What dead processes left in progress. All of it is on the shelf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeftBehind {
    /// Everything that is in progress: nobody else writes these books.
    Everything,
    /// These, among others that living processes are at.
    These {
        /// Payments.
        payments: Vec<PaymentId>,
        /// Sessions.
        sessions: Vec<SessionId>,
        /// Sessions that a living process used after one that died now, which may have held something of them too.
        shared: Vec<SessionId>,
    },
}

/// What a proof was used for. It is used once, ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofUse {
    /// A payment.
    Payment(PaymentId),
    /// A deposit of a session.
    Deposit(SessionId),
}

/// A row was read that nobody loaded: the store must load it and the command be applied again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a row was needed that was not loaded ({0}); this is a fault in the books, nothing was changed")]
pub struct Missing(pub &'static str);

impl Shelf {
    /// After the changes became durable: nothing is changed any more. With `keep`, rows that the next
    /// batch is likely to touch stay (accounts, counters, payments and sessions in progress), at most so
    /// many of a kind; without, everything goes, because another process may write before the next batch.
    pub fn settle(&mut self, keep: Option<usize>) {
        let Some(limit) = keep else {
            self.clear();
            return;
        };
        self.accounts.settle(limit, |_| true);
        self.counters.settle(limit, |_| true);
        self.payments.settle(limit, |payment| !payment.state.is_final());
        self.sessions.settle(limit, |session| !session.state.is_final());
        self.transfers.clear();
        self.resolutions.clear();
        self.visits.clear();
        self.proofs.clear();
        self.keys.clear();
        self.responses.clear();
        self.movements.clear();
        self.cursors.clear();
        self.reservations.clear();
        self.approvals.clear();
        self.asked.clear();
        self.latest = None;
        self.policies.clear();
        self.topups.clear();
        self.references.clear();
        self.standing.clear();
        self.bank_entries.clear();
        self.assignments.clear();
        self.bank_statements.clear();
        self.first_statements.clear();
        self.payouts.clear();
        self.payout_files.clear();
        self.audit.settle();
        self.left_behind = None;
    }

    /// Puts a payment back. From then on it is this process's.
    pub fn keep_payment(&mut self, payment: PaymentRecord) {
        self.elsewhere.remove(&payment.id);
        self.payments.put(payment.id, payment);
    }

    /// Forgets everything: after a batch that could not be written, only the store knows the truth.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether a batch changed anything. An index changes only together with its payment,
    /// session or transfer.
    pub fn is_changed(&self) -> bool {
        !(self.accounts.changed.is_empty()
            && self.transfers.changed.is_empty()
            && self.payments.changed.is_empty()
            && self.sessions.changed.is_empty()
            && self.responses.changed.is_empty()
            && self.visits.changed.is_empty()
            && self.movements.changed.is_empty()
            && self.cursors.changed.is_empty()
            && self.policies.changed.is_empty()
            && self.topups.changed.is_empty()
            && self.bank_entries.changed.is_empty()
            && self.assignments.changed.is_empty()
            && self.bank_statements.changed.is_empty()
            && self.payouts.changed.is_empty()
            && self.audit.appended().is_empty()
            && self.counters.changed.is_empty()
            && self.reservations.changed.is_empty()
            && self.approvals.changed.is_empty())
    }
}

/// The known rows of one kind.
#[derive(Debug)]
pub struct Rows<K, V> {
    slots: HashMap<K, Slot<V>>,
    changed: Vec<K>,
    loaded: Vec<K>,
}

#[derive(Debug)]
struct Slot<V> {
    row: Option<V>,
    stored: bool,
    changed: Option<Extent>,
}

/// How much of a row changed: what changes most often need not be written together with what hardly does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// Its figures.
    Counters,
    /// Its figures and its voucher.
    Voucher,
    /// Anything.
    Whole,
}

/// A row to be written.
#[derive(Debug)]
pub struct Change<'a, K, V> {
    /// Its key.
    pub key: &'a K,
    /// What it holds now; `None` when an index entry was taken away.
    pub row: Option<&'a V>,
    /// Whether the store holds an older version of it.
    pub stored: bool,
    /// How much of it changed.
    pub extent: Extent,
}

impl<K, V> Default for Rows<K, V> {
    fn default() -> Self {
        Self { slots: HashMap::new(), changed: Vec::new(), loaded: Vec::new() }
    }
}

impl<K: Clone + Eq + Hash, V> Rows<K, V> {
    /// Puts a row here as the store holds it; a row that is here already is newer and stays.
    pub fn load(&mut self, key: K, row: Option<V>) {
        if let Entry::Vacant(vacant) = self.slots.entry(key) {
            self.loaded.push(vacant.key().clone());
            vacant.insert(Slot { stored: row.is_some(), row, changed: None });
        }
    }

    /// Whether it is known if there is such a row.
    pub fn knows(&self, key: &K) -> bool {
        self.slots.contains_key(key)
    }

    /// The row, if there is one.
    pub fn get(&self, key: &K) -> Result<Option<&V>, Missing> {
        self.slots.get(key).map(|slot| slot.row.as_ref()).ok_or(Missing(std::any::type_name::<V>()))
    }

    /// The rows that are known and present, in no order.
    pub fn present(&self) -> impl Iterator<Item = &V> {
        self.slots.values().filter_map(|slot| slot.row.as_ref())
    }

    /// What must be written, in the order of the first change.
    pub fn changes(&self) -> impl Iterator<Item = Change<'_, K, V>> {
        self.changed.iter().filter_map(|key| {
            let slot = self.slots.get(key)?;
            Some(Change { key, row: slot.row.as_ref(), stored: slot.stored, extent: slot.changed? })
        })
    }

    pub(crate) fn put(&mut self, key: K, row: V) {
        self.set(key, Some(row));
    }

    /// A row to be changed where it lies, so much of it and no more.
    pub(crate) fn change(&mut self, key: &K, extent: Extent) -> Result<Option<&mut V>, Missing> {
        let slot = self.slots.get_mut(key).ok_or(Missing(std::any::type_name::<V>()))?;
        if slot.row.is_some() && slot.changed.is_none() {
            self.changed.push(key.clone());
        }
        slot.changed = slot.changed.max(slot.row.is_some().then_some(extent));
        Ok(slot.row.as_mut())
    }

    pub(crate) fn remove(&mut self, key: K) {
        self.set(key, None);
    }

    fn set(&mut self, key: K, row: Option<V>) {
        let slot = self.slots.entry(key.clone()).or_insert(Slot { row: None, stored: false, changed: None });
        slot.row = row;
        if slot.changed.replace(Extent::Whole).is_none() {
            self.changed.push(key);
        }
    }

    /// Looks at the rows of the last batch only: a shelf may hold many more.
    fn settle(&mut self, limit: usize, keep: impl Fn(&V) -> bool) {
        for key in self.changed.drain(..).chain(self.loaded.drain(..)) {
            let Some(slot) = self.slots.get_mut(&key) else { continue };
            slot.stored = slot.row.is_some();
            slot.changed = None;
            if !slot.row.as_ref().is_some_and(&keep) {
                self.slots.remove(&key);
            }
        }
        if self.slots.len() > limit {
            self.slots.clear();
        }
    }

    fn clear(&mut self) {
        self.slots.clear();
        self.changed.clear();
        self.loaded.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_nobody_loaded_is_not_taken_for_absent() {
        let mut rows = Rows::<u8, u8>::default();
        assert!(rows.get(&1).is_err());
        rows.load(1, None);
        assert_eq!(rows.get(&1), Ok(None));
        rows.put(1, 7);
        rows.load(1, Some(3));
        assert_eq!(rows.get(&1), Ok(Some(&7)), "what the batch did is newer than what the store holds");
    }

    #[test]
    fn several_changes_of_a_row_are_one_write() {
        let mut rows = Rows::<u8, u8>::default();
        rows.load(1, None);
        rows.put(1, 7);
        rows.put(1, 8);
        let changes: Vec<_> = rows.changes().map(|change| (*change.key, change.row.copied(), change.stored)).collect();
        assert_eq!(changes, [(1, Some(8), false)]);
        rows.settle(10, |_| true);
        assert_eq!(rows.changes().count(), 0);
        rows.put(1, 9);
        assert!(rows.changes().all(|change| change.stored));
    }
}
