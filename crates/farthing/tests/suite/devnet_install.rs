//! Fetching anvil: once, whole, and with a remedy when it cannot be had. npm is played by a script here.

use crate::support;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use support::FARTHING;
use tempfile::TempDir;

/// Writes a program that calls itself anvil of a version and starts nothing, slowly, where npm would.
const NPM: &str = r#"#!/bin/sh
echo "$@" >> "$COUNT"
while [ "$1" != --prefix ]; do shift; done
package=${3%@*}
mkdir -p "$2/node_modules/$package/bin"
sleep 0.3
printf '#!/bin/sh\ncase "$1" in --version) echo "anvil Version: %s";; *) echo "this is no node";; esac\n' "$VERSION" \
    > "$2/node_modules/$package/bin/anvil"
chmod +x "$2/node_modules/$package/bin/anvil"
"#;

struct Machine {
    folder: TempDir,
}

impl Machine {
    fn with_npm(script: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let programs = folder.path().join("bin");
        fs::create_dir(&programs).unwrap();
        if let Some(script) = script {
            fs::write(programs.join("npm"), script).unwrap();
            fs::set_permissions(programs.join("npm"), Permissions::from_mode(0o755)).unwrap();
        }
        for program in ["sh", "mkdir", "mktemp", "rm", "sleep", "chmod", "printf"] {
            let place = ["/usr/bin", "/bin"].map(|folder| Path::new(folder).join(program));
            let place = place.iter().find(|place| place.is_file()).unwrap();
            std::os::unix::fs::symlink(place, programs.join(program)).unwrap();
        }
        Self { folder }
    }

    fn devnet(&self, version: &str) -> Command {
        let mut command = Command::new(FARTHING);
        let path = |name: &str| self.folder.path().join(name);
        command.args(["devnet", "--port", "0", "--json"]).env_clear();
        command.env("PATH", path("bin")).env("XDG_CACHE_HOME", path("cache")).env("COUNT", path("count"));
        command.env("VERSION", version).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn fetches(&self) -> usize {
        fs::read_to_string(self.folder.path().join("count")).unwrap_or_default().lines().count()
    }
}

fn complaint(output: &Output) -> String {
    assert!(!output.status.success());
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn two_processes_fetch_once_and_say_so() {
    let machine = Machine::with_npm(Some(NPM));
    let both = [machine.devnet("1.7.1").spawn().unwrap(), machine.devnet("1.7.1").spawn().unwrap()];
    let said = both.map(|process| complaint(&process.wait_with_output().unwrap()));
    assert_eq!(machine.fetches(), 1);
    let tells = said.iter().filter(|said| said.contains("fetching anvil 1.7.1 from npm into")).count();
    assert_eq!(tells, 1, "{said:?}");
    for said in said {
        assert!(
            said.contains("anvil stopped before it listened (is its port free?); it said: this is no node"),
            "{said}"
        );
    }
}

#[test]
fn another_version_is_not_kept() {
    let machine = Machine::with_npm(Some(NPM));
    let said = complaint(&machine.devnet("1.8.0").output().unwrap());
    assert!(said.contains("is not anvil 1.7.1; it says: anvil Version: 1.8.0"), "{said}");
    complaint(&machine.devnet("1.7.1").output().unwrap());
    assert_eq!(machine.fetches(), 2, "what was fetched first was not taken for whole");
}

#[test]
fn without_npm_or_network_the_remedy_is_said() {
    let said = complaint(&Machine::with_npm(None).devnet("").output().unwrap());
    assert!(said.contains("install Node.js, or name an anvil in FARTHING_ANVIL"), "{said}");
    let broken = Machine::with_npm(Some("#!/bin/sh\necho 'npm error network unreachable' >&2\nexit 1\n"));
    let said = complaint(&broken.devnet("").output().unwrap());
    assert!(said.contains("(is there a network?); it said: npm error network unreachable"), "{said}");
}
