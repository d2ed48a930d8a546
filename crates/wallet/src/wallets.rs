mod delegation;
mod error;
mod freezing;
mod funding;
mod levels;
mod locked;
mod owner;
mod purpose;
mod signed_policy;
mod spending;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use farthing_keys::{
    Ambient, FileError, KeyFile, OwnerPublic, PassphraseSource, Secp256k1Key, Vault, VaultError, private_file,
};
use farthing_money::Price;
use farthing_store::{Books, Sharing};

use crate::fleet::Fleet;
use crate::wallet::Places;
use crate::{Policy, Wallet};

pub use error::WalletsError;
pub(crate) use levels::{Policies, members};
pub(crate) use signed_policy::SignedPolicy;
pub use signed_policy::SignedPolicyError;

/// A wallet's name: 1 to 32 lower-case letters, digits and inner hyphens. It is a directory's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WalletName(Box<str>);

/// All wallets of one home directory.
///
/// ```text
/// <home>/store                        where the counters are, when wallets of other machines have them, too
/// <home>/frozen                       while everything is frozen
/// <home>/owner.json                   the owner's key, which signs what raises a limit
/// <home>/vault.key                    only when there is no passphrase
/// <home>/budgets.db                   the counters of all wallets
/// <home>/sessions.db                  the sessions of all wallets
/// <home>/sessions/                    which processes are at work on them
/// <home>/wallets/<name>/wallet.json   the keys in use
/// <home>/wallets/<name>/keys/*.json   keys no longer in use
/// <home>/groups/<name>/policy.toml    what several wallets may spend together
/// <home>/wallets/<name>/policy.toml
/// <home>/wallets/<name>/sellers/      who was paid before, and at which price
/// <home>/wallets/<name>/delegation.json  what another account lets the wallet spend
/// <home>/wallets/<name>/funding/      what it pays with that is no key of its own, sealed
/// <home>/wallets/<name>/grants/       what the wallet's account lets other keys spend
/// <home>/wallets/<name>/purpose.txt   what its owner made it for
/// <home>/wallets/<name>/frozen        while the wallet is frozen
/// <home>/wallets/<name>/cards/        virtual cards, see [`crate::cards`]
/// <home>/wallets/<name>/outgoing/     payments under way, and what else was signed to be sent
/// ```
#[derive(Clone, Debug)]
pub struct Wallets {
    pub(crate) home: PathBuf,
    pub(crate) ambient: Ambient,
    /// What opens the owner's key, where it is not the wallets' own passphrase.
    owner: Option<PassphraseSource>,
    /// Who signs for them, where that is somebody on another machine.
    named_owner: Option<OwnerPublic>,
    /// What they have in common with wallets of other machines.
    pub(crate) fleet: Option<Arc<Fleet>>,
}

/// What a wallet is, without opening it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalletSummary {
    /// Its name.
    pub name: WalletName,
    /// The public name of the key of its prepaid balances.
    pub did: String,
    /// Its account on EVM chains, checksummed; `None` for a wallet that was made before there was one.
    pub address: Option<String>,
    /// When the keys were made, RFC 3339.
    pub created_at: String,
    /// What its owner made it for, if they said.
    pub purpose: Option<String>,
    /// What it may spend, if anything.
    pub policy: Option<Policy>,
    /// Whether it signs nothing at present.
    pub frozen: bool,
    /// How many payments have an unknown outcome and would be taken up by the same call.
    pub outgoing: usize,
}

/// What counts toward one limit of a wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    /// Paid.
    pub spent: Price,
    /// Reserved, the outcome not known yet.
    pub reserved: Price,
}

/// What a wallet has used up, in the currency of its policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spending {
    /// Ever.
    pub total: Used,
    /// On this calendar day, UTC.
    pub today: Used,
}

/// One key of a wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySummary {
    /// Its public name.
    pub did: String,
    /// When it was made, RFC 3339.
    pub created_at: String,
    /// Whether it is the one that pays.
    pub in_use: bool,
}

impl Wallets {
    /// The wallets under this directory, which is made if it is not there.
    pub fn at(home: &Path, ambient: Ambient) -> Result<Self, WalletsError> {
        private_file::home_directory(home)?;
        private_file::private_directory(&home.join("wallets"))?;
        let fleet = Fleet::of(home)?;
        Ok(Self { home: home.to_owned(), ambient, owner: None, named_owner: None, fleet })
    }

    /// Makes a wallet with fresh keys and no policy.
    pub fn create(&self, name: &WalletName, source: &PassphraseSource) -> Result<WalletSummary, WalletsError> {
        self.create_with(name, source, &Secp256k1Key::generate(&self.ambient)?)
    }

