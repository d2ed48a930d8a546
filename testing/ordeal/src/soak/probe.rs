//! What the system says of a process, and how fast it answers.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, ensure};

use crate::shop::{Answer, Shop};

/// Requests of one sample.
const REQUESTS: usize = 100;

/// What a process holds.
pub(super) struct Process {
    /// In KiB.
    pub(super) resident: u64,
    pub(super) descriptors: u64,
    pub(super) threads: u64,
}

impl Process {
    pub(super) fn read(id: i32) -> anyhow::Result<Self> {
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).context("the gateway has ended")?;
        let figure = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
            number.with_context(|| format!("the system says no {name}"))
        };
        let descriptors = std::fs::read_dir(format!("/proc/{id}/fd"))?.count();
        Ok(Self { resident: figure("VmRSS:")?, descriptors: u64::try_from(descriptors)?, threads: figure("Threads:")? })
    }
}

/// A file's size; nothing for one that is not there.
pub(super) fn kibibytes(file: &Path) -> u64 {
    std::fs::metadata(file).map_or(0, |file| file.len() / 1024)
}

/// The slowest but one of a hundred free requests, in microseconds.
pub(super) async fn p99(shop: &Shop) -> anyhow::Result<u64> {
    let mut times = Vec::with_capacity(REQUESTS);
    for _ in 0..REQUESTS {
        let asked = Instant::now();
        let answer = shop.ask("/free/probe", None).await;
        ensure!(matches!(answer, Answer::Delivered(_)), "a free request is answered with {answer:?}");
        times.push(u64::try_from(asked.elapsed().as_micros())?);
    }
    times.sort_unstable();
    times.get(REQUESTS - 2).copied().context("nothing was measured")
}
