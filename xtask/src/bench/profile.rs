use std::fmt::Write as _;
use std::process::Command;

use anyhow::Context as _;

use super::cases::Case;
use super::{Bench, CASES};
use crate::commands::{Run as _, program};
use crate::tools;

/// The cases whose time is looked into.
const LOOKED_INTO: [&str; 3] = ["challenge", "free", "paid"];

/// Functions below this share of the samples are left out.
const SMALLEST_PERCENT: &str = "0.8";

/// Where the gateway spends its time, case by case: the functions that were running, by share of the samples.
pub(super) fn take(bench: &Bench<'_>) -> anyhow::Result<String> {
    tools::profiling()?;
    let mut text = String::from("Where the gateway's processor time goes, by function (perf, cpu-clock, self time).\n");
    for case in CASES.iter().filter(|case| LOOKED_INTO.contains(&case.key)) {
        println!("profiling: {}", case.title);
        let _ = write!(text, "\n== {}\n\n{}", case.title, profile(bench, case)?);
    }
    Ok(text)
}

fn profile(bench: &Bench<'_>, case: &Case) -> anyhow::Result<String> {
    let folder = tempfile::tempdir()?;
    let samples = folder.path().join("samples");
    let mut recorder = recording(bench.servers.gateway.process_id(), &samples).spawn().context("cannot start perf")?;
    let measured = (case.measure)(bench);
    program("kill", ["-INT", &recorder.id().to_string()]).run()?;
    recorder.wait()?;
    measured?;
    let report = program("perf", ["report", "--stdio", "--no-children", "--sort", "symbol", "--percent-limit"])
        .args([SMALLEST_PERCENT, "--input"])
        .arg(&samples)
        .output_text()?;
    let functions = report.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    Ok(functions.fold(String::new(), |text, line| text + line.trim_end() + "\n"))
}

fn recording(process: u32, samples: &std::path::Path) -> Command {
    let mut command = program("perf", ["record", "--quiet", "--event", "cpu-clock", "--freq", "997", "--pid"]);
    command.arg(process.to_string()).arg("--output").arg(samples);
    command
}
