use farthing_keys::{KeyFile, OwnerFile, OwnerKey, OwnerPublic, PassphraseSource, VaultError, private_file};

use super::{SignedPolicyError, WalletName, Wallets, WalletsError};

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

    /// The same, owned by whom this names, who is on another machine of those that have their books in common.
    #[must_use]
    pub fn owned_by(mut self, owner: OwnerPublic) -> Self {
        self.named_owner = Some(owner);
        self
    }

    /// Whose word counts here; `None` before the first wallet is made.
    pub fn owner(&self) -> Result<Option<OwnerPublic>, WalletsError> {
        match OwnerFile::of(&self.home)? {
            Some(file) => Ok(Some(file.public()?)),
            None if self.fleet.is_some() => self.owner_elsewhere(),
            None => Ok(None),
        }
    }

    /// Whom the wallets of this home name, where their owner's key is not in it.
    fn owner_elsewhere(&self) -> Result<Option<OwnerPublic>, WalletsError> {
        for name in self.names()? {
            match self.key_in_use(&name) {
                Err(WalletsError::Absent(_)) => {}
                file => {
                    if let Some(owner) = file?.owner()? {
                        return Ok(Some(owner));
                    }
                }
            }
        }
        Ok(self.named_owner)
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

    /// The owner's key and its name, to sign with; made if there is none.
    pub(crate) fn owner_to_sign(&self, source: &PassphraseSource) -> Result<(OwnerKey, OwnerPublic), WalletsError> {
        let public = self.ensure_owner(source)?;
        match self.owner_key(source) {
            Err(WalletsError::Vault(VaultError::WrongPassphrase)) => Err(WalletsError::NotTheOwner),
            key => Ok((key?.ok_or(WalletsError::OwnerElsewhere)?, public)),
        }
    }

    /// The same, for a wallet: whose owner it must be, or becomes where the wallet names none.
    pub(crate) fn owner_to_sign_for(
        &self,
        name: &WalletName,
        source: &PassphraseSource,
    ) -> Result<(OwnerKey, OwnerPublic), WalletsError> {
        let (file, (key, public)) = (self.key_in_use(name)?, self.owner_to_sign(source)?);
        match file.owner()? {
            Some(owner) if owner == public => {}
            Some(_) => return Err(SignedPolicyError::Foreign(name.to_string()).into()),
            None => private_file::write(&self.path(name, "wallet.json"), &file.owned_by(&public).to_json()?)?,
        }
        Ok((key, public))
    }

    /// Whether this opens the owner's key: who has it can change what wallets may spend.
    pub fn opens_owner(&self, source: &PassphraseSource) -> Result<bool, WalletsError> {
        let Some(file) = OwnerFile::of(&self.home)? else { return Ok(true) };
        match source.read(&self.home).and_then(|passphrase| file.open(&passphrase)) {
            Ok(_) => Ok(true),
            Err(VaultError::WrongPassphrase | VaultError::NoKeyFile { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes an owner if there is none.
    pub(super) fn ensure_owner(&self, source: &PassphraseSource) -> Result<OwnerPublic, WalletsError> {
        if let Some(owner) = self.owner()? {
            return Ok(owner);
        }
        if let Some(owner) = self.fleet.as_ref().map(|fleet| fleet.owner()).transpose()?.flatten() {
            return Err(WalletsError::NameOwner { owner: owner.to_hex() });
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
