//! Balances that are paid out: ordered, written into a payment file once, and seen to leave.

use std::fmt;
use std::str::FromStr;

use farthing_money::{Amount, Asset, Currency};
use farthing_protocol::Timestamp;
use farthing_rail::PayerId;

use super::{BankOutcome, Credited};
use crate::ledger::posting::post;
use crate::shelf::{Missing, Shelf};
use crate::touches::{Wanted, want, want_transfer};
use crate::{AccountId, AccountKind, BankCommand, Conversion, Outcome};

/// The one name of a payout.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PayoutId([u8; 16]);

/// Not the name of a payout.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a payout is out_ and 32 hexadecimal digits; got \"{0}\"")]
pub struct NotAPayoutId(String);

/// Where a payout stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PayoutState {
    /// It is out of the balance and in no file.
    Ordered,
    /// It is in a payment file.
    Written,
    /// A statement showed it leave.
    Paid,
    /// It came back, and is in the balance again.
    Returned,
}

/// An order to pay a balance out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPayout {
    /// Its name: ordering twice under one name is ordering once.
    pub id: PayoutId,
    /// Whose balance.
    pub payer: PayerId,
    /// Which balance.
    pub asset: Asset,
    /// Out of which account: the NAME of its table.
    pub rail: String,
    /// The money on that.
    pub account: Asset,
    /// What both are called.
    pub currency: Currency,
    /// How much, in base units of the account.
    pub leaving: Amount,
    /// Whom it goes to.
    pub payee_name: String,
    /// Their account.
    pub payee_account: String,
    /// Who ordered it.
    pub by: String,
    /// Now.
    pub at: Timestamp,
}

/// A payout as the books keep it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayoutRecord {
    /// What was ordered.
    pub order: NewPayout,
    /// Where it stands.
    pub state: PayoutState,
    /// The payment file that it is in.
    pub file: Option<String>,
    /// When it changed last.
    pub updated_at: Timestamp,
}

impl PayoutId {
    /// From stored or random bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// For storing.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Its name from end to end, which fits into a payment file: `FP` and 32 hexadecimal digits.
    pub fn end_to_end(&self) -> String {
        format!("FP{:032X}", u128::from_be_bytes(self.0))
    }

    /// The payout of that name.
    pub fn from_end_to_end(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("FP").filter(|digits| digits.len() == 32)?;
        let plain = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        plain.then(|| u128::from_str_radix(digits, 16).ok()).flatten().map(|number| Self(number.to_be_bytes()))
    }
}

impl fmt::Display for PayoutId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "out_{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for PayoutId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for PayoutId {
    type Err = NotAPayoutId;

    fn from_str(text: &str) -> Result<Self, NotAPayoutId> {
        let found = text.strip_prefix("out_").and_then(|digits| Self::from_end_to_end(&format!("FP{digits}")));
        found.ok_or_else(|| NotAPayoutId(text.chars().take(64).collect()))
    }
}

impl PayoutState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Ordered, Self::Written, Self::Paid, Self::Returned];

    /// The word in the store and in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ordered => "ordered",
            Self::Written => "written",
            Self::Paid => "paid",
            Self::Returned => "returned",
        }
    }

    /// The state of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

impl NewPayout {
    /// Out of the balance, onto its way: the other way round it is how it was funded.
    pub(crate) fn conversion(&self) -> Result<Conversion, crate::command::Invalid> {
        let back = Conversion {
            name: self.id.to_string(),
            currency: self.currency,
            from: AccountId::new(AccountKind::Clearing(self.rail.clone()), &self.account),
            to: AccountId::new(AccountKind::Payer(self.payer.clone()), &self.asset),
            amount: self.leaving,
            payment: None,
            at: self.at,
        };
        let amount = back.transfers()?.last().map_or(Amount::ZERO, |last| last.amount);
        Ok(Conversion { from: back.to, to: back.from, amount, ..back })
    }

