use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use farthing_keys::{FileError, private_file};
use farthing_policy::{Level, LevelError, with_parents};

use super::{WalletName, Wallets, WalletsError};
use crate::Policy;
use crate::policy::PolicyError;

/// Policies as they stand on disk, each read once for as long as its file stays the same.
#[derive(Debug, Default)]
pub(crate) struct Policies(Mutex<HashMap<PathBuf, (Identity, Arc<Policy>)>>);

/// What changes whenever a file is written: its device and number, its length, and when it was last changed, which
/// nobody can set back.
type Identity = (u64, u64, u64, i64, i64);

impl Policies {
    /// Every policy that a payment has to satisfy: the card's, if one pays, the wallet's, and those of the groups
    /// above either. None where the wallet or the card has no policy.
    pub(crate) fn levels(
        &self,
        home: &Path,
        card: Option<(&str, &Path)>,
        wallet: (&str, &Path),
    ) -> Result<Vec<Level>, WalletsError> {
        let mut levels: Vec<Level> = Vec::new();
        for (name, path) in card.into_iter().chain([wallet]) {
            let Some(policy) = self.read(path)? else { return Ok(Vec::new()) };
            let first = Level { name: name.to_owned(), policy };
            for level in with_parents(first, |group| self.read(&group_policy(home, group)))? {
                if levels.iter().all(|known| known.name != level.name) {
                    levels.push(level);
                }
            }
        }
        Ok(levels)
    }

    /// A policy, if there is one.
    pub(crate) fn read(&self, path: &Path) -> Result<Option<Arc<Policy>>, WalletsError> {
        let Some(identity) = identity(path)? else { return Ok(None) };
        let mut read = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, policy)) = read.get(path)
            && *known == identity
        {
            return Ok(Some(Arc::clone(policy)));
        }
        // What is written between the look and the reading is read again next time.
        let Some(policy) = read_policy(path)?.map(Arc::new) else { return Ok(None) };
        read.insert(path.to_owned(), (identity, Arc::clone(&policy)));
        Ok(Some(policy))
    }
}

