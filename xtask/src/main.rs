//! The project's chores, run as `cargo xtask ...`.
//!
//! [`plan`] is the list of steps behind the README's one test command; every other module is one chore, and each
//! chore can be run alone. Nothing is installed without saying so first, and only [`tools`] installs anything.

mod bench;
mod capacity;
mod commands;
mod contracts;
mod deny;
mod farthing;
mod fuzz;
mod gateway;
mod interop;
mod nightly;
mod ordeal;
mod plan;
mod readme;
mod sim;
mod soak_report;
mod tools;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The project's chores.
#[derive(Parser)]
#[command(bin_name = "cargo xtask", version)]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Run every check and test, in order, and stop at the first that fails.
    ///
    /// Example: `cargo xtask test --skip interop --skip fuzz`
    Test(plan::Selection),
    /// Install what the interop tests and the benchmarks need.
    Setup,
    /// Check the habits that no compiler checks: floors, file sizes, leftovers.
    Tidy,
    /// Check licences, bans and sources of every dependency.
    Deny,
    /// Check that every command the README shows exists.
    Readme,
    /// Let the official SDKs read and pay the challenges of a running gateway, and everybody pay everybody on a chain.
    ///
    /// Example: `cargo xtask interop --only x402`
    Interop(interop::Selection),
    /// Measure the figures of bench/README.md and write it.
    Bench(bench::Effort),
    /// Compute what follows from the measured figures for a million payments a second, and write it into docs/capacity.md.
    Capacity,
    /// Compile the Solidity of `contracts/` with npm's solc and write the JSON beside it.
    Contracts(contracts::Effort),
    /// Run what takes too long for every change: a thousand rounds of wallets, and of gateways, that are killed.
    ///
    /// Example: `cargo xtask nightly --only gateways`
    Nightly(nightly::Effort),
    /// Kill a gateway at its work, again and again, and compare what buyers, upstream, rail and books saw.
    ///
    /// Example: `cargo xtask crash --rounds 300`, or `cargo xtask crash --store postgres`
    Crash(ordeal::Crashes),
    /// Cut the power of the books' disk under load, on file systems of its own; root only.
    ///
    /// Example: `cargo xtask power-cuts --rounds 100`
    PowerCuts(ordeal::Cuts),
    /// Take the books' disk away under load: full, read-only, refusing every write; the first two as root only.
    ///
    /// Example: `cargo xtask disk-faults --rounds 30`
    DiskFaults(ordeal::Faults),
    /// Take the books' PostgreSQL server away under load: ended, killed, replaced by its standby, full (as root only).
    ///
    /// Example: `cargo xtask server-faults --rounds 30`
    ServerFaults(ordeal::Faults),
    /// Keep one gateway busy for long, and see that its memory, files and threads do not grow.
    ///
    /// Example: `cargo xtask soak --minutes 60`
    Soak(ordeal::Soak),
    /// Fuzz every parser for a while.
    Fuzz(fuzz::Effort),
    /// Simulate gateways, wallets, rails, stores and the network under seeds, and check every step.
    ///
    /// Example: `cargo xtask sim --seeds 1000000`, or `cargo xtask sim --seed 17 --trace` to see one run again
    Sim(sim::Effort),
}

fn main() -> ExitCode {
    match run(Arguments::parse().chore) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nfailed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(chore: Chore) -> anyhow::Result<()> {
    match chore {
        Chore::Test(selection) => plan::run(&selection),
        Chore::Setup => tools::install_everything(),
        Chore::Tidy => plan::tidy(),
        Chore::Deny => deny::run(),
        Chore::Interop(selection) => interop::run(&selection),
        Chore::Readme => readme::run(),
        Chore::Bench(effort) => bench::run(&effort),
        Chore::Capacity => capacity::run(),
        Chore::Contracts(effort) => contracts::run(&effort),
        Chore::Nightly(effort) => nightly::run(&effort),
        Chore::Crash(effort) => ordeal::crash(&effort),
        Chore::PowerCuts(effort) => ordeal::power_cuts(&effort),
        Chore::DiskFaults(effort) => ordeal::disk_faults(&effort),
        Chore::ServerFaults(effort) => ordeal::server_faults(&effort),
        Chore::Soak(effort) => ordeal::soak(&effort),
        Chore::Fuzz(effort) => fuzz::run(&effort),
        Chore::Sim(effort) => sim::run(&effort),
    }
}
