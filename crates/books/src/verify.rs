//! Adding everything up again: whether the books are what their transfers say.

use std::collections::{BTreeMap, HashMap, HashSet};

use farthing_money::{Amount, Asset};
use farthing_rail::{PaymentId, ProofKey, SessionId};

use crate::budget::{BudgetCounter, ReservationRecord};
use crate::ledger::{Phase, Purpose};
use crate::{
    Account, AccountId, AccountKind, MovementRecord, PaymentRecord, PaymentState, SessionRecord, Transfer, TransferId,
};

/// Is shown every row of the books, transfers first, and says what does not hold.
#[derive(Debug, Default)]
pub struct Auditor {
    done: Verification,
    names: HashMap<AccountId, usize>,
    sums: Vec<Sums>,
    holds: HashMap<TransferId, Hold>,
    entries: HashMap<PaymentId, Vec<Entry>>,
    proofs: HashSet<Box<str>>,
    keys: HashSet<[u8; 32]>,
    budgets: Budgets,
    movements: Movements,
    sessions: Sessions,
    banks: Banks,
}

mod bank;
mod budgets;
mod conversions;
mod crossings;
mod movements;
mod sessions;
mod verification;

use bank::Banks;
pub(crate) use budgets::Budgets;
use conversions::Conversions;
pub use crossings::{Comparison, Crossings, compare};
use movements::Movements;
use sessions::{Own, Sessions};
pub use verification::{Pruned, Verification};

/// An account as its transfers add up. `None`: more than 128 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    debits: Amount,
    credits: Amount,
    debits_pending: Amount,
    credits_pending: Amount,
    shown: bool,
}

#[derive(Debug)]
struct Hold {
    debit: usize,
    credit: usize,
    amount: Amount,
    open: bool,
}

/// A transfer of a payment, small enough to keep one for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    id: TransferId,
    debit: usize,
    credit: usize,
    amount: Amount,
}

impl Entry {
    /// Whether this is what is due, wherever its id lies.
    fn is(&self, due: &Self) -> bool {
        self.id.is_but_for_place(due.id) && Self { id: due.id, ..*self } == *due
    }
}

impl Auditor {
    /// Shows what left the books; before the transfers.
    pub fn pruned(&mut self, pruned: Pruned) {
        self.done.pruned = pruned;
    }

    /// Shows what the transfers of an account that left add up to; before the transfers.
    pub fn carried(&mut self, account: &AccountId, debits: Amount, credits: Amount) {
        if !matches!(account.kind, AccountKind::Payer(_) | AccountKind::Revenue(_) | AccountKind::Refunds) {
            self.find(format!("{account}: carries sums forward, and nothing of it may leave the books"));
        }
        let index = self.index(account);
        if let Some(sums) = self.sums.get_mut(index) {
            (sums.debits, sums.credits) = (debits, credits);
        }
    }

    /// Shows a transfer. Transfers come first, each hold before what ends it.
    pub fn transfer(&mut self, transfer: &Transfer) {
        self.done.transfers += 1;
        if transfer.debit.asset != transfer.credit.asset {
            self.find(format!("transfer {} moves between two assets", transfer.id));
        }
        let (debit, credit) = (self.index(&transfer.debit), self.index(&transfer.credit));
        if let Some(payment) = transfer.payment {
            let entry = Entry { id: transfer.id, debit, credit, amount: transfer.amount };
            self.entries.entry(payment).or_default().push(entry);
        } else {
            self.movements.transfer(transfer);
            self.sessions.transfer(transfer, debit, credit);
            if !self.done.crossings.transfer(transfer) {
                self.find(format!("transfer {} is of other books, and no remittance makes such a one", transfer.id));
            }
        }
        let moved = match transfer.phase {
            Phase::Single => self.moves(debit, credit, transfer.amount),
            Phase::Pending => {
                let hold = Hold { debit, credit, amount: transfer.amount, open: true };
                self.holds.insert(transfer.id, hold);
                self.holds_back(debit, credit, transfer.amount)
            }
            Phase::Post(hold) => {
                self.ends(transfer, hold);
                self.moves(debit, credit, transfer.amount)
            }
            Phase::Void(hold) => {
                self.ends(transfer, hold);
                Some(())
            }
        };
        if moved.is_none() {
            self.find(format!("transfer {} takes a sum beyond 128 bits", transfer.id));
        }
    }

    /// Shows an account as it is stored.
    pub fn account(&mut self, account: &Account) {
        self.done.accounts += 1;
        let index = self.index(&account.id);
        let Some(sums) = self.sums.get_mut(index) else { return };
        sums.shown = true;
        let sums = *sums;
        let figures = [
            ("debits", account.debits, sums.debits),
            ("credits", account.credits, sums.credits),
            ("pending debits", account.debits_pending, sums.debits_pending),
            ("pending credits", account.credits_pending, sums.credits_pending),
        ];
        for (what, stored, added) in figures {
            if stored != added {
                self.find(format!("{}: {what} are stored as {stored}, its transfers add up to {added}", account.id));
            }
        }
        if !account.keeps_its_bound() {
            self.find(format!("{}: debits and holds exceed credits", account.id));
        }
    }

