//! What takes too long for every change, and is run once a night: the same tests, many more rounds of them.

use clap::{Args, ValueEnum};

use crate::commands::{Run as _, cargo};
use crate::{ordeal, tools};

/// How much is done.
#[derive(Args)]
pub(crate) struct Effort {
    /// Rounds of ten wallets' processes that race for one cap, over all rails, and of several gateways on one server
    /// that get the same credential at once, of which one dies.
    #[arg(long, default_value_t = 1_000)]
    rounds: u32,
    /// Only this part of it.
    #[arg(long, value_enum)]
    only: Option<Part>,
}

/// A part of the night's work.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Wallets that race for one cap.
    Wallets,
    /// Gateways that share one PostgreSQL.
    Gateways,
    /// Kills, power cuts and failing disks.
    Trials,
}

/// Runs them.
pub(crate) fn run(effort: &Effort) -> anyhow::Result<()> {
    let is_asked_for = |part| effort.only.is_none_or(|only| only == part);
    if is_asked_for(Part::Wallets) {
        println!("== {} rounds of ten processes and one cap", effort.rounds);
        rounds("farthing-wallet", "cap_race", effort.rounds)?;
    }
    if is_asked_for(Part::Gateways) {
        println!("== {} rounds of one credential and several gateways on one PostgreSQL", effort.rounds);
        tools::postgres()?;
        rounds("farthing", "on_postgres", effort.rounds)?;
    }
    if is_asked_for(Part::Trials) {
        println!("== kills, power cuts and failing disks");
        ordeal::all()?;
    }
    Ok(())
}

/// A test of a package, so many rounds of it.
fn rounds(package: &str, test: &str, rounds: u32) -> anyhow::Result<()> {
    let arguments = ["test", "--package", package, "--features", "failpoints", "--test", test, "--", "--nocapture"];
    cargo(arguments).env("FARTHING_ROUNDS", rounds.to_string()).run()
}
