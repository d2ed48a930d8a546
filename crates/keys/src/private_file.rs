//! Files of the owner alone: written whole or not at all, refused when others could read them.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Larger than any file a wallet writes.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Why a file of the wallet could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// Others could read or change it.
    #[error("{path} can be read or changed by others (mode {mode:03o}); run: chmod {wanted:03o} {path}", path = path.display())]
    TooOpen {
        /// The file or directory.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
        /// What they must be, at most.
        wanted: u32,
    },
    /// The system refused.
    #[error("{path}: {source}", path = path.display())]
    System {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Not a size any wallet file has.
    #[error("{path} is larger than any file of a wallet", path = path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
}

impl FileError {
    /// Whether there is no such file.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::System { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// What the system said about this path.
    pub fn system(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::System { path, source }
    }
}

/// Makes a directory, and those above it, that only the owner can enter; refuses an existing one
/// that others can.
pub fn private_directory(path: &Path) -> Result<(), FileError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(FileError::system(path))?;
    check_mode(path, &File::open(path).map_err(FileError::system(path))?, 0o700)
}

/// Makes a directory that only the owner can enter; an existing one may be listed by others, as home
/// directories often are, but not changed.
pub fn home_directory(path: &Path) -> Result<(), FileError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(FileError::system(path))?;
    check_mode(path, &File::open(path).map_err(FileError::system(path))?, 0o755)
}

/// Reads a file that only the owner can read; refuses it otherwise.
pub fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    read_if(path, 0o600)
}

/// Reads a file that everybody may read and only the owner can change; refuses it otherwise.
pub fn read_public(path: &Path) -> Result<Vec<u8>, FileError> {
    read_if(path, 0o644)
}

fn read_if(path: &Path, wanted: u32) -> Result<Vec<u8>, FileError> {
    let file = File::open(path).map_err(FileError::system(path))?;
    check_mode(path, &file, wanted)?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(FileError::system(path))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(FileError::TooLarge { path: path.to_owned() });
    }
    Ok(bytes)
}

/// Writes a file that only the owner can read: whole or not at all, and durable when this returns.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let beside = beside(path);
    let written = create(&beside, bytes).and_then(|file| {
        file.sync_all().map_err(FileError::system(&beside))?;
        fs::rename(&beside, path).map_err(FileError::system(path))?;
        sync_directory(path)
    });
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

/// Writes a file that must not exist yet; durable when this returns.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let file = create(path, bytes)?;
    file.sync_all().map_err(FileError::system(path))?;
    sync_directory(path)
}

/// Makes an empty file if there is none; refuses one that others can read. One that is there is not opened: to close
/// it would end the locks that a database in this process has on it.
pub fn ensure(path: &Path) -> Result<(), FileError> {
    match create(path, b"") {
        Err(FileError::System { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => {
            check(path, &fs::metadata(path).map_err(FileError::system(path))?, 0o600)
        }
        made => made.map(drop),
    }
}

/// Removes a file, durably; that it is gone already is as good.
pub fn remove(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FileError::system(path)(error)),
        _ => sync_directory(path),
    }
}

/// Makes a file that must not exist yet and that only the owner can read; not forced to disk.
pub fn create(path: &Path, bytes: &[u8]) -> Result<File, FileError> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path).map_err(FileError::system(path))?;
    file.write_all(bytes).map_err(FileError::system(path))?;
    Ok(file)
}

/// Makes what was done to the directory of this path durable.
pub fn sync_directory(path: &Path) -> Result<(), FileError> {
    let directory = path.parent().unwrap_or(path);
    let opened = File::open(directory).map_err(FileError::system(directory))?;
    opened.sync_all().map_err(FileError::system(directory))
}

fn check_mode(path: &Path, file: &File, wanted: u32) -> Result<(), FileError> {
    check(path, &file.metadata().map_err(FileError::system(path))?, wanted)
}

fn check(path: &Path, found: &fs::Metadata, wanted: u32) -> Result<(), FileError> {
    let mode = found.permissions().mode() & 0o777;
    if mode & !wanted != 0 {
        return Err(FileError::TooOpen { path: path.to_owned(), mode, wanted });
    }
    Ok(())
}

/// A name in the same directory that no other writer uses: process and thread are part of it.
fn beside(path: &Path) -> PathBuf {
    let thread = format!("{:?}", std::thread::current().id());
    let thread: String = thread.chars().filter(char::is_ascii_digit).collect();
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}-{thread}.new", std::process::id()));
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_file_is_the_owner_s_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_with_the_remedy() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        write(&path, b"x").unwrap();
        for mode in [0o604, 0o640, 0o660, 0o700] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let refusal = read(&path).unwrap_err().to_string();
            assert!(refusal.contains(&format!("chmod 600 {}", path.display())), "{refusal}");
        }
    }

    #[test]
    fn a_public_file_is_the_owner_s_to_change() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("public");
        write(&path, b"x").unwrap();
        for (mode, wanted) in [(0o644, true), (0o600, true), (0o664, false), (0o646, false)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(read_public(&path).is_ok(), wanted, "{mode:o}");
        }
    }

    #[test]
    fn a_directory_that_others_can_enter_is_refused_with_the_remedy() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("home");
        private_directory(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(private_directory(&path).unwrap_err().to_string().contains("chmod 700"));
    }

    #[test]
    fn a_new_file_replaces_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        write_new(&path, b"first").unwrap();
        assert!(write_new(&path, b"second").is_err());
        assert_eq!(read(&path).unwrap(), b"first");
    }
}
