use farthing_keys::{KeyFile, OwnerFile, OwnerKey, OwnerPublic, PassphraseSource};

use super::{Wallets, WalletsError};

/// Whoever owns the wallets of a home directory: their key signs what raises a limit or allows a payment.
impl Wallets {
    /// The same, with what opens the owner's key where it is not the wallets' own passphrase.
    #[must_use]
    pub fn owned_through(mut self, source: PassphraseSource) -> Self {
        self.owner = Some(source);
        self
    }

    pub(crate) fn owner_source(&self) -> Option<&PassphraseSource> {
        self.owner.as_ref()
    }

    /// Whose word counts here; `None` before the first wallet is made.
    pub fn owner(&self) -> Result<Option<OwnerPublic>, WalletsError> {
        Ok(OwnerFile::of(&self.home)?.map(|file| file.public()).transpose()?)
    }

    /// The owner's key, for something that is to be signed; `None` where nobody is the owner yet. `source` is what
    /// opens it unless they were told apart.
    pub fn owner_key(&self, source: &PassphraseSource) -> Result<Option<OwnerKey>, WalletsError> {
        let Some(file) = OwnerFile::of(&self.home)? else { return Ok(None) };
        let passphrase = self.owner.as_ref().unwrap_or(source).read(&self.home)?;
        Ok(Some(file.open(&passphrase)?))
    }

    /// Whose word a wallet takes: of the owner that it names, or of whoever owns the others when it names none, as
    /// one that came from elsewhere.
    pub(crate) fn owner_of(&self, file: &KeyFile) -> Result<Option<OwnerPublic>, WalletsError> {
        match file.owner()? {
            Some(owner) => Ok(Some(owner)),
            None => self.owner(),
        }
    }

    /// Makes an owner if there is none.
    pub(super) fn ensure_owner(&self, source: &PassphraseSource) -> Result<OwnerPublic, WalletsError> {
        if let Some(owner) = self.owner()? {
            return Ok(owner);
        }
        let passphrase = self.owner.as_ref().unwrap_or(source).read_or_make(&self.ambient, &self.home)?;
        let file = OwnerFile::create(&self.ambient, &passphrase)?;
        file.keep(&self.home)?;
        Ok(file.public()?)
    }

    /// Puts the owner's key under a passphrase of its own.
    pub fn protect_owner(&self, old: &PassphraseSource, new: &PassphraseSource) -> Result<OwnerPublic, WalletsError> {
        self.ensure_owner(old)?;
        let file = OwnerFile::of(&self.home)?.ok_or(WalletsError::NoOwner)?;
        let protected = file.under(&self.ambient, &old.read(&self.home)?, &new.read(&self.home)?)?;
        protected.replace(&self.home)?;
        Ok(protected.public()?)
    }
}
