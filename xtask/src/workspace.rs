//! Where things are.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::Context as _;

use crate::commands::{Run as _, cargo};

/// The workspace's root folder.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// The folder cargo builds into; asked of cargo, since an environment variable or a setting may move it.
pub(crate) fn target() -> anyhow::Result<PathBuf> {
    static TARGET: OnceLock<PathBuf> = OnceLock::new();
    if let Some(known) = TARGET.get() {
        return Ok(known.clone());
    }
    let metadata = cargo(["metadata", "--no-deps", "--format-version", "1"]).output_text()?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
    let folder = metadata["target_directory"].as_str().context("cargo metadata names no target directory")?;
    Ok(TARGET.get_or_init(|| PathBuf::from(folder)).clone())
}

/// Where the chores keep what they install for themselves: under `target`, so that `cargo clean` removes it.
pub(crate) fn tools() -> anyhow::Result<PathBuf> {
    Ok(target()?.join("tools"))
}
