use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Writes a key into a new file that only its owner can read, as the program requires.
pub(in crate::interop) fn write(folder: &Path, key: &str) -> std::io::Result<PathBuf> {
    let path = folder.join("account.key");
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?.write_all(key.as_bytes())?;
    Ok(path)
}
