//! One transaction of an entry: who, and what they wrote.

use farthing_money::{Amount, Currency};

use super::tag::Tag;
use crate::BankAccount;
use crate::decimal::{decimals_of, parse_amount};
use crate::reference::CreditorReference;

/// More text of a payer is not kept.
const KEPT_TEXT: usize = 560;
/// More references of one transaction are not looked at.
const MOST_REFERENCES: usize = 8;

/// A transaction that is being read, or what is known of an entry without any.
#[derive(Default)]
pub(super) struct Transaction {
    amount: Option<(String, Option<Currency>)>,
    pub(super) sign: String,
    pub(super) bank_reference: String,
    pub(super) end_to_end: String,
    pub(super) structured: Vec<String>,
    pub(super) text: String,
    debtor: Party,
    creditor: Party,
}

#[derive(Default)]
struct Party {
    name: String,
    account: String,
}

impl Transaction {
    /// One of which nothing is known but a text.
    pub(super) fn unnamed(text: String) -> Self {
        Self { text, ..Self::default() }
    }

    pub(super) fn read(&mut self, inside: &[Tag], tag: Tag, text: &str, currency: Option<Currency>) {
        match (inside, tag) {
            ([], Tag::Amt) => self.amount = Some((text.to_owned(), currency)),
            // Version 02 has it here and nowhere else.
            ([Tag::AmtDtls, Tag::TxAmt], Tag::Amt) => {
                self.amount.get_or_insert((text.to_owned(), currency));
            }
            ([], Tag::CdtDbtInd) => text.clone_into(&mut self.sign),
            ([Tag::Refs], Tag::AcctSvcrRef) => text.clone_into(&mut self.bank_reference),
            ([Tag::Refs], Tag::EndToEndId) => text.clone_into(&mut self.end_to_end),
            ([Tag::RmtInf, Tag::Strd, Tag::CdtrRefInf], Tag::Ref) if self.structured.len() < MOST_REFERENCES => {
                self.structured.push(text.to_owned());
            }
            ([Tag::RmtInf], Tag::Ustrd) | ([], Tag::AddtlTxInf) => self.add_text(text),
            ([Tag::RltdPties, party, rest @ ..], tag) => self.read_party(*party, rest, tag, text),
            _ => {}
        }
    }

    fn read_party(&mut self, party: Tag, inside: &[Tag], tag: Tag, text: &str) {
        match (party, inside, tag) {
            // From version 08 on there is a level more.
            (Tag::Dbtr, [] | [Tag::Pty], Tag::Nm) => text.clone_into(&mut self.debtor.name),
            (Tag::Cdtr, [] | [Tag::Pty], Tag::Nm) => text.clone_into(&mut self.creditor.name),
            (Tag::DbtrAcct, [Tag::Id] | [Tag::Id, Tag::Othr], Tag::IBAN | Tag::Id) => {
                text.clone_into(&mut self.debtor.account);
            }
            (Tag::CdtrAcct, [Tag::Id] | [Tag::Id, Tag::Othr], Tag::IBAN | Tag::Id) => {
                text.clone_into(&mut self.creditor.account);
            }
            _ => {}
        }
    }

    /// Adds a free text; each begins a line of its own.
    pub(super) fn add_text(&mut self, text: &str) {
        if !self.text.is_empty() && !text.is_empty() {
            self.text.push('\n');
        }
        let room = KEPT_TEXT.saturating_sub(self.text.chars().count());
        self.text.extend(text.chars().take(room));
    }

    /// Its amount, when that is in the account's currency.
    pub(super) fn own_amount(&self, account: &BankAccount) -> Option<Amount> {
        let (text, currency) = self.amount.as_ref()?;
        let ours = *currency == Some(account.currency);
        parse_amount(text, decimals_of(account.currency.as_str())).ok().filter(|_| ours)
    }

    /// The references it carries: what the payer's bank structured, then the name from end to end, then what stands in a
    /// free text, if that has one only.
    pub(super) fn references(&self) -> Vec<String> {
        let checked = |text: &String| text.parse::<CreditorReference>().ok().map(|found| found.to_string());
        let mut found: Vec<String> = self.structured.iter().filter_map(checked).collect();
        if is_name(&self.end_to_end) {
            found.push(checked(&self.end_to_end).unwrap_or_else(|| self.end_to_end.clone()));
        }
        if let [only] = CreditorReference::find_in(&self.text).as_slice() {
            found.push(only.to_string());
        }
        found.dedup();
        found.truncate(MOST_REFERENCES);
        found
    }

    /// The other side and what came with the money, in one line for a person.
    pub(super) fn details(&self, credit: bool) -> String {
        let other = if credit { &self.debtor } else { &self.creditor };
        let mut parts = vec![other.name.clone(), other.account.clone()];
        parts.extend(self.structured.iter().cloned());
        parts.push(if is_name(&self.end_to_end) { self.end_to_end.clone() } else { String::new() });
        parts.push(self.text.replace('\n', " "));
        parts.retain(|part| !part.is_empty());
        parts.join(" · ").chars().filter(|letter| !letter.is_control()).take(KEPT_TEXT / 2).collect()
    }
}

/// Whether a bank means a name by it: these words stand where there is none.
pub(super) fn is_name(text: &str) -> bool {
    const NONE: [&str; 5] = ["", "NOTPROVIDED", "NOT PROVIDED", "NONREF", "NOREF"];
    !NONE.contains(&text.to_ascii_uppercase().as_str())
}
