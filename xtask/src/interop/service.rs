use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::gateway::free_address;

/// How long a program may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program that listens until it is dropped, on what an SDK offers for it.
pub(super) struct Service {
    pub(super) name: &'static str,
    address: String,
    process: Child,
}

impl Service {
    /// Starts a program that listens at this address.
    pub(super) fn start(name: &'static str, mut command: Command, address: String) -> anyhow::Result<Self> {
        let process = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start the program on {name}"))?;
        Ok(Self { name, address, process })
    }

    /// The same, told of the address and the rest by this one argument.
    pub(super) fn told(name: &'static str, mut command: Command, mut terms: Value) -> anyhow::Result<Self> {
        let address = free_address()?;
        terms["listen"] = Value::from(address.as_str());
        command.arg(terms.to_string());
        Self::start(name, command, address)
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
