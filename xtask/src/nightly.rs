//! What takes too long for every change, and is run once a night: the same tests, many more rounds of them.

use clap::Args;

use crate::commands::{Run as _, cargo};
use crate::{ordeal, tools};

/// How much is done.
#[derive(Args)]
pub(crate) struct Effort {
    /// Rounds of ten wallets' processes that race for one cap, over all rails, and of several gateways on one server
    /// that get the same credential at once, of which one dies.
    #[arg(long, default_value_t = 1_000)]
    rounds: u32,
}

/// Runs them.
pub(crate) fn run(effort: &Effort) -> anyhow::Result<()> {
    println!("== {} rounds of ten processes and one cap", effort.rounds);
    let race =
        ["test", "--package", "farthing-wallet", "--features", "failpoints", "--test", "cap_race", "--", "--nocapture"];
    cargo(race).env("FARTHING_ROUNDS", effort.rounds.to_string()).run()?;
    println!("== {} rounds of one credential and several gateways on one PostgreSQL", effort.rounds);
    tools::postgres()?;
    let nodes =
        ["test", "--package", "farthing", "--features", "failpoints", "--test", "on_postgres", "--", "--nocapture"];
    cargo(nodes).env("FARTHING_ROUNDS", effort.rounds.to_string()).run()?;
    println!("== kills, power cuts and failing disks");
    ordeal::all()
}
