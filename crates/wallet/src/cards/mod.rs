//! Virtual cards: a wallet's key, handed to an agent as one token, within limits of their own.
//!
//! ```text
//! <home>/wallets/<name>/cards/<id>/key.json      a copy of the keys that the token opens
//! <home>/wallets/<name>/cards/<id>/policy.toml   the card's own level of limits
//! <home>/wallets/<name>/cards/<id>/frozen        while the card is frozen
//! <home>/wallets/<name>/cards/<id>/wallet.json   keys of its own, where it is one of a chain
//! <home>/wallets/<name>/cards/<id>/delegation.json  and what the chain lets them spend
//! <home>/wallets/<name>/cards/<id>/outgoing/     its payments under way
//! ```
//!
//! The key file has the form of an API key of the Open Wallet Standard. The token is shown once and kept
//! nowhere; whoever has it, and can read the file, pays what both the card's level and every level above it
//! allow. Removing the key file revokes the card: a process that holds its keys open finds it gone before its
//! next signature. A card of a chain has keys of its own, which hold nothing: a chain lets them spend so much of the
//! wallet's account, and keeps to that whatever becomes of this machine.

mod on_chain;
mod terms;

use std::fs;
use std::path::{Path, PathBuf};

use farthing_keys::{
    ApiKeyFile, FileError, KeyFile, PassphraseSource, Stop, Stopped, Token, Vault, VaultError, private_file,
};
use farthing_protocol::Timestamp;

pub use self::on_chain::OwnKey;
pub use self::terms::CardTerms;
use crate::wallet::Places;
use crate::{Policy, Wallet, WalletName, Wallets, WalletsError};

/// How much of an id people have to write at least.
const SHORTEST: usize = 4;

/// A card, without its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// Its id, a UUID.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// The wallet that pays.
    pub wallet: WalletName,
    /// RFC 3339.
    pub created_at: String,
    /// The last second in which it pays, if it has one.
    pub expires_at: Option<Timestamp>,
    /// Its own limits. The wallet's hold too.
    pub policy: Option<Policy>,
    /// Who stopped it, if anybody.
    pub stopped: Option<Stopped>,
    /// What a chain lets its own key spend, where it is a card of one: a text of the rail's.
    pub delegation: Option<String>,
}

impl Card {
    /// What its level of limits, and so its counters, are named by.
    pub fn level(&self) -> String {
        level_of(&self.wallet, &self.id)
    }
}

fn level_of(wallet: &WalletName, id: &str) -> String {
    format!("{wallet}/card/{id}")
}

/// Why there is no such card.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CardError {
    /// Nothing of that name.
    #[error("no card begins with \"{0}\"; see them with: farthing card list")]
    Absent(String),
    /// More than one, or too little to tell.
    #[error("\"{0}\" is the beginning of several cards' ids, or too short; write more of it")]
    Ambiguous(String),
    /// The token belongs to no card here.
    #[error("the card's token belongs to no card of this home; it was revoked, or FARTHING_HOME is another's")]
    Unknown,
    /// Its time is over.
    #[error("the card {id} ended at {end}; make another with: farthing card create")]
    Ended {
        /// Its id.
        id: String,
        /// When.
        end: String,
    },
    /// Limits that cannot be a card's.
    #[error("{0}")]
    Terms(String),
}

/// The place of a card on disk.
#[derive(Clone, Debug)]
struct Place {
    wallet: WalletName,
    directory: PathBuf,
}

impl Place {
    fn key(&self) -> PathBuf {
        self.directory.join("key.json")
    }

    fn policy(&self) -> PathBuf {
        self.directory.join("policy.toml")
    }

    fn frozen(&self) -> PathBuf {
        self.directory.join("frozen")
    }

    /// The keys of a card that has its own.
    fn own_keys(&self) -> PathBuf {
        self.directory.join("wallet.json")
    }

    fn delegation(&self) -> PathBuf {
        self.directory.join("delegation.json")
    }

    fn id(&self) -> &str {
        self.directory.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }
}

impl Wallets {
    /// Makes a card of a wallet, with limits that the owner signs; `source` opens the wallet's keys, and the owner's
    /// where they are not told apart. The token is shown nowhere again.
    pub fn create_card(
        &self,
        wallet: &WalletName,
        terms: &CardTerms,
        source: &PassphraseSource,
    ) -> Result<(Token, Card), WalletsError> {
        self.make_card(wallet, terms, source, None)
    }

