//! An account elsewhere, such as a bank's, as its statements show it.
//!
//! Each entry of a statement is one record, ever, and rests somewhere from the start: in the balance of the payer whose
//! order its reference names, with the payout that it is, or in suspense until a person says whose it is. An entry that a
//! notification shows first stands in `clearing` and goes over to `confirmed` when a statement shows it too, so that
//! `confirmed` is what the bank says is on the account, to the last unit.

mod assign;
mod entries;
mod page;
mod payout;
mod take;

use farthing_money::{Amount, Asset, Currency};
use farthing_protocol::Timestamp;
use farthing_rail::{AccountEntry, AccountStatement, Direction, EntryKey, PayerId};

use crate::topup::TopUpId;

pub(crate) use assign::{apply as apply_assignment, touches as touches_of_assignment};
pub(crate) use page::{apply as apply_page, touches as touches_of_page};
pub use payout::{NewPayout, NotAPayoutId, PayoutId, PayoutRecord, PayoutState};
pub(crate) use payout::{apply as apply_payout, touches as touches_of_payout};

/// One change to what is known of an account.
#[derive(Clone, Debug)]
pub enum BankCommand {
    /// Takes a page of a statement file.
    Take(Box<BankPage>),
    /// Says whose money in suspense is, or that it was nobody's after all.
    Assign(Box<NewAssignment>),
    /// Pays a balance out.
    PayOut(Box<NewPayout>),
    /// Puts payouts into a payment file, each into one, ever.
    Write {
        /// The file's own name.
        file: String,
        /// Which.
        payouts: Vec<PayoutId>,
        /// Now.
        at: Timestamp,
    },
}

/// A part of a statement file. Each page is one commit, and taking it twice is taking it once.
#[derive(Clone, Debug)]
pub struct BankPage {
    /// The NAME of the account's table.
    pub rail: String,
    /// The money on the account.
    pub asset: Asset,
    /// What it is called.
    pub currency: Currency,
    /// SHA-256 of the file.
    pub file: [u8; 32],
    /// Its number, from 0.
    pub number: u32,
    /// What it shows.
    pub entries: Vec<AccountEntry>,
    /// With the last page: the statements of the file, which is known from here on.
    pub statements: Option<Vec<AccountStatement>>,
    /// Now.
    pub at: Timestamp,
}

/// What taking pages came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Entries that credited a balance.
    pub credited: u64,
    /// Entries that rest in suspense.
    pub suspended: u64,
    /// Payouts that left the account.
    pub paid_out: u64,
    /// Payouts that came back.
    pub returned: u64,
    /// Credits that were taken back from their payers.
    pub taken_back: u64,
    /// What went out otherwise, the bank's own charges included.
    pub withdrawn: u64,
    /// Entries that a notification had shown, and a statement now too.
    pub confirmed: u64,
    /// Entries that were known.
    pub repeated: u64,
    /// What was taken back and is no longer in its payer's balance, in base units of the account.
    pub lost: Amount,
}

/// What the books answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BankOutcome {
    /// To a page.
    Taken(Taken),
    /// To a page: another one comes next; the file is done when there is none.
    Expects(Option<u32>),
    /// To a last page: a statement of this name is known with other balances. Nothing changed.
    OtherStatement(String),
    /// To an assignment: the entry as it stands.
    Assigned(Box<EntryRecord>),
    /// To an assignment: the entry is not in suspense, or its money was taken back meanwhile.
    NotInSuspense(Box<EntryRecord>),
    /// To a payout: as it stands.
    PaidOut(Box<PayoutRecord>),
    /// To a file: what is in it, whether now or since before.
    Written(Vec<PayoutRecord>),
}

/// Where the money of an entry rests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resting {
    /// In a payer's balance.
    Credited(Credited),
    /// Unexplained.
    Suspense,
    /// It went out, and no payout says where to.
    Withdrawn,
    /// It was the bank's charge.
    Fee,
    /// It is a payout that left.
    PaidOut(PayoutId),
    /// It is a payout that came back to its payer's balance.
    Returned(PayoutId, Credited),
    /// It was taken back from a payer, and so much of it, in base units of the account, from their balance.
    TakenBack(Credited, Amount),
}

/// Whose balance an entry went to or came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credited {
    /// Whose.
    pub payer: PayerId,
    /// Which balance.
    pub asset: Asset,
    /// By which order; `None` when a person said so.
    pub order: Option<TopUpId>,
}

/// An entry, or one transaction of one, as the books know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryRecord {
    /// Its one name.
    pub key: EntryKey,
    /// How many transactions its entry has.
    pub parts: u32,
    /// The NAME of the account's table.
    pub rail: String,
    /// The money on the account.
    pub asset: Asset,
    /// What it is called.
    pub currency: Currency,
    /// Which way it went.
    pub direction: Direction,
    /// Whether it takes back an earlier one.
    pub reversal: bool,
    /// How much.
    pub amount: Amount,
    /// The day it was booked on.
    pub booked: Timestamp,
    /// What the bank calls it.
    pub bank_reference: String,
    /// The other side and their text; empty unless it rests in suspense.
    pub details: String,
    /// Whether a notification showed it first.
    pub notified: bool,
    /// Whether a statement showed it.
    pub confirmed: bool,
    /// Where its money rests.
    pub resting: Resting,
    /// How often a person said whose it is, or took that back.
    pub assignments: u32,
    /// When the books came to know it.
    pub at: Timestamp,
}

/// What a person says about money in suspense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAssignment {
    /// Which entry.
    pub entry: EntryKey,
    /// Whose it is, and which balance; `None` takes back what was said before, into suspense.
    pub to: Option<(PayerId, Asset)>,
    /// Who says so.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Now.
    pub at: Timestamp,
}

/// What a person said, for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssignmentRecord {
    /// Its number among those of the entry, from 1.
    pub number: u32,
    /// What they said. Of one that takes back, this is whom it takes it back from.
    pub said: NewAssignment,
    /// Whether it takes back.
    pub takes_back: bool,
}

/// A statement that was taken whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementRecord {
    /// The NAME of the account's table.
    pub rail: String,
    /// The money on the account.
    pub asset: Asset,
    /// What the bank says.
    pub statement: AccountStatement,
    /// The file it stood in.
    pub file: [u8; 32],
    /// When it was taken.
    pub at: Timestamp,
}

impl Taken {
    /// Both; counters stay at their end.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            credited: self.credited.saturating_add(other.credited),
            suspended: self.suspended.saturating_add(other.suspended),
            paid_out: self.paid_out.saturating_add(other.paid_out),
            returned: self.returned.saturating_add(other.returned),
            taken_back: self.taken_back.saturating_add(other.taken_back),
            withdrawn: self.withdrawn.saturating_add(other.withdrawn),
            confirmed: self.confirmed.saturating_add(other.confirmed),
            repeated: self.repeated.saturating_add(other.repeated),
            lost: self.lost.checked_add(other.lost).unwrap_or(self.lost),
        }
    }
}

impl StatementRecord {
    /// The one name of a statement of an account.
    pub fn key(asset: &Asset, id: &str) -> EntryKey {
        EntryKey::of(&["statement", &asset.to_string(), id])
    }

    /// Where it stands among the others, in time.
    pub fn place(&self) -> (Timestamp, Timestamp, Option<u64>) {
        (self.statement.from, self.statement.until, self.statement.number)
    }
}
