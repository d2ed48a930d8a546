//! Which rows a command touches, so that a store can load those of a whole batch in one go.

use std::collections::HashSet;

use farthing_money::Asset;
use farthing_rail::{EntryKey, PayerId, PaymentId, ProofKey, SessionId, Settled};

use crate::approval::{ApprovalId, FactsDigest, step as asking};
use crate::bank::PayoutId;
use crate::budget::{BudgetKey, ReservationId};
use crate::ledger::{Phase, Purpose};
use crate::movement::reconcile::{self, Need};
use crate::payment::IdempotencyHash;
use crate::payment::step::{Step, consumed};
use crate::shelf::{ProofUse, Rows, Shelf};
use crate::topup::TopUpId;
use crate::{AccountId, BankCommand, Command, NewPayment, PaymentRecord, Transfer, TransferId, bank, session, topup};

/// Rows to load: those that a batch touches and the shelf does not know.
#[derive(Debug, Default)]
pub struct Wanted {
    /// Accounts.
    pub accounts: HashSet<AccountId>,
    /// Transfers.
    pub transfers: HashSet<TransferId>,
    /// Holds whose end is asked for.
    pub resolutions: HashSet<TransferId>,
    /// How far back the books go.
    pub horizon: bool,
    /// Payments.
    pub payments: HashSet<PaymentId>,
    /// Credentials of visits, by the payment that each would have made.
    pub visits: HashSet<PaymentId>,
    /// Proofs whose use is asked for.
    pub proofs: HashSet<ProofKey>,
    /// Idempotency keys whose holder is asked for.
    pub keys: HashSet<IdempotencyHash>,
    /// Movements of statements.
    pub movements: HashSet<ProofKey>,
    /// How far statements have been read.
    pub cursors: HashSet<String>,
    /// Budget counters.
    pub counters: HashSet<BudgetKey>,
    /// Reservations.
    pub reservations: HashSet<ReservationId>,
    /// Approvals.
    pub approvals: HashSet<ApprovalId>,
    /// Facts whose newest approval is asked for.
    pub asked: HashSet<FactsDigest>,
    /// The largest time that approvals and reservations have seen.
    pub latest: bool,
    /// Levels whose newest policy is asked for.
    pub policies: HashSet<String>,
    /// The end of the log.
    pub audit: bool,
    /// Orders to fund a balance.
    pub topups: HashSet<TopUpId>,
    /// References whose order is asked for.
    pub references: HashSet<String>,
    /// Payers whose open orders are asked for.
    pub standing: HashSet<PayerId>,
    /// Entries of accounts elsewhere.
    pub bank_entries: HashSet<EntryKey>,
    /// Statements of accounts elsewhere.
    pub bank_statements: HashSet<EntryKey>,
    /// Accounts elsewhere whose earliest statement is asked for.
    pub first_statements: HashSet<Asset>,
    /// Payouts.
    pub payouts: HashSet<PayoutId>,
    /// Payment files whose payouts are asked for.
    pub payout_files: HashSet<String>,
    /// Sessions.
    pub sessions: HashSet<SessionId>,
    /// Every payment and every session that is not final and that no living process is at.
    pub left_behind: bool,
}

impl Wanted {
    /// Whether nothing is left to load.
    pub fn is_empty(&self) -> bool {
        !self.left_behind
            && !self.horizon
            && self.visits.is_empty()
            && self.accounts.is_empty()
            && self.transfers.is_empty()
            && self.resolutions.is_empty()
            && self.payments.is_empty()
            && self.sessions.is_empty()
            && self.proofs.is_empty()
            && self.keys.is_empty()
            && self.movements.is_empty()
            && self.cursors.is_empty()
            && self.counters.is_empty()
            && self.reservations.is_empty()
            && self.approvals.is_empty()
            && self.asked.is_empty()
            && !self.latest
            && self.policies.is_empty()
            && !self.audit
            && self.topups.is_empty()
            && self.references.is_empty()
            && self.standing.is_empty()
            && self.bank_entries.is_empty()
            && self.bank_statements.is_empty()
            && self.first_statements.is_empty()
            && self.payouts.is_empty()
            && self.payout_files.is_empty()
    }
}

