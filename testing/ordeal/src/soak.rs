//! Hours of mixed load on one gateway: what it holds must not grow with what it has done.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde::Serialize;

use crate::load::{Crowd, Load};
use crate::street::{Places, Street};
use crate::trial::Trial;
use crate::verdict::Verdict;

mod drift;
mod probe;
#[cfg(test)]
mod tests;

pub use drift::{Drift, drifts};

/// Before it counts: what is allocated once is allocated by then.
const WARM_UP: Duration = Duration::from_secs(10);

/// How much is done.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// For how long.
    pub duration: Duration,
    /// Between two samples.
    pub period: Duration,
    /// From which the load is drawn.
    pub seed: u64,
    /// Who buys.
    pub crowd: Crowd,
}

/// What was measured at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Sample {
    /// Seconds since the start.
    pub seconds: f64,
    /// Paid requests that were answered since the start.
    pub delivered: u64,
    /// Memory of the process that is in use, in KiB.
    pub resident: u64,
    /// Its open files and sockets.
    pub descriptors: u64,
    /// Its threads.
    pub threads: u64,
    /// The books' write-ahead log, in KiB.
    pub log: u64,
    /// The books, in KiB.
    pub books: u64,
    /// The slowest but one of a hundred unpaid requests, in microseconds.
    pub p99: u64,
}

/// A soak's samples, and what everybody saw.
pub struct Report {
    /// In order.
    pub samples: Vec<Sample>,
    /// The comparison at the end.
    pub verdict: Verdict,
}

/// Soaks, and samples meanwhile.
pub async fn run(binary: &Path, effort: Effort) -> anyhow::Result<Report> {
    let folder = tempfile::tempdir()?;
    let places = Places::in_folder(binary, folder.path());
    let mut trial = Trial::begin(places, effort.crowd, effort.seed).await?;
    trial.goes_on().await?;
    tokio::time::sleep(WARM_UP.min(effort.duration / 10)).await;
    let samples = sample(&trial.street, &trial.load, folder.path(), effort).await?;
    Ok(Report { samples, verdict: trial.judge().await? })
}

async fn sample(street: &Street, load: &Load, folder: &Path, effort: Effort) -> anyhow::Result<Vec<Sample>> {
    let (since, process) = (Instant::now(), street.gateway()?.process_id());
    let mut samples = Vec::new();
    while since.elapsed() < effort.duration {
        tokio::time::sleep(effort.period).await;
        let p99 = probe::p99(&street.shop).await.context("the gateway does not answer a free request")?;
        let process = probe::Process::read(process)?;
        samples.push(Sample {
            seconds: since.elapsed().as_secs_f64(),
            delivered: load.journal.delivered(),
            resident: process.resident,
            descriptors: process.descriptors,
            threads: process.threads,
            log: probe::kibibytes(&folder.join("farthing.db-wal")),
            books: probe::kibibytes(&folder.join("farthing.db")),
            p99,
        });
    }
    Ok(samples)
}
