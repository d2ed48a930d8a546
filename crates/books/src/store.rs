//! What a place to keep the books must do, and how a batch runs against it.

use crate::apply::apply;
use crate::shelf::{Missing, Shelf};
use crate::touches::Wanted;
use crate::{Auditor, Command, Outcome};

/// A place that keeps the books. One batch at a time: [`Store::begin`], loads, then either
/// [`Store::commit`] or [`Store::abandon`].
///
/// Nothing of a batch may be seen by anybody before it is durable, and all of it afterwards. Between
/// `begin` and `commit` no other writer may change a row that was loaded.
pub trait Store {
    /// Why it could not.
    type Error: std::error::Error;

    /// Starts a batch.
    fn begin(&mut self) -> Result<(), Self::Error>;

    /// Whether somebody else may have written between the batch before this one and its begin: what is on
    /// the shelf may be old then. A store that cannot tell has no shelf kept for it, see [`run`].
    fn others_wrote(&self) -> bool {
        false
    }

    /// Puts the wanted rows on the shelf, the absent ones as known to be absent.
    fn load(&mut self, wanted: &Wanted, shelf: &mut Shelf) -> Result<(), Self::Error>;

    /// Makes the changed rows of the shelf durable, all or none. After an error the batch may or may
    /// not be in the store, and the caller says neither.
    fn commit(&mut self, shelf: &Shelf) -> Result<(), Self::Error>;

    /// Ends a batch without a trace.
    fn abandon(&mut self);

    /// Shows every row, from one consistent state, to an auditor: transfers first.
    fn scan(&mut self, auditor: &mut Auditor) -> Result<(), Self::Error>;
}

/// Why a batch is not in the books.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError<E> {
    /// The store failed before the commit: nothing was written.
    #[error(transparent)]
    Store(E),
    /// The commit failed, and the batch may or may not be in the store. If it is, these are its outcomes.
    #[error("{0}")]
    Commit(E, Vec<Outcome>),
    /// A command read a row that its [`Command::touches`] does not name.
    #[error(transparent)]
    Fault(#[from] Missing),
    /// A payer would stand below zero: nothing was written.
    #[error("{account} would be below its bound; nothing was written, run `farthing books verify`")]
    BelowBound {
        /// Which account.
        account: String,
    },
}

/// Runs a batch: loads what it touches, applies the commands in order, makes the changes durable.
/// Only then are the outcomes handed out. On an error nobody was told anything, and the shelf is
/// empty, because only the store knows what is true.
///
/// `keep` is how many rows of a kind may stay on the shelf for the next batch; `None` when others
/// write to the same store and it cannot tell.
pub fn run<S: Store>(
    store: &mut S,
    shelf: &mut Shelf,
    commands: &[Command],
    keep: Option<usize>,
) -> Result<Vec<Outcome>, BatchError<S::Error>> {
    let ran = store.begin().map_err(BatchError::Store).and_then(|()| {
        if store.others_wrote() {
            shelf.clear();
        }
        let outcomes = apply_all(store, shelf, commands)?;
        check_bounds(shelf)?;
        match store.commit(shelf) {
            Ok(()) => Ok(outcomes),
            Err(error) => Err(BatchError::Commit(error, outcomes)),
        }
    });
    match ran {
        Ok(outcomes) => {
            shelf.settle(keep);
            Ok(outcomes)
        }
        Err(error) => {
            store.abandon();
            shelf.clear();
            Err(error)
        }
    }
}

fn apply_all<S: Store>(
    store: &mut S,
    shelf: &mut Shelf,
    commands: &[Command],
) -> Result<Vec<Outcome>, BatchError<S::Error>> {
    load(store, shelf, commands).map_err(BatchError::Store)?;
    commands.iter().map(|command| apply_one(store, shelf, command)).collect()
}

/// A row may turn out to be touched only when an earlier command of the batch has run (a step of a
/// payment that is claimed in the same batch): it is loaded then, and the command applied again.
fn apply_one<S: Store>(store: &mut S, shelf: &mut Shelf, command: &Command) -> Result<Outcome, BatchError<S::Error>> {
    match apply(command, shelf) {
        Ok(outcome) => Ok(outcome),
        Err(Missing(_)) => {
            load(store, shelf, std::slice::from_ref(command)).map_err(BatchError::Store)?;
            Ok(apply(command, shelf)?)
        }
    }
}

fn load<S: Store>(store: &mut S, shelf: &mut Shelf, commands: &[Command]) -> Result<(), S::Error> {
    const ROUNDS: usize = 3;
    for _ in 0..ROUNDS {
        let mut wanted = Wanted::default();
        for command in commands {
            command.touches(shelf, &mut wanted);
        }
        if wanted.is_empty() {
            break;
        }
        store.load(&wanted, shelf)?;
    }
    Ok(())
}

/// The last look before the write, in release builds too.
fn check_bounds<E>(shelf: &Shelf) -> Result<(), BatchError<E>> {
    let broken = shelf.accounts.changes().filter_map(|change| change.row).find(|account| !account.keeps_its_bound());
    match broken {
        Some(account) => Err(BatchError::BelowBound { account: account.id.to_string() }),
        None => Ok(()),
    }
}
