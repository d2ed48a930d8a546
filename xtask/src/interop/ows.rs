//! The reference library of the Open Wallet Standard and ours over the same vaults.

use anyhow::Context as _;

use super::matrix;
use crate::commands::{Run as _, cargo, program};
use crate::workspace;

/// Where the README shows what came of it.
const BEGIN: &str = "<!-- cargo xtask interop --only ows prints this -->\n";

/// Lets both read, sign and judge; what came out otherwise than it should.
pub(super) fn run() -> anyhow::Result<Vec<String>> {
    let folder = workspace::target()?.join("interop");
    cargo(["build", "--quiet", "--locked", "--manifest-path", "interop/ows/Cargo.toml", "--target-dir"])
        .arg(&folder)
        .run()?;
    let output =
        program(folder.join("debug/farthing-interop-ows"), [""; 0]).output().context("cannot start the oracle")?;
    let (tables, complaints) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
    println!("{tables}");
    let mut failures: Vec<String> = complaints.lines().map(|line| format!("ows: {line}")).collect();
    if !output.status.success() && failures.is_empty() {
        failures.push(format!("ows: the oracle ended with {}", output.status));
    }
    if failures.is_empty()
        && let Err(error) = matrix::readme_shows(BEGIN, &tables)
    {
        failures.push(format!("ows: {error}"));
    }
    Ok(failures)
}
