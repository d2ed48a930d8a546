use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use alloy_primitives::Address;

use crate::Account;
use crate::settle::journal::Journal;
use crate::settle::sender::{SendError, Sender, Surroundings};

/// The file beside the books.
const FILE: &str = "chains.db";

/// Journals and desks, one each for as long as the process lives.
#[derive(Default)]
pub(super) struct Desks(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    journals: HashMap<PathBuf, Journal>,
    desks: HashMap<(PathBuf, u64, Address), Sender>,
}

impl Desks {
    /// The journal of a data folder.
    pub(super) fn journal(&self, data: &Path) -> Journal {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.journals.entry(data.to_owned()).or_insert_with(|| Journal::at(data.join(FILE))).clone()
    }

    /// The desk of an account on a chain; one that is at work already adopts the new terms.
    pub(super) fn desk(&self, data: &Path, account: Account, around: Surroundings) -> Result<Sender, SendError> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (data.to_owned(), around.chain, account.address());
        if let Some(sender) = kept.desks.get(&place) {
            sender.adopt(around.terms)?;
            return Ok(sender.clone());
        }
        let sender = Sender::new(account, around);
        kept.desks.insert(place, sender.clone());
        Ok(sender)
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).desks.len()
    }
}
