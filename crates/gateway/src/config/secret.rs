//! Secrets, which a configuration names and does not contain.

use std::path::{Path, PathBuf};

use farthing_protocol::BindingSecret;
use secrecy::{ExposeSecret, SecretString};
use toml::Spanned;
use zeroize::Zeroizing;

use super::file::SecretSource;
use super::{ConfigError, Mistake, Place};

/// Where a secret's text may be found.
pub(super) struct Secrets<'a> {
    pub(super) directory: &'a Path,
    pub(super) environment: &'a dyn Fn(&str) -> Option<String>,
    pub(super) literals_allowed: bool,
}

impl Secrets<'_> {
    /// A secret's text.
    pub(super) fn text(
        &self,
        key: &'static str,
        source: &Spanned<SecretSource>,
        place: &Place,
    ) -> Result<SecretString, ConfigError> {
        let missing = |source_name: String| place.refuses(Mistake::MissingSecret { key, source_name });
        match source.get_ref() {
            SecretSource::Literal(_) if !self.literals_allowed => Err(place.refuses(Mistake::LiteralSecret(key))),
            SecretSource::Literal(text) => Ok(text.clone().into()),
            SecretSource::Environment(named) => (self.environment)(&named.env)
                .filter(|text| !text.is_empty())
                .map(SecretString::from)
                .ok_or_else(|| missing(format!("the environment variable {}", named.env))),
            SecretSource::File(named) => {
                let path = self.directory.join(&named.file);
                let text = std::fs::read_to_string(&path).map(Zeroizing::new);
                let text = text.map_err(|_| missing(format!("the file {}", path.display())))?;
                Ok(SecretString::from(text.trim_end().to_owned()))
            }
        }
    }

    /// A binding secret.
    pub(super) fn binding(
        &self,
        key: &'static str,
        source: &Spanned<SecretSource>,
        place: &Place,
    ) -> Result<BindingSecret, ConfigError> {
        let text = self.text(key, source, place)?;
        BindingSecret::new(text.expose_secret().as_bytes())
            .map_err(|weak| place.refuses(Mistake::Value { key, reason: weak.to_string() }))
    }
}

/// A binding secret of one process's lifetime.
pub(super) fn ephemeral(place: &Place) -> Result<BindingSecret, ConfigError> {
    let bytes: Zeroizing<[u8; 32]> = Zeroizing::new(rand::random());
    BindingSecret::new(bytes.as_slice()).map_err(|weak| unusable(place, weak.to_string()))
}

/// The secret kept in a directory of which only the owner can read; made on first use.
pub(super) fn kept_in(directory: &Path, place: &Place) -> Result<BindingSecret, ConfigError> {
    let path = directory.join("secret");
    if !path.exists() {
        let fresh: Zeroizing<[u8; 32]> = Zeroizing::new(rand::random());
        write_private(&path, fresh.as_slice()).map_err(|reason| unusable(place, reason.to_string()))?;
    }
    refuse_readable_by_others(&path, place)?;
    let bytes = std::fs::read(&path).map(Zeroizing::new).map_err(|reason| unusable(place, reason.to_string()))?;
    BindingSecret::new(&bytes).map_err(|weak| unusable(place, weak.to_string()))
}

fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(unix)]
fn refuse_readable_by_others(path: &PathBuf, place: &Place) -> Result<(), ConfigError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path).map_err(|reason| unusable(place, reason.to_string()))?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(unusable(place, format!("{} can be read by others; run chmod 600 on it", path.display())))
}

#[cfg(not(unix))]
fn refuse_readable_by_others(_path: &PathBuf, _place: &Place) -> Result<(), ConfigError> {
    Ok(())
}

fn unusable(place: &Place, reason: String) -> ConfigError {
    place.refuses(Mistake::Value { key: "secret", reason })
}
