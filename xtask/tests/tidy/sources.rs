//! The files of the project, as git knows them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// One file, by its path from the workspace's root.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) bytes: Vec<u8>,
}

/// The workspace's root folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every file that is committed or about to be.
pub(crate) fn all() -> Vec<Source> {
    let listing = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"])
        .current_dir(root())
        .output()
        .expect("tidy asks git which files belong to the project");
    assert!(listing.status.success(), "git ls-files failed: {}", String::from_utf8_lossy(&listing.stderr));
    let paths = String::from_utf8(listing.stdout).expect("file names are UTF-8");
    let read = |path: &str| Some(Source { path: path.to_owned(), bytes: std::fs::read(root().join(path)).ok()? });
    paths.split('\0').filter(|path| !path.is_empty()).filter_map(read).collect()
}

/// Every Rust file.
pub(crate) fn rust() -> Vec<Source> {
    all().into_iter().filter(|source| source.path.ends_with(".rs")).collect()
}

impl Source {
    /// The text, or nothing for a binary file.
    pub(crate) fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.bytes).ok().filter(|text| !text.contains('\0'))
    }

    /// Whether the file is only ever compiled for tests, benches or chores.
    pub(crate) fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.ends_with("tests.rs") || self.path.contains("/benches/")
    }

    /// The lines that end up in a program, numbered from one: everything above the first `#[cfg(test)]` module.
    pub(crate) fn program_lines(&self) -> Vec<(usize, &str)> {
        if self.is_test() {
            return Vec::new();
        }
        let text = self.text().unwrap_or_default();
        let lines = text.lines().collect::<Vec<_>>();
        let tests =
            lines.windows(2).position(|pair| pair[0].trim() == "#[cfg(test)]" && pair[1].trim().starts_with("mod "));
        let end = tests.unwrap_or(lines.len());
        lines.into_iter().take(end).enumerate().map(|(index, line)| (index + 1, line)).collect()
    }

    /// The program's lines without the comment at their end.
    pub(crate) fn code_lines(&self) -> Vec<(usize, &str)> {
        let without_comment = |line: &'_ str| line.find("//").unwrap_or(line.len());
        self.program_lines().into_iter().map(|(number, line)| (number, &line[..without_comment(line)])).collect()
    }
}

/// Fails with one finding per line when there are any.
pub(crate) fn nothing_found(findings: &[String], remedy: &str) {
    assert!(findings.is_empty(), "{remedy}\n  {}", findings.join("\n  "));
}

/// Whether `word` stands alone in the line.
pub(crate) fn has_word(line: &str, word: &str) -> bool {
    let is_part = |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    line.match_indices(word)
        .any(|(at, _)| !is_part(line[..at].chars().next_back()) && !is_part(line[at + word.len()..].chars().next()))
}
