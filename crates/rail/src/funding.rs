//! Accounts elsewhere that fund prepaid balances: a bank's, whose statements say what arrived.
//!
//! Such money is too slow to pay for one request. A payer is told an account and a reference; the account's
//! keeper later shows entries, and an entry that names the reference credits the payer's balance.

use std::fmt;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;
use std::str::FromStr;

use farthing_money::{Amount, Asset, Currency};
use farthing_protocol::Timestamp;
use sha2::{Digest, Sha256};

use crate::Direction;

/// An account at somebody else's that payers send money to, and whose keeper writes statements.
pub trait FundingAccount: Send + Sync {
    /// The NAME of its `[rails.NAME]` table, which its accounts in the books carry.
    fn name(&self) -> &str;

    /// The money on it.
    fn asset(&self) -> &Asset;

    /// What that money is called.
    fn currency(&self) -> Currency;

    /// A reference made of a random number: what a payer writes so that the money is found again.
    fn reference(&self, random: u64) -> String;

    /// What a payer must know to send money.
    fn instructions(&self, reference: &str, amount: Option<Amount>) -> Instructions;

    /// The folder that statements are put into.
    fn statements(&self) -> Option<&Path>;

    /// Reads a statement to its end and hands out its entries in order, until it is told to stop. Nothing of a file
    /// that is refused may be believed: entries that were handed out before stand in a file that does not add up.
    fn read_statement(
        &self,
        file: &mut dyn Read,
        take: &mut dyn FnMut(AccountEntry) -> ControlFlow<()>,
    ) -> Result<StatementFile, Unreadable>;

    /// The file that asks the account's keeper to pay these out.
    fn payment_file(&self, orders: &PaymentOrders<'_>) -> Result<String, Unreadable>;

    /// Whether money can be paid out to this account, in the words that [`Self::payment_file`] writes it with, or what to
    /// write instead.
    fn payee(&self, account: &str) -> Result<String, Unreadable>;
}

/// What a payer must know to send money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instructions {
    /// Labelled lines, in the order in which a form asks for them: `("IBAN", "DE89 3704 ...")`.
    pub fields: Vec<(&'static str, &'static str, String)>,
    /// What a person should know besides.
    pub sentences: Vec<String>,
}

/// Payments out of an account, in one file.
#[derive(Clone, Debug)]
pub struct PaymentOrders<'a> {
    /// The file's own name, at most 35 letters and digits.
    pub id: &'a str,
    /// Now.
    pub at: Timestamp,
    /// What is paid to whom.
    pub orders: &'a [PaymentOrder],
}

/// One payment out of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentOrder {
    /// Its name from end to end, which the statement will show: at most 35 letters, digits and dashes.
    pub end_to_end: String,
    /// How much, in base units of the account's asset.
    pub amount: Amount,
    /// Whom it is paid to.
    pub payee_name: String,
    /// Their account.
    pub payee_account: String,
    /// What they read.
    pub text: String,
}

/// What kind of file shows an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shown {
    /// A statement, with the balances before and after.
    Booked,
    /// A notification, without balances; a statement shows the same entries later.
    Notified,
}

/// The one name of an entry of an account, whichever file shows it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryKey([u8; 16]);

/// One entry of an account, or one transaction of an entry that stands for several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountEntry {
    /// The one name of the entry.
    pub key: EntryKey,
    /// Which transaction of it this is, from 0.
    pub part: u32,
    /// How many it has; one, when a file does not say.
    pub parts: u32,
    /// What kind of file shows it.
    pub shown: Shown,
    /// Which way the money went; a fee went out.
    pub direction: Direction,
    /// Whether it takes back an earlier entry that went the other way.
    pub reversal: bool,
    /// How much, in base units of the account's asset.
    pub amount: Amount,
    /// The day it was booked on, at midnight UTC.
    pub booked: Timestamp,
    /// The references it carries, in the order in which they are to be believed.
    pub references: Vec<String>,
    /// What the keeper calls it, as people look it up.
    pub bank_reference: String,
    /// The other side and the text that came with it, for a person to explain it by.
    pub details: String,
}

/// A statement file that was read to its end and adds up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementFile {
    /// SHA-256 of its bytes: the same file again is known by it.
    pub hash: [u8; 32],
    /// What it is, for people: `camt.053.001.08`.
    pub form: String,
    /// How many entries it handed out.
    pub entries: u64,
    /// Its statements, in their order. Empty for notifications.
    pub statements: Vec<AccountStatement>,
}

/// A statement of an account: what was on it, and what is on it after all its entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountStatement {
    /// What its keeper calls it.
    pub id: String,
    /// The day of its opening balance.
    pub from: Timestamp,
    /// The day of its closing balance.
    pub until: Timestamp,
    /// Its number in the year or on the day, when the keeper counts.
    pub number: Option<u64>,
    /// What was on the account, in base units; below zero when it was overdrawn.
    pub opening: i128,
    /// What is on it.
    pub closing: i128,
}

/// A file that is refused whole, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

impl EntryKey {
    /// The name of what these parts say, in this order.
    pub fn of(parts: &[&str]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(b"farthing/account-entry/1\0");
        for part in parts {
            hasher.update(part.len().to_string().as_bytes());
            hasher.update(b":");
            hasher.update(part.as_bytes());
        }
        let hash: [u8; 32] = hasher.finalize().into();
        let mut key = [0; 16];
        key.copy_from_slice(hash.split_at(16).0);
        Self(key)
    }

    /// The name of one transaction of the entry. The first goes by the name of the entry itself, so that a file that
    /// shows the entry as a whole finds it.
    #[must_use]
    pub fn part(self, number: u32) -> Self {
        if number == 0 {
            return self;
        }
        let mut part = Self::of(&["part", &self.to_string(), &number.to_string()]);
        part.0.iter_mut().zip(self.group()).for_each(|(to, from)| *to = from);
        part
    }

    /// The same name among those of a group: names of one group lie together in a store, which so writes a few places
    /// for a page of a statement instead of as many as it has entries.
    #[must_use]
    pub fn among(mut self, group: &str) -> Self {
        let together = Self::of(&["group", group]);
        self.0.iter_mut().zip(together.group()).for_each(|(to, from)| *to = from);
        self
    }

    /// The bytes that names of a group have in common.
    pub const fn group(&self) -> [u8; 4] {
        let [a, b, c, d, ..] = self.0;
        [a, b, c, d]
    }

    /// From stored bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// For storing.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// Not the name of an entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an entry is ent_ and 32 hexadecimal digits; got \"{0}\"")]
pub struct NotAnEntryKey(String);

impl FromStr for EntryKey {
    type Err = NotAnEntryKey;

    fn from_str(text: &str) -> Result<Self, NotAnEntryKey> {
        let refused = || NotAnEntryKey(text.chars().take(64).collect());
        let digits = text.strip_prefix("ent_").filter(|digits| digits.len() == 32).ok_or_else(refused)?;
        let plain = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let number = plain.then(|| u128::from_str_radix(digits, 16).ok()).flatten();
        number.map(|number| Self(number.to_be_bytes())).ok_or_else(refused)
    }
}

/// `ent_` and 32 hexadecimal digits.
impl fmt::Display for EntryKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ent_{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for EntryKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}
