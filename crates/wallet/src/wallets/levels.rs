use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use farthing_books::audit::{Adopted, NewPolicy};
use farthing_keys::{FileError, OwnerKey, OwnerPublic, PassphraseSource, private_file};
use farthing_policy::{Level, with_parents};
use farthing_protocol::Timestamp;
use farthing_store::{Books, Sharing};

use super::{SignedPolicy, SignedPolicyError, WalletName, Wallets, WalletsError};
use crate::Policy;
use crate::fleet::mirrored;
use crate::policy::PolicyError;

/// Policies as they stand on disk and as their owner signed them, each read once for as long as its file stays the
/// same.
#[derive(Debug, Default)]
pub(crate) struct Policies(Mutex<HashMap<PathBuf, Read>>);

/// A policy that was read.
#[derive(Debug)]
struct Read {
    identity: Identity,
    owner: OwnerPublic,
    level: String,
    version: u64,
    policy: Arc<Policy>,
    /// Whether the books have said that it is the newest that ever was.
    is_newest: bool,
}

/// What changes whenever a file is written: its device and number, its length, and when it was last changed, which
/// nobody can set back.
type Identity = (u64, u64, u64, i64, i64);

impl Policies {
    /// Every policy that a payment has to satisfy: the card's, if one pays, the wallet's, and those of the groups
    /// above either. None where the wallet or the card has no policy.
    pub(crate) fn levels(
        &self,
        home: &Path,
        owner: Option<OwnerPublic>,
        card: Option<(&str, &Path)>,
        wallet: (&str, &Path),
    ) -> Result<Vec<Level>, WalletsError> {
        let mut levels: Vec<Level> = Vec::new();
        for (name, path) in card.into_iter().chain([wallet]) {
            let Some(policy) = self.read(name, path, owner)? else { return Ok(Vec::new()) };
            let first = Level { name: name.to_owned(), policy };
            for level in with_parents(first, |group| self.read(&group_level(group), &group_policy(home, group), owner))?
            {
                if levels.iter().all(|known| known.name != level.name) {
                    levels.push(level);
                }
            }
        }
        Ok(levels)
    }

    /// The policy of a level, if there is one and this owner signed it.
    pub(crate) fn read(
        &self,
        level: &str,
        path: &Path,
        owner: Option<OwnerPublic>,
    ) -> Result<Option<Arc<Policy>>, WalletsError> {
        let Some(identity) = identity(path)? else { return Ok(None) };
        let owner = owner.ok_or_else(|| SignedPolicyError::Unsigned(level.to_owned()))?;
        let mut read = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = read.get(path).filter(|known| known.identity == identity && known.owner == owner) {
            return Ok(Some(Arc::clone(&known.policy)));
        }
        // What is written between the look and the reading is read again next time.
        let Some(signed) = read_signed(level, path, &owner)? else { return Ok(None) };
        let (policy, level, version) = (Arc::new(signed.policy()?), level.to_owned(), signed.version);
        let kept = Read { identity, owner, level, version, policy: Arc::clone(&policy), is_newest: false };
        read.insert(path.to_owned(), kept);
        Ok(Some(policy))
    }

    /// Shows the books what was read since the last time: they know the newest of a level that was ever followed, and
    /// an older one is not. False when they have seen a newer one than what was read before: it must be read again.
    pub(crate) async fn must_be_newest(&self, books: &Books, at: Timestamp) -> Result<bool, WalletsError> {
        if self.forget_outdated(books).await? {
            return Ok(false);
        }
        for (path, shown, version) in self.not_shown(at)? {
            let level = shown.level.clone();
            let adopted = books.adopt_policy(shown).await?;
            let mut read = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Adopted::Older { newest } = adopted {
                read.remove(&path);
                return Err(SignedPolicyError::Old { level, version, newest }.into());
            }
            if let Some(known) = read.get_mut(&path).filter(|known| known.version == version) {
                known.is_newest = true;
            }
        }
        Ok(true)
    }

    /// Forgets what another process has replaced since: a file that was put back together with its directory looks as it
    /// did when it was followed.
    async fn forget_outdated(&self, books: &Books) -> Result<bool, WalletsError> {
        let followed: Vec<String> = {
            let read = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            read.values().filter(|known| known.is_newest).map(|known| known.level.clone()).collect()
        };
        let newest = books.newest_versions(followed).await?;
        let mut read = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = read.len();
        read.retain(|_, known| {
            !known.is_newest || newest.get(&known.level).is_none_or(|newest| *newest <= known.version)
        });
        Ok(read.len() < before)
    }

    fn not_shown(&self, at: Timestamp) -> Result<Vec<(PathBuf, NewPolicy, u64)>, WalletsError> {
        let read = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = read.iter().filter(|(_, known)| !known.is_newest).map(|(path, known)| {
            let (level, text) = (known.level.clone(), known.policy.to_toml()?.into());
            Ok((path.clone(), NewPolicy { level, version: Some(known.version), text, at }, known.version))
        });
        new.collect()
    }
}

