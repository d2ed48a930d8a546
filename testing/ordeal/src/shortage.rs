//! A disk that takes nothing more: nobody is served unpaid, everybody is told when to come back, and with room again
//! the same process goes on.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::disk::{Disk, Kind};
use crate::load::Load;
use crate::street::{Places, Street};
use crate::trial::{Effort, PATIENCE, Trial};
use crate::verdict::Verdict;

/// How the disk fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortage {
    /// No room on it.
    Full,
    /// Each write fails, whatever room there is.
    Unwritable,
}

/// Takes the disk away so many times and gives it back, then compares what everybody saw.
pub async fn run(binary: &Path, shortage: Shortage, effort: Effort) -> anyhow::Result<Verdict> {
    let folder = tempfile::tempdir()?;
    let disk = match shortage {
        Shortage::Full => Some(Disk::new(folder.path(), Kind::Ext4)?),
        Shortage::Unwritable => None,
    };
    let place = disk.as_ref().map_or(folder.path(), Disk::place);
    let places = Places::with_books_in(place, binary, folder.path());
    let mut trial = Trial::begin(places, effort.crowd, effort.seed).await?;
    for _ in 0..effort.rounds {
        trial.until_some_moment().await?;
        take(&trial.street, disk.as_ref())?;
        until_refused(&trial.load).await?;
        give_back(&trial.street, disk.as_ref())?;
        trial.goes_on().await.context("with room again it does not go on")?;
    }
    trial.judge().await
}

fn take(street: &Street, disk: Option<&Disk>) -> anyhow::Result<()> {
    match disk {
        Some(disk) => disk.fill(),
        None => street.gateway()?.let_files_grow_to(Some(0)),
    }
}

fn give_back(street: &Street, disk: Option<&Disk>) -> anyhow::Result<()> {
    match disk {
        Some(disk) => disk.empty(),
        None => street.gateway()?.let_files_grow_to(None),
    }
}

/// Until many payers have been told to come back. Some may be served meanwhile: files have room inside them, and what
/// is durable is paid.
pub(crate) async fn until_refused(load: &Load) -> anyhow::Result<()> {
    let told = || load.journal.later().get(&503).copied().unwrap_or_default();
    let (since, before) = (Instant::now(), told());
    while told() < before + 20 {
        ensure!(since.elapsed() < PATIENCE, "without its books the gateway tells nobody to come back");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}
