//! Entries of accounts elsewhere against the transfers that they made, and orders against the entries.

use std::collections::HashMap;

use farthing_money::{Amount, Asset, Rate, Rounding};
use farthing_rail::EntryKey;

use super::Auditor;
use crate::bank::{AssignmentRecord, EntryRecord, PayoutRecord, Resting, StatementRecord};
use crate::command::Invalid;
use crate::ledger::EntryPurpose;
use crate::topup::{TopUpId, TopUpRecord};
use crate::{AccountId, AccountKind, Transfer, TransferId};

/// What is known of accounts elsewhere, until all of it was shown.
#[derive(Debug, Default)]
pub(super) struct Banks {
    /// The entries that a person said something of.
    assigned: HashMap<EntryKey, (EntryRecord, u32)>,
    /// What came by each order, and what was taken back of it; `None` when it is more than 128 bits.
    credited: HashMap<TopUpId, Option<(Amount, Amount)>>,
    /// The earliest statement of each account.
    first: HashMap<Asset, StatementRecord>,
}

impl Auditor {
    /// Shows an entry of an account elsewhere; after the transfers.
    pub fn bank_entry(&mut self, record: &EntryRecord) {
        self.expect(&format!("entry {}", record.key), record.transfers());
        if record.assignments > 0 {
            self.banks.assigned.insert(record.key, (record.clone(), 0));
        }
        let (order, asset, came) = match &record.resting {
            Resting::Credited(to) => (to.order, &to.asset, true),
            Resting::TakenBack(from, _) => (from.order, &from.asset, false),
            _ => return,
        };
        let Some(order) = order else { return };
        let amount = Rate::PARITY.convert(record.amount, record.asset.decimals(), asset.decimals(), Rounding::Exact);
        let sums = self.banks.credited.entry(order).or_insert(Some((Amount::ZERO, Amount::ZERO)));
        *sums = sums.zip(amount.ok()).and_then(|((plus, minus), converted)| match came {
            true => plus.checked_add(converted.amount).map(|plus| (plus, minus)),
            false => minus.checked_add(converted.amount).map(|minus| (plus, minus)),
        });
    }

    /// Shows what a person said of an entry; after the entries.
    pub fn assignment(&mut self, entry: EntryKey, assignment: &AssignmentRecord) {
        let Some((record, seen)) = self.banks.assigned.get_mut(&entry) else {
            self.find(format!("entry {entry}: somebody said whose it is, and it does not say so"));
            return;
        };
        *seen += 1;
        let due = record.assignment(assignment);
        self.expect(&format!("entry {entry}, as assigned"), due);
    }

    /// Shows a payout; after the transfers.
    pub fn payout(&mut self, record: &PayoutRecord) {
        let due = record.order.conversion().and_then(|out| out.transfers());
        self.expect(&format!("payout {}", record.order.id), due);
    }

    /// Shows a statement that was taken.
    pub fn bank_statement(&mut self, record: &StatementRecord) {
        let key = StatementRecord::key(&record.asset, &record.statement.id);
        self.movements.pass(&TransferId::of_entry(&key, EntryPurpose::Opening));
        let first = self.banks.first.entry(record.asset.clone()).or_insert_with(|| record.clone());
        if record.place() < first.place() {
            *first = record.clone();
        }
    }

    /// Shows an order; after the entries.
    pub fn topup(&mut self, record: &TopUpRecord) {
        let id = record.order.id;
        let sums = self.banks.credited.remove(&id).unwrap_or(Some((Amount::ZERO, Amount::ZERO)));
        let came = sums.and_then(|(plus, minus)| plus.checked_sub(minus));
        if came != Some(record.credited) {
            let came = came.map_or_else(|| "something else".to_owned(), |came| came.to_string());
            self.find(format!("order {id}: says that {} came, and its entries say {came}", record.credited));
        }
    }

    /// Looks for the transfers that something must have made.
    fn expect(&mut self, what: &str, due: Result<Vec<Transfer>, Invalid>) {
        match due {
            Ok(due) => {
                for transfer in due.iter().filter(|transfer| !self.movements.take(transfer)) {
                    let (from, to) = (&transfer.credit, &transfer.debit);
                    self.done
                        .findings
                        .push(format!("{what}: lacks its transfer of {} from {from} to {to}", transfer.amount));
                }
            }
            Err(invalid) => self.find(format!("{what}: {invalid}")),
        }
    }

    /// What is left over when everything was shown.
    pub(super) fn check_banks(&mut self) {
        let Banks { assigned, credited, first } = std::mem::take(&mut self.banks);
        for (record, seen) in assigned.values().filter(|(record, seen)| record.assignments != *seen) {
            self.find(format!(
                "entry {}: was assigned {} times, and {seen} are on record",
                record.key, record.assignments
            ));
        }
        for order in credited.keys() {
            self.find(format!("order {order}: money came for it, and it is not on record"));
        }
        for (asset, record) in first {
            let account = AccountId::new(AccountKind::Opening(record.rail.clone()), &asset);
            let sums = self.names.get(&account).and_then(|index| self.sums.get(*index)).copied().unwrap_or_default();
            let signed = |amount: Amount| i128::try_from(amount.units()).unwrap_or(i128::MAX);
            let booked = signed(sums.credits).saturating_sub(signed(sums.debits));
            if booked != record.statement.opening {
                let (opening, id) = (record.statement.opening, &record.statement.id);
                self.find(format!("{account}: stands at {booked}, and statement {id} opens with {opening}"));
            }
        }
    }
}
