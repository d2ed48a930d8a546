//! Running other programs, with their output shown and their failure named.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::workspace;

/// A `cargo` command in the workspace's root.
pub(crate) fn cargo<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    program("cargo", arguments)
}

/// A command in the workspace's root.
pub(crate) fn program<S: AsRef<OsStr>>(name: impl AsRef<OsStr>, arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(name);
    command.args(arguments).current_dir(workspace::root());
    command
}

/// Whether a program can be found.
pub(crate) fn is_installed(name: &str) -> bool {
    let found_on = |folder: &Path| folder.join(name).is_file();
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|folder| found_on(&folder)))
        || found_on(Path::new("/usr/sbin"))
}

/// What the chores do with a [`Command`].
pub(crate) trait Run {
    /// Runs to the end with the output on the terminal; an error when it fails.
    fn run(&mut self) -> anyhow::Result<()>;

    /// Runs to the end and returns what it printed on standard output; an error when it fails.
    fn output_text(&mut self) -> anyhow::Result<String>;
}

impl Run for Command {
    fn run(&mut self) -> anyhow::Result<()> {
        let status = self.status().with_context(|| format!("cannot start {}", shown(self)))?;
        if !status.success() {
            bail!("{} failed ({status})", shown(self));
        }
        Ok(())
    }

    fn output_text(&mut self) -> anyhow::Result<String> {
        let output = self.output().with_context(|| format!("cannot start {}", shown(self)))?;
        if !output.status.success() {
            let complaint = String::from_utf8_lossy(&output.stderr);
            bail!("{} failed ({}): {}", shown(self), output.status, complaint.trim());
        }
        Ok(String::from_utf8(output.stdout)?)
    }
}

/// The command as a person would type it.
fn shown(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}
