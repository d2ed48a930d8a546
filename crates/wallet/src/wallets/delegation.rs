use super::{WalletName, Wallets, WalletsError};
use farthing_keys::private_file;

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

    /// Makes the wallet pay out of its own account again.
    pub fn remove_delegation(&self, name: &WalletName) -> Result<(), WalletsError> {
        self.key_in_use(name)?;
        Ok(private_file::remove(&self.path(name, "delegation.json"))?)
    }
}
