//! How fast `/verify` is, beside x402-rs: the same chain, the same payments, the same run.
//!
//! Payments are made and signed by x402-rs's own code. Verifying moves nothing, so every round asks about the
//! same ones. The two are asked in turn, first as fast as answers come over 32 connections, then at one rate
//! for both: half of what the slower one does.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use serde_json::json;

use super::Effort;
use super::probes::{load_average, median, processor_seconds};
use crate::commands::{Run as _, cargo, program};
use crate::gateway::free_address;
use crate::{farthing, workspace};

const CONNECTIONS: &str = "32";
/// Development accounts: who pays, and who pays x402-rs's gas.
const PAYER_KEY: &str = "0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6";
const GAS_KEY: &str = "0x47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a";
const RECIPIENT: &str = "0x5e11e40000000000000000000000000000000001";
/// How long anything may take to listen.
const PATIENCE: Duration = Duration::from_secs(60);
/// The page that shows the figures, between these two lines.
const PAGE: &str = "docs/facilitator.md";
const BEGIN: &str = "<!-- figures: cargo xtask bench --only facilitator -->\n";
const END: &str = "<!-- end of figures -->\n";

#[derive(Clone, Copy, Deserialize)]
struct Figures {
    requests: u32,
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    /// Of the facilitator alone, for one payment.
    #[serde(skip)]
    processor_us: f64,
}

/// A facilitator that is measured.
struct Measured {
    address: String,
    process: Process,
}

struct Binaries {
    farthing: PathBuf,
    load: PathBuf,
    peer: PathBuf,
}

/// Measures, prints and writes the figures of the page.
pub(super) fn run(effort: &Effort) -> anyhow::Result<()> {
    let binaries = Binaries::new(effort)?;
    let folder = tempfile::tempdir()?;
    let node = free_address()?;
    let _chain = binaries.chain(folder.path(), &node)?;
    let payments = binaries.payments(folder.path(), 600 * effort.seconds)?;
    let (ours, theirs) = (binaries.ours(folder.path(), &node)?, binaries.theirs(&node)?);
    let ask = |of: &Measured, rate: Option<f64>| binaries.verify(of, &payments, rate);
    ask(&ours, None)?;
    ask(&theirs, None)?;
    let neighbours = load_average()?;
    let (mut fast, mut paced) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new()));
    for round in 1..=effort.rounds {
        fast.0.push(ask(&ours, None)?);
        fast.1.push(ask(&theirs, None)?);
        let rate = fast.0.iter().chain(&fast.1).map(|figures| figures.per_second).fold(f64::MAX, f64::min) / 2.0;
        paced.0.push(ask(&ours, Some(rate))?);
        paced.1.push(ask(&theirs, Some(rate))?);
        println!("round {round} of {}", effort.rounds);
    }
    let table = table(&fast, &paced, neighbours);
    println!("{table}");
    if effort.dry_run { Ok(()) } else { write(&table) }
}

impl Binaries {
    fn new(effort: &Effort) -> anyhow::Result<Self> {
        let target = workspace::target()?;
        let peers = target.join("interop-x402");
        if !effort.no_build {
            println!("building farthing, the load generator and x402-rs for release");
            farthing::release_binary()?;
            cargo(["build", "--quiet", "--release", "--package", "farthing-load"]).run()?;
            cargo(["build", "--quiet", "--locked", "--release", "--manifest-path", "interop/x402-rs/Cargo.toml"])
                .arg("--target-dir")
                .arg(&peers)
                .run()?;
        }
        Ok(Self {
            farthing: target.join("release/farthing"),
            load: target.join("release/farthing-load"),
            peer: peers.join("release/farthing-interop-x402-rs"),
        })
    }

