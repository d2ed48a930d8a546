use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tempfile::TempDir;

use crate::commands::{Run as _, program};

/// How long a gateway may take to be ready, and to stop.
const PATIENCE: Duration = Duration::from_secs(20);

/// A gateway in development mode with books of its own; killed when dropped.
pub(crate) struct Gateway {
    url: String,
    admin: String,
    data: Option<TempDir>,
    process: Child,
}

impl Gateway {
    /// Starts the binary in front of an upstream and waits until it is ready.
    pub(crate) fn start(binary: &Path, upstream: &str, price: &str) -> anyhow::Result<Self> {
        let data = tempfile::tempdir()?;
        let (listen, admin) = (free_address()?, free_address()?);
        let log = std::fs::File::create(data.path().join("log"))?;
        let process = Command::new(binary)
            .args(["gateway", "--upstream", upstream, "--price", price, "--accept", "balance"])
            .args(["--listen", &listen, "--admin", &admin, "--data"])
            .arg(data.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let url = format!("http://{listen}");
        let mut gateway = Self { url, admin: format!("http://{admin}"), data: Some(data), process };
        gateway.wait_until_ready()?;
        Ok(gateway)
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Gives a payer money to spend, as only a gateway in development mode allows.
    pub(crate) fn grant(&self, payer: &str, amount: &str) -> anyhow::Result<()> {
        let grant = serde_json::json!({ "payer": payer, "amount": amount });
        let answer = ureq::post(format!("{}/admin/balance/grant", self.admin)).send_json(grant);
        answer.with_context(|| format!("cannot grant {amount} to {payer}"))?;
        Ok(())
    }

    /// Asks it to stop, waits, and hands over the folder with its books.
    pub(crate) fn stop(mut self) -> anyhow::Result<TempDir> {
        program("kill", ["-TERM", &self.process.id().to_string()]).run()?;
        let asked = Instant::now();
        while self.process.try_wait()?.is_none() {
            if asked.elapsed() > PATIENCE {
                bail!("the gateway did not stop within {PATIENCE:?} of SIGTERM");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.data.take().context("the books have been handed over already")
    }

    fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let started = Instant::now();
        let ready = format!("{}/readyz", self.admin);
        while ureq::get(&ready).call().is_err() {
            if let Some(status) = self.process.try_wait()? {
                bail!("the gateway ended at once ({status}): {}", self.log());
            }
            if started.elapsed() > PATIENCE {
                bail!("the gateway is not ready after {PATIENCE:?}: {}", self.log());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn log(&self) -> String {
        let path = self.data.as_ref().map(|data| data.path().join("log"));
        path.and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Both fail only when it is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs `farthing books verify` on stopped books.
pub(crate) fn verify_books(binary: &Path, data: &Path) -> anyhow::Result<()> {
    program(binary, ["books", "verify", "--data"]).arg(data).output_text().map(drop)
}

/// A loopback address that was free a moment ago.
pub(crate) fn free_address() -> anyhow::Result<String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").context("no free port on loopback")?;
    Ok(listener.local_addr()?.to_string())
}
