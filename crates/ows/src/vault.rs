use std::fs::{self, File};
use std::path::{Path, PathBuf};

use farthing_keys::{ApiKeyFile, FileError, KeyFile, Token, private_file};

use crate::{Denial, OwsError, PolicyFile};

/// A vault of the standard: wallets, keys and policies in one directory.
///
/// ```text
/// <vault>/wallets/<id>.json   0600 in a directory of 0700
/// <vault>/keys/<id>.json      0600 in a directory of 0700
/// <vault>/policies/<id>.json  others may read them
/// <vault>/logs/audit.jsonl    0600
/// <vault>/.farthing.lock      held by whoever writes
/// ```
///
/// Files and directories that others could read or change are refused, and so are files whose names are not
/// the ids within.
#[derive(Clone, Debug)]
pub struct OwsVault {
    root: PathBuf,
}

impl OwsVault {
    /// The vault in this directory.
    pub fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Its wallets, by id.
    pub fn wallets(&self) -> Result<Vec<KeyFile>, OwsError> {
        self.private_files("wallets")?.iter().map(|path| named(path, KeyFile::read(path)?, |file| &file.id)).collect()
    }

    /// The wallet of this id, or else of this name.
    pub fn wallet(&self, id_or_name: &str) -> Result<KeyFile, OwsError> {
        let mut wallets = self.wallets()?;
        if let Some(index) = wallets.iter().position(|wallet| wallet.id == id_or_name) {
            return Ok(wallets.swap_remove(index));
        }
        wallets.retain(|wallet| wallet.name == id_or_name);
        let (count, name) = (wallets.len(), id_or_name.chars().take(64).collect());
        match wallets.pop() {
            Some(wallet) if count == 1 => Ok(wallet),
            Some(_) => Err(OwsError::WalletAmbiguous { name, count }),
            None => Err(OwsError::WalletNotFound(name)),
        }
    }

    /// Its keys, by id.
    pub fn keys(&self) -> Result<Vec<ApiKeyFile>, OwsError> {
        self.private_files("keys")?.iter().map(|path| named(path, ApiKeyFile::read(path)?, |file| &file.id)).collect()
    }

    /// The key of this token. Every key is compared, each in constant time: how long it takes says nothing.
    pub fn key_of(&self, token: &Token) -> Result<ApiKeyFile, OwsError> {
        let mut found = None;
        for key in self.keys()? {
            if key.is_of(token) {
                found = Some(key);
            }
        }
        found.ok_or(OwsError::ApiKeyNotFound)
    }

    /// Its policies, by id.
    pub fn policies(&self) -> Result<Vec<PolicyFile>, OwsError> {
        self.files("policies")?.iter().map(|path| read_policy(path)).collect()
    }

    /// The policy of this id. One that is missing or cannot be read denies.
    pub fn policy(&self, id: &str) -> Result<PolicyFile, OwsError> {
        let denied = |reason: String| {
            let rule = "policy".to_owned();
            OwsError::PolicyDenied(Denial { policy_id: Some(id.chars().take(64).collect()), rule, reason })
        };
        let path = self.path("policies", id).map_err(|error| denied(error.to_string()))?;
        read_policy(&path).map_err(|error| denied(error.to_string()))
    }

    /// Adds a wallet; one of the same id must not be there.
    pub fn add_wallet(&self, wallet: &KeyFile) -> Result<PathBuf, OwsError> {
        self.add("wallets", &wallet.id, &wallet.to_json()?)
    }

    /// Adds a key; one of the same id must not be there.
    pub fn add_key(&self, key: &ApiKeyFile) -> Result<PathBuf, OwsError> {
        self.add("keys", &key.id, &key.to_json()?)
    }

    /// Adds a policy; one of the same id must not be there.
    pub fn add_policy(&self, policy: &PolicyFile) -> Result<PathBuf, OwsError> {
        self.add("policies", &policy.id, &policy.to_json()?)
    }

    /// Removes a key, which is how it is revoked.
    pub fn remove_key(&self, id: &str) -> Result<(), OwsError> {
        let path = self.path("keys", id)?;
        let _lock = self.lock()?;
        if !path.exists() {
            return Err(OwsError::ApiKeyNotFound);
        }
        Ok(private_file::remove(&path)?)
    }

    fn add(&self, folder: &str, id: &str, json: &[u8]) -> Result<PathBuf, OwsError> {
        let path = self.path(folder, id)?;
        private_file::private_directory(&self.root)?;
        private_file::private_directory(&self.root.join(folder))?;
        let _lock = self.lock()?;
        if path.exists() {
            return Err(OwsError::InvalidInput(format!("{} is there already", path.display())));
        }
        private_file::write(&path, json)?;
        Ok(path)
    }

    /// Held while the vault is changed.
    fn lock(&self) -> Result<File, OwsError> {
        let path = self.root.join(".farthing.lock");
        private_file::ensure(&path)?;
        let file = File::open(&path).map_err(FileError::system(&path))?;
        file.lock().map_err(FileError::system(&path))?;
        Ok(file)
    }

    /// The file of this id, which must be a plain name.
    fn path(&self, folder: &str, id: &str) -> Result<PathBuf, OwsError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if !(1..=100).contains(&id.len()) || !id.bytes().all(plain) || id.starts_with('.') {
            let shown: String = id.chars().take(64).collect();
            return Err(OwsError::InvalidInput(format!("{shown:?} is not an id; use letters, digits, - and _")));
        }
        Ok(self.root.join(folder).join(format!("{id}.json")))
    }

    fn private_files(&self, folder: &str) -> Result<Vec<PathBuf>, OwsError> {
        for directory in [self.root.clone(), self.root.join(folder)] {
            if directory.exists() {
                private_file::private_directory(&directory)?;
            }
        }
        self.files(folder)
    }

    fn files(&self, folder: &str) -> Result<Vec<PathBuf>, OwsError> {
        let directory = self.root.join(folder);
        let entries = match fs::read_dir(&directory) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(FileError::system(&directory))?,
        };
        let mut paths = Vec::new();
        for entry in entries {
            let path = entry.map_err(FileError::system(&directory))?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                paths.push(path);
            }
        }
        paths.sort();
        Ok(paths)
    }
}

fn read_policy(path: &Path) -> Result<PolicyFile, OwsError> {
    named(path, PolicyFile::from_json(&private_file::read_public(path)?)?, |policy| &policy.id)
}

/// The file, whose id must be its name.
fn named<T>(path: &Path, file: T, id: impl Fn(&T) -> &String) -> Result<T, OwsError> {
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    if stem == Some(id(&file)) {
        return Ok(file);
    }
    Err(OwsError::InvalidInput(format!("{} holds another id than its name; rename it", path.display())))
}
