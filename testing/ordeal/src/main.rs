//! Runs one trial of a built `farthing`, prints what was done as JSON, and fails when something is left unexplained.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use farthing_testing_ordeal::cuts::{self, Cut};
use farthing_testing_ordeal::disk::{Disk, Kind};
use farthing_testing_ordeal::kills::{self, Effort};
use farthing_testing_ordeal::load::Crowd;
use farthing_testing_ordeal::shortage::{self, Shortage};
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
    Kills(Rounds),
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
    let disk = match &arguments.trial {
        Trial::Cuts { on, .. } => Some(*on),
        Trial::Full(_) | Trial::ReadOnly(_) => Some(Kind::Ext4),
        Trial::Kills(_) | Trial::Unwritable(_) => None,
    };
    if let Some(why) = disk.and_then(Disk::impossible) {
        println!("SKIPPED, and nothing was tried: {why}");
        return Ok(());
    }
    let verdict: Verdict = match arguments.trial {
        Trial::Kills(rounds) => kills::run(&binary, rounds.effort()).await?,
        Trial::Cuts { on, rounds } => cuts::run(&binary, on, Cut::Power, rounds.effort()).await?,
        Trial::ReadOnly(rounds) => cuts::run(&binary, Kind::Ext4, Cut::Writing, rounds.effort()).await?,
        Trial::Full(rounds) => shortage::run(&binary, Shortage::Full, rounds.effort()).await?,
        Trial::Unwritable(rounds) => shortage::run(&binary, Shortage::Unwritable, rounds.effort()).await?,
    };
    println!("{}", serde_json::to_string(&verdict.or_fail()?)?);
    Ok(())
}

impl Rounds {
    fn effort(&self) -> Effort {
        Effort { rounds: self.rounds, seed: self.seed, crowd: Crowd::default() }
    }
}
