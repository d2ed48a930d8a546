//! Encrypted card tokens: jose opens ours, and ours opens jose's.

use anyhow::Context as _;

use super::matrix;
use crate::commands::{Run as _, cargo, program};
use crate::{tools, workspace};

/// Where the README shows what came of it.
const BEGIN: &str = "<!-- cargo xtask interop --only card prints this -->\n";

/// Lets both make and open; what came out otherwise than it should.
pub(super) fn run() -> anyhow::Result<Vec<String>> {
    cargo(["build", "--quiet", "--package", "farthing-rail-card", "--example", "tokens"]).run()?;
    let ours = workspace::target()?.join("debug/examples/tokens");
    let judge = tools::npm("card", "jose")?.join("judge.js");
    let output = program("node", [judge, ours]).output().context("cannot start node")?;
    let (table, complaints) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
    println!("{table}");
    let mut failures: Vec<String> = complaints.lines().map(|line| format!("card: {line}")).collect();
    if !output.status.success() && failures.is_empty() {
        failures.push(format!("card: the judge ended with {}", output.status));
    }
    if failures.is_empty()
        && let Err(error) = matrix::readme_shows(BEGIN, &table)
    {
        failures.push(format!("card: {error}"));
    }
    Ok(failures)
}