fn identity(path: &Path) -> Result<Option<Identity>, FileError> {
    match fs::metadata(path) {
        Ok(data) => Ok(Some((data.dev(), data.ino(), data.len(), data.ctime(), data.ctime_nsec()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FileError::system(path)(error)),
    }
}

fn group_policy(home: &Path, group: &str) -> PathBuf {
    home.join("groups").join(group).join("policy.toml")
}

pub(crate) fn read_policy(path: &Path) -> Result<Option<Policy>, WalletsError> {
    let bytes = match private_file::read(path) {
        Err(error) if error.is_absent() => return Ok(None),
        read => read?,
    };
    let text = String::from_utf8(bytes).map_err(|_| PolicyError::Form("it is not UTF-8 text".into()))?;
    Ok(Some(text.parse()?))
}

impl Wallets {
    /// What the wallet may spend; `None` when nobody said, and then it is nothing.
    pub fn policy(&self, name: &WalletName) -> Result<Option<Policy>, WalletsError> {
        read_policy(&self.path(name, "policy.toml"))
    }

    /// Sets what the wallet may spend; processes that are paying follow it from the next payment on.
    pub fn set_policy(&self, name: &WalletName, policy: &Policy) -> Result<(), WalletsError> {
        self.key_in_use(name)?;
        policy.check()?;
        self.parents_of(name.to_string(), policy)?;
        Ok(private_file::write(&self.path(name, "policy.toml"), policy.to_toml()?.as_bytes())?)
    }

    /// What a group of wallets may spend together; `None` when there is no such group.
    pub fn group_policy(&self, group: &WalletName) -> Result<Option<Policy>, WalletsError> {
        read_policy(&group_policy(&self.home, group.as_str()))
    }

    /// Sets what a group may spend, and makes the group if there is none of this name.
    pub fn set_group_policy(&self, group: &WalletName, policy: &Policy) -> Result<(), WalletsError> {
        policy.check()?;
        self.parents_of(format!("group/{group}"), policy)?;
        let folder = self.home.join("groups").join(group.as_str());
        private_file::private_directory(&self.home.join("groups"))?;
        private_file::private_directory(&folder)?;
        Ok(private_file::write(&folder.join("policy.toml"), policy.to_toml()?.as_bytes())?)
    }

    /// Refuses parents that there are not, circles, and levels that count in other currencies.
    fn parents_of(&self, name: String, policy: &Policy) -> Result<(), WalletsError> {
        let first = Level { name, policy: Arc::new(policy.clone()) };
        let levels = with_parents(first, |group| {
            Ok::<_, WalletsError>(read_policy(&group_policy(&self.home, group))?.map(Arc::new))
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

impl From<LevelError> for WalletsError {
    fn from(error: LevelError) -> Self {
        Self::Levels(error)
    }
}

#[cfg(test)]
mod tests {
    use farthing_keys::Ambient;
    use farthing_protocol::Timestamp;

    use super::*;

    fn wallets(folder: &Path) -> Wallets {
        Wallets::at(folder, Ambient::new(|| Timestamp::from_unix_millis(0))).unwrap()
    }

    fn set(wallets: &Wallets, group: &str, policy: &str) -> Result<(), WalletsError> {
        wallets.set_group_policy(&group.parse().unwrap(), &policy.parse().unwrap())
    }

    #[test]
    fn a_payment_has_to_satisfy_every_group_above_it_as_they_stand_now() {
        let home = tempfile::tempdir().unwrap();
        let (wallets, policies) = (wallets(home.path()), Policies::default());
        set(&wallets, "company", "total = \"9 USD\"").unwrap();
        set(&wallets, "research", "parent = \"company\"\ntotal = \"5 USD\"").unwrap();
        let own = home.path().join("policy.toml");
        private_file::write(&own, b"parent = \"research\"\ntotal = \"1 USD\"").unwrap();
        let totals = || {
            let levels = policies.levels(home.path(), None, ("agent", own.as_path())).unwrap();
            levels.iter().map(|level| format!("{} {}", level.name, level.policy.total.unwrap())).collect::<Vec<_>>()
        };
        assert_eq!(totals(), ["agent 1 USD", "group/research 5 USD", "group/company 9 USD"]);
        set(&wallets, "company", "total = \"8 USD\"").unwrap();
        assert_eq!(totals(), ["agent 1 USD", "group/research 5 USD", "group/company 8 USD"]);
        fs::write(&own, "parent = \"research\"\ntotal = \"2 USD\"").unwrap();
        assert_eq!(totals()[0], "agent 2 USD", "of the same length, and written in place");
        fs::remove_dir_all(home.path().join("groups/company")).unwrap();
        let error = policies.levels(home.path(), None, ("agent", own.as_path())).unwrap_err();
        assert!(matches!(error, WalletsError::Levels(LevelError::Unknown { .. })), "{error}");
        fs::remove_file(&own).unwrap();
        assert_eq!(policies.levels(home.path(), None, ("agent", own.as_path())).unwrap(), []);
    }

    #[test]
    fn groups_that_cannot_be_followed_are_not_kept() {
        let home = tempfile::tempdir().unwrap();
        let wallets = wallets(home.path());
        set(&wallets, "company", "total = \"9 USD\"").unwrap();
        set(&wallets, "research", "parent = \"company\"\ntotal = \"5 USD\"").unwrap();
        let circle = set(&wallets, "company", "parent = \"research\"\ntotal = \"9 USD\"").unwrap_err();
        assert!(matches!(circle, WalletsError::Levels(LevelError::Cycle(_))), "{circle}");
        let unknown = set(&wallets, "lab", "parent = \"faculty\"\ntotal = \"9 USD\"").unwrap_err();
        assert!(unknown.to_string().contains("farthing policy set --group faculty"), "{unknown}");
        let other = set(&wallets, "paris", "currency = \"EUR\"\nparent = \"company\"\ntotal = \"9 EUR\"").unwrap_err();
        assert!(matches!(other, WalletsError::Currencies { .. }), "{other}");
        assert_eq!(wallets.group_policy(&"company".parse().unwrap()).unwrap().unwrap().parent, None);
    }
}