    /// Shows a payment.
    pub fn payment(&mut self, payment: &PaymentRecord) {
        self.done.payments += 1;
        if !payment.id.answers(&payment.challenge) {
            self.find(format!("{}: the id is not that of its challenge", payment.id));
        }
        if !self.proofs.insert(payment.key.as_str().into()) {
            self.find(format!("{}: its proof was used by another payment", payment.id));
        }
        if let Some(key) = payment.idempotency
            && !self.keys.insert(key)
        {
            self.find(format!("{}: its idempotency key is held by another payment", payment.id));
        }
        let mut entries = self.entries.remove(&payment.id).unwrap_or_default();
        if payment.state.is_paid() {
            self.take_entry(payment, &mut entries, &payment.charge(payment.claimed_at), "ledger entry");
            if let Some(share) = payment.share_entry(payment.claimed_at) {
                self.take_entry(payment, &mut entries, &share, "entry of what went to others");
            }
            if let Some(credit) = payment.credit_entry(payment.claimed_at) {
                self.take_entry(payment, &mut entries, &credit, "credit to the balance");
            }
            for entry in payment.return_entries(payment.claimed_at) {
                self.take_entry(payment, &mut entries, &entry, "entry of what left the balance again");
            }
        }
        if payment.state == PaymentState::Refunded
            || payment.state == PaymentState::Reversed && payment.refund.is_some()
        {
            self.take_entry(payment, &mut entries, &payment.refund_entry(payment.claimed_at), "refund entry");
        }
        if payment.state == PaymentState::Reversed {
            self.take_entry(payment, &mut entries, &payment.reversal(payment.claimed_at), "reversal");
            if let Some(share) = payment.share_reversal(payment.claimed_at) {
                self.take_entry(payment, &mut entries, &share, "reversal of what went to others");
            }
        }
        // A refund may be followed by a reversal.
        let refunded = payment.state == PaymentState::Refunded
            || payment.state == PaymentState::Reversed && payment.refund.is_some();
        if payment.refund.is_some() != refunded {
            let names = payment.refund.as_deref().unwrap_or("no refund");
            self.find(format!("{}: stands at {} and names {names}", payment.id, payment.state.as_str()));
        }
        self.take_fees(payment, &mut entries);
        self.check_provisional(payment);
        let taken = self.movements.payment(payment);
        self.done.findings.extend(taken);
        let of_sessions = self.sessions.payment(payment);
        self.done.findings.extend(of_sessions);
        for entry in entries {
            self.find(format!(
                "{}: stands at {} and has transfer {} of {} that does not follow from it",
                payment.id,
                payment.state.as_str(),
                entry.id,
                entry.amount
            ));
        }
    }

    /// Shows a movement; after the payments.
    pub fn movement(&mut self, record: &MovementRecord) {
        let findings = self.movements.movement(record);
        self.done.findings.extend(findings);
    }

    /// Shows the proof of a deposit; after the payments.
    pub fn deposit(&mut self, key: &ProofKey, session: SessionId) {
        if self.proofs.contains(key.as_str()) {
            self.find(format!("{session}: the proof of a deposit was used by a payment"));
        }
        let repeated = self.sessions.deposit(key.as_str(), session);
        self.done.findings.extend(repeated);
    }

    /// Shows a session; after the payments.
    pub fn session(&mut self, session: &SessionRecord) {
        // Looked up and not made: one that nothing moved on is not on record.
        let place = |kind| self.names.get(&AccountId::new(kind, &session.asset)).copied();
        let own = Own {
            source: place(session.source()),
            payer: place(AccountKind::Payer(session.payer.clone())),
            losses: place(AccountKind::Losses(session.method.clone())),
        };
        let findings = self.sessions.session(session, own);
        self.done.findings.extend(findings);
    }

    /// Shows a reservation.
    pub fn reservation(&mut self, record: &ReservationRecord) {
        self.done.reservations += 1;
        self.budgets.reservation(record);
    }

    /// Shows a budget counter; after the reservations.
    pub fn counter(&mut self, counter: &BudgetCounter) {
        let findings = self.budgets.counter(counter);
        self.done.findings.extend(findings);
    }

    /// Says what does not hold by itself, such as a broken index.
    pub fn find(&mut self, finding: String) {
        self.done.findings.push(finding);
    }

    /// What was found, after every row was shown.
    pub fn finish(mut self) -> Verification {
        self.check_accounts();
        self.check_banks();
        let unshown = std::mem::take(&mut self.movements).left();
        self.done.findings.extend(unshown);
        let (sessions, of_sessions) = std::mem::take(&mut self.sessions).left();
        self.done.sessions = sessions;
        self.done.findings.extend(of_sessions);
        let orphans: Vec<String> =
            self.entries.keys().map(|payment| format!("{payment}: has transfers and no record")).collect();
        self.done.findings.extend(orphans);
        let uncounted = std::mem::take(&mut self.budgets).left();
        self.done.findings.extend(uncounted);
        self.done
    }

