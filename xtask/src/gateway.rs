//! A gateway under test: the built binary, a configuration, and books of its own.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tempfile::TempDir;

use crate::commands::{Run as _, program};

/// How long a gateway may take to be ready, and to stop.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running gateway in development mode; killed when dropped.
pub(crate) struct Gateway {
    url: String,
    admin: String,
    /// Where its books are, as `--data` takes it.
    books: String,
    folder: Option<TempDir>,
    process: Child,
}

/// What a gateway has that is not its own.
#[derive(Clone, Copy, Default)]
pub(crate) struct Beside<'a> {
    /// A folder with `server.pem` and `server.key`: it serves over TLS on `localhost`.
    pub(crate) certificate: Option<&'a Path>,
    /// The address of its books; a file of its own without one.
    pub(crate) store: Option<&'a str>,
}

impl Gateway {
    /// Starts a binary with these routes (TOML, `[[route]]` tables) and waits until it is ready. A command that runs
    /// another, such as `taskset`, may stand before it.
    pub(crate) fn start(under: &[&str], binary: &Path, routes: &str) -> anyhow::Result<Self> {
        Self::start_beside(under, binary, routes, Beside::default())
    }

    /// The same with something that is not its own.
    pub(crate) fn start_beside(
        under: &[&str],
        binary: &Path,
        routes: &str,
        beside: Beside<'_>,
    ) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let (listen, admin) = (free_address()?, free_address()?);
        let settings = folder.path().join("farthing.toml");
        std::fs::write(&settings, configuration(&listen, &admin, folder.path(), routes, beside))?;
        let log = std::fs::File::create(folder.path().join("log"))?;
        let mut command = match under {
            [] => Command::new(binary),
            [first, rest @ ..] => program(first, rest),
        };
        if !under.is_empty() {
            command.arg(binary);
        }
        let process = command
            .args(["gateway", "--config"])
            .arg(&settings)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let (url, admin) = (format!("http://{listen}"), format!("http://{admin}"));
        let books = beside.store.map_or_else(|| folder.path().display().to_string(), str::to_owned);
        let mut gateway = Self { url, admin, books, folder: Some(folder), process };
        gateway.wait_until_ready()?;
        Ok(gateway)
    }

    /// Where it sells.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// The process, for whoever measures it.
    pub(crate) fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Where it keeps what is its own.
    pub(crate) fn folder(&self) -> anyhow::Result<&Path> {
        Ok(self.folder.as_ref().context("the books have been handed over")?.path())
    }

    /// Gives a payer money to spend, as only a gateway in development mode allows.
    pub(crate) fn grant(&self, payer: &str, amount: &str) -> anyhow::Result<()> {
        let grant = serde_json::json!({ "payer": payer, "amount": amount });
        let answer = ureq::post(format!("{}/admin/balance/grant", self.admin)).send_json(grant);
        answer.with_context(|| format!("cannot grant {amount} to {payer}"))?;
        Ok(())
    }

    /// Asks it to stop, waits, and has the books verified.
    pub(crate) fn stop_and_verify(mut self, binary: &Path) -> anyhow::Result<()> {
        program("kill", ["-TERM", &self.process.id().to_string()]).run()?;
        let asked = Instant::now();
        while self.process.try_wait()?.is_none() {
            if asked.elapsed() > PATIENCE {
                bail!("the gateway did not stop within {PATIENCE:?} of SIGTERM");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        program(binary, ["books", "verify", "--data", &self.books]).output_text().map(drop)
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
        let path = self.folder.as_ref().map(|folder| folder.path().join("log"));
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

fn configuration(listen: &str, admin: &str, folder: &Path, routes: &str, beside: Beside<'_>) -> String {
    let own = || format!("sqlite:{}", folder.join("farthing.db").display());
    let store = beside.store.map_or_else(own, str::to_owned);
    let (public_url, tls) = match beside.certificate {
        None => (format!("http://{listen}"), String::new()),
        Some(folder) => (
            format!("https://{}", listen.replace("127.0.0.1", "localhost")),
            format!("tls = {{ cert = \"{0}/server.pem\", key = \"{0}/server.key\" }}\n", folder.display()),
        ),
    };
    format!(
        "[gateway]\nlisten = \"{listen}\"\npublic_url = \"{public_url}\"\n{tls}admin = \"{admin}\"\n\
         store = \"{store}\"\ndevelopment = true\ndigest_body = \"64KiB\"\n\n[rails.balance]\nasset = \"USD\"\n\n{routes}"
    )
}

/// A loopback address that was free a moment ago.
pub(crate) fn free_address() -> anyhow::Result<String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").context("no free port on loopback")?;
    Ok(listener.local_addr()?.to_string())
}