    fn make_card(
        &self,
        wallet: &WalletName,
        terms: &CardTerms,
        source: &PassphraseSource,
        own: Option<&OwnKey<'_>>,
    ) -> Result<(Token, Card), WalletsError> {
        let policy = terms.policy(self.ambient.now())?;
        let owner = self.owner_to_sign_for(wallet, source)?;
        let passphrase = source.read(&self.home)?;
        let name = terms.name.as_deref().unwrap_or("card");
        let file = match own {
            None => self.key_in_use(wallet)?,
            Some(own) => KeyFile::with_key(&self.ambient, name, &passphrase, own.key)?,
        };
        let (token, mut key) = ApiKeyFile::create(&self.ambient, name, &[(&file, &passphrase)], &[], terms.expires)?;
        key.policy_ids.push(key.id.clone());
        private_file::private_directory(&self.path(wallet, "cards"))?;
        let place = Place { wallet: wallet.clone(), directory: self.path(wallet, "cards").join(&key.id) };
        private_file::private_directory(&place.directory)?;
        self.sign_policy(&level_of(wallet, place.id()), &place.policy(), &policy, &owner)?;
        if let Some(own) = own {
            private_file::write_new(&place.own_keys(), &file.to_json()?)?;
            private_file::write_new(&place.delegation(), own.delegation.as_bytes())?;
        }
        // Last, because with it the card is there.
        private_file::write_new(&place.key(), &key.to_json()?)?;
        Ok((token, self.read_card(&place)?))
    }

    /// The cards of a wallet, the newest first.
    pub fn cards(&self, wallet: &WalletName) -> Result<Vec<Card>, WalletsError> {
        self.key_in_use(wallet)?;
        let mut cards: Vec<Card> =
            self.places_of(wallet)?.iter().map(|place| self.read_card(place)).collect::<Result<_, _>>()?;
        cards.sort_by(|left, right| right.created_at.cmp(&left.created_at).then_with(|| left.id.cmp(&right.id)));
        Ok(cards)
    }

    /// The only card of this home whose id begins so.
    pub fn card(&self, begins: &str) -> Result<Card, WalletsError> {
        self.read_card(&self.place(begins)?)
    }

    /// Stops a card at once, in every process; the answer is the card.
    pub fn freeze_card(&self, begins: &str) -> Result<Card, WalletsError> {
        let place = self.place(begins)?;
        private_file::write(&place.frozen(), self.since().as_bytes())?;
        self.read_card_to_stop(&place)
    }

    /// Lets it pay again.
    pub fn thaw_card(&self, begins: &str) -> Result<Card, WalletsError> {
        let place = self.place(begins)?;
        private_file::remove(&place.frozen())?;
        self.read_card(&place)
    }

    /// Ends a card for ever: its key file is gone when this returns.
    pub fn revoke_card(&self, begins: &str) -> Result<Card, WalletsError> {
        let place = self.place(begins)?;
        let card = self.read_card_to_stop(&place)?;
        private_file::remove(&place.key())?;
        Ok(card)
    }

    /// Ends every card of a wallet; the answer is how many there were.
    pub fn revoke_cards(&self, wallet: &WalletName) -> Result<usize, WalletsError> {
        let places = self.places_of(wallet)?;
        places.iter().try_for_each(|place| private_file::remove(&place.key()))?;
        Ok(places.len())
    }

    /// The wallet behind a card's token, to pay within the card's limits. Every card is looked at, each for the
    /// same time, so that how long it takes says nothing of a token.
    pub fn open_card(&self, token: Token) -> Result<Wallet, WalletsError> {
        let mut found = None;
        for wallet in self.names()? {
            for place in self.places_of(&wallet)? {
                let key = ApiKeyFile::read(&place.key())?;
                if key.is_of(&token) {
                    found = Some((place, key));
                }
            }
        }
        let (place, key) = found.ok_or(CardError::Unknown)?;
        if key.has_ended(self.ambient.now()) {
            let end = key.expires_at.clone().unwrap_or_default();
            return Err(CardError::Ended { id: key.id, end }.into());
        }
        let owner = (self.owner_of(&self.key_in_use(&place.wallet)?)?, None);
        let (file, delegation) = self.keys_of(&place)?;
        let vault = Vault::by_token(file, &key, token, self.stops_of(&place))?;
        let outgoing = place.directory.join("outgoing");
        private_file::private_directory(&outgoing)?;
        let level = level_of(&place.wallet, place.id());
        let card =
            OpenCard { id: place.id().to_owned(), level, policy: place.policy(), ends: end_of(&key), delegation };
        let policy = self.path(&place.wallet, "policy.toml");
        let fleet = self.fleet.clone();
        let places = Places { home: &self.home, policy, outgoing, card: Some(card), owner, fleet };
        Wallet::new(place.wallet, vault, self.budgets()?, places, self.ambient.clone())
    }

