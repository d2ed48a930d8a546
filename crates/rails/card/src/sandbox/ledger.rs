use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

/// What the sandbox did, in a file beside the books that outlives a crash of the gateway.
pub(super) struct Ledger(Mutex<Kept>);

struct Kept {
    lines: Vec<Line>,
    file: File,
}

/// One thing that was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Line {
    /// What repeats it: a challenge's id, or what is sent back.
    pub(super) name: String,
    /// The sandbox's name of it.
    pub(super) reference: String,
    /// What was decided.
    pub(super) verdict: Verdict,
    /// In the smallest unit.
    pub(super) amount: String,
    /// The asset.
    pub(super) asset: String,
    /// Milliseconds since 1970.
    pub(super) at: i64,
    /// Whether it went back to the payer.
    pub(super) back: bool,
    /// The hash of the cryptogram that it used up.
    pub(super) used: Option<String>,
}

/// The sandbox's own file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {error}", .path.display())]
pub struct LedgerError {
    path: PathBuf,
    error: io::Error,
}

/// A decision, with the reason where it is a no.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    Done,
    Declined(String),
    Unusable(String),
}

impl Ledger {
    pub(super) fn kept_in(path: &Path) -> Result<Self, LedgerError> {
        let failed = |error| LedgerError { path: path.to_owned(), error };
        let file = OpenOptions::new().create(true).append(true).read(true).open(path).map_err(failed)?;
        let mut lines = Vec::new();
        for text in BufReader::new(&file).lines() {
            // A crash may have left half a line, which nobody was told of.
            lines.extend(serde_json::from_str(&text.map_err(failed)?).ok());
        }
        Ok(Self(Mutex::new(Kept { lines, file })))
    }

    /// What was decided under a name, or is decided now from all that was: once, whoever asks at once.
    pub(super) fn decide(&self, name: &str, decide: impl FnOnce(&[Line]) -> Line) -> io::Result<Line> {
        let mut kept = self.lock();
        if let Some(line) = kept.lines.iter().find(|line| line.name == name) {
            return Ok(line.clone());
        }
        let line = decide(&kept.lines);
        let mut text = serde_json::to_string(&line)?;
        text.insert(0, '\n');
        kept.file.write_all(text.as_bytes())?;
        kept.file.sync_data()?;
        kept.lines.push(line.clone());
        Ok(line)
    }

    pub(super) fn find(&self, name: &str) -> Option<Line> {
        self.lock().lines.iter().find(|line| line.name == name).cloned()
    }

    /// What was done from this line on, and how many lines there are.
    pub(super) fn done_after(&self, shown: usize) -> (Vec<Line>, usize) {
        let kept = self.lock();
        let done = kept.lines.iter().skip(shown).filter(|line| line.verdict == Verdict::Done).cloned().collect();
        (done, kept.lines.len())
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
