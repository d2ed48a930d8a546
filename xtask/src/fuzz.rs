//! Fuzzing the parsers with libFuzzer, on the stable toolchain.
//!
//! `cargo fuzz` wants a nightly compiler for its sanitizers. The code forbids `unsafe`, so only the coverage
//! feedback is needed, and the compiler's own passes give that on stable.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;

use crate::commands::{Run as _, cargo, program};
use crate::{tools, workspace};

/// How long to fuzz.
#[derive(Args)]
pub(crate) struct Effort {
    /// Seconds for each target.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Hours for each target, instead.
    #[arg(long, conflicts_with = "seconds")]
    hours: Option<u32>,
    /// Fuzz only this target; may be repeated.
    #[arg(long, value_name = "NAME")]
    target: Vec<String>,
}

/// Seconds for each target within the test command.
const SMOKE_SECONDS: u32 = 5;

/// Coverage feedback for libFuzzer: edge counters, comparison operands, and the switches that turn fuzzing on.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Cdebug-assertions -Ccodegen-units=1";

/// Fuzzes every target for a few seconds.
pub(crate) fn smoke() -> anyhow::Result<()> {
    run(&Effort { seconds: SMOKE_SECONDS, hours: None, target: Vec::new() })
}

/// Fuzzes the wanted targets one after another; stops at the first input that breaks one.
pub(crate) fn run(effort: &Effort) -> anyhow::Result<()> {
    tools::fuzzing()?;
    let folder = workspace::root().join("fuzz");
    let wanted = targets(&folder)?
        .into_iter()
        .filter(|name| effort.target.is_empty() || effort.target.contains(name))
        .collect::<Vec<_>>();
    if wanted.is_empty() {
        bail!("no such fuzz target in {}", folder.display());
    }
    let built = build(&folder)?;
    let seconds = effort.hours.map_or(effort.seconds, |hours| hours.saturating_mul(3600));
    for name in wanted {
        fuzz(&folder, &built.join(&name), &name, seconds)
            .with_context(|| format!("fuzz target {name} found a failure; its input is in fuzz/artifacts/{name}"))?;
    }
    Ok(())
}

/// A target is a file in `fuzz_targets`.
fn targets(folder: &Path) -> anyhow::Result<Vec<String>> {
    let listing = std::fs::read_dir(folder.join("fuzz_targets")).context("cannot read fuzz/fuzz_targets")?;
    let mut names = Vec::new();
    for entry in listing {
        let path = entry?.path();
        if let (Some(name), Some("rs")) = (path.file_stem(), path.extension().and_then(|it| it.to_str())) {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Naming the host as the target keeps the coverage out of build scripts, which have no fuzzer to report to.
fn build(folder: &Path) -> anyhow::Result<PathBuf> {
    let host = host()?;
    let output = workspace::target()?.join("fuzz");
    cargo(["build", "--quiet", "--release", "--bins", "--target", &host, "--target-dir"])
        .arg(&output)
        .current_dir(folder)
        .env("RUSTFLAGS", COVERAGE)
        .run()?;
    Ok(output.join(host).join("release"))
}

fn host() -> anyhow::Result<String> {
    let version = program("rustc", ["-vV"]).output_text()?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc names no host")?.to_owned())
}

/// New inputs go to `fuzz/corpus` (not committed); `fuzz/seeds` (committed) is only read.
fn fuzz(folder: &Path, binary: &Path, name: &str, seconds: u32) -> anyhow::Result<()> {
    let corpus = folder.join("corpus").join(name);
    let seeds = folder.join("seeds").join(name);
    let artifacts = folder.join("artifacts").join(name);
    std::fs::create_dir_all(&corpus)?;
    std::fs::create_dir_all(&artifacts)?;
    let mut fuzzer = program(binary, [&corpus]);
    if seeds.exists() {
        fuzzer.arg(&seeds);
    }
    fuzzer.arg(format!("-artifact_prefix={}/", artifacts.display())).arg(format!("-max_total_time={seconds}")).args([
        "-timeout=10",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
    ]);
    let output = fuzzer.output().with_context(|| format!("cannot start {}", binary.display()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("{said}");
    }
    let inputs = said.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    println!("{name:<18} {:>10} inputs in {seconds} s, none broke it", inputs.unwrap_or("?").trim());
    Ok(())
}
