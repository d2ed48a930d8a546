//! Cards of a chain: with a key of their own, which a chain lets spend a part of the wallet's account.

use farthing_keys::{KeyFile, PassphraseSource, Secp256k1Key, Token, VaultError, private_file};

use super::{Card, CardTerms, Place};
use crate::{Wallet, WalletName, Wallets, WalletsError};

/// The key of a card of a chain, and what the chain lets it spend.
pub struct OwnKey<'a> {
    /// A fresh key, which holds nothing.
    pub key: &'a Secp256k1Key,
    /// What the wallet's account lets it spend; what that means is its rail's business.
    pub delegation: &'a str,
}

impl Wallets {
    /// Makes a card whose key is its own. The token opens that key and none of the wallet's: whoever has it, and all
    /// of this machine, can spend what the chain lets it spend.
    ///
    /// # Errors
    ///
    /// As for [`create_card`](Self::create_card).
    pub fn create_card_on_chain(
        &self,
        wallet: &WalletName,
        terms: &CardTerms,
        source: &PassphraseSource,
        own: &OwnKey<'_>,
    ) -> Result<(Token, Card), WalletsError> {
        self.make_card(wallet, terms, source, Some(own))
    }

    /// What lets a wallet that is open spend another account's money: a card's own, or the wallet's.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn delegation_of(&self, wallet: &Wallet) -> Result<Option<String>, WalletsError> {
        match wallet.delegation_of_card() {
            Some(delegation) => Ok(Some(delegation.to_owned())),
            None => self.delegation(wallet.name()),
        }
    }

    /// The keys that a card's token opens, and what lets them spend if they are its own.
    pub(super) fn keys_of(&self, place: &Place) -> Result<(KeyFile, Option<String>), WalletsError> {
        match KeyFile::read(&place.own_keys()) {
            Err(VaultError::File(error)) if error.is_absent() => Ok((self.key_in_use(&place.wallet)?, None)),
            // A key of its own without what it may spend is of no use, and must not fall back to the wallet's.
            read => Ok((read?, Some(place.read_delegation()?.unwrap_or_default()))),
        }
    }
}

impl Place {
    pub(super) fn read_delegation(&self) -> Result<Option<String>, WalletsError> {
        match private_file::read(&self.delegation()) {
            Err(error) if error.is_absent() => Ok(None),
            read => Ok(Some(String::from_utf8_lossy(&read?).into_owned())),
        }
    }
}
