//! A person says whose money in suspense is.

use farthing_money::{Amount, Asset};
use farthing_rail::{Direction, PayerId};

use super::{AssignmentRecord, BankOutcome, Credited, EntryRecord, NewAssignment, Resting};
use crate::command::Invalid;
use crate::ledger::posting::post;
use crate::shelf::{Missing, Shelf};
use crate::touches::{Wanted, want, want_transfer};
use crate::{AccountId, AccountKind, Outcome};

/// Adds the rows that an assignment touches.
pub(crate) fn touches(new: &NewAssignment, shelf: &Shelf, wanted: &mut Wanted) {
    want(&shelf.bank_entries, &mut wanted.bank_entries, new.entry);
    let Ok(Some(entry)) = shelf.bank_entries.get(&new.entry) else { return };
    want(&shelf.accounts, &mut wanted.accounts, AccountId::new(AccountKind::Suspense, &entry.asset));
    let Some((assignment, _)) = entry.next(new) else { return };
    for transfer in entry.assignment(&assignment).unwrap_or_default() {
        want_transfer(shelf, wanted, &transfer);
    }
}

/// Applies an assignment. Saying the same twice is saying it once.
pub(crate) fn apply(shelf: &mut Shelf, new: &NewAssignment) -> Result<Outcome, Missing> {
    let Some(entry) = shelf.bank_entries.get(&new.entry)?.cloned() else { return Ok(Outcome::NotFound) };
    if entry.stands_as(new) {
        return Ok(Outcome::Bank(BankOutcome::Assigned(Box::new(entry))));
    }
    let Some((assignment, resting)) = entry.next(new) else {
        return Ok(Outcome::Bank(BankOutcome::NotInSuspense(Box::new(entry))));
    };
    if new.to.as_ref().is_some_and(|(_, asset)| asset.code() != entry.currency.as_str()) {
        return Ok(Outcome::Invalid(Invalid::OtherCurrency));
    }
    let suspense = shelf.accounts.get(&AccountId::new(AccountKind::Suspense, &entry.asset))?;
    let left = suspense.and_then(|account| account.credits.checked_sub(account.debits)).unwrap_or(Amount::ZERO);
    if !assignment.takes_back && left < entry.amount {
        return Ok(Outcome::Bank(BankOutcome::NotInSuspense(Box::new(entry))));
    }
    let transfers = match entry.assignment(&assignment) {
        Ok(transfers) => transfers,
        Err(invalid) => return Ok(Outcome::Invalid(invalid)),
    };
    if let Err(refused) = post(shelf, &transfers) {
        return refused.outcome();
    }
    let entry = EntryRecord { assignments: assignment.number, resting, ..entry };
    shelf.assignments.put((entry.key, assignment.number), assignment);
    shelf.bank_entries.put(entry.key, entry.clone());
    Ok(Outcome::Bank(BankOutcome::Assigned(Box::new(entry))))
}

impl EntryRecord {
    /// Whom a person said that it belongs to.
    fn assigned_to(&self) -> Option<(PayerId, Asset)> {
        match &self.resting {
            Resting::Credited(to) if to.order.is_none() => Some((to.payer.clone(), to.asset.clone())),
            _ => None,
        }
    }

    /// Whether what is said was said before.
    fn stands_as(&self, new: &NewAssignment) -> bool {
        match &new.to {
            Some(to) => self.assigned_to().as_ref() == Some(to),
            None => self.resting == Resting::Suspense && self.assignments > 0,
        }
    }

    /// What an assignment would make of it: money in suspense becomes somebody's, and what a person said can be
    /// taken back.
    fn next(&self, new: &NewAssignment) -> Option<(AssignmentRecord, Resting)> {
        let number = self.assignments.checked_add(1)?;
        match (&new.to, self.assigned_to()) {
            (Some((payer, asset)), None) if self.resting == Resting::Suspense && self.direction == Direction::In => {
                let to = Credited { payer: payer.clone(), asset: asset.clone(), order: None };
                Some((AssignmentRecord { number, said: new.clone(), takes_back: false }, Resting::Credited(to)))
            }
            (None, Some(from)) => {
                let said = NewAssignment { to: Some(from), ..new.clone() };
                Some((AssignmentRecord { number, said, takes_back: true }, Resting::Suspense))
            }
            _ => None,
        }
    }
}
