use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use alloy_primitives::Address;

use crate::Account;
use crate::rpc::Endpoints;
use crate::settle::journal::Journal;
use crate::settle::sender::{Sender, Surroundings};

/// The file beside the books.
const FILE: &str = "chains.db";

/// Journals and desks, one each for as long as the process lives.
#[derive(Default)]
pub(super) struct Desks(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    journals: HashMap<PathBuf, Journal>,
    desks: HashMap<(PathBuf, u64, Address), (Asked, Sender)>,
}

/// How a desk asks its chain: what cannot change while it works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) urls: Vec<String>,
    pub(super) quorum: usize,
}

impl Desks {
    /// The journal of a data folder.
    pub(super) fn journal(&self, data: &Path) -> Result<Journal, String> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(journal) = kept.journals.get(data) {
            return Ok(journal.clone());
        }
        let journal = Journal::open(&data.join(FILE)).map_err(|error| error.to_string())?;
        kept.journals.insert(data.to_owned(), journal.clone());
        Ok(journal)
    }

    /// The desk of an account on a chain.
    pub(super) fn desk(
        &self,
        data: &Path,
        account: Account,
        asked: &Asked,
        surroundings: impl FnOnce() -> Surroundings,
        chain: u64,
    ) -> Result<Sender, String> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (data.to_owned(), chain, account.address());
        if let Some((opened, sender)) = kept.desks.get(&place) {
            return if opened == asked {
                Ok(sender.clone())
            } else {
                let signer = account.address();
                Err(format!(
                    "the signer {signer} is at work on chain {chain} over other nodes; rpc and quorum of a signer change \
                     with a restart only, and are the same in every table"
                ))
            };
        }
        let sender = Sender::new(account, surroundings());
        kept.desks.insert(place, (asked.clone(), sender.clone()));
        Ok(sender)
    }
}

impl Asked {
    pub(super) fn new(endpoints: &Endpoints, urls: Vec<String>) -> Self {
        Self { urls, quorum: endpoints.quorum() }
    }
}
