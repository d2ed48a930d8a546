//! Statements (camt.053) and notifications (camt.054) of ISO 20022, read as a stream.
//!
//! A file of any size is read in the memory of one entry. It is read twice: once to its end, because one that does not
//! add up is refused whole, and once to take its entries. Namespaces and versions differ, the local names of what is read
//! here do not.

mod balance;
mod entry;
mod input;
mod naming;
mod refused;
mod tag;
mod transaction;
mod walk;

use std::collections::HashSet;
use std::io::Read;
use std::ops::ControlFlow;

use farthing_rail::{AccountEntry, AccountStatement, Shown, StatementFile};

use crate::BankAccount;
use balance::{BalanceDraft, Balances};
use entry::EntryDraft;
use naming::Names;
pub use refused::{Mistake, Refused};
use tag::Tag;
use walk::{Step, Walk, word};

/// The messages that are read, each with what it shows.
const MESSAGES: [(&str, Shown); 2] = [("camt.053.001.", Shown::Booked), ("camt.054.001.", Shown::Notified)];
/// Their versions.
const VERSIONS: [&str; 4] = ["02", "04", "08", "11"];

/// Reads a statement of this account to its end and hands out its entries in order.
///
/// An entry is handed out before it is known whether its file adds up; whoever takes entries reads the file once before
/// without taking any.
pub fn read(
    file: impl Read,
    account: &BankAccount,
    take: &mut dyn FnMut(AccountEntry) -> ControlFlow<()>,
) -> Result<StatementFile, Refused> {
    let mut reading = Reading {
        walk: Walk::new(file),
        account,
        message: None,
        statement: None,
        entry: None,
        ids: HashSet::new(),
        statements: Vec::new(),
        read: 0,
        entries: 0,
    };
    reading.run(take).map_err(|mistake| reading.walk.refuse(mistake))?;
    let Some((_, form)) = reading.message.take().filter(|_| reading.read > 0) else {
        return Err(reading.walk.refuse(Mistake::Empty));
    };
    Ok(StatementFile { entries: reading.entries, statements: reading.statements, form, hash: reading.walk.finish() })
}

struct Reading<'a, R> {
    walk: Walk<R>,
    account: &'a BankAccount,
    message: Option<(Shown, String)>,
    statement: Option<StatementDraft>,
    entry: Option<EntryDraft>,
    ids: HashSet<String>,
    statements: Vec<AccountStatement>,
    read: u64,
    entries: u64,
}

/// A statement or a notification that is being read.
#[derive(Default)]
struct StatementDraft {
    id: String,
    number: Option<u64>,
    is_ours: bool,
    balance: Option<BalanceDraft>,
    balances: Balances,
    names: Names,
    sum: i128,
}

