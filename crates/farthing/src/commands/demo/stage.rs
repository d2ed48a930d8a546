//! The demo's processes and their directory.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use farthing_keys::private_file;
use farthing_store::Books;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use url::Url;

use super::bank::Bank;
use super::card;
use super::chain::Chain;
use super::rail::Rail;
use crate::commands::books;
use crate::failure::{Failure, OrFail};

/// Everything but the agent. The processes die and the directory goes with it.
pub(super) struct Stage {
    rail: Rail,
    directory: TempDir,
    chain: Option<Chain>,
    bank: Option<Bank>,
    gateway: Option<Process>,
    own_upstream: Option<Process>,
    upstream: Url,
    shop: Url,
    admin: Url,
}

/// A process of the demo's.
pub(super) struct Process {
    pub(super) child: Child,
    addresses: Value,
}

impl Stage {
    /// Starts the chain, if the rail has one, the upstream, unless the reader names one, and the gateway in front of it.
    pub(super) async fn set(rail: Rail, upstream: Option<&Url>) -> Result<Self, Failure> {
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
        let chain = match rail {
            Rail::Balance | Rail::Bank | Rail::Card => None,
            Rail::Tempo => Some(Chain::start().await?),
        };
        let bank = (rail == Rail::Bank).then(Bank::open).transpose()?;
        let config = directory.path().join("gateway.toml");
        write_config(&config, rail, chain.as_ref(), &upstream)?;
        if let Some(chain) = &chain {
            chain.write_key(directory.path())?;
        }
        let gateway = Process::start(&["gateway", "--json", "--config", &config.display().to_string()]).await?;
        let (shop, admin) = (gateway.address("listen")?, gateway.address("admin")?);
        Ok(Self { rail, directory, chain, bank, gateway: Some(gateway), own_upstream, upstream, shop, admin })
    }

    /// What it is settled on.
    pub(super) fn rail(&self) -> Rail {
        self.rail
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

    /// The chain, if the rail has one.
    pub(super) fn chain(&self) -> Option<&Chain> {
        self.chain.as_ref()
    }

    /// The bank, if balances come from one.
    pub(super) fn bank(&self) -> Option<&Bank> {
        self.bank.as_ref()
    }

    /// Where the gateway's operators are.
    pub(super) fn admin(&self) -> &Url {
        &self.admin
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
    pub(super) async fn start(arguments: &[&str]) -> Result<Self, Failure> {
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

    /// An address that it said.
    pub(super) fn address(&self, member: &str) -> Result<Url, Failure> {
        let address = self.addresses.get(member).and_then(Value::as_str).unwrap_or_default();
        Url::parse(&format!("http://{address}")).or_fail("a process has no address")
    }
}

fn origin_of(url: &Url) -> Result<Url, Failure> {
    Url::parse(&url.origin().ascii_serialization())
        .map_err(|_| Failure::wrong_use("--upstream is an http or https URL"))
}

/// A configuration in development mode, on ports that are free.
fn write_config(file: &Path, rail: Rail, chain: Option<&Chain>, upstream: &Url) -> Result<(), Failure> {
    let rail_table = match (chain, rail) {
        (Some(chain), _) => chain.rail(),
        (None, Rail::Bank) => Bank::rail(),
        (None, Rail::Card) => card::rails(),
        (None, _) => "[rails.balance]\nasset = \"USD\"\n".to_owned(),
    };
    let config = format!(
        r#"[gateway]
listen      = "127.0.0.1:0"
admin       = "127.0.0.1:0"
store       = "sqlite:./seller/farthing.db"
development = true

{rail_table}
[[route]]
match    = "* /{{*path}}"
upstream = "{}"
price    = "{}"
accept   = [{}]
"#,
        upstream.as_str().trim_end_matches('/'),
        rail.price(),
        rail.accept(),
    );
    private_file::private_directory(&file.with_file_name("seller")).or_fail("no directory for the books")?;
    private_file::write(file, config.as_bytes()).or_fail("the gateway's configuration cannot be written")
}
