use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::Value;

/// How long a program may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program that listens until it is dropped, on what an SDK offers for it.
pub(super) struct Service {
    pub(super) name: &'static str,
    address: String,
    process: Child,
}

impl Service {
    /// Starts a program with these terms, which have the address it shall listen on as `listen`.
    pub(super) fn start(name: &'static str, mut command: Command, terms: &Value) -> anyhow::Result<Self> {
        let address = terms["listen"].as_str().context("the terms say not where to listen")?.to_owned();
        let process = command
            .arg(terms.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start the program on {name}"))?;
        Ok(Self { name, address, process })
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Waits until this path is answered with this status.
    pub(super) fn wait_until(&mut self, path: &str, status: u16) -> anyhow::Result<()> {
        let started = Instant::now();
        loop {
            let answer = ureq::get(self.url(path)).call();
            match &answer {
                Ok(response) if response.status() == status => return Ok(()),
                Err(ureq::Error::StatusCode(code)) if *code == status => return Ok(()),
                _ if started.elapsed() > PATIENCE => bail!("the program on {} answers {answer:?}", self.name),
                _ => {}
            }
            if let Some(status) = self.process.try_wait()? {
                bail!("the program on {} ended at once ({status})", self.name);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Both fail only when it is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
