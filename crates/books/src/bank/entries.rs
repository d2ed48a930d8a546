//! What an entry puts into the ledger. The accounts are those of the [chart](crate::ledger::chart).

use farthing_money::Amount;
use farthing_rail::Direction;

use super::{AssignmentRecord, Credited, EntryRecord, Resting};
use crate::command::Invalid;
use crate::ledger::{EntryPurpose, Phase};
use crate::{AccountId, AccountKind, Conversion, Transfer, TransferId};

impl EntryRecord {
    /// The transfers with which it came into the books, and the one with which a statement confirmed it. What a
    /// person said since then is not among them.
    pub(crate) fn transfers(&self) -> Result<Vec<Transfer>, Invalid> {
        let mut transfers = self.arrival()?;
        if self.notified && self.confirmed {
            transfers.push(self.confirmation());
        }
        Ok(transfers)
    }

    /// The transfers with which it came.
    pub(crate) fn arrival(&self) -> Result<Vec<Transfer>, Invalid> {
        let near = self.near();
        let resting = |kind| vec![self.between(EntryPurpose::Arrival, near.clone(), kind, self.amount)];
        // What a person said later came out of suspense.
        if self.assignments > 0 {
            return Ok(resting(AccountKind::Suspense));
        }
        match &self.resting {
            Resting::Credited(to) | Resting::Returned(_, to) => self.conversion(0, &near, &to.account(), self.amount),
            Resting::Suspense => Ok(resting(AccountKind::Suspense)),
            Resting::Withdrawn => Ok(resting(AccountKind::Withdrawals(self.rail.clone()))),
            Resting::Fee => Ok(resting(AccountKind::Fees(self.rail.clone()))),
            // It stands in clearing since it was ordered, and leaves from there once a statement shows it.
            Resting::PaidOut(_) if self.notified => Ok(Vec::new()),
            Resting::PaidOut(_) => Ok(resting(self.clearing())),
            Resting::TakenBack(from, taken) => self.taking_back(from, *taken),
        }
    }

    /// From the payer's balance as far as it goes; the rest is lost.
    fn taking_back(&self, from: &Credited, taken: Amount) -> Result<Vec<Transfer>, Invalid> {
        let mut transfers = Vec::new();
        if !taken.is_zero() {
            transfers = reversed(self.conversion(0, &self.near(), &from.account(), taken)?);
        }
        let lost = self.amount.checked_sub(taken).ok_or(Invalid::TooLarge)?;
        if !lost.is_zero() {
            let losses = AccountKind::Losses(self.rail.clone());
            transfers.push(self.between(EntryPurpose::Loss, self.near(), losses, lost));
        }
        Ok(transfers)
    }

    /// What a notification showed, a statement shows too.
    pub(crate) fn confirmation(&self) -> Transfer {
        let confirmed = AccountKind::Confirmed(self.rail.clone());
        self.between(EntryPurpose::Confirmation, confirmed, self.clearing(), self.amount)
    }

    /// The transfers of what a person said.
    pub(crate) fn assignment(&self, assignment: &AssignmentRecord) -> Result<Vec<Transfer>, Invalid> {
        let Some((payer, asset)) = &assignment.said.to else { return Ok(Vec::new()) };
        let balance = AccountId::new(AccountKind::Payer(payer.clone()), asset);
        let there = self.conversion(assignment.number, &AccountKind::Suspense, &balance, self.amount)?;
        Ok(if assignment.takes_back { reversed(there) } else { there })
    }

    /// Where the account's money is from our side: what only a notification showed is on its way.
    fn near(&self) -> AccountKind {
        if self.notified { self.clearing() } else { AccountKind::Confirmed(self.rail.clone()) }
    }

    fn clearing(&self) -> AccountKind {
        AccountKind::Clearing(self.rail.clone())
    }

    /// The transfers of a conversion, named after the entry.
    fn conversion(
        &self,
        word: u32,
        from: &AccountKind,
        to: &AccountId,
        amount: Amount,
    ) -> Result<Vec<Transfer>, Invalid> {
        let conversion = Conversion {
            name: String::new(),
            currency: self.currency,
            from: AccountId::new(from.clone(), &self.asset),
            to: to.clone(),
            amount,
            payment: None,
            at: self.at,
        };
        let mut transfers = conversion.transfers()?;
        for (half, transfer) in (0..).zip(&mut transfers) {
            transfer.id = TransferId::of_entry(&self.key, EntryPurpose::Conversion { word, half });
        }
        Ok(transfers)
    }

    /// Money that came in is debited to the nearer account and credited to the farther one; what went out the other
    /// way round.
    fn between(&self, purpose: EntryPurpose, nearer: AccountKind, farther: AccountKind, amount: Amount) -> Transfer {
        let (debit, credit) = match self.direction {
            Direction::In => (nearer, farther),
            Direction::Out | Direction::Fee => (farther, nearer),
        };
        Transfer {
            id: TransferId::of_entry(&self.key, purpose),
            debit: AccountId::new(debit, &self.asset),
            credit: AccountId::new(credit, &self.asset),
            amount,
            phase: Phase::Single,
            payment: None,
            at: self.at,
        }
    }
}

/// A conversion the other way, of the same amounts.
fn reversed(mut transfers: Vec<Transfer>) -> Vec<Transfer> {
    for transfer in &mut transfers {
        std::mem::swap(&mut transfer.debit, &mut transfer.credit);
    }
    transfers.reverse();
    transfers
}

impl Credited {
    /// The balance.
    pub(crate) fn account(&self) -> AccountId {
        AccountId::new(AccountKind::Payer(self.payer.clone()), &self.asset)
    }
}
