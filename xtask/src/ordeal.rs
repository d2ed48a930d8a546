//! Trials of the real binary: killed, without power, without a disk, and for an hour.

use clap::Args;

use crate::commands::{Run as _, cargo, program};
use crate::{farthing, workspace};

/// How often the gateway is killed.
#[derive(Args)]
pub(crate) struct Crashes {
    /// How many gateways are killed at their work.
    #[arg(long, default_value_t = 300)]
    rounds: u32,
    /// From which the moments and the rail's answers are drawn.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// `kill -9` under load, and the comparison of what everybody saw.
pub(crate) fn crash(effort: &Crashes) -> anyhow::Result<()> {
    trial(&["kills", "--rounds", &effort.rounds.to_string(), "--seed", &effort.seed.to_string()])
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

/// How often the disk fails.
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

/// Runs one trial of the debug build.
fn trial(arguments: &[&str]) -> anyhow::Result<()> {
    let binary = farthing::debug_binary()?;
    cargo(["build", "--quiet", "--package", "farthing-testing-ordeal"]).run()?;
    let ordeal = workspace::target()?.join("debug/ordeal");
    program(ordeal, ["--binary".as_ref(), binary.as_os_str()]).args(arguments).run()
}