impl<R: Read> Reading<'_, R> {
    fn run(&mut self, take: &mut dyn FnMut(AccountEntry) -> ControlFlow<()>) -> Result<(), Mistake> {
        loop {
            match self.walk.next().map_err(|refused| refused.mistake)? {
                Step::Open => self.open()?,
                Step::Close(tag) => self.close(tag, take)?,
                Step::End => return Ok(()),
            }
        }
    }

    fn open(&mut self) -> Result<(), Mistake> {
        match self.walk.path() {
            [Tag::Document] => {}
            [_] => return Err(Mistake::OtherMessage),
            [_, Tag::BkToCstmrStmt | Tag::BkToCstmrDbtCdtNtfctn] => {
                self.message = Some(message_of(self.walk.namespace()).ok_or(Mistake::OtherMessage)?);
            }
            [_, _] => return Err(Mistake::OtherMessage),
            [_, _, Tag::Stmt | Tag::Ntfctn] => self.statement = Some(StatementDraft::default()),
            [_, _, _, Tag::Bal] => {
                if let Some(statement) = &mut self.statement {
                    statement.balance = Some(BalanceDraft::default());
                }
            }
            [_, _, Tag::Stmt | Tag::Ntfctn, Tag::Ntry] => {
                if !self.statement.as_ref().is_some_and(|statement| statement.is_ours) {
                    return Err(Mistake::Lacks { within: "a statement", element: "account number before its entries" });
                }
                self.entry = Some(EntryDraft::default());
            }
            [_, _, _, Tag::Ntry, Tag::NtryDtls, Tag::TxDtls] => {
                if let Some(entry) = &mut self.entry {
                    entry.begin_transaction()?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, tag: Tag, take: &mut dyn FnMut(AccountEntry) -> ControlFlow<()>) -> Result<(), Mistake> {
        let path = self.walk.path();
        let Some(statement) = &mut self.statement else { return Ok(()) };
        match (path.get(3..).unwrap_or_default(), tag) {
            ([], Tag::Stmt | Tag::Ntfctn) => return self.end_statement(),
            ([], Tag::Ntry) => return self.end_entry(take),
            ([], Tag::Bal) => {
                if let Some(balance) = statement.balance.take() {
                    statement.balances.add(balance, self.account)?;
                }
            }
            ([], Tag::Id) => statement.id = self.walk.text().to_owned(),
            ([], Tag::ElctrncSeqNb) => statement.number = self.walk.text().parse().ok(),
            ([Tag::Acct, Tag::Id], Tag::IBAN) | ([Tag::Acct, Tag::Id, Tag::Othr], Tag::Id) => {
                statement.is_ours = is_ours(self.walk.text(), self.account)?;
            }
            ([Tag::Acct], Tag::Ccy) => expect_currency(self.walk.text(), self.account)?,
            ([Tag::Bal, inside @ ..], tag) => {
                if let Some(balance) = &mut statement.balance {
                    balance.read(inside, tag, self.walk.text(), self.walk.currency());
                }
            }
            ([Tag::Ntry, inside @ ..], tag) => {
                if let Some(entry) = &mut self.entry {
                    entry.read(inside, tag, self.walk.text(), self.walk.currency());
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn end_entry(&mut self, take: &mut dyn FnMut(AccountEntry) -> ControlFlow<()>) -> Result<(), Mistake> {
        let (Some(entry), Some(statement), Some((shown, _))) =
            (self.entry.take(), &mut self.statement, self.message.as_ref())
        else {
            return Ok(());
        };
        let Some(entry) = entry.finish(self.account)? else { return Ok(()) };
        statement.sum = statement.sum.checked_add(entry.signed()?).ok_or(Mistake::Sum)?;
        let key = statement.names.name(self.account, &entry, *shown);
        for part in entry.parts(key, *shown) {
            self.entries += 1;
            if take(part).is_break() {
                return Err(Mistake::Stopped);
            }
        }
        Ok(())
    }

    fn end_statement(&mut self) -> Result<(), Mistake> {
        let Some(statement) = self.statement.take() else { return Ok(()) };
        if !statement.is_ours {
            return Err(Mistake::Lacks { within: "a statement", element: "account number" });
        }
        if !self.ids.insert(statement.id.clone()) {
            return Err(Mistake::Repeated(statement.id.chars().take(60).collect()));
        }
        self.read += 1;
        if self.message.as_ref().is_some_and(|(shown, _)| *shown == Shown::Booked) {
            let StatementDraft { id, number, balances, sum, .. } = statement;
            let closed = balances.close(id, number, sum, self.account)?;
            self.statements.push(closed);
        }
        Ok(())
    }
}

/// What a namespace says that a file is.
fn message_of(namespaces: &str) -> Option<(Shown, String)> {
    namespaces.lines().find_map(|namespace| {
        let name = namespace.rsplit(':').next()?;
        let (_, shown) = MESSAGES
            .iter()
            .find(|(message, _)| name.strip_prefix(message).is_some_and(|version| VERSIONS.contains(&version)))?;
        Some((*shown, name.to_owned()))
    })
}

fn is_ours(found: &str, account: &BankAccount) -> Result<bool, Mistake> {
    let plain: String = found.chars().filter(|letter| *letter != ' ').collect();
    if plain.eq_ignore_ascii_case(account.number.as_str()) {
        return Ok(true);
    }
    let found = found.chars().take(40).collect();
    Err(Mistake::OtherAccount { found, expected: account.number.to_string() })
}

fn expect_currency(found: &str, account: &BankAccount) -> Result<(), Mistake> {
    if found == account.currency.as_str() {
        return Ok(());
    }
    let found = found.chars().take(8).collect();
    Err(Mistake::OtherCurrency { found, expected: account.currency.to_string() })
}
