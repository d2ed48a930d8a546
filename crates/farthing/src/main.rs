//! `farthing`: one binary with which a seller prices an API, a buyer gives an agent a wallet with
//! limits, and finance gets books that balance.
//!
//! This crate parses arguments, wires the other crates together and talks to the terminal. What
//! another program could want lives below it.

mod chains;
mod clock;
mod commands;
mod conformance;
mod environment;
mod failure;
mod logging;
mod rails;
mod stop;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

use crate::commands::Command;

/// Requests are many small pieces of text, and a good part of the work is finding room for them.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Payments made by software, for software.
#[derive(Parser)]
#[command(name = "farthing", version, about, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.command.run() {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}
