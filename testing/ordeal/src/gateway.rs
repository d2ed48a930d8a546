//! A gateway process, started as its operator would start it.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// How long it may take to be there, and to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running gateway; killed when dropped.
pub struct Gateway {
    /// Where it sells.
    pub listen: String,
    /// Where its operator connects.
    pub admin: String,
    child: Child,
    process: Pid,
}

impl Gateway {
    /// Starts the binary with this configuration; what it says is added to the log. A file that must not grow is an
    /// error for it and not a signal that ends it, so that a trial can take its disk away.
    pub async fn start(binary: &Path, settings: &Path, log: &Path) -> anyhow::Result<Self> {
        let said = std::fs::OpenOptions::new().create(true).append(true).open(log)?;
        let mut child = Command::new("sh")
            .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
            .arg(binary)
            .args(["gateway", "--json", "--config"])
            .arg(settings)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(said)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let stdout = child.stdout.take().context("a process without output")?;
        let mut line = String::new();
        let read = tokio::time::timeout(PATIENCE, BufReader::new(stdout).read_line(&mut line)).await;
        read.context("the gateway says nothing")??;
        let ready: serde_json::Value = serde_json::from_str(&line).with_context(|| {
            let said = std::fs::read_to_string(log).unwrap_or_default();
            format!("the gateway did not start: {}", said.lines().last().unwrap_or("it said nothing"))
        })?;
        let place = |name: &str| {
            let place = ready[name].as_str().with_context(|| format!("the gateway names no {name}"))?;
            anyhow::Ok(format!("http://{place}"))
        };
        let process = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let process = process.context("the gateway has ended")?;
        Ok(Self { listen: place("listen")?, admin: place("admin")?, child, process })
    }

    /// The process, for whoever measures it.
    pub fn process_id(&self) -> i32 {
        self.process.as_raw_nonzero().get()
    }

    /// `kill -9`, at once.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("cannot kill the gateway")
    }

    /// Asks it to stop, and waits until it has.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        kill_process(self.process, Signal::TERM)?;
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await.context("the gateway does not stop")??;
        if !ended.success() {
            bail!("the gateway did not stop well: {ended}");
        }
        Ok(())
    }

    /// Stops it: no call to the system returns to it any more, whatever is under way.
    pub fn freeze(&self) -> anyhow::Result<()> {
        Ok(kill_process(self.process, Signal::STOP)?)
    }

    /// Stops it between two of its calls to the system, and waits until it stands still.
    pub async fn pause(&self) -> anyhow::Result<()> {
        self.freeze()?;
        let tasks = format!("/proc/{}/task", self.process_id());
        while !is_still(&tasks)? {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    /// Lets it go on.
    pub fn go_on(&self) -> anyhow::Result<()> {
        Ok(kill_process(self.process, Signal::CONT)?)
    }

    /// Lets its files grow to so many bytes; `None` as far as they like. A write beyond that fails.
    pub fn let_files_grow_to(&self, bytes: Option<u64>) -> anyhow::Result<()> {
        let maximum = prlimit(Some(self.process), Resource::Fsize, Rlimit { current: bytes, maximum: None });
        maximum.context("the limit of the gateway's files cannot be set")?;
        Ok(())
    }
}

/// Whether every thread has stopped.
fn is_still(tasks: &str) -> anyhow::Result<bool> {
    for task in std::fs::read_dir(tasks)? {
        let state = std::fs::read_to_string(task?.path().join("stat"))?;
        // The name of a thread stands in parentheses, and may hold anything.
        if state.rsplit(") ").next().is_none_or(|rest| !rest.starts_with('T')) {
            return Ok(false);
        }
    }
    Ok(true)
}
