//! The simulation: seeds of gateways, wallets, rails, stores and the network, every step checked.

use std::process::Command;

use clap::Args;

use crate::commands::Run as _;
use crate::farthing;

/// So many in the test command: what two busy cores run in a minute, and every one of them known to be well.
const IN_TESTS: u64 = 600;
/// From so many on a build that is several times as fast is worth waiting for.
const MANY: u64 = 20_000;

/// Which seeds.
#[derive(Args)]
pub(crate) struct Effort {
    /// How many seeds; a million before a release.
    #[arg(long, default_value_t = IN_TESTS)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0, value_name = "SEED")]
    from: u64,
    /// This seed alone.
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
    /// Print everything that happened, a line for each step.
    #[arg(long, requires = "seed")]
    trace: bool,
    /// Print the sums as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs these seeds.
pub(crate) fn run(effort: &Effort) -> anyhow::Result<()> {
    let mut given = match effort.seed {
        Some(seed) => vec!["--seed".to_owned(), seed.to_string()],
        None => vec!["--seeds".to_owned(), effort.seeds.to_string(), "--from".to_owned(), effort.from.to_string()],
    };
    given.extend(
        [(effort.trace, "--trace"), (effort.json, "--json")].iter().filter(|it| it.0).map(|it| it.1.to_owned()),
    );
    let fast = effort.seed.is_none() && effort.seeds >= MANY;
    let simulation = if fast { farthing::fast_simulation()? } else { farthing::debug_simulation()? };
    Command::new(simulation).args(given).run()
}

/// Runs those of the test command.
pub(crate) fn in_tests() -> anyhow::Result<()> {
    run(&Effort { seeds: IN_TESTS, from: 0, seed: None, trace: false, json: false })
}
