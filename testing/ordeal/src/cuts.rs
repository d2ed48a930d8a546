//! Power cuts under load: the disk of the books stops at any moment and forgets what was not durable. And disks that
//! turn read-only, as they do when their file system finds an error in itself.

use std::path::Path;
use std::time::Duration;

use anyhow::ensure;

use crate::disk::{Disk, Kind};
use crate::street::Places;
use crate::trial::{Effort, Trial};
use crate::verdict::Verdict;

/// What the disk of the books does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// It loses its power.
    Power,
    /// It turns read-only.
    Writing,
}

/// Cuts so many times, then compares what everybody saw.
pub async fn run(binary: &Path, kind: Kind, cut: Cut, effort: Effort) -> anyhow::Result<Verdict> {
    let folder = tempfile::tempdir()?;
    let mut disk = Disk::new(folder.path(), kind)?;
    let places = Places::with_books_in(disk.place(), binary, folder.path());
    let mut trial = Trial::begin(places, effort.crowd, effort.seed).await?;
    let mut forgotten = 0;
    for round in 0..effort.rounds {
        trial.until_some_moment().await?;
        let unsynced = disk.place().join(format!("unsynced-{round}"));
        std::fs::write(&unsynced, "forgotten by a real cut")?;
        // A file system that is told to stop, and ext4 when it finds an error in itself, may tell whoever waits for
        // something to be durable that it is. A machine without power tells nobody anything: its processes stop first.
        match cut {
            Cut::Power => {
                trial.street.gateway()?.freeze()?;
                disk.cut()?;
            }
            Cut::Writing => {
                trial.street.gateway()?.pause().await?;
                disk.protect()?;
                trial.street.gateway()?.go_on()?;
                // It lives on for a moment, on a disk that takes nothing any more.
                tokio::time::sleep(Duration::from_millis(trial.chance.below(100))).await;
            }
        }
        trial.street.kill().await?;
        if cut == Cut::Writing {
            disk.remount_read_only()?;
            ensure!(trial.street.start().await.is_err(), "a gateway sells whose books cannot be written");
        }
        disk.remount()?;
        forgotten += u32::from(std::fs::read_to_string(&unsynced).unwrap_or_default().is_empty());
        trial.street.start().await?;
    }
    // Now and then the system makes something durable that nobody asked for.
    let is_cut = cut == Cut::Writing || effort.rounds == 0 || forgotten > 0;
    ensure!(is_cut, "the disk remembers what nobody made durable: these were no power cuts");
    trial.goes_on().await?;
    trial.judge().await
}