    fn chain(&self, folder: &Path, address: &str) -> anyhow::Result<Process> {
        let port = address.rsplit(':').next().context("an address has a port")?;
        let key = folder.join("facilitator.key");
        let folder = folder.to_string_lossy();
        let arguments = ["devnet", "--kind", "base-sepolia", "--port", port, "--write", &folder];
        let chain = Process::start(&self.farthing, &arguments, address)?;
        // A chain listens before everything is in its place; then its keys are written.
        let started = Instant::now();
        while !key.exists() {
            ensure!(started.elapsed() < PATIENCE, "the chain is not prepared");
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(chain)
    }

    fn ours(&self, folder: &Path, node: &str) -> anyhow::Result<Measured> {
        let address = free_address()?;
        let config = format!(
            "[facilitator]\nlisten = \"{address}\"\n\n[chains.base-sepolia]\nrpc = \"http://{node}\"\nchain = 84532\n\
             signer = {{ key = {{ file = \"facilitator.key\" }} }}\n"
        );
        let file = folder.join("measured.toml");
        std::fs::write(&file, config)?;
        let arguments = ["facilitator", "--config", &file.to_string_lossy()];
        Ok(Measured { process: Process::start(&self.farthing, &arguments, &address)?, address })
    }

    fn theirs(&self, node: &str) -> anyhow::Result<Measured> {
        let address = free_address()?;
        let terms = json!({ "listen": address, "rpc": format!("http://{node}"), "key": GAS_KEY });
        let process = Process::start(&self.peer, &["facilitator", &terms.to_string()], &address)?;
        Ok(Measured { process, address })
    }

    fn payments(&self, folder: &Path, count: u32) -> anyhow::Result<PathBuf> {
        let terms = json!({ "key": PAYER_KEY, "recipient": RECIPIENT, "count": count, "seconds": 3600 });
        let file = folder.join("payments");
        std::fs::write(&file, program(&self.peer, ["payments", &terms.to_string()]).output_text()?)?;
        Ok(file)
    }

    fn verify(&self, of: &Measured, payments: &Path, rate: Option<f64>) -> anyhow::Result<Figures> {
        let mut command = program(&self.load, ["--connections", CONNECTIONS, "--expect", "\"isValid\":true", "--post"]);
        command.arg(payments);
        if let Some(rate) = rate {
            command.args(["--rate", &format!("{rate:.0}")]);
        }
        let before = processor_seconds(of.process.0.id())?;
        let printed = command.arg(format!("http://{}/verify", of.address)).output_text()?;
        let spent = processor_seconds(of.process.0.id())? - before;
        let figures: Figures =
            serde_json::from_str(&printed).with_context(|| format!("the load generator printed {printed}"))?;
        Ok(Figures { processor_us: spent * 1e6 / f64::from(figures.requests), ..figures })
    }
}

/// A process that is ended when dropped.
struct Process(Child);

impl Process {
    fn start(binary: &Path, arguments: &[&str], address: &str) -> anyhow::Result<Self> {
        let mut command = program(binary, arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut process = Self(command.spawn().with_context(|| format!("cannot start {}", binary.display()))?);
        let started = Instant::now();
        while std::net::TcpStream::connect(address).is_err() {
            let ended = process.0.try_wait()?;
            ensure!(ended.is_none() && started.elapsed() < PATIENCE, "{} does not listen", binary.display());
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(process)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A chain ends its node when it is asked to; both fail only when it is gone already.
        let _ = program("kill", ["-TERM", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}

type Pair = (Vec<Figures>, Vec<Figures>);

fn table(fast: &Pair, paced: &Pair, neighbours: f64) -> String {
    let of = |runs: &[Figures], what: fn(&Figures) -> f64| median(runs.iter().map(what).collect());
    let row = |name: &str, runs: &[Figures]| {
        let (rate, processor) = (of(runs, |run| run.per_second), of(runs, |run| run.processor_us));
        let (middle, worst) = (of(runs, |run| run.p50_ms), of(runs, |run| run.p99_ms));
        format!("| {name} | {rate:.0} | {middle:.1} | {worst:.1} | {processor:.0} us |\n")
    };
    let ratios = fast.0.iter().zip(&fast.1).map(|(ours, theirs)| ours.per_second / theirs.per_second);
    let payments = fast.0.first().map_or(0, |run| run.requests);
    format!(
        "| `/verify`, {CONNECTIONS} connections | a second | p50 ms | p99 ms | processor time of the facilitator |\n\
         |---|--:|--:|--:|--:|\n{}{}{}{}\n\
         Ours over x402-rs at full speed: {:.1} times, the median of {} rounds of {payments} payments each.\n\
         {neighbours:.1} processes wanted to run when it began.\n",
        row("farthing, full speed", &fast.0),
        row("x402-rs 2.0.2, full speed", &fast.1),
        row("farthing, equal load", &paced.0),
        row("x402-rs 2.0.2, equal load", &paced.1),
        median(ratios.collect()),
        fast.0.len(),
    )
}

/// Puts the figures into the page.
fn write(table: &str) -> anyhow::Result<()> {
    let page = std::fs::read_to_string(PAGE)?;
    let (before, rest) = page.split_once(BEGIN).with_context(|| format!("{PAGE} has no place for figures"))?;
    let (_, after) = rest.split_once(END).with_context(|| format!("{PAGE} has no end of figures"))?;
    std::fs::write(PAGE, format!("{before}{BEGIN}{table}{END}{after}"))?;
    Ok(())
}
