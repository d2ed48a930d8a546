use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use farthing_protocol::Timestamp;

/// Stripe repeats an event for three days.
const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The events that were dealt with, in a file of one line each: when, and which.
pub(crate) struct Seen {
    file: PathBuf,
    ids: Mutex<HashSet<String>>,
}

impl Seen {
    /// Reads the file, if there is one, and forgets what is too old to be repeated.
    pub(crate) fn at(file: &Path, now: Timestamp) -> io::Result<Self> {
        let text = match std::fs::read_to_string(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            read => read?,
        };
        let recent = |line: &&str| {
            let at = line.split_once(' ').and_then(|(at, _)| at.parse().ok()).map(Timestamp::from_unix_millis);
            at.is_some_and(|at| now.since(at) < KEPT)
        };
        let lines: Vec<&str> = text.lines().filter(recent).collect();
        if lines.len() < text.lines().count() {
            let kept: String = lines.iter().map(|line| format!("{line}\n")).collect();
            let beside = file.with_extension("new");
            std::fs::write(&beside, kept)?;
            std::fs::rename(&beside, file)?;
        }
        let ids = lines.iter().filter_map(|line| Some(line.split_once(' ')?.1.to_owned())).collect();
        Ok(Self { file: file.to_owned(), ids: Mutex::new(ids) })
    }

    pub(crate) fn knows(&self, id: &str) -> bool {
        self.lock().contains(id)
    }

    /// Durable when this returns.
    pub(crate) fn add(&self, id: &str, at: Timestamp) -> io::Result<()> {
        let mut ids = self.lock();
        if ids.contains(id) {
            return Ok(());
        }
        let mut file = OpenOptions::new().create(true).append(true).open(&self.file)?;
        file.write_all(format!("{} {id}\n", at.unix_millis()).as_bytes())?;
        file.sync_data()?;
        ids.insert(id.to_owned());
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<String>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s_36_what_was_dealt_with_is_known_to_the_next_process_for_a_month() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("events");
        let at = |days: i64| Timestamp::from_unix_millis(days * 24 * 60 * 60 * 1_000);
        let seen = Seen::at(&file, at(0)).unwrap();
        seen.add("evt_1", at(0)).unwrap();
        seen.add("evt_1", at(1)).unwrap();
        seen.add("evt_2", at(20)).unwrap();
        assert!(seen.knows("evt_1") && !seen.knows("evt_3"));
        let next = Seen::at(&file, at(29)).unwrap();
        assert!(next.knows("evt_1") && next.knows("evt_2"));
        let later = Seen::at(&file, at(31)).unwrap();
        assert!(!later.knows("evt_1") && later.knows("evt_2"));
        assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 1);
    }

    #[test]
    fn s_36_a_line_that_was_cut_off_is_no_event() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("events");
        std::fs::write(&file, "1 evt_1\nnonsense\n2").unwrap();
        let seen = Seen::at(&file, Timestamp::from_unix_millis(3)).unwrap();
        assert!(seen.knows("evt_1") && !seen.knows(""));
    }
}
