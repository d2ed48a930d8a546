//! Putting transfers into the ledger: all of a group or none.

use farthing_money::Amount;

use super::{Account, AccountId, Phase, Transfer, TransferId};
use crate::command::Invalid;
use crate::shelf::{Missing, Shelf};

/// Why a group of transfers is not in the ledger. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// A row the shelf does not hold.
    Missing(Missing),
    /// The id is in the ledger with other content.
    Conflict,
    /// The hold to post or void is not in the ledger.
    NoSuchHold,
    /// The debited account does not hold the amount.
    Insufficient { available: Amount },
    /// The transfer cannot be.
    Invalid(Invalid),
}

impl From<Missing> for Refused {
    fn from(missing: Missing) -> Self {
        Self::Missing(missing)
    }
}

/// Posts the transfers in order. One that is in the ledger already with the same content counts as
/// posted; when it was is not part of the content.
pub(crate) fn post(shelf: &mut Shelf, transfers: &[Transfer]) -> Result<(), Refused> {
    let mut draft = Draft::default();
    for transfer in transfers {
        match shelf.transfers.get(&transfer.id)? {
            Some(known) if known.is_same_movement(transfer) => continue,
            Some(_) => return Err(Refused::Conflict),
            None => draft.add(shelf, transfer)?,
        }
    }
    draft.put_on(shelf);
    Ok(())
}

/// What a group would change, until all of it is known to be allowed.
#[derive(Default)]
struct Draft {
    accounts: Vec<Account>,
    transfers: Vec<Transfer>,
}

impl Draft {
    fn add(&mut self, shelf: &Shelf, transfer: &Transfer) -> Result<(), Refused> {
        if transfer.debit.asset != transfer.credit.asset {
            return Err(Refused::Invalid(Invalid::AssetsDiffer));
        }
        if transfer.debit == transfer.credit {
            return Err(Refused::Invalid(Invalid::SameAccount));
        }
        let held = match transfer.phase {
            Phase::Single | Phase::Pending => None,
            Phase::Post(hold) | Phase::Void(hold) => Some(self.held(shelf, transfer, hold)?),
        };
        let mut debit = self.account(shelf, &transfer.debit)?;
        let mut credit = self.account(shelf, &transfer.credit)?;
        if let Some(amount) = held {
            debit.debits_pending = less(debit.debits_pending, amount)?;
            credit.credits_pending = less(credit.credits_pending, amount)?;
        }
        match transfer.phase {
            Phase::Single | Phase::Post(_) => {
                let room = debit.available();
                debit.debits = more(debit.debits, transfer.amount)?;
                credit.credits = more(credit.credits, transfer.amount)?;
                within_bound(&debit, room)?;
            }
            Phase::Pending => {
                let room = debit.available();
                debit.debits_pending = more(debit.debits_pending, transfer.amount)?;
                credit.credits_pending = more(credit.credits_pending, transfer.amount)?;
                within_bound(&debit, room)?;
            }
            Phase::Void(_) => {}
        }
        self.keep(debit);
        self.keep(credit);
        self.transfers.push(transfer.clone());
        Ok(())
    }

    /// The amount of an open hold that this transfer may end.
    fn held(&self, shelf: &Shelf, transfer: &Transfer, hold: TransferId) -> Result<Amount, Refused> {
        let known = shelf.transfers.get(&hold)?.ok_or(Refused::NoSuchHold)?;
        if known.phase != Phase::Pending || known.debit != transfer.debit || known.credit != transfer.credit {
            return Err(Refused::Invalid(Invalid::NotThatHold));
        }
        if shelf.resolutions.get(&hold)?.is_some() {
            return Err(Refused::Invalid(Invalid::HoldHasEnded));
        }
        if transfer.amount > known.amount {
            return Err(Refused::Invalid(Invalid::MoreThanHeld));
        }
        Ok(known.amount)
    }

    fn account(&self, shelf: &Shelf, id: &AccountId) -> Result<Account, Missing> {
        if let Some(drafted) = self.accounts.iter().find(|account| account.id == *id) {
            return Ok(drafted.clone());
        }
        Ok(shelf.accounts.get(id)?.cloned().unwrap_or_else(|| Account::empty(id.clone())))
    }

    fn keep(&mut self, account: Account) {
        match self.accounts.iter_mut().find(|drafted| drafted.id == account.id) {
            Some(drafted) => *drafted = account,
            None => self.accounts.push(account),
        }
    }

    fn put_on(self, shelf: &mut Shelf) {
        for account in self.accounts {
            shelf.accounts.put(account.id.clone(), account);
        }
        for transfer in self.transfers {
            if let Phase::Post(hold) | Phase::Void(hold) = transfer.phase {
                shelf.resolutions.put(hold, transfer.id);
            }
            shelf.transfers.put(transfer.id, transfer);
        }
    }
}

fn more(sum: Amount, amount: Amount) -> Result<Amount, Refused> {
    sum.checked_add(amount).ok_or(Refused::Invalid(Invalid::TooLarge))
}

fn less(sum: Amount, amount: Amount) -> Result<Amount, Refused> {
    sum.checked_sub(amount).ok_or(Refused::Invalid(Invalid::NotThatHold))
}

/// Refuses a debit that takes an account below its bound; `room` is what it had before.
fn within_bound(debit: &Account, room: Option<Amount>) -> Result<(), Refused> {
    if debit.keeps_its_bound() {
        return Ok(());
    }
    Err(Refused::Insufficient { available: room.unwrap_or(Amount::ZERO) })
}

impl Transfer {
    /// Whether another transfer moves the same in the same way for the same payment.
    pub fn is_same_movement(&self, other: &Self) -> bool {
        self.id == other.id
            && self.debit == other.debit
            && self.credit == other.credit
            && self.amount == other.amount
            && self.phase == other.phase
            && self.payment == other.payment
    }
}
