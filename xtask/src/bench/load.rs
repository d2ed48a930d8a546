use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};

use super::probes::processor_seconds;
use super::servers::Binaries;
use super::{CONNECTIONS, LOAD_CORE};
use crate::commands::{Run as _, program};

/// One measurement of one case.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Run {
    pub(super) per_second: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    /// Processor time of the server for each request, in microseconds.
    pub(super) processor_us: f64,
}

/// wrk: one thread, 64 connections, as fast as the answers come.
pub(super) fn wrk(url: &str, seconds: u32, server: u32) -> anyhow::Result<Run> {
    let before = processor_seconds(server)?;
    let output = program("taskset", ["--cpu-list", LOAD_CORE, "wrk", "--threads", "1", "--connections"])
        .args([&*CONNECTIONS.to_string(), "--latency", "--duration", &format!("{seconds}s"), url])
        .output_text()?;
    let used = processor_seconds(server)? - before;
    let after = |label: &str| {
        let rest = output.lines().find_map(|line| line.trim().strip_prefix(label));
        rest.and_then(|rest| rest.split_whitespace().next())
            .with_context(|| format!("wrk printed no {label}: {output}"))
    };
    ensure!(!output.contains("Socket errors"), "wrk saw socket errors: {output}");
    let per_second = after("Requests/sec:")?.parse::<f64>()?;
    Ok(Run {
        per_second,
        p50_ms: milliseconds(after("50%")?)?,
        p99_ms: milliseconds(after("99%")?)?,
        processor_us: used / (per_second * f64::from(seconds)) * 1e6,
    })
}

/// A time as wrk writes it: `812.00us`, `1.20ms`, `1.02s`.
fn milliseconds(text: &str) -> anyhow::Result<f64> {
    let units = [("us", 1e-3), ("ms", 1.0), ("s", 1e3)];
    let number = units.iter().find_map(|(unit, factor)| Some(text.strip_suffix(unit)?.parse::<f64>().ok()? * factor));
    number.with_context(|| format!("{text:?} is not a time of wrk's"))
}

/// What our own load generator is asked to do.
pub(super) struct Volley<'a> {
    pub(super) url: &'a str,
    pub(super) count: u32,
    pub(super) connections: u32,
    /// Requests a second; as fast as the answers come without it.
    pub(super) rate: Option<u32>,
    /// The seed of the key that pays, and what it pays by: `charge`, `voucher` or `opening`.
    pub(super) payer: Option<(&'a str, &'a str)>,
}

#[derive(Deserialize)]
struct Figures {
    requests: f64,
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    statuses: std::collections::BTreeMap<String, u64>,
}

/// Our own load generator: every request must be answered with 200. The server's processor time covers the fetching
/// of challenges too when the requests are paid.
pub(super) fn volley(binaries: &Binaries, volley: &Volley<'_>, server: u32) -> anyhow::Result<Run> {
    let before = processor_seconds(server)?;
    let mut command = program("taskset", ["--cpu-list", LOAD_CORE]);
    command.arg(&binaries.load).args([
        "--connections",
        &volley.connections.to_string(),
        "--count",
        &volley.count.to_string(),
    ]);
    if let Some(rate) = volley.rate {
        command.args(["--rate", &rate.to_string()]);
    }
    if let Some((seed, by)) = volley.payer {
        command.args(["--pay", seed, "--by", by]);
    }
    let figures: Figures = serde_json::from_str(&command.arg(volley.url).output_text()?)?;
    let used = processor_seconds(server)? - before;
    ensure!(figures.statuses.keys().eq(["200"]), "{} answered {:?}", volley.url, figures.statuses);
    Ok(Run {
        per_second: figures.per_second,
        p50_ms: figures.p50_ms,
        p99_ms: figures.p99_ms,
        processor_us: used / figures.requests * 1e6,
    })
}

/// The name of the key behind a seed.
pub(super) fn payer_of(binaries: &Binaries, seed: &str) -> anyhow::Result<String> {
    let did = program(&binaries.load, ["--pay", seed, "--did", "http://127.0.0.1/"]).output_text()?;
    Ok(did.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::milliseconds;

    #[test]
    fn reads_the_times_of_wrk() {
        for (text, wanted) in [("812.00us", 0.812), ("1.20ms", 1.2), ("1.02s", 1020.0)] {
            assert!((milliseconds(text).unwrap() - wanted).abs() < 1e-9, "{text}");
        }
        assert!(milliseconds("12").is_err());
    }
}
