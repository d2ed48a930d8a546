//! The processes of the demo of sessions: a model, and a gateway that can be killed and started again where it was.

use std::path::{Path, PathBuf};
use std::time::Duration;

use farthing_keys::private_file;
use farthing_store::Books;
use farthing_wallet::Ambient;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;
use url::Url;

use super::super::chain::Chain;
use super::super::rail::Rail;
use super::super::stage::Process;
use super::{DEPOSIT, PRICE, SLICE};
use crate::clock;
use crate::commands::books;
use crate::failure::{Failure, OrFail};

/// How often, and after how long each time, the seller is asked whether all is over.
const CLOSING_TURNS: u32 = 240;
const CLOSING_TURN: Duration = Duration::from_millis(250);

/// Everything but the agent. The processes die and the directory goes with it.
pub(super) struct Stage {
    directory: TempDir,
    chain: Option<Chain>,
    gateway: Process,
    upstream: Process,
    shop: Url,
    admin: Url,
    rail: Rail,
    /// The chain's newest block when all was set.
    height: u64,
}

impl Stage {
    /// Starts the chain, if the rail has one, the model, and the gateway in front of it.
    pub(super) async fn set(rail: Rail) -> Result<Self, Failure> {
        let directory =
            tempfile::Builder::new().prefix("farthing-demo-").tempdir().or_fail("no temporary directory")?;
        let upstream = Process::start(&["demo", "--serve-upstream"]).await?;
        let chain = match rail {
            Rail::Balance | Rail::Bank | Rail::Card => None,
            Rail::Tempo => Some(Chain::start().await?),
        };
        private_file::private_directory(&directory.path().join("seller")).or_fail("no directory for the books")?;
        if let Some(chain) = &chain {
            chain.write_key(directory.path())?;
        }
        write_secret(directory.path())?;
        let any = ["127.0.0.1:0"; 2];
        write_config(directory.path(), rail, chain.as_ref(), &upstream.address("listen")?, any)?;
        let gateway = start(directory.path()).await?;
        let (shop, admin) = (gateway.address("listen")?, gateway.address("admin")?);
        Ok(Self { directory, chain, gateway, upstream, shop, admin, rail, height: 0 })
    }

    /// Where the gateway sells.
    pub(super) fn shop(&self) -> &str {
        self.shop.as_str().trim_end_matches('/')
    }

    /// For operators.
    pub(super) fn admin(&self) -> &Url {
        &self.admin
    }

    /// Where the model is.
    pub(super) fn upstream(&self) -> String {
        let address = self.upstream.address("listen").map(String::from).unwrap_or_default();
        address.trim_end_matches('/').to_owned()
    }

    /// A directory for a wallet.
    pub(super) fn home(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The chain, if the rail has one.
    pub(super) fn chain(&self) -> Option<&Chain> {
        self.chain.as_ref()
    }

    /// Counts the chain's transactions from here on.
    pub(super) async fn count_from_here(&mut self) -> Result<(), Failure> {
        if let Some(chain) = &self.chain {
            self.height = chain.height().await?;
        }
        Ok(())
    }

    /// The block after which transactions are the demo's.
    pub(super) fn height(&self) -> u64 {
        self.height
    }

    /// The rest of the tokens.
    pub(super) fn tokens_after(&self, tokens: u64) -> String {
        format!("{}/tokens?after={tokens}", self.shop())
    }

    /// How many tokens the model has handed to the gateway.
    pub(super) async fn tokens_sent(&self) -> Result<u64, Failure> {
        let answer =
            reqwest::get(format!("{}/tokens/sent", self.upstream())).await.or_fail("the model does not answer")?;
        let text = answer.text().await.or_fail("the model does not answer")?;
        text.parse().or_fail("the model does not say how many tokens it sent")
    }

    /// Waits until the seller, too, has seen the end of every session: on a chain that takes a few blocks. Whether it
    /// came.
    pub(super) async fn all_closed(&self) -> Result<bool, Failure> {
        let place = self.admin.join("/admin/sessions").or_fail("the admin address is not a URL")?;
        for _ in 0..CLOSING_TURNS {
            let answer = reqwest::get(place.clone()).await.or_fail("the gateway does not answer")?;
            let shown: Value = answer.json().await.or_fail("the gateway does not show its sessions")?;
            let all = shown.get("sessions").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            if all.iter().all(|session| session["state"] == "closed") {
                return Ok(true);
            }
            tokio::time::sleep(CLOSING_TURN).await;
        }
        Ok(false)
    }

    /// Kills the gateway as a power cut would.
    pub(super) async fn kill_gateway(&mut self) -> Result<(), Failure> {
        if let Some(process) = self.gateway.child.id() {
            let killed = Command::new("kill").args(["-9", &process.to_string()]).status().await;
            killed.or_fail("the gateway cannot be killed")?;
        }
        self.gateway.child.wait().await.map(drop).or_fail("the gateway cannot be killed")
    }

    /// Starts it again, on what it left on disk and where it was.
    pub(super) async fn restart_gateway(&mut self) -> Result<(), Failure> {
        let authority = |url: &Url| url.authority().to_owned();
        let (shop, admin) = (authority(&self.shop), authority(&self.admin));
        let upstream = self.upstream.address("listen")?;
        write_config(self.directory.path(), self.rail, self.chain.as_ref(), &upstream, [&shop, &admin])?;
        self.gateway = start(self.directory.path()).await?;
        Ok(())
    }

    /// Kills the gateway and opens what it left on disk.
    pub(super) async fn open_books(&mut self) -> Result<Books, Failure> {
        self.kill_gateway().await?;
        books::open(&self.home("seller"))
    }
}

async fn start(directory: &Path) -> Result<Process, Failure> {
    let config = directory.join("gateway.toml").display().to_string();
    Process::start(&["gateway", "--json", "--config", &config]).await
}

/// What binds challenges: the same after a restart.
fn write_secret(directory: &Path) -> Result<(), Failure> {
    let secret: [u8; 32] = Ambient::new(clock::now).random().or_fail("this machine has no randomness")?;
    let secret: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    private_file::write(&directory.join("secret"), secret.as_bytes()).or_fail("the secret cannot be written")
}

/// A configuration in development mode that sells tokens.
fn write_config(
    directory: &Path,
    rail: Rail,
    chain: Option<&Chain>,
    upstream: &Url,
    [listen, admin]: [&str; 2],
) -> Result<(), Failure> {
    let rail_table = chain.map_or_else(|| "[rails.balance]\nasset = \"USD\"\n".to_owned(), Chain::rail);
    let config = format!(
        r#"[gateway]
listen      = "{listen}"
admin       = "{admin}"
realm       = "tokens.example"
secret      = {{ file = "secret" }}
store       = "sqlite:./seller/farthing.db"
development = true

{rail_table}
[[route]]
match    = "GET /tokens"
upstream = "{}"
price    = "{PRICE}"
unit     = "token"
meter    = {{ events = true }}
accept   = ["{}/session"]

[route.session]
deposit = "{DEPOSIT}"
slice   = "{SLICE}"
"#,
        upstream.as_str().trim_end_matches('/'),
        rail.method(),
    );
    private_file::write(&directory.join("gateway.toml"), config.as_bytes())
        .or_fail("the gateway's configuration cannot be written")
}