impl Command {
    /// Adds the rows this command touches, as far as the shelf lets it be known: which accounts a
    /// step posts to stands in its payment, and which counters a reservation counts toward in the
    /// reservation. A movement leads to its payment and that to the accounts. So a batch is loaded in
    /// three rounds at most.
    pub fn touches(&self, shelf: &Shelf, wanted: &mut Wanted) {
        if let Some((payment, step, _)) = self.step() {
            want(&shelf.payments, &mut wanted.payments, payment);
            let Ok(Some(record)) = shelf.payments.get(&payment) else { return };
            if let Some(session) = record.session {
                want(&shelf.sessions, &mut wanted.sessions, session);
            }
            if posts(&step) {
                for account in record.accounts() {
                    want(&shelf.accounts, &mut wanted.accounts, account);
                }
                for purpose in Purpose::ALL {
                    want(&shelf.transfers, &mut wanted.transfers, TransferId::of(payment, purpose));
                }
                if let Step::Settle { settled, .. } | Step::Resettle(settled) | Step::ConfirmRefund(settled) = step {
                    want_movements(shelf, wanted, record, settled);
                }
            }
            return;
        }
        wanted.audit |= self.is_logged() && shelf.audit.head.is_none();
        match self {
            Self::Policy(new) => want(&shelf.policies, &mut wanted.policies, new.level.clone()),
            Self::Claim(new) => want_claim(shelf, wanted, new),
            Self::Session(command) => session::touches(command, shelf, wanted),
            Self::Reconcile { page, at } => reconcile::touches(page, shelf, *at, |need| match need {
                Need::Cursor(source) => want(&shelf.cursors, &mut wanted.cursors, source),
                Need::Movement(key) => want(&shelf.movements, &mut wanted.movements, key),
                Need::Payment(payment) => want(&shelf.payments, &mut wanted.payments, payment),
                Need::Transfer(transfer) => want_transfer(shelf, wanted, &transfer),
            }),
            Self::Recover { .. } => wanted.left_behind |= shelf.left_behind.is_none(),
            Self::Approval(command) => asking::touches(command, shelf, wanted),
            Self::Visit { challenge, .. } => want(&shelf.visits, &mut wanted.visits, PaymentId::of(challenge)),
            Self::Transfer(transfer) => want_transfer(shelf, wanted, transfer),
            Self::TopUp(new) => topup::touches(new, shelf, wanted),
            Self::Bank(BankCommand::Take(page)) => bank::touches_of_page(page, shelf, wanted),
            Self::Bank(BankCommand::Assign(new)) => bank::touches_of_assignment(new, shelf, wanted),
            Self::Bank(command) => bank::touches_of_payout(command, shelf, wanted),
            Self::Convert(conversion) => {
                for transfer in conversion.transfers().unwrap_or_default() {
                    want_transfer(shelf, wanted, &transfer);
                }
            }
            Self::Reserve(reservation) => {
                want(&shelf.reservations, &mut wanted.reservations, reservation.id);
                asking::touches_of(reservation, shelf, wanted);
                for charge in &reservation.charges {
                    want(&shelf.counters, &mut wanted.counters, charge.key.clone());
                }
            }
            Self::Confirm { reservation, .. } | Self::Release { reservation, .. } => {
                want(&shelf.reservations, &mut wanted.reservations, *reservation);
                if let Ok(Some(record)) = shelf.reservations.get(reservation) {
                    asking::touches_of(&record.reservation, shelf, wanted);
                    for charge in &record.reservation.charges {
                        want(&shelf.counters, &mut wanted.counters, charge.key.clone());
                    }
                }
            }
            other => {
                if let Some(transfer) = other.granted() {
                    want_transfer(shelf, wanted, &transfer);
                }
            }
        }
    }
}

/// Whether a step may put something into the ledger.
fn posts(step: &Step<'_>) -> bool {
    let pays = matches!(step, Step::Settle { .. } | Step::Resettle(_));
    pays || matches!(step, Step::Refund { .. } | Step::ConfirmRefund(_) | Step::Reverse { .. })
}

/// What claiming a payment needs.
pub(crate) fn want_claim(shelf: &Shelf, wanted: &mut Wanted, new: &NewPayment) {
    wanted.horizon |= shelf.horizon.is_none();
    want(&shelf.payments, &mut wanted.payments, new.id);
    want(&shelf.proofs, &mut wanted.proofs, new.proof.key.clone());
    if let Ok(Some(ProofUse::Payment(other))) = shelf.proofs.get(&new.proof.key) {
        want(&shelf.payments, &mut wanted.payments, *other);
    }
    if let Some(key) = new.idempotency {
        want(&shelf.keys, &mut wanted.keys, key);
    }
    if new.prepaid && !matches!(shelf.payments.get(&new.id), Ok(Some(_))) {
        new.charged().into_iter().flatten().for_each(|account| want(&shelf.accounts, &mut wanted.accounts, account));
    }
}

/// The movements that a payment settles by or settled by before, and what taking one out of suspense posts.
fn want_movements(shelf: &Shelf, wanted: &mut Wanted, payment: &PaymentRecord, settled: &Settled) {
    for key in consumed(payment, settled).into_iter().chain(payment.consumed.iter().cloned()) {
        if let Ok(Some(record)) = shelf.movements.get(&key)
            && let Some(seen) = &record.seen
        {
            want_transfer(shelf, wanted, &record.explained(seen, &payment.method, payment.claimed_at));
        }
        want(&shelf.movements, &mut wanted.movements, key);
    }
}

pub(crate) fn want_transfer(shelf: &Shelf, wanted: &mut Wanted, transfer: &Transfer) {
    want(&shelf.accounts, &mut wanted.accounts, transfer.debit.clone());
    want(&shelf.accounts, &mut wanted.accounts, transfer.credit.clone());
    want(&shelf.transfers, &mut wanted.transfers, transfer.id);
    if let Phase::Post(hold) | Phase::Void(hold) = transfer.phase {
        want(&shelf.transfers, &mut wanted.transfers, hold);
        want(&shelf.resolutions, &mut wanted.resolutions, hold);
    }
}

pub(crate) fn want<K: Clone + Eq + std::hash::Hash, V>(rows: &Rows<K, V>, wanted: &mut HashSet<K>, key: K) {
    if !rows.knows(&key) {
        wanted.insert(key);
    }
}
