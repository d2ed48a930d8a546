//! The node's process, on a leash.
//!
//! The node must not outlive this process, however it ends. A shell stands between the two: it holds
//! the reading end of a pipe whose writing end only this process has. When the pipe closes, because
//! the [`Process`] was dropped or because the kernel closed the files of a killed program, the shell
//! kills the node. The node is thrown away, so it is not asked to finish, and what it left on disk is
//! removed.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::error::DevnetError;

/// Runs its arguments until they end or standard input does. A long chain keeps old states on disk.
const LEASH: &str = r#"
exec 3<&0
states=$(mktemp -d)
"$@" --cache-path="$states" </dev/null 2>&1 3<&- &
node=$!
(read -r _ <&3; kill -9 "$node") >/dev/null 2>&1 &
watch=$!
exec 3<&-
wait "$node"
kill -9 "$watch" 2>/dev/null
rm -rf "$states"
"#;

/// What anvil writes before its address.
const LISTENING: &str = "Listening on ";
/// How many lines of a node that did not start are repeated.
const LAST_WORDS: usize = 3;

/// A running node. It dies when this is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    leash: Option<ChildStdin>,
    reader: Option<JoinHandle<()>>,
    address: String,
}

impl Process {
    /// Starts the node and waits until it listens.
    pub(crate) async fn start(binary: &Path, arguments: &[String]) -> Result<Self, DevnetError> {
        let mut child = Command::new("sh")
            .args(["-c", LEASH, "leash"])
            .arg(binary)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // A group of its own: Ctrl-C on a terminal reaches this program, which then decides.
            .process_group(0)
            .spawn()
            .map_err(DevnetError::Spawn)?;
        let leash = child.stdin.take();
        let output = child.stdout.take();
        let (found, address) = oneshot::channel();
        // A thread and not a task: a chain may be shared by tests that each have a runtime of their own.
        let reader = std::thread::spawn(move || read(child, output, found));
        let mut process = Self { leash, reader: Some(reader), address: String::new() };
        match address.await {
            Ok(Ok(address)) => process.address = address,
            Ok(Err(said)) => return Err(DevnetError::Stopped { said }),
            Err(_) => return Err(DevnetError::Stopped { said: "nothing".to_owned() }),
        }
        Ok(process)
    }

    /// Where the node listens: address and port.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.leash.take());
        // A moment: the shell kills without asking.
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

/// Reads the node's output to its end, so that it never waits for a reader, and then buries the shell.
fn read(mut child: Child, output: Option<ChildStdout>, found: oneshot::Sender<Result<String, String>>) {
    if let Some(output) = output {
        let mut output = BufReader::new(output);
        let _ = found.send(address(&mut output));
        let _ = std::io::copy(&mut output.by_ref(), &mut std::io::sink());
    }
    let _ = child.wait();
}

/// The address, or the last words of a node that has none.
fn address(output: &mut impl BufRead) -> Result<String, String> {
    let mut words = Vec::new();
    for line in output.lines().map_while(Result::ok) {
        if let Some(address) = line.strip_prefix(LISTENING) {
            return Ok(address.trim().to_owned());
        }
        words.push(line);
    }
    words.retain(|line| !line.trim().is_empty());
    Err(words.split_off(words.len().saturating_sub(LAST_WORDS)).join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_read_from_what_anvil_says() {
        let mut said = "banner\n\nListening on 127.0.0.1:8545\n".as_bytes();
        assert_eq!(address(&mut said), Ok("127.0.0.1:8545".to_owned()));
    }

    #[tokio::test]
    async fn a_node_that_stops_is_quoted() {
        let arguments = ["-c", "echo banner; echo 'address in use' >&2"].map(str::to_owned);
        let error = Process::start(Path::new("sh"), &arguments).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "anvil stopped before it listened (is its port free?); it said: banner address in use"
        );
    }

    #[tokio::test]
    async fn what_a_node_kept_on_disk_goes_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let told = folder.path().join("told");
        let script = format!("echo \"$0\" > {}; echo 'Listening on here'; exec sleep 60", told.display());
        let process = Process::start(Path::new("sh"), &["-c".to_owned(), script]).await.unwrap();
        let told = std::fs::read_to_string(told).unwrap();
        let states = Path::new(told.trim().strip_prefix("--cache-path=").unwrap());
        assert!(states.is_dir());
        drop(process);
        assert!(!states.exists());
    }
}