    /// The balance that it goes back to, if it does.
    pub(crate) fn credited(&self) -> Credited {
        Credited { payer: self.payer.clone(), asset: self.asset.clone(), order: None }
    }
}

impl PayoutRecord {
    /// Whether a statement may show it leave.
    pub(crate) fn is_on_its_way(&self) -> bool {
        matches!(self.state, PayoutState::Ordered | PayoutState::Written)
    }

    /// Whether it may come back.
    pub(crate) fn has_left(&self) -> bool {
        matches!(self.state, PayoutState::Paid)
    }
}

/// Adds the rows that an order to pay out, or a payment file, touches.
pub(crate) fn touches(command: &BankCommand, shelf: &Shelf, wanted: &mut Wanted) {
    match command {
        BankCommand::PayOut(new) => {
            want(&shelf.payouts, &mut wanted.payouts, new.id);
            for transfer in new.conversion().and_then(|out| out.transfers()).unwrap_or_default() {
                want_transfer(shelf, wanted, &transfer);
            }
        }
        BankCommand::Write { file, payouts, .. } => {
            want(&shelf.payout_files, &mut wanted.payout_files, file.clone());
            let written = shelf.payout_files.get(file).ok().flatten().into_iter().flatten();
            for payout in payouts.iter().chain(written) {
                want(&shelf.payouts, &mut wanted.payouts, *payout);
            }
        }
        BankCommand::Take(_) | BankCommand::Assign(_) => {}
    }
}

/// Orders payouts, or puts those that are in no file into one.
pub(crate) fn apply(shelf: &mut Shelf, command: &BankCommand) -> Result<Outcome, Missing> {
    match command {
        BankCommand::PayOut(new) => order(shelf, new),
        BankCommand::Write { file, payouts, at } => write(shelf, file, payouts, *at),
        BankCommand::Take(_) | BankCommand::Assign(_) => Ok(Outcome::NotFound),
    }
}

fn order(shelf: &mut Shelf, new: &NewPayout) -> Result<Outcome, Missing> {
    if let Some(known) = shelf.payouts.get(&new.id)? {
        let same = NewPayout { at: known.order.at, ..new.clone() } == known.order;
        return Ok(match same {
            true => Outcome::Bank(BankOutcome::PaidOut(Box::new(known.clone()))),
            false => Outcome::Conflict,
        });
    }
    let transfers = match new.conversion().and_then(|out| out.transfers()) {
        Ok(transfers) => transfers,
        Err(invalid) => return Ok(Outcome::Invalid(invalid)),
    };
    if let Err(refused) = post(shelf, &transfers) {
        return refused.outcome();
    }
    let record = PayoutRecord { order: new.clone(), state: PayoutState::Ordered, file: None, updated_at: new.at };
    shelf.payouts.put(new.id, record.clone());
    Ok(Outcome::Bank(BankOutcome::PaidOut(Box::new(record))))
}

/// A file that has payouts keeps them: writing it again is writing the same.
fn write(shelf: &mut Shelf, file: &str, payouts: &[PayoutId], at: Timestamp) -> Result<Outcome, Missing> {
    let mut ids = shelf.payout_files.get(&file.to_owned())?.cloned().unwrap_or_default();
    if ids.is_empty() {
        for id in payouts {
            let Some(record) = shelf.payouts.get(id)? else { return Ok(Outcome::NotFound) };
            if record.state == PayoutState::Ordered && record.file.is_none() && !ids.contains(id) {
                ids.push(*id);
            }
        }
        for id in &ids {
            let Some(record) = shelf.payouts.get(id)?.cloned() else { continue };
            let written =
                PayoutRecord { state: PayoutState::Written, file: Some(file.to_owned()), updated_at: at, ..record };
            shelf.payouts.put(*id, written);
        }
        shelf.payout_files.put(file.to_owned(), ids.clone());
    }
    let mut written = Vec::with_capacity(ids.len());
    for id in &ids {
        written.extend(shelf.payouts.get(id)?.cloned());
    }
    Ok(Outcome::Bank(BankOutcome::Written(written)))
}
