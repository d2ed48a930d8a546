//! Taking a statement file into the books: read whole first, then page by page.
//!
//! A file that does not add up changes nothing. Each page is one commit and is taken once, so that a file whose import
//! was broken off goes on where it stopped, and one that was taken is known by its hash.

use std::fs::File;
use std::io::BufReader;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use farthing_books::BankPage;
use farthing_books::bank::Taken;
use farthing_protocol::Timestamp;
use farthing_rail::{AccountEntry, FundingAccount, StatementFile, Unreadable};
use farthing_store::{Books, PageTaken, StoreError};
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// Entries of a page: few enough that payments do not wait long for its commit.
const PAGE: usize = 4_000;

/// How far an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Whether the file is being checked still; nothing is in the books then.
    pub checking: bool,
    /// Entries so far.
    pub entries: u64,
    /// All of them, once that is known.
    pub total: Option<u64>,
}

/// What an import came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// What was read.
    pub file: StatementFile,
    /// What is new in the books.
    pub taken: Taken,
    /// Whether all of it was in the books before.
    pub known: bool,
}

/// Why a file is not in the books, or not all of it. It can be imported again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// It cannot be opened.
    #[error("{0}")]
    File(#[from] std::io::Error),
    /// It is refused whole; nothing was changed.
    #[error(transparent)]
    Refused(#[from] Unreadable),
    /// The books did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bank says something else than it said.
    #[error("statement {0} is in the books with other balances; ask the bank which of the two is right")]
    OtherStatement(String),
    /// Somebody else writes to the same books, or to the file.
    #[error("the file, or its import, changed meanwhile; import it again")]
    Changed,
}

impl Imported {
    /// As scripts read it. What was lost is in base units of the account.
    pub fn to_json(&self) -> Value {
        let taken = self.taken;
        json!({
            "form": self.file.form,
            "known": self.known,
            "entries": self.file.entries,
            "statements": self.file.statements.iter().map(|statement| statement.id.clone()).collect::<Vec<_>>(),
            "credited": taken.credited,
            "suspended": taken.suspended,
            "paid_out": taken.paid_out,
            "returned": taken.returned,
            "taken_back": taken.taken_back,
            "withdrawn": taken.withdrawn,
            "confirmed": taken.confirmed,
            "repeated": taken.repeated,
            "lost": taken.lost.to_string(),
        })
    }
}

/// Imports a statement file of an account.
pub async fn import(
    books: &Books,
    account: &Arc<dyn FundingAccount>,
    path: &Path,
    now: Timestamp,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Imported, ImportError> {
    let file = check(account, path, progress).await?;
    for known in books.bank_statements(account.asset()).await? {
        let same_name = file.statements.iter().find(|statement| statement.id == known.statement.id);
        if same_name.is_some_and(|statement| *statement != known.statement) {
            return Err(ImportError::OtherStatement(known.statement.id));
        }
    }
    let Some(first) = books.next_page(&file.hash).await? else {
        return Ok(Imported { file, taken: Taken::default(), known: true });
    };
    let (mut pages, reader) = read_pages(account, path);
    let (mut taken, mut entries, mut number) = (Taken::default(), 0, 0);
    while let Some(page) = pages.recv().await {
        entries += u64::try_from(page.entries.len()).unwrap_or(u64::MAX);
        let last = page.end.is_some();
        if page.end.is_some_and(|end| end != file) {
            return Err(ImportError::Changed);
        }
        if number >= first {
            let page = BankPage {
                rail: account.name().to_owned(),
                asset: account.asset().clone(),
                currency: account.currency(),
                file: file.hash,
                number,
                entries: page.entries,
                statements: last.then(|| file.statements.clone()),
                at: now,
            };
            match books.take_page(page).await? {
                PageTaken::Taken(more) => taken = taken.and(more),
                PageTaken::Expects(_) => return Err(ImportError::Changed),
                PageTaken::OtherStatement(id) => return Err(ImportError::OtherStatement(id)),
            }
        }
        number += 1;
        progress(Progress { checking: false, entries, total: Some(file.entries) });
    }
    reader.await.map_err(|_| ImportError::Changed)??;
    Ok(Imported { file, taken, known: false })
}

/// Reads the file to its end, beside everything else that is going on.
async fn check(
    account: &Arc<dyn FundingAccount>,
    path: &Path,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<StatementFile, ImportError> {
    const EVERY: u64 = 10_000;
    let (sender, mut counts) = mpsc::channel(4);
    let (account, path) = (Arc::clone(account), path.to_owned());
    let reading = tokio::task::spawn_blocking(move || {
        let mut entries = 0;
        read(&account, &path, &mut |_| {
            entries += 1;
            if entries % EVERY == 0 {
                // Whoever is slow to show it misses a step.
                let _ = sender.try_send(entries);
            }
            ControlFlow::Continue(())
        })
    });
    while let Some(entries) = counts.recv().await {
        progress(Progress { checking: true, entries, total: None });
    }
    reading.await.map_err(|_| ImportError::Changed)?
}

/// A part of a file; the last one with what the file came to.
struct Page {
    entries: Vec<AccountEntry>,
    end: Option<StatementFile>,
}

type Reader = tokio::task::JoinHandle<Result<(), ImportError>>;

/// Reads the file again, a few pages ahead of whoever takes them.
fn read_pages(account: &Arc<dyn FundingAccount>, path: &Path) -> (mpsc::Receiver<Page>, Reader) {
    let (sender, pages) = mpsc::channel(2);
    let (account, path): (_, PathBuf) = (Arc::clone(account), path.to_owned());
    let reader = tokio::task::spawn_blocking(move || {
        let mut entries = Vec::with_capacity(PAGE);
        let end = read(&account, &path, &mut |entry| {
            if entries.len() == PAGE {
                let full = std::mem::replace(&mut entries, Vec::with_capacity(PAGE));
                if sender.blocking_send(Page { entries: full, end: None }).is_err() {
                    return ControlFlow::Break(());
                }
            }
            entries.push(entry);
            ControlFlow::Continue(())
        })?;
        // Nobody waits for it when the import has failed, and then that is what is said.
        let _ = sender.blocking_send(Page { entries, end: Some(end) });
        Ok(())
    });
    (pages, reader)
}

fn read(
    account: &Arc<dyn FundingAccount>,
    path: &Path,
    take: &mut dyn FnMut(AccountEntry) -> ControlFlow<()>,
) -> Result<StatementFile, ImportError> {
    let mut file = BufReader::new(File::open(path)?);
    Ok(account.read_statement(&mut file, take)?)
}
