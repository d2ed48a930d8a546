//! The program under test.

use std::path::PathBuf;

use crate::commands::{Run as _, cargo};
use crate::workspace;

/// Features of every debug build: an environment variable may then name the step of a payment at which to die. The
/// feature does nothing until that variable is set, so one build serves every test. Neither do the planted bugs, which
/// a test of the simulation has to choose.
pub(crate) const FEATURES: [&str; 4] = ["--features", "farthing/failpoints", "--features", "farthing-sim/planted-bugs"];

/// The debug build, made of the same pieces as the tests so that neither is built twice.
pub(crate) fn debug_binary() -> anyhow::Result<PathBuf> {
    cargo(["build", "--quiet", "--workspace", "--bin", "farthing"]).args(FEATURES).run()?;
    Ok(workspace::target()?.join("debug/farthing"))
}

/// The simulation, made of the same pieces.
pub(crate) fn debug_simulation() -> anyhow::Result<PathBuf> {
    cargo(["build", "--quiet", "--workspace", "--bin", "farthing-sim"]).args(FEATURES).run()?;
    Ok(workspace::target()?.join("debug/farthing-sim"))
}

/// The simulation, made to run as fast as it can.
pub(crate) fn fast_simulation() -> anyhow::Result<PathBuf> {
    cargo(["build", "--quiet", "--profile", "sim", "--package", "farthing-sim"]).run()?;
    Ok(workspace::target()?.join("sim/farthing-sim"))
}

/// The release build, as a user would run it.
pub(crate) fn release_binary() -> anyhow::Result<PathBuf> {
    cargo(["build", "--quiet", "--release", "--package", "farthing", "--bin", "farthing"]).run()?;
    Ok(workspace::target()?.join("release/farthing"))
}
