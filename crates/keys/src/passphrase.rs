use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use zeroize::Zeroizing;

use crate::envelope::hex;
use crate::{Ambient, VaultError, private_file};

/// What opens the vault.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PassphraseSource {
    /// A passphrase, from the terminal or the environment.
    Given(SecretString),
    /// A file that holds one in its first line; only the owner may be able to read it.
    File(PathBuf),
    /// A random key in `vault.key` beside the vault, for machines where nobody types. It protects a
    /// copy of the vault that is made without it, and nothing else.
    KeyFile,
}

impl PassphraseSource {
    /// What to tell the owner when a key is created with it; `None` when there is nothing to warn of.
    pub fn warning(&self, home: &Path) -> Option<String> {
        match self {
            Self::Given(_) | Self::File(_) => None,
            Self::KeyFile => Some(format!(
                "no passphrase was given: the vault opens with {}, which protects against copying the vault alone \
                 and nothing else; whoever reads this account's files can spend",
                key_file(home).display()
            )),
        }
    }

    /// The passphrase's bytes.
    pub fn read(&self, home: &Path) -> Result<SecretSlice<u8>, VaultError> {
        let bytes = match self {
            Self::Given(text) => text.expose_secret().as_bytes().to_vec(),
            Self::File(path) => first_line(private_file::read(path)?),
            Self::KeyFile => first_line(private_file::read(&key_file(home)).map_err(|error| {
                if error.is_absent() { VaultError::NoKeyFile { path: key_file(home) } } else { error.into() }
            })?),
        };
        if bytes.is_empty() { Err(VaultError::EmptyPassphrase) } else { Ok(bytes.into()) }
    }

    /// The same, making the key file if it is the first time.
    pub fn read_or_make(&self, ambient: &Ambient, home: &Path) -> Result<SecretSlice<u8>, VaultError> {
        let path = key_file(home);
        if matches!(self, Self::KeyFile) && !path.exists() {
            let key = Zeroizing::new(ambient.random::<32>()?);
            let line = Zeroizing::new(format!("{}\n", hex(key.as_slice())));
            private_file::write_new(&path, line.as_bytes())?;
        }
        self.read(home)
    }
}

fn key_file(home: &Path) -> PathBuf {
    home.join("vault.key")
}

fn first_line(bytes: Vec<u8>) -> Vec<u8> {
    let bytes = Zeroizing::new(bytes);
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    line.strip_suffix(b"\r").unwrap_or(line).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use farthing_protocol::Timestamp;

    fn ambient() -> Ambient {
        Ambient::new(|| Timestamp::from_unix_millis(0))
    }

    #[test]
    fn a_key_file_is_made_once_and_then_needed() {
        let home = tempfile::tempdir().unwrap();
        let source = PassphraseSource::KeyFile;
        assert!(matches!(source.read(home.path()), Err(VaultError::NoKeyFile { .. })));
        let made = source.read_or_make(&ambient(), home.path()).unwrap();
        let again = source.read_or_make(&ambient(), home.path()).unwrap();
        assert_eq!(made.expose_secret(), again.expose_secret());
        assert_eq!(made.expose_secret().len(), 64);
        assert!(source.warning(home.path()).unwrap().contains("copying the vault alone"));
    }

    #[test]
    fn a_passphrase_file_is_its_first_line() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("passphrase");
        private_file::write(&path, b"open sesame\r\nnot this\n").unwrap();
        assert_eq!(PassphraseSource::File(path).read(home.path()).unwrap().expose_secret(), b"open sesame");
    }

    #[test]
    fn an_empty_passphrase_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let source = PassphraseSource::Given(SecretString::from(""));
        assert!(matches!(source.read(home.path()), Err(VaultError::EmptyPassphrase)));
    }
}