    fn check_accounts(&mut self) {
        let mut by_asset = BTreeMap::<Asset, [Option<Amount>; 4]>::new();
        let mut findings = Vec::new();
        let mut conversions = Conversions::among(self.names.keys());
        for (id, index) in &self.names {
            let Some(sums) = self.sums.get(*index) else { continue };
            conversions.account(id, sums.debits, sums.credits);
            if !sums.shown {
                findings.push(format!("{id}: has transfers and no account"));
            }
            let totals = by_asset.entry(id.asset.clone()).or_insert([Some(Amount::ZERO); 4]);
            let parts = [sums.debits, sums.credits, sums.debits_pending, sums.credits_pending];
            for (total, part) in totals.iter_mut().zip(parts) {
                *total = total.and_then(|total| total.checked_add(part));
            }
        }
        for (asset, [debits, credits, debits_pending, credits_pending]) in by_asset {
            if debits != credits || debits_pending != credits_pending {
                findings.push(format!("{asset}: the sum of debits is not the sum of credits"));
            }
        }
        findings.extend(conversions.left());
        findings.sort();
        self.done.findings.extend(findings);
    }

    /// What may still be taken back is paid, and a rail holds it.
    fn check_provisional(&mut self, payment: &PaymentRecord) {
        let can_be = payment.state.is_paid() && payment.state != PaymentState::Reversed && !payment.prepaid;
        if payment.confirm_at.is_some() && !can_be {
            let (id, state) = (payment.id, payment.state.as_str());
            self.find(format!("{id}: stands at {state} and waits for its rail to say that it is final"));
        }
    }

    fn take_entry(&mut self, payment: &PaymentRecord, entries: &mut Vec<Entry>, due: &Transfer, what: &str) {
        let due =
            Entry { id: due.id, debit: self.index(&due.debit), credit: self.index(&due.credit), amount: due.amount };
        match entries.iter().position(|entry| entry.is(&due)) {
            Some(at) => {
                entries.swap_remove(at);
            }
            None => {
                let (id, state, amount) = (payment.id, payment.state.as_str(), due.amount);
                self.find(format!("{id}: stands at {state} and lacks its {what} {} of {amount}", due.id));
            }
        }
    }

    /// The fee entries must add up to what the payment says that the rail kept.
    fn take_fees(&mut self, payment: &PaymentRecord, entries: &mut Vec<Entry>) {
        let mut kept = Some(Amount::ZERO);
        for purpose in [Purpose::Fee, Purpose::RefundFee] {
            let id = TransferId::of(payment.id, purpose);
            let Some(at) = entries.iter().position(|entry| entry.id == id) else { continue };
            let entry = entries.swap_remove(at);
            let due = payment.fee_entry(purpose, entry.amount, payment.claimed_at);
            if (self.index(&due.debit), self.index(&due.credit)) != (entry.debit, entry.credit) {
                self.find(format!("{}: fee {id} is booked on other accounts than the rail's", payment.id));
            }
            kept = kept.and_then(|kept| kept.checked_add(entry.amount));
        }
        if kept != Some(payment.fee) {
            let booked = kept.unwrap_or(Amount::ZERO);
            self.find(format!("{}: a fee of {} is recorded, {booked} is booked", payment.id, payment.fee));
        }
    }

    fn index(&mut self, id: &AccountId) -> usize {
        if let Some(index) = self.names.get(id) {
            return *index;
        }
        let index = self.sums.len();
        self.names.insert(id.clone(), index);
        self.sums.push(Sums::default());
        index
    }

    fn moves(&mut self, debit: usize, credit: usize, amount: Amount) -> Option<()> {
        let sums = self.sums.get_mut(debit)?;
        sums.debits = sums.debits.checked_add(amount)?;
        let sums = self.sums.get_mut(credit)?;
        sums.credits = sums.credits.checked_add(amount)?;
        Some(())
    }

    fn holds_back(&mut self, debit: usize, credit: usize, amount: Amount) -> Option<()> {
        let sums = self.sums.get_mut(debit)?;
        sums.debits_pending = sums.debits_pending.checked_add(amount)?;
        let sums = self.sums.get_mut(credit)?;
        sums.credits_pending = sums.credits_pending.checked_add(amount)?;
        Some(())
    }

    fn ends(&mut self, transfer: &Transfer, hold: TransferId) {
        let Some(held) = self.holds.get_mut(&hold).filter(|held| held.open) else {
            self.find(format!("transfer {} ends hold {hold}, which is not open", transfer.id));
            return;
        };
        held.open = false;
        let (debit, credit, amount) = (held.debit, held.credit, held.amount);
        if transfer.amount > amount {
            self.find(format!("transfer {} posts {} of a hold of {amount}", transfer.id, transfer.amount));
        }
        let lets_go = |sum: Amount| sum.checked_sub(amount).unwrap_or(Amount::ZERO);
        if let Some(sums) = self.sums.get_mut(debit) {
            sums.debits_pending = lets_go(sums.debits_pending);
        }
        if let Some(sums) = self.sums.get_mut(credit) {
            sums.credits_pending = lets_go(sums.credits_pending);
        }
    }
}
