//! The programs on other SDKs, installed and built.

use std::path::PathBuf;
use std::process::Command;

use crate::commands::{Run as _, cargo, program};
use crate::{tools, workspace};

/// A program of `interop/x402-ts`.
pub(super) fn typescript(file: &str) -> anyhow::Result<Command> {
    Ok(program("node", [tools::npm("x402-ts", "@x402/core")?.join(file)]))
}

/// A program of `interop/mppx`.
pub(super) fn mppx(file: &str) -> anyhow::Result<Command> {
    Ok(program("node", [tools::mppx()?.join(file)]))
}

/// The buyer on PyPI's x402.
pub(super) fn python() -> anyhow::Result<Command> {
    Ok(program(tools::python("x402-py")?, ["interop/x402-py/buyer.py"]))
}

/// What x402-rs does under this name.
pub(super) fn rust(role: &str) -> anyhow::Result<Command> {
    Ok(program(build_x402_rs()?, [role]))
}

/// Builds the program on x402-rs.
fn build_x402_rs() -> anyhow::Result<PathBuf> {
    let folder = workspace::target()?.join("interop");
    cargo(["build", "--quiet", "--locked", "--manifest-path", "interop/x402-rs/Cargo.toml", "--target-dir"])
        .arg(&folder)
        .run()?;
    Ok(folder.join("debug/farthing-interop-x402-rs"))
}
