//! A disk with little room, for a server that is to have none.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use tempfile::TempDir;

use crate::piped;

/// Takes the disk away when its input ends: when the pipe from the tests is closed, however they end.
const WATCH: &str = "trap '' INT TERM; cat > /dev/null; umount -l \"$0\"; rmdir \"$0\"";
/// What takes the room.
const FILLER: &str = "filler";

/// A file system of its own, in memory. Whoever keeps something on it must have ended when it is dropped.
#[derive(Debug)]
pub struct SmallDisk {
    folder: PathBuf,
    watch: Child,
}

impl SmallDisk {
    /// One of so many megabytes; nothing where this user may not mount one.
    pub fn of_megabytes(megabytes: u32) -> io::Result<Option<Self>> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let folder = TempDir::with_prefix("farthing-disk-")?;
        let size = format!("size={megabytes}m,mode=0755");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()).status()?;
        if !mounted.success() {
            return Ok(None);
        }
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(WATCH).arg(folder.path()).current_dir("/");
        let watch = piped(&mut shell).spawn()?;
        Ok(Some(Self { folder: folder.keep(), watch }))
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Takes all the room there is.
    pub fn fill(&self) -> io::Result<()> {
        let mut filler = fs::OpenOptions::new().create(true).append(true).open(self.folder.join(FILLER))?;
        let (mut piece, zeros) = (1 << 16, vec![0; 1 << 16]);
        while piece > 0 {
            match filler.write_all(zeros.get(..piece).unwrap_or_default()) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::StorageFull => piece /= 2,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Gives it back.
    pub fn empty(&self) -> io::Result<()> {
        fs::remove_file(self.folder.join(FILLER))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(self.watch.stdin.take());
        let _ = self.watch.wait();
    }
}
