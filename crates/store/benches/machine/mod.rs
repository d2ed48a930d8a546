//! What the machine itself can do, and what a run took of it.

#![allow(dead_code, unreachable_pub, reason = "a module of several benches")]

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

pub type Failure = Box<dyn std::error::Error>;

/// How many appended 4 KiB blocks a second the disk makes durable one by one.
pub fn fsync_floor(folder: &Path) -> Result<u128, Failure> {
    let mut file = std::fs::File::create(folder.join("floor"))?;
    let started = Instant::now();
    let mut count = 0;
    while started.elapsed() < Duration::from_millis(250) {
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
        count += 1;
    }
    Ok(count * 1_000_000 / started.elapsed().as_micros().max(1))
}

/// The processor time this process has used, where the system tells it in clock ticks of 10 ms.
/// Unlike the rate, it does not depend on what else the machine is doing.
pub fn processor_millis() -> u64 {
    processor_millis_of(Path::new("/proc/self"), 2)
}

/// The processor time of every process that works in a folder, those that have ended included.
pub fn processor_millis_in(folder: &Path) -> u64 {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.path());
    let inside = processes.filter(|process| std::fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd == folder));
    inside.map(|process| processor_millis_of(&process, 4)).sum()
}

/// User and system time; with four fields, that of its ended children too.
fn processor_millis_of(process: &Path, fields: usize) -> u64 {
    let stat = std::fs::read_to_string(process.join("stat")).unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(fields).filter_map(|field| field.parse::<u64>().ok());
    ticks.sum::<u64>() * 10
}

pub fn millis(duration: Duration) -> String {
    format!("{}.{:02}", duration.as_millis(), duration.subsec_micros() % 1_000 / 10)
}

/// The memory that this process has in use, where the system tells it.
pub fn memory_kibibytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kibibytes| kibibytes.parse().ok()).unwrap_or_default()
}
