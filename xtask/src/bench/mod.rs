//! The figures of `bench/README.md`, measured as ratios within one run.
//!
//! [`cases`] says what is measured, [`servers`] starts everything, [`load`] asks, [`probes`] reads the machine, and
//! [`report`] writes what came out, missed targets included.

mod cases;
mod chart;
mod curves;
mod facilitator;
mod growth;
mod load;
mod micro;
mod probes;
mod profile;
mod report;
mod servers;

use anyhow::ensure;
use clap::{Args, ValueEnum};

use crate::tools;
use cases::{CASES, Results};
use load::{Volley, payer_of};
use probes::{fsync_floor, load_average, resident_megabytes};
use servers::{Binaries, Servers};

/// The core of whatever server is being measured.
const SERVER_CORE: &str = "0";
/// The core of the load generator, and of the upstream behind the proxies.
const LOAD_CORE: &str = "1";
const CONNECTIONS: u32 = 64;
/// The key that pays, and what it is given: enough for every round.
const PAYER_SEED: &str = "6661727468696e672062656e63686d61726b206b65792c206e6f207365637265";
const BALANCE: &str = "1000000 USD";
/// How many requests the gateway must have answered when its memory is read.
const MEMORY_REQUESTS: f64 = 1e6;

/// How many sessions are open when the gateway's memory is read once more.
const OPEN_SESSIONS: u32 = 10_000;

/// How much to measure.
#[derive(Args)]
pub(crate) struct Effort {
    /// Rounds; every case is measured once in each, and medians are reported.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Seconds for each measurement.
    #[arg(long, default_value_t = 4)]
    seconds: u32,
    /// Look into where the gateway's time goes, too, and write `bench/profile.txt`.
    #[arg(long)]
    profile: bool,
    /// Measure the release binaries as they were last built.
    #[arg(long)]
    no_build: bool,
    /// Measure only this.
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// The most transfers in the books, where it is measured how cost grows.
    #[arg(long, default_value_t = 10_000_000)]
    rows: u32,
    /// Print the figures and leave `bench/` as it is.
    #[arg(long)]
    dry_run: bool,
}

/// A part that is measured by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// `/verify` beside x402-rs; the figures are in `docs/facilitator.md`.
    Facilitator,
    /// How a payment's cost grows with connections, routes, nodes, payers and the books.
    Growth,
}

/// Measures everything and writes `bench/README.md`, `bench/results.json` and `bench/results.svg`.
pub(crate) fn run(effort: &Effort) -> anyhow::Result<()> {
    ensure!(std::thread::available_parallelism()?.get() >= 2, "the benchmarks need two cores");
    ensure!(effort.rounds > 0 && effort.seconds > 0, "--rounds and --seconds must be at least 1");
    match effort.only {
        Some(Part::Facilitator) => return facilitator::run(effort),
        Some(Part::Growth) => return growth::run(effort),
        None => {}
    }
    tools::measuring()?;
    let binaries = if effort.no_build { Binaries::as_built()? } else { Binaries::build()? };
    let neighbours = load_average()?;
    let micro = micro::measure(&binaries.mpp_micro)?;
    let servers = Servers::start(&binaries)?;
    for gateway in [&servers.gateway, &servers.on_postgres] {
        gateway.grant(&payer_of(&binaries, PAYER_SEED)?, BALANCE)?;
    }
    let bench = Bench { binaries: &binaries, servers: &servers, seconds: effort.seconds };
    let mut results = Results::new(micro, neighbours);
    bench.warm_up()?;
    for round in 1..=effort.rounds {
        println!("round {round} of {}", effort.rounds);
        for case in CASES {
            results.floors.push(fsync_floor(servers.gateway.folder()?)?);
            let run = (case.measure)(&bench)?;
            println!(
                "  {:<46}{:>10.0}/s  p99 {:>7.2} ms  {:>6.1} us",
                case.title, run.per_second, run.p99_ms, run.processor_us
            );
            results.add(case, run);
        }
    }
    let profile = if effort.profile { Some(profile::take(&bench)?) } else { None };
    results.megabytes = bench.memory_after_many_requests()?;
    results.session_megabytes = bench.memory_with_open_sessions()?;
    let Servers { gateway, on_postgres, .. } = servers;
    gateway.stop_and_verify(&binaries.farthing)?;
    on_postgres.stop_and_verify(&binaries.farthing)?;
    report::write(&results, profile.as_deref(), effort)
}

/// Everything that a measurement needs.
struct Bench<'a> {
    binaries: &'a Binaries,
    servers: &'a Servers,
    seconds: u32,
}

impl Bench<'_> {
    fn warm_up(&self) -> anyhow::Result<()> {
        for case in CASES {
            (case.measure)(&Bench { seconds: 1, ..*self })?;
        }
        Ok(())
    }

    /// Asks for a million challenges more, whatever has been asked before, and reads the resident memory.
    fn memory_after_many_requests(&self) -> anyhow::Result<f64> {
        println!("a million requests, then the gateway's memory");
        let gateway = &self.servers.gateway;
        let (url, process) = (gateway.url("/paid"), gateway.process_id());
        let mut answered = 0.0;
        while answered < MEMORY_REQUESTS {
            answered += load::wrk(&url, self.seconds, process)?.per_second * f64::from(self.seconds);
        }
        resident_megabytes(process)
    }

    /// Opens ten thousand sessions, which stay open, and reads the resident memory.
    fn memory_with_open_sessions(&self) -> anyhow::Result<f64> {
        println!("ten thousand open sessions, then the gateway's memory");
        let gateway = &self.servers.gateway;
        let (url, process) = (gateway.url("/session"), gateway.process_id());
        let shots = Volley {
            url: &url,
            count: OPEN_SESSIONS,
            connections: CONNECTIONS,
            rate: None,
            payer: Some((PAYER_SEED, "opening")),
        };
        load::volley(self.binaries, &shots, process)?;
        resident_megabytes(process)
    }
}
