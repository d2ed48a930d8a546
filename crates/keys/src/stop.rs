//! What stops a key, in every process that holds it open.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// A file that is looked at before every use of a key. What cannot be looked at stops the key too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    path: PathBuf,
    stops: When,
    stopped: Stopped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    There,
    Gone,
}

/// Who was stopped, and how that is undone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Stopped {
    /// Every wallet of this home.
    #[error("everything is frozen and nothing is signed; run: farthing thaw --all")]
    Everything,
    /// One wallet, by its name.
    #[error("the wallet is frozen and signs nothing; run: farthing wallet thaw {0}")]
    Wallet(String),
    /// One virtual card, by its id.
    #[error("the card is frozen and signs nothing; run: farthing card thaw {0}")]
    Card(String),
    /// A virtual card that is there no more, by its id.
    #[error("the card {0} was revoked and signs nothing; make another with: farthing card create")]
    Revoked(String),
    /// A virtual card whose time is over, by its id.
    #[error("the card {0} has ended and signs nothing; make another with: farthing card create")]
    Ended(String),
    /// A wallet that was opened to take back what is its own.
    #[error("what is out is being taken back, and nothing else is signed")]
    Unwinding,
    /// Nobody can say.
    #[error("{path}: {reason}; without knowing whether it is frozen, nothing is signed", path = path.display())]
    Unknown {
        /// What cannot be looked at.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
}

impl Stop {
    /// Stops while there is such a file.
    pub fn while_there(path: PathBuf, stopped: Stopped) -> Self {
        Self { path, stops: When::There, stopped }
    }

    /// Stops once there is no such file any more.
    pub fn once_gone(path: PathBuf, stopped: Stopped) -> Self {
        Self { path, stops: When::Gone, stopped }
    }

    /// Whether it stops now, and whom.
    pub fn look(&self) -> Option<Stopped> {
        let there = match is_there(&self.path) {
            Ok(there) => there,
            Err(reason) => return Some(Stopped::Unknown { path: self.path.clone(), reason }),
        };
        (there == (self.stops == When::There)).then(|| self.stopped.clone())
    }
}

/// A link that leads nowhere is there.
fn is_there(path: &Path) -> Result<bool, String> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_stops_while_it_is_there_or_once_it_is_gone() {
        let directory = tempfile::tempdir().unwrap();
        let (frozen, card) = (directory.path().join("frozen"), directory.path().join("card.json"));
        let stop = Stop::while_there(frozen.clone(), Stopped::Everything);
        let revoked = Stop::once_gone(card.clone(), Stopped::Revoked("c1".into()));
        assert_eq!((stop.look(), revoked.look()), (None, Some(Stopped::Revoked("c1".into()))));
        fs::write(&frozen, "").unwrap();
        fs::write(&card, "").unwrap();
        assert_eq!((stop.look(), revoked.look()), (Some(Stopped::Everything), None));
    }

    #[test]
    fn what_cannot_be_looked_at_stops() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "").unwrap();
        let stop = Stop::while_there(file.join("frozen"), Stopped::Everything);
        assert!(matches!(stop.look(), Some(Stopped::Unknown { .. })));
        let dangling = directory.path().join("dangling");
        std::os::unix::fs::symlink(directory.path().join("nowhere"), &dangling).unwrap();
        assert_eq!(Stop::while_there(dangling, Stopped::Everything).look(), Some(Stopped::Everything));
    }

    #[test]
    fn every_sentence_says_how_to_go_on() {
        let all = [Stopped::Everything, Stopped::Wallet("a".into()), Stopped::Card("c".into())];
        for stopped in all.into_iter().chain([Stopped::Revoked("c".into())]) {
            assert!(stopped.to_string().contains("farthing "), "{stopped}");
        }
    }
}
