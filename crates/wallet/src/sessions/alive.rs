//! Who is at work on something. Each process holds a lock on a file of its own name for as long as it lives,
//! so that what it left half done can be told from what it is doing.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use farthing_keys::{Ambient, FileError, private_file};

use super::SessionsError;

/// One call of one process: `<process>-<call>`. While any clone of it exists, the call is under way.
#[derive(Clone, Debug)]
pub(crate) struct Owner {
    name: String,
    /// Takes the call off the list of this process when the last clone is dropped; nothing for one read from
    /// the file.
    _ends: Option<Arc<Ending>>,
}

#[derive(Debug)]
struct Ending {
    name: String,
    calls: Calls,
}

type Calls = Arc<Mutex<BTreeSet<String>>>;

pub(super) struct Owners {
    directory: PathBuf,
    process: OnceLock<Process>,
    calls: Calls,
}

struct Process {
    name: String,
    _lock: File,
}

impl Owners {
    pub(super) fn new(directory: PathBuf) -> Self {
        Self { directory, process: OnceLock::new(), calls: Calls::default() }
    }

    /// A call of this process that begins now.
    pub(super) fn this_process(&self, ambient: &Ambient) -> Result<Owner, SessionsError> {
        let process = match self.process.get() {
            Some(process) => process,
            None => {
                let made = self.make(ambient)?;
                self.process.get_or_init(|| made)
            }
        };
        let name = format!("{}-{}", process.name, random(ambient)?);
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone());
        let ends = Ending { name: name.clone(), calls: Arc::clone(&self.calls) };
        Ok(Owner { name, _ends: Some(Arc::new(ends)) })
    }

    fn make(&self, ambient: &Ambient) -> Result<Process, SessionsError> {
        private_file::private_directory(&self.directory)?;
        let name = random(ambient)?;
        let (unlocked, path) = (self.directory.join(format!("{name}.new")), self.directory.join(&name));
        let lock = private_file::create(&unlocked, b"")?;
        // Nobody looks at a file of the other name, so it is locked before it can be found.
        lock.lock().map_err(FileError::system(&unlocked))?;
        fs::rename(&unlocked, &path).map_err(FileError::system(&path))?;
        Ok(Process { name, _lock: lock })
    }

    pub(super) fn is_gone(&self, owner: &Owner) -> Result<bool, SessionsError> {
        let Some((process, _)) = owner.name.split_once('-') else { return Ok(true) };
        if self.process.get().is_some_and(|own| own.name == process) {
            return Ok(!self.calls.lock().unwrap_or_else(PoisonError::into_inner).contains(&owner.name));
        }
        let path = self.directory.join(process);
        let file = match File::options().read(true).write(true).open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(true),
            opened => opened.map_err(FileError::system(&path))?,
        };
        match file.try_lock() {
            Ok(()) => {
                // It never comes back: the name is random and was its own.
                private_file::remove(&path)?;
                Ok(true)
            }
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(FileError::system(&path)(error).into()),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The file goes with the next process that looks at it; the lock goes now.
        let _ = self._lock.unlock();
    }
}

impl Owner {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn named(name: String) -> Self {
        Self { name, _ends: None }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
    }
}

fn random(ambient: &Ambient) -> Result<String, SessionsError> {
    let bytes: [u8; 16] = ambient.random().map_err(|error| SessionsError::Unavailable(error.to_string()))?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}
