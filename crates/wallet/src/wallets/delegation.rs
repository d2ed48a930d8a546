use super::{WalletName, Wallets, WalletsError};
use farthing_keys::{FileError, private_file};

/// What another account lets a wallet's key spend. What it means is its rail's business; here it is
/// kept.
impl Wallets {
    /// The text of the delegation that the wallet pays by, if it has one.
    pub fn delegation(&self, name: &WalletName) -> Result<Option<String>, WalletsError> {
        match private_file::read(&self.path(name, "delegation.json")) {
            Err(error) if error.is_absent() => Ok(None),
            read => Ok(Some(String::from_utf8_lossy(&read?).into_owned())),
        }
    }

    /// Makes the wallet pay by this delegation, in place of any other.
    pub fn set_delegation(&self, name: &WalletName, text: &str) -> Result<(), WalletsError> {
        self.key_in_use(name)?;
        Ok(private_file::write(&self.path(name, "delegation.json"), text.as_bytes())?)
    }

    /// Remembers what the wallet's account has let another key spend, so that it can be taken back. `name` is
    /// its rail's, and becomes a file's.
    pub fn keep_grant(&self, wallet: &WalletName, name: &str, text: &str) -> Result<(), WalletsError> {
        self.key_in_use(wallet)?;
        private_file::private_directory(&self.path(wallet, "grants"))?;
        Ok(private_file::write(&self.path(wallet, "grants").join(format!("{name}.json")), text.as_bytes())?)
    }

    /// What the wallet's account has let other keys spend and is not known to have taken back: name and text.
    pub fn grants(&self, wallet: &WalletName) -> Result<Vec<(String, String)>, WalletsError> {
        self.key_in_use(wallet)?;
        let directory = self.path(wallet, "grants");
        let entries = match std::fs::read_dir(&directory) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            read => read.map_err(FileError::system(&directory))?,
        };
        let mut grants = Vec::new();
        for entry in entries {
            let path = entry.map_err(FileError::system(&directory))?.path();
            let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".json"));
            if let Some(name) = name {
                grants.push((name.to_owned(), String::from_utf8_lossy(&private_file::read(&path)?).into_owned()));
            }
        }
        grants.sort();
        Ok(grants)
    }

    /// Forgets one that was taken back.
    pub fn forget_grant(&self, wallet: &WalletName, name: &str) -> Result<(), WalletsError> {
        Ok(private_file::remove(&self.path(wallet, "grants").join(format!("{name}.json")))?)
    }

    /// Makes the wallet pay out of its own account again.
    pub fn remove_delegation(&self, name: &WalletName) -> Result<(), WalletsError> {
        self.key_in_use(name)?;
        Ok(private_file::remove(&self.path(name, "delegation.json"))?)
    }
}
