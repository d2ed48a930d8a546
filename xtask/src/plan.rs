//! The test command: a list of steps, cheapest first, that stops at the first failure.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::Args;

use crate::commands::{Run as _, cargo, is_installed};
use crate::farthing::FEATURES;
use crate::{contracts, deny, fuzz, interop, readme, sim, tools};

/// Which steps to run.
#[derive(Args)]
pub(crate) struct Selection {
    /// Run only this step; may be repeated.
    #[arg(long, value_name = "STEP")]
    only: Vec<String>,
    /// Leave this step out; may be repeated.
    #[arg(long, value_name = "STEP")]
    skip: Vec<String>,
    /// Name the steps and run none.
    #[arg(long)]
    list: bool,
}

struct Step {
    name: &'static str,
    about: &'static str,
    run: fn() -> anyhow::Result<()>,
}

/// Every step, in order. All of them share one target folder and one set of features, so that nothing is built twice.
const STEPS: &[Step] = &[
    Step { name: "format", about: "the code is formatted", run: format },
    Step { name: "tidy", about: "the habits no compiler checks", run: tidy },
    Step {
        name: "contracts",
        about: "the compiled contracts are what their sources compile to",
        run: contracts::check,
    },
    Step { name: "deny", about: "licences, bans and sources of dependencies", run: deny::run },
    Step { name: "clippy", about: "no warning anywhere", run: clippy },
    Step { name: "tests", about: "unit, property, vector, crash and whole-binary tests", run: tests },
    Step {
        name: "sim",
        about: "hundreds of seeds of a world that crashes, parts and loses, every step checked",
        run: sim::in_tests,
    },
    Step { name: "docs", about: "the examples in the documentation, and its links", run: docs },
    Step { name: "readme", about: "the commands the README shows exist", run: readme::run },
    Step {
        name: "interop",
        about: "the official SDKs of MPP and x402 pay us and we pay them, on chains",
        run: interop::run_all,
    },
    Step { name: "fuzz", about: "each parser, briefly", run: fuzz::smoke },
];

/// Runs the selected steps and prints what each took.
pub(crate) fn run(selection: &Selection) -> anyhow::Result<()> {
    for name in selection.only.iter().chain(&selection.skip) {
        if !STEPS.iter().any(|step| step.name == name) {
            bail!("there is no step {name:?}; `cargo xtask test --list` names them");
        }
    }
    if selection.list {
        STEPS.iter().for_each(|step| println!("{:<9} {}", step.name, step.about));
        return Ok(());
    }
    let mut times = Vec::new();
    for step in STEPS.iter().filter(|step| selection.includes(step)) {
        println!("\n== {}: {}", step.name, step.about);
        let started = Instant::now();
        (step.run)().with_context(|| {
            format!(
                "step {0} failed after {1}; run it alone with `cargo xtask test --only {0}`",
                step.name,
                seconds(started.elapsed())
            )
        })?;
        times.push((step.name, started.elapsed()));
    }
    println!("\n== all steps passed");
    for (name, time) in &times {
        println!("{name:<9} {:>9}", seconds(*time));
    }
    println!("{:<9} {:>9}", "in all", seconds(times.iter().map(|(_, time)| *time).sum()));
    Ok(())
}

/// The habits, as a test of this very package.
pub(crate) fn tidy() -> anyhow::Result<()> {
    cargo(["test", "--quiet", "--package", "xtask"]).env("RUST_BACKTRACE", "0").run()
}

impl Selection {
    fn includes(&self, step: &Step) -> bool {
        let named = |list: &[String]| list.iter().any(|name| name == step.name);
        (self.only.is_empty() || named(&self.only)) && !named(&self.skip)
    }
}

fn format() -> anyhow::Result<()> {
    cargo(["fmt", "--all", "--check"]).run()
}

fn clippy() -> anyhow::Result<()> {
    cargo(["clippy", "--workspace", "--all-targets"]).args(FEATURES).args(["--", "--deny", "warnings"]).run()
}

/// Runs the tests with nextest where it is installed, since it runs several at a time, and with `cargo test` elsewhere.
fn tests() -> anyhow::Result<()> {
    tools::postgres()?;
    let everything = ["--workspace", "--lib", "--bins", "--tests"];
    if is_installed("cargo-nextest") {
        cargo(["nextest", "run"]).args(everything).args(FEATURES).run()
    } else {
        cargo(["test"]).args(everything).args(FEATURES).run()
    }
}

fn docs() -> anyhow::Result<()> {
    cargo(["test", "--doc", "--workspace"]).args(FEATURES).run()?;
    cargo(["doc", "--no-deps", "--workspace", "--document-private-items"])
        .args(FEATURES)
        .env("RUSTDOCFLAGS", "--deny warnings")
        .run()
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn included(only: &[&str], skip: &[&str]) -> Vec<&'static str> {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let selection = Selection { only: owned(only), skip: owned(skip), list: false };
        STEPS.iter().filter(|step| selection.includes(step)).map(|step| step.name).collect()
    }

    #[test]
    fn a_selection_keeps_the_order_of_the_steps() {
        assert_eq!(included(&["interop", "format"], &[]), ["format", "interop"]);
        assert_eq!(included(&[], &[]).len(), STEPS.len());
        assert!(!included(&[], &["fuzz"]).contains(&"fuzz"));
    }

    #[test]
    fn an_unknown_step_is_refused() {
        let selection = Selection { only: vec!["tests?".to_owned()], skip: Vec::new(), list: true };
        assert!(run(&selection).unwrap_err().to_string().contains("no step"));
    }
}