    fn read_card(&self, place: &Place) -> Result<Card, WalletsError> {
        self.read_card_within(place, self.card_policy(place)?)
    }

    /// The same, whatever became of its limits: a card that somebody tampered with is the one to stop.
    fn read_card_to_stop(&self, place: &Place) -> Result<Card, WalletsError> {
        self.read_card_within(place, self.card_policy(place).unwrap_or(None))
    }

    fn read_card_within(&self, place: &Place, policy: Option<Policy>) -> Result<Card, WalletsError> {
        let key = match ApiKeyFile::read(&place.key()) {
            Err(VaultError::File(error)) if error.is_absent() => {
                return Err(CardError::Absent(place.id().to_owned()).into());
            }
            read => read?,
        };
        Ok(Card {
            expires_at: end_of(&key),
            id: key.id,
            name: key.name,
            wallet: place.wallet.clone(),
            created_at: key.created_at,
            policy,
            stopped: self.stops_of(place).iter().find_map(Stop::look),
            delegation: place.read_delegation()?,
        })
    }

    fn card_policy(&self, place: &Place) -> Result<Option<Policy>, WalletsError> {
        let owner = self.owner_of(&self.key_in_use(&place.wallet)?)?;
        self.policy_at(&level_of(&place.wallet, place.id()), &place.policy(), owner)
    }

    /// What stops a card: everything, its wallet, itself, and its end.
    fn stops_of(&self, place: &Place) -> Vec<Stop> {
        let mut stops = self.stops(&place.wallet);
        stops.push(Stop::while_there(place.frozen(), Stopped::Card(place.id().to_owned())));
        stops.push(Stop::once_gone(place.key(), Stopped::Revoked(place.id().to_owned())));
        stops
    }

    fn place(&self, begins: &str) -> Result<Place, WalletsError> {
        let begins = begins.to_ascii_lowercase();
        let mut found = Vec::new();
        for wallet in self.names()? {
            found.extend(self.places_of(&wallet)?.into_iter().filter(|place| place.id().starts_with(&begins)));
        }
        match found.pop() {
            None => Err(CardError::Absent(begins).into()),
            Some(place) if found.is_empty() && begins.len() >= SHORTEST => Ok(place),
            Some(_) => Err(CardError::Ambiguous(begins).into()),
        }
    }

    /// The cards of a wallet that are there: those with a key.
    fn places_of(&self, wallet: &WalletName) -> Result<Vec<Place>, WalletsError> {
        let directory = self.path(wallet, "cards");
        let place = |directory| Place { wallet: wallet.clone(), directory };
        Ok(directories(&directory)?.into_iter().map(place).filter(|place| place.key().exists()).collect())
    }
}

/// Where the cards in this directory keep their payments under way, revoked ones included.
pub(crate) fn outgoing(cards: &Path) -> Result<Vec<PathBuf>, FileError> {
    let all = directories(cards)?.into_iter().map(|card| card.join("outgoing"));
    Ok(all.filter(|outgoing| outgoing.exists()).collect())
}

/// What an open wallet knows of the card it was opened by.
#[derive(Clone, Debug)]
pub(crate) struct OpenCard {
    pub(crate) id: String,
    /// What its level is named by.
    pub(crate) level: String,
    pub(crate) policy: PathBuf,
    pub(crate) ends: Option<Timestamp>,
    /// What its own key may spend, if it has one; it then pays by nothing else.
    pub(crate) delegation: Option<String>,
}

/// The end of a key; one that cannot be read has come.
fn end_of(key: &ApiKeyFile) -> Option<Timestamp> {
    let end = key.expires_at.as_deref()?;
    Some(Timestamp::parse(end).unwrap_or(Timestamp::from_unix_millis(0)))
}

/// The directories in a directory, which need not be there.
fn directories(path: &Path) -> Result<Vec<PathBuf>, FileError> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        read => read.map_err(FileError::system(path))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(FileError::system(path))?.path();
        found.extend(path.is_dir().then_some(path));
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests;
