//! The programs of an installed PostgreSQL, run as a user that they agree to be run by.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use crate::{Trouble, piped, text};

/// Where Debian puts them, in a folder for each version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// The user whose server it is where the tests are run by root, whom PostgreSQL refuses.
const USER: &str = "postgres";

/// Ends the server and removes the folder when its input ends: when the pipe from the tests is closed.
const WATCH: &str = "trap '' INT TERM; cat > /dev/null; \"$0\" -D \"$1\" -m immediate -s stop; rm -rf \"$2\"";

#[derive(Clone, Debug)]
pub(crate) struct Programs {
    folder: PathBuf,
    as_root: bool,
}

impl Programs {
    /// The newest that are installed.
    pub(crate) fn find() -> Result<Self, Trouble> {
        let versions = fs::read_dir(DEBIAN).into_iter().flatten().filter_map(Result::ok);
        let folders = versions.map(|version| version.path().join("bin"));
        let found = folders.filter(|folder| folder.join("initdb").exists()).max_by_key(|folder| version(folder));
        let folder = found.ok_or(Trouble::NotInstalled)?;
        Ok(Self { folder, as_root: rustix::process::geteuid().is_root() })
    }

    /// Gives a folder to the server.
    pub(crate) fn own(&self, folder: &Path) -> Result<(), Trouble> {
        if self.as_root {
            said("chown", Command::new("chown").arg(USER).arg(folder))?;
        }
        Ok(())
    }

    /// Runs one to its end, and gives what it printed.
    pub(crate) fn run(&self, program: &'static str, arguments: &[&str]) -> Result<String, Trouble> {
        said(program, self.command(program).args(arguments))
    }

    /// Starts what watches over a server for as long as this process lives.
    pub(crate) fn watch(&self, folder: &Path, data: &Path) -> Result<Child, Trouble> {
        let mut shell = self.as_user("sh");
        shell.arg("-c").arg(WATCH).arg(self.folder.join("pg_ctl")).arg(data).arg(folder);
        Ok(piped(&mut shell).spawn()?)
    }

    fn command(&self, program: &str) -> Command {
        self.as_user(&text(&self.folder.join(program)))
    }

    fn as_user(&self, program: &str) -> Command {
        if !self.as_root {
            return Command::new(program);
        }
        let mut command = Command::new("setpriv");
        command.args([&format!("--reuid={USER}"), &format!("--regid={USER}"), "--clear-groups", program]);
        // A server has no business in the folder of whoever runs the tests.
        command.current_dir("/");
        command
    }
}

fn version(folder: &Path) -> Option<u32> {
    folder.parent()?.file_name()?.to_str()?.parse().ok()
}

/// Servers are left running by what starts them, with its outputs, so those go into a file.
fn said(program: &'static str, command: &mut Command) -> Result<String, Trouble> {
    let (out, complaints) = (tempfile::tempfile()?, tempfile::tempfile()?);
    let status = command.stdout(out.try_clone()?).stderr(complaints.try_clone()?).status()?;
    let (out, complaints) = (read(out)?, read(complaints)?);
    if status.success() {
        return Ok(out.trim().to_owned());
    }
    Err(Trouble::Failed { program, said: format!("{out}{complaints}") })
}

fn read(mut file: fs::File) -> Result<String, Trouble> {
    use std::io::{Read as _, Seek as _};
    let mut text = String::new();
    file.rewind()?;
    file.read_to_string(&mut text)?;
    Ok(text)
}
