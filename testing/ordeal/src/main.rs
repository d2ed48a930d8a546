//! Runs one trial of a built `farthing`, prints what was done as JSON, and fails when something is left unexplained.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use farthing_testing_ordeal::cuts::{self, Cut};
use farthing_testing_ordeal::disk::{Disk, Kind};
use farthing_testing_ordeal::kills;
use farthing_testing_ordeal::load::Crowd;
use farthing_testing_ordeal::server::{self, Blow};
use farthing_testing_ordeal::shortage::{self, Shortage};
use farthing_testing_ordeal::soak;
use farthing_testing_ordeal::trial::Effort;
use farthing_testing_ordeal::verdict::Verdict;

/// Breaks a gateway on purpose and compares what everybody saw.
#[derive(Parser)]
#[command(after_help = "Example:\n  ordeal --binary target/debug/farthing kills --rounds 300")]
struct Arguments {
    /// The program under test.
    #[arg(long)]
    binary: PathBuf,
    #[command(subcommand)]
    trial: Trial,
}

#[derive(Subcommand)]
enum Trial {
    /// `kill -9` under load, again and again.
    Kills {
        /// Where the books are.
        #[arg(long, value_enum, default_value = "sqlite")]
        store: Store,
        #[command(flatten)]
        rounds: Rounds,
    },
    /// A PostgreSQL server of the books that goes away under load, again and again.
    Server {
        /// What befalls it; on a full disk as root only.
        #[arg(long, value_enum)]
        blow: Blow,
        #[command(flatten)]
        rounds: Rounds,
    },
    /// Power cuts under load, on a disk of this kind; root only.
    Cuts {
        /// The file system.
        #[arg(long, value_enum, default_value = "ext4")]
        on: Kind,
        #[command(flatten)]
        rounds: Rounds,
    },
    /// A disk that turns read-only under load; root only.
    ReadOnly(Rounds),
    /// A disk without room under load, again and again; root only.
    Full(Rounds),
    /// A disk on which each write fails under load, again and again.
    Unwritable(Rounds),
    /// Mixed load for long: memory, files and threads must not grow.
    Soak(Soak),
}

/// Where the books are.
#[derive(Clone, Copy, ValueEnum)]
enum Store {
    /// In a file.
    Sqlite,
    /// On a server of the trial's own.
    Postgres,
}

#[derive(Args)]
struct Soak {
    /// For how long.
    #[arg(long, default_value_t = 60)]
    minutes: u64,
    /// Milliseconds that each of the payers rests after a purchase.
    #[arg(long, default_value_t = 20)]
    rest: u64,
    /// How many payers of ten pay over the simulated rail. It is a part of the gateway's process and remembers every
    /// payment, so that memory grows with them.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(..=10))]
    rail: u32,
    /// From which the load is drawn.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Args)]
struct Rounds {
    /// How many times.
    #[arg(long, default_value_t = 300)]
    rounds: u32,
    /// From which the trial is drawn.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let binary = std::path::absolute(&arguments.binary)?;
    if let Some(why) = arguments.trial.impossible() {
        println!("SKIPPED, and nothing was tried: {why}");
        return Ok(());
    }
    let verdict: Verdict = match arguments.trial {
        Trial::Kills { store: Store::Sqlite, rounds } => kills::run(&binary, rounds.effort()).await?,
        Trial::Kills { store: Store::Postgres, rounds } => kills::run_on_postgres(&binary, rounds.effort()).await?,
        Trial::Server { blow, rounds } => server::run(&binary, blow, rounds.effort()).await?,
        Trial::Cuts { on, rounds } => cuts::run(&binary, on, Cut::Power, rounds.effort()).await?,
        Trial::ReadOnly(rounds) => cuts::run(&binary, Kind::Ext4, Cut::Writing, rounds.effort()).await?,
        Trial::Full(rounds) => shortage::run(&binary, Shortage::Full, rounds.effort()).await?,
        Trial::Soak(effort) => return soak(&binary, &effort).await,
        Trial::Unwritable(rounds) => shortage::run(&binary, Shortage::Unwritable, rounds.effort()).await?,
    };
    println!("{}", serde_json::to_string(&verdict.or_fail()?)?);
    Ok(())
}

/// Prints the samples and what was done; an error when something grew, or is left unexplained.
async fn soak(binary: &Path, effort: &Soak) -> anyhow::Result<()> {
    let (session, rest) = ((10 - effort.rail) / 2, Duration::from_millis(effort.rest));
    let crowd = Crowd { balance: 10 - effort.rail - session, rail: effort.rail, session, rest };
    let duration = Duration::from_secs(effort.minutes * 60);
    let effort = soak::Effort { duration, period: Duration::from_secs(5), seed: effort.seed, crowd };
    let report = soak::run(binary, effort).await?;
    let drifts = soak::drifts(&report.samples);
    println!("{}", serde_json::json!({ "samples": report.samples, "figures": report.verdict.figures }));
    report.verdict.or_fail()?;
    let grown: Vec<_> = drifts.iter().filter(|drift| !drift.is_flat()).collect();
    anyhow::ensure!(grown.is_empty(), "grew from the middle third to the last: {grown:?}");
    Ok(())
}

impl Trial {
    /// Why it cannot be done here; nothing when it can.
    fn impossible(&self) -> Option<String> {
        match self {
            Self::Cuts { on, .. } => Disk::impossible(*on),
            Self::Full(_) | Self::ReadOnly(_) => Disk::impossible(Kind::Ext4),
            Self::Server { blow, .. } => blow.impossible(),
            Self::Kills { .. } | Self::Unwritable(_) | Self::Soak(_) => None,
        }
    }
}

impl Rounds {
    fn effort(&self) -> Effort {
        Effort { rounds: self.rounds, seed: self.seed, crowd: Crowd::default() }
    }
}
