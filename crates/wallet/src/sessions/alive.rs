//! Who is at work on something. On one machine each process holds a lock on a file of its own name for as long as it
//! lives, so that what it left half done can be told from what it is doing; over several, the server knows, see
//! [`super::presence`].

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
    /// Where the locks are; nothing where a server knows who lives.
    directory: Option<PathBuf>,
    process: Mutex<Option<Process>>,
    calls: Calls,
}

struct Process {
    name: String,
    /// Held as long as the process lives, where there is one.
    lock: Option<File>,
    /// Whether the server has heard of it.
    is_shown: bool,
}

impl Owners {
    /// On one machine, with locks in this directory.
    pub(super) fn of_files(directory: PathBuf) -> Self {
        Self { directory: Some(directory), process: Mutex::default(), calls: Calls::default() }
    }

    /// On several machines, which share a server.
    pub(super) fn of_server() -> Self {
        Self { directory: None, process: Mutex::default(), calls: Calls::default() }
    }

    /// A call of this process that begins now.
    pub(super) fn this_process(&self, ambient: &Ambient) -> Result<Owner, SessionsError> {
        let mut process = self.process();
        let made = match process.take() {
            Some(process) => process,
            None => self.make(ambient)?,
        };
        let name = format!("{}-{}", process.insert(made).name, random(ambient)?);
        drop(process);
        self.calls().insert(name.clone());
        let ends = Ending { name: name.clone(), calls: Arc::clone(&self.calls) };
        Ok(Owner { name, _ends: Some(Arc::new(ends)) })
    }

    /// The name of this process, and whether the server has heard of it, where it has to.
    pub(super) fn to_show(&self) -> Option<(String, bool)> {
        let process = self.process();
        let known = process.as_ref().filter(|_| self.directory.is_none());
        known.map(|process| (process.name.clone(), process.is_shown))
    }

    /// The server has heard of the process of this name.
    pub(super) fn shown(&self, name: Option<String>) {
        if let Some(process) = self.process().as_mut().filter(|process| Some(&process.name) == name.as_ref()) {
            process.is_shown = true;
        }
    }

    /// Others went on with what this process was at: it goes on under a new name.
    pub(super) fn taken_for_dead(&self, name: &str) {
        let mut process = self.process();
        if process.as_ref().is_some_and(|process| process.name == name) {
            *process = None;
        }
    }

    /// Whether any call of this process is under way.
    pub(super) fn is_at_work(&self) -> bool {
        !self.calls().is_empty()
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn calls(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn make(&self, ambient: &Ambient) -> Result<Process, SessionsError> {
        let name = random(ambient)?;
        let Some(directory) = &self.directory else { return Ok(Process { name, lock: None, is_shown: false }) };
        private_file::private_directory(directory)?;
        let (unlocked, path) = (directory.join(format!("{name}.new")), directory.join(&name));
        let lock = private_file::create(&unlocked, b"")?;
        // Nobody looks at a file of the other name, so it is locked before it can be found.
        lock.lock().map_err(FileError::system(&unlocked))?;
        fs::rename(&unlocked, &path).map_err(FileError::system(&path))?;
        Ok(Process { name, lock: Some(lock), is_shown: true })
    }

    /// Whether an owner is gone, as far as this machine can tell; nothing where only the server can.
    pub(super) fn is_known_gone(&self, owner: &Owner) -> Result<Option<bool>, SessionsError> {
        let Some((process, _)) = owner.name.split_once('-') else { return Ok(Some(true)) };
        if self.process().as_ref().is_some_and(|own| own.name == process) {
            return Ok(Some(!self.calls().contains(&owner.name)));
        }
        self.directory.as_ref().map(|directory| is_unlocked(&directory.join(process))).transpose()
    }
}

/// Whether nobody holds the lock of a process; its file goes then.
fn is_unlocked(path: &Path) -> Result<bool, SessionsError> {
    let file = match File::options().read(true).write(true).open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(true),
        opened => opened.map_err(FileError::system(path))?,
    };
    match file.try_lock() {
        Ok(()) => {
            // It never comes back: the name is random and was its own.
            private_file::remove(path)?;
            Ok(true)
        }
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(FileError::system(path)(error).into()),
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The file goes with the next process that looks at it; the lock goes now.
        if let Some(lock) = &self.lock {
            let _ = lock.unlock();
        }
    }
}

impl Owner {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The process that it is a call of.
    pub(super) fn process(&self) -> &str {
        self.name.split_once('-').map_or(&self.name, |(process, _)| process)
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
