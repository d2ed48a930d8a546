//! Carrying a balance from one books to others, wherever they are: see [`farthing_books::ledger::remittance`].

use farthing_books::ledger::{BooksId, Remittance};
use farthing_books::{Command, Outcome, Transfer, TransferId};
use farthing_money::Amount;
use rusqlite::params;

use crate::chore::Chore;
use crate::tables::rows::{self, TRANSFERS};
use crate::{Books, StoreError};

/// What became of a remittance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remitted {
    /// It is in the other books, and left these.
    Arrived,
    /// It will never be there, and can be spent here.
    Returned,
}

/// What is durable so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It is held, and nobody can spend it.
    Held,
    /// It is in the other books.
    Arrived,
    /// It left these.
    Departed,
    /// The other books will never take it.
    Refused,
    /// It can be spent here again.
    Released,
}

/// Why a remittance is not at its end. Where it was begun, the same call goes on with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RemitError {
    /// One of the books did not answer, or may not be written.
    #[error("{0} (what was begun is held and goes on when the same is asked for again)")]
    Store(#[from] StoreError),
    /// The balance does not hold so much.
    #[error("the balance holds {} only; nothing was moved", .available.units())]
    Insufficient {
        /// In base units of its asset.
        available: Amount,
    },
    /// The name means something else in one of the books.
    #[error("this name was used for something else in the books that it {0}; name another")]
    NameUsed(&'static str),
    /// One of the books cannot take it at all.
    #[error("the books that it {end} do not take it: {why}; nothing was moved")]
    Refused {
        /// Which of the two.
        end: &'static str,
        /// Why.
        why: String,
    },
}

const LEAVES: &str = "leaves";
const GOES_TO: &str = "goes to";

/// Carries a part of a balance to other books, and says what is durable after every step. Doing it again is doing it
/// once: it goes on where it was stopped.
pub async fn remit(
    from: &Books,
    to: &Books,
    remittance: &Remittance,
    mut reached: impl FnMut(Stage),
) -> Result<Remitted, RemitError> {
    match post(from, remittance.hold()).await? {
        Outcome::Transferred => reached(Stage::Held),
        Outcome::Insufficient { available } => return Err(RemitError::Insufficient { available }),
        Outcome::Conflict => return Err(RemitError::NameUsed(LEAVES)),
        other => return Err(refused(LEAVES, &other)),
    }
    match post(to, remittance.arrival()).await? {
        Outcome::Transferred => {
            reached(Stage::Arrived);
            depart(from, remittance, &mut reached).await
        }
        Outcome::Conflict => {
            // Whatever has the name there, this can never arrive.
            let is_refusal = holds(to, &remittance.refusal()).await?;
            let returned = release(from, remittance, &mut reached).await?;
            if is_refusal { Ok(returned) } else { Err(RemitError::NameUsed(GOES_TO)) }
        }
        other => {
            call_back(from, to, remittance, reached).await?;
            Err(refused(GOES_TO, &other))
        }
    }
}

/// Gives back what has not arrived. What arrived meanwhile stays there, and leaves here.
pub async fn call_back(
    from: &Books,
    to: &Books,
    remittance: &Remittance,
    mut reached: impl FnMut(Stage),
) -> Result<Remitted, RemitError> {
    match post(to, remittance.refusal()).await? {
        Outcome::Transferred => {
            reached(Stage::Refused);
            release(from, remittance, &mut reached).await
        }
        Outcome::Conflict if holds(to, &remittance.arrival()).await? => depart(from, remittance, &mut reached).await,
        Outcome::Conflict => Err(RemitError::NameUsed(GOES_TO)),
        other => Err(refused(GOES_TO, &other)),
    }
}

async fn depart(
    from: &Books,
    remittance: &Remittance,
    reached: &mut impl FnMut(Stage),
) -> Result<Remitted, RemitError> {
    match post(from, remittance.departure()).await? {
        Outcome::Transferred => {
            reached(Stage::Departed);
            Ok(Remitted::Arrived)
        }
        other => Err(refused(LEAVES, &other)),
    }
}

async fn release(
    from: &Books,
    remittance: &Remittance,
    reached: &mut impl FnMut(Stage),
) -> Result<Remitted, RemitError> {
    match post(from, remittance.release()).await? {
        Outcome::Transferred => {
            reached(Stage::Released);
            Ok(Remitted::Returned)
        }
        // It never left.
        Outcome::NotFound => Ok(Remitted::Returned),
        other => Err(refused(LEAVES, &other)),
    }
}

async fn post(books: &Books, transfer: Transfer) -> Result<Outcome, StoreError> {
    books.submit(Command::Transfer(Box::new(transfer))).await
}

/// Whether exactly this transfer is in the books.
async fn holds(books: &Books, transfer: &Transfer) -> Result<bool, StoreError> {
    Ok(books.transfer(transfer.id).await?.is_some_and(|found| found.is_same_movement(transfer)))
}

fn refused(end: &'static str, outcome: &Outcome) -> RemitError {
    let why = match outcome {
        Outcome::Invalid(invalid) => invalid.to_string(),
        other => format!("they answer {other:?}"),
    };
    RemitError::Refused { end, why }
}

impl Books {
    /// Which books these are, wherever they move; `otherwise`, drawn at random, from the first time on.
    pub async fn identity(&self, otherwise: BooksId) -> Result<BooksId, StoreError> {
        let known = || self.readers.read(|books| books.one("SELECT name FROM identity", &[], |row| row.get(0)));
        if let Some(name) = known().await? {
            return Ok(BooksId(name));
        }
        self.chore(Chore::Identify(otherwise)).await?;
        let name = known().await?.ok_or_else(|| StoreError::Fault("the books have no name".to_owned()))?;
        Ok(BooksId(name))
    }

    /// One transfer.
    pub async fn transfer(&self, id: TransferId) -> Result<Option<Transfer>, StoreError> {
        let sql = format!("{TRANSFERS} WHERE t.id = ?1");
        self.readers.read(move |books| books.one(&sql, params![id.0], rows::transfer)).await
    }
}
