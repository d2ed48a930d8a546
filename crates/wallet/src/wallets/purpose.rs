use farthing_keys::private_file;

use super::{WalletName, Wallets, WalletsError};
use crate::client::plain;

/// What a wallet is for: its owner's words, for people. Nothing is decided by them.
impl Wallets {
    /// Says what a wallet is for, in place of what was said before. It is kept as one line that shows as it is.
    pub fn set_purpose(&self, name: &WalletName, purpose: &str) -> Result<(), WalletsError> {
        self.key_in_use(name)?;
        Ok(private_file::write(&self.path(name, FILE), plain(purpose.trim()).as_bytes())?)
    }

    pub(super) fn purpose(&self, name: &WalletName) -> Result<Option<String>, WalletsError> {
        match private_file::read(&self.path(name, FILE)) {
            Err(error) if error.is_absent() => Ok(None),
            read => Ok(Some(plain(&String::from_utf8_lossy(&read?)))),
        }
    }
}

const FILE: &str = "purpose.txt";
