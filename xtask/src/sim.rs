//! The simulation: seeds of gateways, wallets, rails, stores and the network, every step checked.

use std::process::Command;

use clap::Args;

use crate::commands::Run as _;
use crate::farthing;

/// So many in the test command: eight minutes of a processor.
const IN_TESTS: u64 = 2_000;
/// From so many on a build that is five times as fast is worth waiting for.
const MANY: u64 = 4_000;

/// Which seeds.
#[derive(Args, Default)]
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
    /// Leave out of this seed whatever its failure does not need, and print the smallest run that still fails.
    #[arg(long, requires = "seed", conflicts_with_all = ["luck", "without"])]
    shrink: bool,
    /// Let the dice fall in another way; what --shrink prints.
    #[arg(long, requires = "seed", value_name = "NUMBER")]
    luck: Option<u64>,
    /// Leave this out of the scenario; what --shrink prints.
    #[arg(long, requires = "seed", value_name = "PARTS")]
    without: Option<String>,
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
    let flags = [(effort.trace, "--trace"), (effort.json, "--json"), (effort.shrink, "--shrink")];
    given.extend(flags.iter().filter(|flag| flag.0).map(|flag| flag.1.to_owned()));
    given.extend(effort.luck.iter().flat_map(|luck| ["--luck".to_owned(), luck.to_string()]));
    given.extend(effort.without.iter().flat_map(|parts| ["--without".to_owned(), parts.clone()]));
    let fast = effort.seed.is_none() && effort.seeds >= MANY;
    let simulation = if fast { farthing::fast_simulation()? } else { farthing::debug_simulation()? };
    Command::new(simulation).args(given).run()
}

/// Runs those of the test command.
pub(crate) fn in_tests() -> anyhow::Result<()> {
    run(&Effort { seeds: IN_TESTS, ..Effort::default() })
}
