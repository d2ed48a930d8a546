//! Disks of a trial's own: a file with a file system in it, which can be filled, and whose power can be cut.
//!
//! Only root may mount one; [`Disk::impossible`] says plainly where it cannot be done.

use std::ffi::OsStr;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use clap::ValueEnum;

/// `FS_IOC_GOINGDOWN`, the same number for ext4 and XFS.
const GOING_DOWN: &str = "0x8004587d";
/// Nothing that the journal has not written is written any more: what a power cut leaves.
const NO_LOG_FLUSH: u32 = 2;

/// A file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// ext4, in its standard mode.
    Ext4,
    /// XFS.
    Xfs,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
        }
    }

    /// The smallest that its tools make, about, in MiB.
    const fn size(self) -> u64 {
        match self {
            Self::Ext4 => 64,
            Self::Xfs => 320,
        }
    }
}

/// A mounted disk; unmounted when dropped.
pub struct Disk {
    image: PathBuf,
    place: PathBuf,
    kind: Kind,
    is_mounted: bool,
}

impl Disk {
    /// Why no such disk can be made here; nothing when it can.
    pub fn impossible(kind: Kind) -> Option<String> {
        if !rustix::process::geteuid().is_root() {
            return Some("only root may mount a disk".to_owned());
        }
        if !Path::new("/dev/loop-control").exists() {
            return Some("this machine has no loop devices".to_owned());
        }
        let tools = [format!("mkfs.{}", kind.name()), "mount".to_owned(), "umount".to_owned(), "perl".to_owned()];
        let missing = tools.iter().find(|tool| !is_installed(tool));
        if let Some(missing) = missing {
            return Some(format!("{missing} is not installed"));
        }
        // Whether the kernel lets us, only a try says.
        let folder = tempfile::tempdir().ok()?;
        Self::new(folder.path(), kind).err().map(|error| format!("{error:#}"))
    }

    /// Makes and mounts one in this folder.
    pub fn new(folder: &Path, kind: Kind) -> anyhow::Result<Self> {
        Self::of_size(folder, kind, kind.size())
    }

    /// The same, of so many MiB.
    pub fn of_size(folder: &Path, kind: Kind, size: u64) -> anyhow::Result<Self> {
        let (image, place) = (folder.join("disk.img"), folder.join("disk"));
        std::fs::File::create(&image)?.set_len(size << 20)?;
        std::fs::create_dir_all(&place)?;
        run(&format!("mkfs.{}", kind.name()), ["-q".as_ref(), image.as_os_str()])?;
        let mut disk = Self { image, place, kind, is_mounted: false };
        disk.mount("loop")?;
        Ok(disk)
    }

    /// Where it is.
    pub fn place(&self) -> &Path {
        &self.place
    }

    /// Cuts the power: what was not made durable is gone, and every access fails until it is mounted again.
    pub fn cut(&self) -> anyhow::Result<()> {
        let cut = format!(
            "open(my $disk, '<', $ARGV[0]) or die $!; my $how = pack('L', {NO_LOG_FLUSH}); \
             ioctl($disk, {GOING_DOWN}, $how) or die $!;"
        );
        run("perl", ["-e".as_ref(), cut.as_ref(), self.place.as_os_str()])
    }

    /// Lets ext4 find an error in itself: nothing can be written any more, and everything can be read.
    pub fn protect(&self) -> anyhow::Result<()> {
        let mounts = std::fs::read_to_string("/proc/mounts")?;
        let place = self.place.to_string_lossy();
        let mut lines = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
        let line = lines.find(|line| line.get(1) == Some(&place.as_ref())).context("the disk is not mounted")?;
        let device = line.first().and_then(|device| device.strip_prefix("/dev/")).context("a disk without a device")?;
        std::fs::write(format!("/sys/fs/ext4/{device}/trigger_fs_error"), "a trial")?;
        Ok(())
    }

    /// Takes it away and mounts it again, as the next start of the machine does.
    pub fn remount(&mut self) -> anyhow::Result<()> {
        self.unmount()?;
        self.mount("loop")
    }

    /// The same, and it can only be read.
    pub fn remount_read_only(&mut self) -> anyhow::Result<()> {
        // Writable first: its journal has to be read back.
        self.remount()?;
        run("mount", ["-o".as_ref(), "remount,ro".as_ref(), self.place.as_os_str()])
    }

    /// Leaves no room on it.
    pub fn fill(&self) -> anyhow::Result<()> {
        let mut filler = std::fs::File::create(self.filler())?;
        // What was promised to a file that is not written yet comes back when it is: until there is nothing more.
        while write_until_full(&mut filler)? > 0 {}
        Ok(())
    }

    /// Makes room again.
    pub fn empty(&self) -> anyhow::Result<()> {
        std::fs::remove_file(self.filler()).context("the disk cannot be emptied")
    }

    fn filler(&self) -> PathBuf {
        self.place.join("filler")
    }

    fn mount(&mut self, how: &str) -> anyhow::Result<()> {
        let (kind, image, place) = (self.kind.name(), self.image.as_os_str(), self.place.as_os_str());
        let how = match self.kind {
            Kind::Ext4 => format!("{how},errors=remount-ro"),
            Kind::Xfs => how.to_owned(),
        };
        run("mount", ["-t".as_ref(), kind.as_ref(), "-o".as_ref(), how.as_ref(), image, place])?;
        self.is_mounted = true;
        Ok(())
    }

    fn unmount(&mut self) -> anyhow::Result<()> {
        run("umount", [self.place.as_os_str()])?;
        self.is_mounted = false;
        Ok(())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.is_mounted {
            // Whoever still holds a file lets go of it when it ends.
            let _ = run("umount", ["-l".as_ref(), self.place.as_os_str()]);
        }
    }
}

/// Writes until there is no room; how much that was.
fn write_until_full(filler: &mut std::fs::File) -> anyhow::Result<usize> {
    let (mut block, mut written) = (vec![0_u8; 1 << 20], 0);
    while !block.is_empty() {
        match filler.write(&block) {
            Ok(count) => written += count,
            // The last corner too.
            Err(error) if error.kind() == ErrorKind::StorageFull => block.truncate(block.len() / 2),
            Err(error) => return Err(error).context("the disk cannot be filled"),
        }
    }
    match filler.sync_all() {
        Err(error) if error.kind() != ErrorKind::StorageFull => Err(error).context("the disk cannot be filled"),
        _ => Ok(written),
    }
}

fn is_installed(tool: &str) -> bool {
    let folders = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];
    folders.iter().any(|folder| Path::new(folder).join(tool).is_file())
}

fn run<'a>(tool: &str, arguments: impl IntoIterator<Item = &'a OsStr>) -> anyhow::Result<()> {
    let output = Command::new(tool).args(arguments).output().with_context(|| format!("cannot start {tool}"))?;
    ensure!(output.status.success(), "{tool}: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}
