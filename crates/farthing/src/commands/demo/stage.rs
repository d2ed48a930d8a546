//! The demo's processes and their directory.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use farthing_store::Books;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use url::Url;

use crate::commands::books;
use crate::failure::{Failure, OrFail};

/// Everything but the agent. The processes die and the directory goes with it.
pub(super) struct Stage {
    directory: TempDir,
    gateway: Option<Process>,
    own_upstream: Option<Process>,
    upstream: Url,
    shop: Url,
    admin: Url,
}

struct Process {
    child: Child,
    addresses: Value,
}

impl Stage {
    /// Starts the upstream, unless the reader names one, and the gateway in front of it.
    pub(super) async fn set(upstream: Option<&Url>) -> Result<Self, Failure> {
        let directory =
            tempfile::Builder::new().prefix("farthing-demo-").tempdir().or_fail("no temporary directory")?;
        let mut own_upstream = None;
        let upstream = match upstream {
            Some(named) => origin_of(named)?,
            None => {
                let process = Process::start(&["demo", "--serve-upstream"]).await?;
                let address = process.address("listen")?;
                own_upstream = Some(process);
                address
            }
        };
        let data = directory.path().join("seller");
        let gateway = Process::start(&[
            "gateway",
            "--upstream",
            upstream.as_str().trim_end_matches('/'),
            "--price",
            "0.001 USD",
            "--accept",
            "balance",
            "--listen",
            "127.0.0.1:0",
            "--admin",
            "127.0.0.1:0",
            "--json",
            "--data",
            &data.display().to_string(),
        ])
        .await?;
        let (shop, admin) = (gateway.address("listen")?, gateway.address("admin")?);
        Ok(Self { directory, gateway: Some(gateway), own_upstream, upstream, shop, admin })
    }

    /// Where the upstream is.
    pub(super) fn upstream_address(&self) -> &str {
        self.upstream.as_str().trim_end_matches('/')
    }

    /// Where the gateway sells.
    pub(super) fn shop(&self) -> &Url {
        &self.shop
    }

    /// A directory for a wallet.
    pub(super) fn home(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Gives a payer play money.
    pub(super) async fn grant(&self, payer: &str, amount: &str) -> Result<(), Failure> {
        let place = self.admin.join("/admin/balance/grant").or_fail("the admin address is not a URL")?;
        let order = serde_json::json!({ "payer": payer, "amount": amount });
        let answer =
            reqwest::Client::new().post(place).json(&order).send().await.or_fail("the gateway does not answer")?;
        answer.error_for_status().map(drop).or_fail("the gateway refused a grant")
    }

    /// What the demo's own upstream says it served: requests and failures.
    pub(super) async fn served(&self) -> Result<Option<(u64, u64)>, Failure> {
        if self.own_upstream.is_none() {
            return Ok(None);
        }
        let place = self.upstream.join("/served").or_fail("the upstream's address is not a URL")?;
        let answer = reqwest::get(place).await.or_fail("the upstream does not answer")?;
        let counts: Value = answer.json().await.or_fail("the upstream's answer is not JSON")?;
        let count = |member: &str| counts.get(member).and_then(Value::as_u64).unwrap_or(0);
        Ok(Some((count("requests"), count("failures"))))
    }

    /// Kills the gateway as a power cut would, and opens what it left on disk.
    pub(super) async fn kill_gateway_and_open_its_books(&self) -> Result<Books, Failure> {
        if let Some(process) = self.gateway.as_ref().and_then(|gateway| gateway.child.id()) {
            let killed = Command::new("kill").args(["-9", &process.to_string()]).status().await;
            killed.or_fail("the gateway cannot be killed")?;
        }
        books::open(Path::new(&self.home("seller")))
    }
}

impl Process {
    /// Starts this program with other arguments and waits for its addresses.
    async fn start(arguments: &[&str]) -> Result<Self, Failure> {
        let program = std::env::current_exe().or_fail("this program cannot be found")?;
        let mut child = Command::new(program)
            .args(arguments)
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .or_fail("a process cannot be started")?;
        let stdout = child.stdout.take().ok_or_else(|| Failure::new("a process has no output"))?;
        let line = BufReader::new(stdout).lines().next_line().await.or_fail("a process cannot be read")?;
        let addresses = line.and_then(|line| serde_json::from_str(&line).ok());
        let addresses = addresses.ok_or_else(|| Failure::new(format!("{arguments:?} did not start")))?;
        Ok(Self { child, addresses })
    }

    fn address(&self, member: &str) -> Result<Url, Failure> {
        let address = self.addresses.get(member).and_then(Value::as_str).unwrap_or_default();
        Url::parse(&format!("http://{address}")).or_fail("a process has no address")
    }
}

fn origin_of(url: &Url) -> Result<Url, Failure> {
    Url::parse(&url.origin().ascii_serialization())
        .map_err(|_| Failure::wrong_use("--upstream is an http or https URL"))
}