    /// Makes a wallet whose account on chains is the one of this key, and whose key for prepaid
    /// balances is fresh.
    pub fn create_with(
        &self,
        name: &WalletName,
        source: &PassphraseSource,
        key: &Secp256k1Key,
    ) -> Result<WalletSummary, WalletsError> {
        self.must_be_new(name)?;
        let passphrase = source.read_or_make(&self.ambient, &self.home)?;
        let file = KeyFile::with_key(&self.ambient, name.as_str(), &passphrase, key)?;
        self.add(name, &file.owned_by(&self.ensure_owner(source)?))
    }

    /// The directory they are in.
    pub fn home(&self) -> &Path {
        &self.home
    }

    pub(crate) fn ambient(&self) -> &Ambient {
        &self.ambient
    }

    /// The wallets there are, by name.
    pub fn list(&self) -> Result<Vec<WalletSummary>, WalletsError> {
        self.look_around()?;
        self.names()?.iter().map(|name| self.shown(name)).collect()
    }

    pub(crate) fn names(&self) -> Result<Vec<WalletName>, WalletsError> {
        let directory = self.home.join("wallets");
        let entries = fs::read_dir(&directory).map_err(FileError::system(&directory))?;
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(FileError::system(&directory))?;
            names.extend(entry.file_name().to_str().and_then(|name| name.parse::<WalletName>().ok()));
        }
        names.sort();
        Ok(names)
    }

    /// One wallet.
    pub fn show(&self, name: &WalletName) -> Result<WalletSummary, WalletsError> {
        self.key_in_use(name)?;
        self.look_around()?;
        self.shown(name)
    }

    /// Reads what owners said elsewhere, where these wallets have their books in common with others.
    pub(crate) fn look_around(&self) -> Result<(), WalletsError> {
        let Some(fleet) = &self.fleet else { return Ok(()) };
        fleet.refresh_now(&self.home, &self.names()?, self.owner()?)
    }

    fn shown(&self, name: &WalletName) -> Result<WalletSummary, WalletsError> {
        let key = self.key_in_use(name)?;
        Ok(WalletSummary {
            name: name.clone(),
            did: key.did()?.to_owned(),
            address: key.address().map(str::to_owned),
            created_at: key.created_at.clone(),
            purpose: self.purpose(name)?,
            policy: self.policy_here(name)?,
            frozen: self.stopped(name).is_some(),
            outgoing: crate::outgoing::count(&self.path(name, "outgoing"))?,
        })
    }

    /// A wallet, ready to pay. Its key stays closed until something is to be signed.
    pub fn open(&self, name: &WalletName, source: PassphraseSource) -> Result<Wallet, WalletsError> {
        let file = self.key_in_use(name)?;
        self.enter(name, &file)?;
        let (policy, outgoing) = (self.path(name, "policy.toml"), self.path(name, "outgoing"));
        private_file::private_directory(&outgoing)?;
        let owner = (self.owner_of(&file)?, Some(self.owner.clone().unwrap_or_else(|| source.clone())));
        let vault = Vault::new(file, &self.home, self.stops(name), source);
        let fleet = self.fleet.clone();
        let places = Places { home: &self.home, policy, outgoing, card: None, owner, fleet };
        Wallet::new(name.clone(), vault, self.budgets()?, places, self.ambient.clone())
    }

    /// The counters and reservations of all wallets here, and of those that have them in common, shared with every
    /// process that pays.
    pub fn budgets(&self) -> Result<Books, WalletsError> {
        if let Some(fleet) = &self.fleet {
            return Ok(fleet.books()?);
        }
        let path = self.home.join("budgets.db");
        // Made before the store makes it, so that nobody else can read what was bought; the store's
        // other files take after it.
        private_file::ensure(&path)?;
        Ok(Books::open(&path, Sharing::Shared)?)
    }

    /// The encrypted key file, to be kept elsewhere. It opens with the same passphrase; with a key
    /// file, `vault.key` is needed too.
    pub fn export(&self, name: &WalletName) -> Result<Vec<u8>, WalletsError> {
        Ok(self.key_in_use(name)?.to_json()?)
    }

    /// Takes an exported key file as a new wallet, after a check that the passphrase opens it.
    ///
    /// A wallet file of other software (Open Wallet Standard) that has an account on EVM chains, but
    /// no key for prepaid balances, gets a fresh one.
    pub fn import(
        &self,
        name: &WalletName,
        json: &[u8],
        source: &PassphraseSource,
    ) -> Result<WalletSummary, WalletsError> {
        self.must_be_new(name)?;
        let file = KeyFile::from_json(json)?;
        let passphrase = source.read(&self.home)?;
        let file = if file.did().is_ok() {
            file.verify(&passphrase)?;
            file
        } else {
            KeyFile::with_key(&self.ambient, name.as_str(), &passphrase, &file.open_account(&passphrase)?)?
        };
        match file.owner()?.filter(|_| self.fleet.is_some()) {
            // It comes from another machine of the same owner, who need not be here.
            Some(_) => self.add(name, &file),
            None => self.add(name, &file.owned_by(&self.ensure_owner(source)?)),
        }
    }

    /// The wallet's keys, the one in use first.
    pub fn keys(&self, name: &WalletName) -> Result<Vec<KeySummary>, WalletsError> {
        let summary = |key: &KeyFile, in_use| -> Result<KeySummary, WalletsError> {
            Ok(KeySummary { did: key.did()?.to_owned(), created_at: key.created_at.clone(), in_use })
        };
        let mut keys = vec![summary(&self.key_in_use(name)?, true)?];
        for (_, key) in self.keys_put_by(name)? {
            keys.push(summary(&key, false)?);
        }
        Ok(keys)
    }

    /// Makes a fresh key for prepaid balances the one in use and puts the old one by. Balances stay
    /// with the key that paid for them; the account on chains stays the same.
    pub fn create_key(&self, name: &WalletName, source: &PassphraseSource) -> Result<KeySummary, WalletsError> {
        let old = self.key_in_use(name)?;
        // The passphrase must open the old key too, or the wallet would need two.
        let new = old.renewed(&self.ambient, &source.read(&self.home)?)?;
        private_file::private_directory(&self.path(name, "keys"))?;
        private_file::write(&self.path(name, "keys").join(format!("{}.json", old.id)), &old.to_json()?)?;
        private_file::write(&self.path(name, "wallet.json"), &new.to_json()?)?;
        Ok(KeySummary { did: new.did()?.to_owned(), created_at: new.created_at.clone(), in_use: true })
    }

    /// Gives a wallet that was made without one an account on EVM chains; the answer is its address.
    pub fn create_account(&self, name: &WalletName, source: &PassphraseSource) -> Result<String, WalletsError> {
        let file = self.key_in_use(name)?;
        let key = Secp256k1Key::generate(&self.ambient)?;
        let extended = file.with_account(&self.ambient, &source.read(&self.home)?, &key)?;
        private_file::write(&self.path(name, "wallet.json"), &extended.to_json()?)?;
        Ok(key.address()?)
    }

    /// Destroys a key that was put by. What its balances hold can then not be spent any more.
    pub fn revoke_key(&self, name: &WalletName, did: &str) -> Result<(), WalletsError> {
        if self.key_in_use(name)?.did()? == did {
            return Err(WalletsError::InUse(did.to_owned()));
        }
        for (path, key) in self.keys_put_by(name)? {
            if key.did()? == did {
                return Ok(private_file::remove(&path)?);
            }
        }
        Err(WalletsError::NoKey { wallet: name.clone(), did: did.to_owned() })
    }

    fn keys_put_by(&self, name: &WalletName) -> Result<Vec<(PathBuf, KeyFile)>, WalletsError> {
        let directory = self.path(name, "keys");
        if !directory.exists() {
            return Ok(Vec::new());
        }
        let mut keys = Vec::new();
        for entry in fs::read_dir(&directory).map_err(FileError::system(&directory))? {
            let path = entry.map_err(FileError::system(&directory))?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                keys.push((path.clone(), KeyFile::read(&path)?));
            }
        }
        keys.sort_by(|(_, left), (_, right)| right.created_at.cmp(&left.created_at));
        Ok(keys)
    }

    pub(crate) fn key_in_use(&self, name: &WalletName) -> Result<KeyFile, WalletsError> {
        match KeyFile::read(&self.path(name, "wallet.json")) {
            Err(VaultError::File(error)) if error.is_absent() => Err(WalletsError::Absent(name.clone())),
            read => Ok(read?),
        }
    }

    fn must_be_new(&self, name: &WalletName) -> Result<(), WalletsError> {
        if self.path(name, "wallet.json").exists() { Err(WalletsError::Exists(name.clone())) } else { Ok(()) }
    }

    fn add(&self, name: &WalletName, file: &KeyFile) -> Result<WalletSummary, WalletsError> {
        private_file::private_directory(&self.home.join("wallets").join(name.as_str()))?;
        let path = self.path(name, "wallet.json");
        private_file::write_new(&path, &file.to_json()?)?;
        if let Err(refused) = self.enter(name, file) {
            private_file::remove(&path)?;
            return Err(refused);
        }
        self.show(name)
    }

    /// Has a wallet's name stand for its keys on every machine, where there are several.
    pub(crate) fn enter(&self, name: &WalletName, file: &KeyFile) -> Result<(), WalletsError> {
        self.fleet.as_ref().map_or(Ok(()), |fleet| fleet.enter(name, file))
    }

    pub(crate) fn path(&self, name: &WalletName, file: &str) -> PathBuf {
        self.home.join("wallets").join(name.as_str()).join(file)
    }
}

impl WalletName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for WalletName {
    type Err = WalletsError;

    fn from_str(text: &str) -> Result<Self, WalletsError> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let fits = (1..=32).contains(&text.len()) && text.bytes().all(plain);
        if !fits || text.starts_with('-') || text.ends_with('-') {
            return Err(WalletsError::Name(text.chars().take(48).collect()));
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for WalletName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod policy_tests;
