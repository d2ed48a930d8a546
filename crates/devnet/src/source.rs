//! Where anvil comes from.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use crate::error::InstallError;
use crate::install;

/// The version that everything here was tried with.
pub const ANVIL_VERSION: &str = "1.7.1";

/// Hears what is being installed, before it is.
pub type Progress = Arc<dyn Fn(&str) + Send + Sync>;

/// Where anvil comes from: a binary of one's own, or npm by way of a cache folder.
#[derive(Clone)]
pub struct Source {
    own: Option<PathBuf>,
    cache: PathBuf,
    progress: Progress,
}

impl Source {
    /// Fetches anvil into this folder when it is not there yet.
    pub fn in_cache(cache: impl Into<PathBuf>) -> Self {
        Self { own: None, cache: cache.into(), progress: Arc::new(|_| ()) }
    }

    /// What the environment says: `FARTHING_ANVIL` names a binary of one's own; otherwise anvil is kept in
    /// `$XDG_CACHE_HOME/farthing` or `$HOME/.cache/farthing`. `variable` reads one variable.
    ///
    /// # Errors
    ///
    /// [`InstallError::NoCache`] when none of the three is set.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Self, InstallError> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let own = set("FARTHING_ANVIL");
        let cache = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
        match (own, cache) {
            (None, None) => Err(InstallError::NoCache),
            (own, cache) => Ok(Self { own, ..Self::in_cache(cache.unwrap_or_default().join("farthing")) }),
        }
    }

    /// [`Source::from_environment`] of this very process: for tests and chores, which nobody hands an environment.
    ///
    /// # Errors
    ///
    /// As [`Source::from_environment`].
    #[expect(clippy::disallowed_methods, reason = "tests and chores have nobody who reads the environment for them")]
    pub fn of_this_process() -> Result<Self, InstallError> {
        Self::from_environment(|name| std::env::var(name).ok())
    }

    /// The same, and tells what it is about to install.
    #[must_use]
    pub fn telling(mut self, progress: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.progress = Arc::new(progress);
        self
    }

    /// The binary, fetched first when it is missing. Blocks while npm works.
    ///
    /// # Errors
    ///
    /// [`InstallError`], with the remedy.
    pub fn anvil(&self) -> Result<PathBuf, InstallError> {
        match &self.own {
            Some(own) => check_version(own, "1.").map(|()| own.clone()),
            None => install::anvil(&self.cache, &*self.progress),
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("own", &self.own).field("cache", &self.cache).finish_non_exhaustive()
    }
}

/// Whether a binary says that it is anvil of a version that begins with `expected`.
pub(crate) fn check_version(binary: &Path, expected: &'static str) -> Result<(), InstallError> {
    let output = Command::new(binary).arg("--version").output();
    let said = match &output {
        Ok(output) => String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned(),
        Err(error) => error.to_string(),
    };
    let version = said.to_lowercase();
    let version = version.strip_prefix("anvil version: ").or_else(|| version.strip_prefix("anvil "));
    match version.is_some_and(|version| version.starts_with(expected)) {
        true => Ok(()),
        false => Err(InstallError::WrongBinary { binary: binary.to_owned(), expected, said }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(variables: &[(&str, &str)]) -> Result<Source, InstallError> {
        Source::from_environment(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_cache_is_where_caches_are() {
        assert_eq!(source(&[("HOME", "/h")]).unwrap().cache, Path::new("/h/.cache/farthing"));
        let both = source(&[("HOME", "/h"), ("XDG_CACHE_HOME", "/x")]).unwrap();
        assert_eq!(both.cache, Path::new("/x/farthing"));
        assert!(matches!(source(&[("HOME", "")]), Err(InstallError::NoCache)));
    }

    #[test]
    fn a_binary_of_one_s_own_must_be_anvil() {
        let own = source(&[("FARTHING_ANVIL", "/bin/true")]).unwrap();
        let error = own.anvil().unwrap_err().to_string();
        assert!(error.starts_with("/bin/true is not anvil 1."), "{error}");
    }
}
