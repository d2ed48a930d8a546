//! One entry of a statement, and the transactions that it stands for.

use farthing_money::{Amount, Currency};
use farthing_protocol::Timestamp;
use farthing_rail::{AccountEntry, Direction, EntryKey, Shown};

use super::balance::{amount_of, day_of, is_credit};
use super::refused::Mistake;
use super::tag::Tag;
use super::transaction::{Transaction, is_name};
use crate::BankAccount;

/// No batch of a statement has more transactions.
const LARGEST_BATCH: usize = 100_000;
/// The families of transactions that are the bank's own charges (ISO 20022 external codes).
const CHARGES: [&str; 6] = ["CHRG", "FEES", "COMM", "COME", "COMI", "COMT"];

/// An entry that is being read.
#[derive(Default)]
pub(super) struct EntryDraft {
    amount: String,
    currency: Option<Currency>,
    sign: String,
    reversal: String,
    status: String,
    day: String,
    entry_reference: String,
    bank_reference: String,
    family: String,
    information: String,
    transactions: Vec<Transaction>,
}

/// An entry that is booked.
pub(super) struct Entry {
    pub(super) amount: Amount,
    pub(super) credit: bool,
    pub(super) reversal: bool,
    charge: bool,
    booked: Timestamp,
    /// The day as it stands there.
    pub(super) day: String,
    /// What the bank calls it for good; empty when it does not.
    pub(super) bank_reference: String,
    /// What people look it up by.
    shown_reference: String,
    /// At least one, each with its part of the amount.
    pub(super) transactions: Vec<(Amount, Transaction)>,
}

impl EntryDraft {
    pub(super) fn begin_transaction(&mut self) -> Result<(), Mistake> {
        if self.transactions.len() >= LARGEST_BATCH {
            return Err(Mistake::TooLong(LARGEST_BATCH));
        }
        self.transactions.push(Transaction::default());
        Ok(())
    }

    pub(super) fn read(&mut self, inside: &[Tag], tag: Tag, text: &str, currency: Option<Currency>) {
        match (inside, tag) {
            ([], Tag::Amt) => {
                text.clone_into(&mut self.amount);
                self.currency = currency;
            }
            ([], Tag::CdtDbtInd) => text.clone_into(&mut self.sign),
            ([], Tag::RvslInd) => text.clone_into(&mut self.reversal),
            // A word until version 04, an element with a code from 08 on.
            ([], Tag::Sts) if !text.is_empty() => text.clone_into(&mut self.status),
            ([Tag::Sts], Tag::Cd) => text.clone_into(&mut self.status),
            ([Tag::BookgDt], Tag::Dt | Tag::DtTm) => text.clone_into(&mut self.day),
            ([], Tag::NtryRef) => text.clone_into(&mut self.entry_reference),
            ([], Tag::AcctSvcrRef) => text.clone_into(&mut self.bank_reference),
            ([], Tag::AddtlNtryInf) => text.clone_into(&mut self.information),
            ([Tag::BkTxCd, Tag::Domn, Tag::Fmly], Tag::SubFmlyCd) => text.clone_into(&mut self.family),
            ([Tag::NtryDtls, Tag::TxDtls, inside @ ..], tag) => {
                if let Some(transaction) = self.transactions.last_mut() {
                    transaction.read(inside, tag, text, currency);
                }
            }
            _ => {}
        }
    }

    /// The entry, if it is booked: what is pending or only for information is in no balance.
    pub(super) fn finish(mut self, account: &BankAccount) -> Result<Option<Entry>, Mistake> {
        let lacks = |element| Mistake::Lacks { within: "an entry", element };
        match self.status.as_str() {
            "" => return Err(lacks("status (Sts)")),
            "BOOK" => {}
            _ => return Ok(None),
        }
        let amount = amount_of(&self.amount, self.currency, account)?;
        let credit = is_credit(&self.sign)?;
        let reversal = match self.reversal.as_str() {
            "" | "false" | "0" => false,
            "true" | "1" => true,
            other => return Err(super::word("RvslInd", other)),
        };
        if self.day.is_empty() {
            return Err(lacks("booking date (BookgDt)"));
        }
        let booked = day_of(&self.day)?;
        if let [only] = self.transactions.as_mut_slice() {
            only.add_text(&self.information);
        }
        let own = |text: &str| if is_name(text) { text.to_owned() } else { String::new() };
        let mut bank_reference = own(&self.bank_reference);
        if let ("", [only]) = (bank_reference.as_str(), self.transactions.as_slice()) {
            bank_reference = own(&only.bank_reference);
        }
        let shown_reference =
            if bank_reference.is_empty() { own(&self.entry_reference) } else { bank_reference.clone() };
        let (charge, day) =
            (CHARGES.contains(&self.family.as_str()), self.day.get(..10).unwrap_or_default().to_owned());
        let transactions = self.split(amount, account);
        Ok(Some(Entry { amount, credit, reversal, charge, booked, day, bank_reference, shown_reference, transactions }))
    }

    /// The transactions with their amounts, if they add up to the entry's; else all of it as one, which carries no
    /// reference, because nobody knows what is whose.
    fn split(self, amount: Amount, account: &BankAccount) -> Vec<(Amount, Transaction)> {
        let Self { mut transactions, sign, information, .. } = self;
        if transactions.len() <= 1 {
            return vec![(amount, transactions.pop().unwrap_or_else(|| Transaction::unnamed(information)))];
        }
        let amounts: Option<Vec<Amount>> = transactions
            .iter()
            .map(|part| part.own_amount(account).filter(|_| part.sign.is_empty() || part.sign == sign))
            .collect();
        let sum = |parts: &Vec<Amount>| parts.iter().try_fold(Amount::ZERO, |sum, part| sum.checked_add(*part));
        match amounts.filter(|parts| sum(parts) == Some(amount)) {
            Some(parts) => parts.into_iter().zip(transactions).collect(),
            None => {
                let text = format!("{} transactions whose amounts do not make the entry's", transactions.len());
                vec![(amount, Transaction::unnamed(text))]
            }
        }
    }
}

impl Entry {
    /// What it adds to the balance.
    pub(super) fn signed(&self) -> Result<i128, Mistake> {
        let units = i128::try_from(self.amount.units()).map_err(|_| Mistake::Sum)?;
        Ok(if self.credit { units } else { -units })
    }

    /// Its parts: one for each transaction.
    pub(super) fn parts(self, key: EntryKey, shown: Shown) -> impl Iterator<Item = AccountEntry> {
        let Self { credit, reversal, charge, booked, shown_reference, transactions, .. } = self;
        let direction = match (credit, charge) {
            (true, _) => Direction::In,
            (false, true) => Direction::Fee,
            (false, false) => Direction::Out,
        };
        let parts = u32::try_from(transactions.len()).unwrap_or(u32::MAX);
        (0..parts).zip(transactions).map(move |(part, (amount, transaction))| AccountEntry {
            key,
            part,
            parts,
            shown,
            direction,
            reversal,
            amount,
            booked,
            references: transaction.references(),
            bank_reference: shown_reference.chars().take(70).collect(),
            details: transaction.details(credit),
        })
    }
}
