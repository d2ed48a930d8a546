//! Trials of the real binary: killed, without power, without a disk, without the server of its books, and for an hour.

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::{Args, ValueEnum};

use crate::commands::{Run as _, cargo, program};
use crate::{farthing, soak_report, tools, workspace};

/// Where the books are.
#[derive(Clone, Copy, ValueEnum)]
enum Store {
    /// In a file.
    Sqlite,
    /// On a PostgreSQL server of the trial's own.
    Postgres,
}

/// How often the gateway is killed.
#[derive(Args)]
pub(crate) struct Crashes {
    /// Where its books are.
    #[arg(long, value_enum, default_value = "sqlite")]
    store: Store,
    /// How many gateways are killed at their work.
    #[arg(long, default_value_t = 300)]
    rounds: u32,
    /// From which the moments and the rail's answers are drawn.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// `kill -9` under load, and the comparison of what everybody saw.
pub(crate) fn crash(effort: &Crashes) -> anyhow::Result<()> {
    let store = match effort.store {
        Store::Sqlite => "sqlite",
        Store::Postgres => {
            tools::postgres()?;
            "postgres"
        }
    };
    let (rounds, seed) = (effort.rounds.to_string(), effort.seed.to_string());
    trial(&["kills", "--store", store, "--rounds", &rounds, "--seed", &seed])
}

/// How often the power is cut.
#[derive(Args)]
pub(crate) struct Cuts {
    /// How many times, on each file system that can be had here.
    #[arg(long, default_value_t = 100)]
    rounds: u32,
    /// From which the moments and the rail's answers are drawn.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// How often the disk, or the server, fails.
#[derive(Args)]
pub(crate) struct Faults {
    /// How many times in each way.
    #[arg(long, default_value_t = 30)]
    rounds: u32,
    /// From which the moments and the rail's answers are drawn.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// The power of the books' disk is cut under load, on ext4 and on XFS.
pub(crate) fn power_cuts(effort: &Cuts) -> anyhow::Result<()> {
    for file_system in ["ext4", "xfs"] {
        println!("== {} power cuts on {file_system}", effort.rounds);
        let (rounds, seed) = (effort.rounds.to_string(), effort.seed.to_string());
        trial(&["cuts", "--on", file_system, "--rounds", &rounds, "--seed", &seed])?;
    }
    Ok(())
}

/// The books' disk is full, read-only, or refuses each write, under load.
pub(crate) fn disk_faults(effort: &Faults) -> anyhow::Result<()> {
    for (fault, about) in [("full", "without room"), ("read-only", "read-only"), ("unwritable", "refusing every write")]
    {
        println!("== the disk {about}, {} times", effort.rounds);
        trial(&[fault, "--rounds", &effort.rounds.to_string(), "--seed", &effort.seed.to_string()])?;
    }
    Ok(())
}

/// The PostgreSQL server of the books ends, is killed, gives way to its standby, or has no room, under load.
pub(crate) fn server_faults(effort: &Faults) -> anyhow::Result<()> {
    tools::postgres()?;
    for (blow, about) in
        [("quit", "ends at once"), ("kill", "is killed"), ("failover", "gives way to its standby"), ("full", "is full")]
    {
        println!("== the server {about}, {} times", effort.rounds);
        let (rounds, seed) = (effort.rounds.to_string(), effort.seed.to_string());
        trial(&["server", "--blow", blow, "--rounds", &rounds, "--seed", &seed])?;
    }
    Ok(())
}

/// Every trial but the soak, as often as a night has time for.
pub(crate) fn all() -> anyhow::Result<()> {
    for store in [Store::Sqlite, Store::Postgres] {
        crash(&Crashes { store, rounds: 300, seed: 1 })?;
    }
    power_cuts(&Cuts { rounds: 100, seed: 1 })?;
    disk_faults(&Faults { rounds: 30, seed: 1 })?;
    server_faults(&Faults { rounds: 30, seed: 1 })
}

/// How long it soaks.
#[derive(Args)]
pub(crate) struct Soak {
    /// For how long.
    #[arg(long, default_value_t = 60)]
    minutes: u64,
    /// Milliseconds that each of ten payers rests after a purchase.
    #[arg(long, default_value_t = 20)]
    rest: u64,
    /// The debug build, which is there sooner. Its memory is not what a user's would be; whether it grows is the same.
    #[arg(long)]
    debug: bool,
    /// Soak no more, and write the report of what an earlier `ordeal soak` printed.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
}

/// Mixed load for long; writes bench/soak.md and bench/soak.svg.
pub(crate) fn soak(effort: &Soak) -> anyhow::Result<()> {
    let build = if effort.debug { "debug" } else { "release" };
    if let Some(earlier) = &effort.from {
        return soak_report::write(&serde_json::from_str(&std::fs::read_to_string(earlier)?)?, build);
    }
    let binary = if effort.debug { farthing::debug_binary()? } else { farthing::release_binary()? };
    let (minutes, rest) = (effort.minutes.to_string(), effort.rest.to_string());
    let measured = ordeal(&binary)?.args(["soak", "--minutes", &minutes, "--rest", &rest]).output_text()?;
    soak_report::write(&serde_json::from_str(&measured)?, build)
}

/// Runs one trial of the debug build.
fn trial(arguments: &[&str]) -> anyhow::Result<()> {
    let binary = farthing::debug_binary()?;
    ordeal(&binary)?.args(arguments).run()
}

/// The command that tries this binary.
fn ordeal(binary: &Path) -> anyhow::Result<Command> {
    cargo(["build", "--quiet", "--package", "farthing-testing-ordeal"]).run()?;
    let ordeal = workspace::target()?.join("debug/ordeal");
    Ok(program(ordeal, ["--binary".as_ref(), binary.as_os_str()]))
}
