//! Funded balances and accounts elsewhere through the handle of the books.

use farthing_books::bank::{AssignmentRecord, BankOutcome, EntryRecord, PayoutRecord, StatementRecord, Taken};
use farthing_books::topup::{NewTopUp, TopUpOutcome, TopUpRecord};
use farthing_books::{BankCommand, BankPage, Command, Outcome, PayoutId, TopUpId};
use farthing_money::Asset;
use farthing_rail::EntryKey;
use rusqlite::params;

use crate::tables::bank::payout::{self, PAYOUT};
use crate::tables::bank::statement::{self, IN_TIME, STATEMENT};
use crate::tables::bank::{ASSIGNMENT, ENTRY, assignment, entry};
use crate::tables::topup::{self, TOPUP};
use crate::{Books, StoreError, unexpected};

impl Books {
    /// Orders a top-up, or finds the order that stands; `None` when the name was used for another.
    pub async fn order_topup(&self, new: NewTopUp) -> Result<Option<TopUpOutcome>, StoreError> {
        match self.submit(Command::TopUp(Box::new(new))).await? {
            Outcome::TopUp(outcome) => Ok(Some(outcome)),
            Outcome::Conflict => Ok(None),
            other => Err(unexpected(&other)),
        }
    }

    /// An order.
    pub async fn topup(&self, id: TopUpId) -> Result<Option<TopUpRecord>, StoreError> {
        let sql = format!("SELECT {TOPUP} FROM topups WHERE id = ?1");
        self.readers.read(move |books| books.one(&sql, params![id.as_bytes()], topup::record)).await
    }

    /// Takes a page of a statement file.
    pub async fn take_page(&self, page: BankPage) -> Result<PageTaken, StoreError> {
        match self.submit(Command::Bank(BankCommand::Take(Box::new(page)))).await? {
            Outcome::Bank(BankOutcome::Taken(taken)) => Ok(PageTaken::Taken(taken)),
            Outcome::Bank(BankOutcome::Expects(next)) => Ok(PageTaken::Expects(next)),
            Outcome::Bank(BankOutcome::OtherStatement(id)) => Ok(PageTaken::OtherStatement(id)),
            other => Err(unexpected(&other)),
        }
    }

    /// The page that comes next of a statement file; `None` when all of it was taken.
    pub async fn next_page(&self, file: &[u8; 32]) -> Result<Option<u32>, StoreError> {
        Ok(BankPage::next(&self.cursor(&BankPage::source(file)).await?))
    }

    /// The statements of an account that were taken, in the order of time.
    pub async fn bank_statements(&self, asset: &Asset) -> Result<Vec<StatementRecord>, StoreError> {
        let sql = format!("SELECT {STATEMENT} FROM bank_statements WHERE asset = ?1 {IN_TIME}");
        let asset = asset.to_string();
        self.readers.read(move |books| books.many(&sql, params![asset], statement::record)).await
    }

    /// The accounts of which statements were taken.
    pub async fn bank_accounts(&self) -> Result<Vec<Asset>, StoreError> {
        let sql = "SELECT DISTINCT asset FROM bank_statements ORDER BY asset";
        let asset = |row: &crate::engine::Row<'_>| crate::tables::rows::parsed(row, 0, "asset");
        self.readers.read(move |books| books.many(sql, params![], asset)).await
    }

    /// An entry, or one transaction of one.
    pub async fn bank_entry(&self, key: EntryKey) -> Result<Option<EntryRecord>, StoreError> {
        let sql = format!("SELECT {ENTRY} FROM bank_entries WHERE id = ?1");
        self.readers.read(move |books| books.one(&sql, params![key.as_bytes()], entry)).await
    }

    /// Entries in suspense, the oldest first.
    pub async fn bank_suspense(&self, limit: u32) -> Result<Vec<EntryRecord>, StoreError> {
        let sql = format!("SELECT {ENTRY} FROM bank_entries WHERE resting = 'suspense' ORDER BY sequence LIMIT ?1");
        self.readers.read(move |books| books.many(&sql, params![limit], entry)).await
    }

    /// What persons said of an entry, in order.
    pub async fn assignments(&self, key: EntryKey) -> Result<Vec<AssignmentRecord>, StoreError> {
        let sql = format!("SELECT {ASSIGNMENT} FROM assignments WHERE entry = ?1 ORDER BY number");
        let said = self.readers.read(move |books| books.many(&sql, params![key.as_bytes()], assignment)).await?;
        Ok(said.into_iter().map(|(_, said)| said).collect())
    }

    /// A payout.
    pub async fn payout(&self, id: PayoutId) -> Result<Option<PayoutRecord>, StoreError> {
        let sql = format!("SELECT {PAYOUT} FROM payouts WHERE id = ?1");
        self.readers.read(move |books| books.one(&sql, params![id.as_bytes()], payout::record)).await
    }

    /// Payouts of an account that are in no payment file yet, the oldest first.
    pub async fn unwritten_payouts(&self, rail: &str, limit: u32) -> Result<Vec<PayoutRecord>, StoreError> {
        let sql = format!(
            "SELECT {PAYOUT} FROM payouts WHERE state = 'ordered' AND rail = ?1 AND file IS NULL ORDER BY sequence LIMIT ?2"
        );
        let rail = rail.to_owned();
        self.readers.read(move |books| books.many(&sql, params![rail, limit], payout::record)).await
    }
}

/// What became of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageTaken {
    /// It is in the books.
    Taken(Taken),
    /// Another page comes next; none, when all of the file was taken.
    Expects(Option<u32>),
    /// A statement of this name is known with other balances. Nothing changed.
    OtherStatement(String),
}