/// The wallets that a group's policy stands above. One whose policies cannot be followed may be one, and is among them.
pub(crate) fn members(home: &Path, owner: Option<OwnerPublic>, group: &str) -> Result<Vec<String>, WalletsError> {
    let mut members = Vec::new();
    // Its own: what is read of other wallets is not what this one has followed.
    let policies = Policies::default();
    for directory in [home.join("wallets"), mirrored(home)].into_iter().filter(|directory| directory.exists()) {
        for entry in fs::read_dir(&directory).map_err(FileError::system(&directory))? {
            let entry = entry.map_err(FileError::system(&directory))?;
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
            let levels = policies.levels(home, owner, None, (&name, &entry.path().join("policy.toml")));
            if levels.map_or(true, |levels| levels.iter().any(|level| level.name == group)) {
                members.push(name);
            }
        }
    }
    Ok(members)
}

fn identity(path: &Path) -> Result<Option<Identity>, FileError> {
    match fs::metadata(path) {
        Ok(data) => Ok(Some((data.dev(), data.ino(), data.len(), data.ctime(), data.ctime_nsec()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FileError::system(path)(error)),
    }
}

fn group_level(group: &str) -> String {
    format!("group/{group}")
}

fn group_policy(home: &Path, group: &str) -> PathBuf {
    home.join("groups").join(group).join("policy.toml")
}

/// The policy of a level, if there is one and this owner signed it for it.
fn read_signed(level: &str, path: &Path, owner: &OwnerPublic) -> Result<Option<SignedPolicy>, WalletsError> {
    let Some(text) = read_text(path)? else { return Ok(None) };
    let signed = SignedPolicy::read(level, &text)?;
    signed.check(level, owner)?;
    Ok(Some(signed))
}

fn read_text(path: &Path) -> Result<Option<String>, WalletsError> {
    let bytes = match private_file::read(path) {
        Err(error) if error.is_absent() => return Ok(None),
        read => read?,
    };
    Ok(Some(String::from_utf8(bytes).map_err(|_| PolicyError::Form("it is not UTF-8 text".into()))?))
}

impl Wallets {
    /// What the wallet may spend; `None` when nobody said, and then it is nothing.
    pub fn policy(&self, name: &WalletName) -> Result<Option<Policy>, WalletsError> {
        self.look_around()?;
        self.policy_here(name)
    }

    /// The same, as it was when what owners said elsewhere was last looked at.
    pub(crate) fn policy_here(&self, name: &WalletName) -> Result<Option<Policy>, WalletsError> {
        let owner = self.owner_of(&self.key_in_use(name)?)?;
        self.policy_at(name.as_str(), &self.path(name, "policy.toml"), owner)
    }

    /// Sets what the wallet may spend; processes that are paying follow it from the next payment on. `source` opens the
    /// owner's key, which signs it, unless that has a passphrase of its own. Until [`Wallets::follow_policy`] or a
    /// payment, the policy before it can be put back.
    pub fn set_policy(
        &self,
        name: &WalletName,
        policy: &Policy,
        source: &PassphraseSource,
    ) -> Result<(), WalletsError> {
        self.key_in_use(name)?;
        policy.check()?;
        self.look_around()?;
        self.parents_of(name.to_string(), policy)?;
        let key = self.owner_to_sign_for(name, source)?;
        self.sign_policy(name.as_str(), &self.path(name, "policy.toml"), policy, &key)
    }

    /// Has the books follow a wallet's policy, and those above it, from now on: an older one is refused even if nothing
    /// is paid before somebody puts it back.
    pub async fn follow_policy(&self, name: &WalletName) -> Result<(), WalletsError> {
        let (policies, owner) = (Policies::default(), self.owner_of(&self.key_in_use(name)?)?);
        policies.levels(&self.home, owner, None, (name.as_str(), &self.path(name, "policy.toml")))?;
        policies.must_be_newest(&self.budgets()?, self.ambient.now()).await.map(drop)
    }

    /// The same of a group.
    pub async fn follow_group_policy(&self, group: &WalletName) -> Result<(), WalletsError> {
        let policies = Policies::default();
        policies.read(&group_level(group.as_str()), &group_policy(&self.home, group.as_str()), self.owner()?)?;
        policies.must_be_newest(&self.budgets()?, self.ambient.now()).await.map(drop)
    }

    /// Why a wallet's policy as it lies there is not followed, though its owner signed it: a newer one was.
    pub async fn outdated_policy(&self, name: &WalletName) -> Result<Option<SignedPolicyError>, WalletsError> {
        self.outdated(name.as_str(), &self.path(name, "policy.toml")).await
    }

    /// The same of a group.
    pub async fn outdated_group_policy(&self, group: &WalletName) -> Result<Option<SignedPolicyError>, WalletsError> {
        self.outdated(&group_level(group.as_str()), &group_policy(&self.home, group.as_str())).await
    }

    async fn outdated(&self, level: &str, path: &Path) -> Result<Option<SignedPolicyError>, WalletsError> {
        let file = read_text(path)?.map(|text| SignedPolicy::read(level, &text)).transpose()?;
        let path = self.home.join("budgets.db");
        let is_there = self.fleet.is_some() || path.exists();
        let Some(version) = file.map(|file| file.version).filter(|_| is_there) else { return Ok(None) };
        let books = match &self.fleet {
            Some(fleet) => fleet.books()?,
            None => Books::open(&path, Sharing::ReadOnly)?,
        };
        let newest = books.newest_versions(vec![level.to_owned()]).await?;
        let newer = newest.get(level).copied().filter(|newest| *newest > version);
        Ok(newer.map(|newest| SignedPolicyError::Old { level: level.to_owned(), version, newest }))
    }

    /// What a group of wallets may spend together; `None` when there is no such group.
    pub fn group_policy(&self, group: &WalletName) -> Result<Option<Policy>, WalletsError> {
        self.look_around()?;
        self.policy_at(&group_level(group.as_str()), &group_policy(&self.home, group.as_str()), self.owner()?)
    }

    /// Sets what a group may spend, and makes the group if there is none of this name.
    pub fn set_group_policy(
        &self,
        group: &WalletName,
        policy: &Policy,
        source: &PassphraseSource,
    ) -> Result<(), WalletsError> {
        policy.check()?;
        self.look_around()?;
        let level = group_level(group.as_str());
        self.parents_of(level.clone(), policy)?;
        let folder = self.home.join("groups").join(group.as_str());
        private_file::private_directory(&self.home.join("groups"))?;
        private_file::private_directory(&folder)?;
        self.sign_policy(&level, &folder.join("policy.toml"), policy, &self.owner_to_sign(source)?)
    }

    /// The policy of a wallet as it lies there, whoever wrote it: to be looked at, and signed.
    pub fn written_policy(&self, name: &WalletName) -> Result<Option<Policy>, WalletsError> {
        written(&self.path(name, "policy.toml"))
    }

    /// The same of a group.
    pub fn written_group_policy(&self, group: &WalletName) -> Result<Option<Policy>, WalletsError> {
        written(&group_policy(&self.home, group.as_str()))
    }

    /// The policy in a file, if there is one and this owner signed it for this level.
    pub(crate) fn policy_at(
        &self,
        level: &str,
        path: &Path,
        owner: Option<OwnerPublic>,
    ) -> Result<Option<Policy>, WalletsError> {
        let Some(owner) = owner else {
            return if path.exists() { Err(SignedPolicyError::Unsigned(level.to_owned()).into()) } else { Ok(None) };
        };
        Ok(read_signed(level, path, &owner)?.map(|signed| signed.policy()).transpose()?)
    }

    /// Writes a policy, signed as the newest of its level.
    pub(crate) fn sign_policy(
        &self,
        level: &str,
        path: &Path,
        policy: &Policy,
        (key, owner): &(OwnerKey, OwnerPublic),
    ) -> Result<(), WalletsError> {
        let known = read_text(path).ok().flatten().and_then(|text| SignedPolicy::read(level, &text).ok());
        // Above whatever was signed before, even where that file is gone: milliseconds, as long as the clock goes on.
        let now = u64::try_from(self.ambient.now().unix_millis()).unwrap_or(0);
        let version = known.map_or(now, |known| now.max(known.version.saturating_add(1)));
        let signed = SignedPolicy::sign(level, version, policy.to_toml()?, key, *owner);
        // A card is on this machine alone.
        if let Some(fleet) = self.fleet.as_ref().filter(|_| !level.contains("/card/")) {
            fleet.tell_policy(level, &signed)?;
        }
        Ok(private_file::write(path, signed.to_file().as_bytes())?)
    }

    /// Refuses parents that there are not, circles, and levels that count in other currencies.
    fn parents_of(&self, name: String, policy: &Policy) -> Result<(), WalletsError> {
        let first = Level { name, policy: Arc::new(policy.clone()) };
        let levels = with_parents(first, |group| {
            let policy = self.policy_at(&group_level(group), &group_policy(&self.home, group), self.owner()?)?;
            Ok::<_, WalletsError>(policy.map(Arc::new))
        })?;
        match levels.iter().find(|level| level.policy.currency != policy.currency) {
            Some(other) => Err(WalletsError::Currencies {
                own: policy.currency.to_string(),
                other: other.policy.currency.to_string(),
                level: other.name.clone(),
            }),
            None => Ok(()),
        }
    }
}

/// A policy as it lies there, signed or not.
fn written(path: &Path) -> Result<Option<Policy>, WalletsError> {
    Ok(read_text(path)?.map(|text| SignedPolicy::text_of(&text).parse()).transpose()?)
}
