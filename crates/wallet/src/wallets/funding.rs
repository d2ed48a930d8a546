use std::path::PathBuf;

use farthing_keys::{FileError, VaultError, private_file};
use zeroize::Zeroizing;

use super::{WalletName, Wallets, WalletsError};
use crate::Wallet;

/// What a wallet pays with that is no key of its own, such as a card at a processor. What it means is its rail's
/// business; here it is kept sealed under the wallet's key. `rail` becomes a file's name.
impl Wallet {
    /// Keeps it, in place of what was there.
    pub fn keep_funding(&self, rail: &str, plain: &[u8]) -> Result<(), WalletsError> {
        let sealed = self.vault.seal()?.close(&self.ambient, &name_of(rail), plain);
        let sealed = sealed.map_err(|error| VaultError::Format(error.to_string()))?;
        let file = self.funding_file(rail);
        if let Some(directory) = file.parent() {
            private_file::private_directory(directory)?;
        }
        Ok(private_file::write(&file, &sealed)?)
    }

    /// Opens it; nothing, where there is none. What was kept under a key that is no longer in use does not open.
    pub fn funding(&self, rail: &str) -> Result<Option<Zeroizing<Vec<u8>>>, WalletsError> {
        let sealed = match private_file::read(&self.funding_file(rail)) {
            Err(error) if error.is_absent() => return Ok(None),
            read => read?,
        };
        let opened = self.vault.seal()?.open(&name_of(rail), &sealed);
        let name = self.name();
        opened.map(Some).map_err(|_| {
            let remedy = format!("farthing wallet fund {name} --{rail}");
            VaultError::Format(format!("what {name} pays by {rail} with was kept under another key; run: {remedy}"))
                .into()
        })
    }

    /// Whether there is any, without opening the wallet.
    pub fn has_funding(&self, rail: &str) -> bool {
        self.funding_file(rail).exists()
    }

    fn funding_file(&self, rail: &str) -> PathBuf {
        self.directory().join("funding").join(format!("{rail}.sealed"))
    }
}

impl Wallets {
    /// Forgets what a wallet pays with over a rail.
    pub fn remove_funding(&self, name: &WalletName, rail: &str) -> Result<(), WalletsError> {
        self.key_in_use(name)?;
        match private_file::remove(&self.path(name, "funding").join(format!("{rail}.sealed"))) {
            Err(error) if FileError::is_absent(&error) => Ok(()),
            removed => Ok(removed?),
        }
    }
}

fn name_of(rail: &str) -> String {
    format!("funding/{rail}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use farthing_keys::{Ambient, PassphraseSource};
    use farthing_protocol::Timestamp;

    #[test]
    fn what_a_wallet_pays_with_is_sealed_and_opens_with_its_key_alone() {
        let home = tempfile::tempdir().unwrap();
        let wallets = Wallets::at(home.path(), Ambient::new(|| Timestamp::from_unix_millis(0))).unwrap();
        let name: WalletName = "agent".parse().unwrap();
        wallets.create(&name, &PassphraseSource::KeyFile).unwrap();
        let wallet = wallets.open(&name, PassphraseSource::KeyFile).unwrap();
        assert!(!wallet.has_funding("stripe") && wallet.funding("stripe").unwrap().is_none());
        wallet.keep_funding("stripe", b"sk_live_secret").unwrap();
        assert_eq!(wallet.funding("stripe").unwrap().unwrap().as_slice(), b"sk_live_secret");
        let file = std::fs::read(home.path().join("wallets/agent/funding/stripe.sealed")).unwrap();
        assert!(!String::from_utf8_lossy(&file).contains("sk_live"));
        wallets.create_key(&name, &PassphraseSource::KeyFile).unwrap();
        let renewed = wallets.open(&name, PassphraseSource::KeyFile).unwrap();
        assert!(renewed.funding("stripe").unwrap_err().to_string().contains("farthing wallet fund agent --stripe"));
        wallets.remove_funding(&name, "stripe").unwrap();
        wallets.remove_funding(&name, "stripe").unwrap();
        assert!(!renewed.has_funding("stripe"));
    }
}
