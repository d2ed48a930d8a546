//! What the machine says: processor time and memory of a process, and how fast its disk makes writes durable.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde::Serialize;

/// Clock ticks a second in `/proc`, the same on every Linux.
const TICKS: f64 = 100.0;

/// Seconds of processor time that a process has used, in user and system mode.
pub(super) fn processor_seconds(process: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The second field is a name that may hold anything, in parentheses.
    let (_, after_name) = stat.rsplit_once(") ").context("an unexpected /proc/PID/stat")?;
    let ticks = after_name.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / TICKS)
}

/// Resident memory of a process in megabytes (10^6 bytes).
pub(super) fn resident_megabytes(process: u32) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS in /proc/PID/status")?;
    let kibibytes = line.split_whitespace().next().context("VmRSS without a number")?.parse::<f64>()?;
    Ok(kibibytes * 1024.0 / 1e6)
}

/// How many processes wanted to run in the last minute, on average.
pub(super) fn load_average() -> anyhow::Result<f64> {
    let averages = std::fs::read_to_string("/proc/loadavg")?;
    Ok(averages.split_whitespace().next().context("an empty /proc/loadavg")?.parse()?)
}

/// How fast one thread can write four kibibytes and have them on the disk.
#[derive(Clone, Copy, Serialize)]
pub(super) struct FsyncFloor {
    pub(super) per_second: f64,
    pub(super) median_ms: f64,
}

/// Long enough for some hundreds of writes, short enough not to use up what a virtual disk allows in a burst.
const PROBE: Duration = Duration::from_millis(250);

pub(super) fn fsync_floor(folder: &Path) -> anyhow::Result<FsyncFloor> {
    let path = folder.join("fsync-probe");
    let mut file = std::fs::File::create(&path)?;
    let block = [0; 4096];
    let started = Instant::now();
    let mut times = Vec::new();
    while started.elapsed() < PROBE {
        let before = Instant::now();
        file.write_all(&block)?;
        file.sync_data()?;
        times.push(before.elapsed().as_secs_f64() * 1e3);
    }
    let per_second = count(times.len()) / started.elapsed().as_secs_f64();
    std::fs::remove_file(path)?;
    Ok(FsyncFloor { per_second, median_ms: median(times) })
}

/// The middle of some numbers, zero for none.
pub(super) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(0.0)
}

/// A count as a number to calculate with.
pub(super) fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_its_own_process() {
        let own = std::process::id();
        assert!(processor_seconds(own).unwrap() >= 0.0);
        assert!(resident_megabytes(own).unwrap() > 0.1);
    }

    #[test]
    fn the_median_is_the_middle() {
        assert!((median(vec![9.0, 1.0, 5.0]) - 5.0).abs() < f64::EPSILON);
    }
}
