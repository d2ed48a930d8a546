//! Cards that a processor issued for a wallet: its policy decides about every use of one.
//!
//! ```text
//! <home>/wallets/<name>/issued/<id>/card.json   what the processor calls it, and its last four digits
//! <home>/wallets/<name>/issued/<id>/frozen      while it is frozen
//! <home>/wallets/<name>/issued/<id>/ended       once it is over
//! ```
//!
//! A card's number is never here. A use that nobody answers, of a card that is not known here, of a wallet that is
//! frozen or has no policy, is declined.

mod decide;
mod settle;

use std::path::PathBuf;

use farthing_keys::{FileError, private_file};
use serde::{Deserialize, Serialize};

pub use decide::{Answer, Swipe};
pub use settle::Capture;

use crate::{WalletName, Wallets, WalletsError};

/// How much of an id people have to write at least.
const SHORTEST: usize = 6;

/// A card that a processor issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedCard {
    /// The processor's id of it: `ic_...`.
    pub id: String,
    /// The last four digits.
    pub last4: String,
    /// ISO 4217, lower case.
    pub currency: String,
    /// RFC 3339.
    pub created_at: String,
}

/// Whether an issued card pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssuedState {
    /// As far as the policy allows.
    Ready,
    /// Not for now: it, its wallet or everything is frozen.
    Frozen,
    /// Never again.
    Ended,
}

impl Wallets {
    /// Keeps what is known of a card.
    pub fn keep_issued(&self, wallet: &WalletName, card: &IssuedCard) -> Result<(), WalletsError> {
        self.key_in_use(wallet)?;
        private_file::private_directory(&self.path(wallet, "issued"))?;
        let directory = self.issued_directory(wallet, &card.id);
        private_file::private_directory(&directory)?;
        let text = serde_json::to_vec_pretty(card).unwrap_or_default();
        Ok(private_file::write(&directory.join("card.json"), &text)?)
    }

    /// The cards of a wallet, the newest first.
    pub fn issued(&self, wallet: &WalletName) -> Result<Vec<IssuedCard>, WalletsError> {
        let directory = self.path(wallet, "issued");
        let entries = match std::fs::read_dir(&directory) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            read => read.map_err(FileError::system(&directory))?,
        };
        let mut cards = Vec::new();
        for entry in entries {
            let path = entry.map_err(FileError::system(&directory))?.path().join("card.json");
            match private_file::read(&path) {
                Err(error) if error.is_absent() => {}
                read => cards.extend(serde_json::from_slice::<IssuedCard>(&read?).ok()),
            }
        }
        cards.sort_by(|left, right| right.created_at.cmp(&left.created_at).then_with(|| left.id.cmp(&right.id)));
        Ok(cards)
    }

    /// The only issued card whose id begins so, and its wallet; none where there are several.
    pub fn issued_card(&self, begins: &str) -> Result<Option<(WalletName, IssuedCard)>, WalletsError> {
        if begins.len() < SHORTEST {
            return Ok(None);
        }
        let mut found = Vec::new();
        for wallet in self.names()? {
            let cards = self.issued(&wallet)?.into_iter().filter(|card| card.id.starts_with(begins));
            found.extend(cards.map(|card| (wallet.clone(), card)));
        }
        let only = found.pop();
        Ok(if found.is_empty() { only } else { None })
    }

    /// How a card stands here, whatever its processor thinks.
    pub fn issued_state(&self, wallet: &WalletName, card: &str) -> IssuedState {
        let directory = self.issued_directory(wallet, card);
        if directory.join("ended").exists() {
            IssuedState::Ended
        } else if directory.join("frozen").exists() || self.stopped(wallet).is_some() {
            IssuedState::Frozen
        } else {
            IssuedState::Ready
        }
    }

    /// Declines every use of a card from now on, until it is thawed.
    pub fn freeze_issued(&self, wallet: &WalletName, card: &str) -> Result<(), WalletsError> {
        Ok(private_file::write(&self.issued_directory(wallet, card).join("frozen"), self.since().as_bytes())?)
    }

    /// Lets the policy decide again.
    pub fn thaw_issued(&self, wallet: &WalletName, card: &str) -> Result<(), WalletsError> {
        Ok(private_file::remove(&self.issued_directory(wallet, card).join("frozen"))?)
    }

    /// Declines every use of a card for ever.
    pub fn end_issued(&self, wallet: &WalletName, card: &str) -> Result<(), WalletsError> {
        Ok(private_file::write(&self.issued_directory(wallet, card).join("ended"), self.since().as_bytes())?)
    }

    fn issued_directory(&self, wallet: &WalletName, card: &str) -> PathBuf {
        // What becomes a directory is an id and nothing else.
        let name: String = card.chars().filter(|letter| letter.is_ascii_alphanumeric() || *letter == '_').collect();
        self.path(wallet, "issued").join(name)
    }
}
