//! The demo's buyer: the command line itself, in processes that can be killed.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::TOKENS;
use super::stage::Stage;
use crate::failure::{Failure, OrFail};

/// What the agent may spend.
pub(super) const LIMIT: &str = "0.5 USD";
/// What it is given: more than the limit; in words and in millionths.
const BALANCE: &str = "1 USD";
pub(super) const BALANCE_MILLIONTHS: u64 = 1_000_000;
const NAME: &str = "agent";

/// A wallet with a policy and money, and what it has received.
pub(super) struct Agent {
    home: PathBuf,
    payer: String,
    account: Option<String>,
    tokens: u64,
    out_of_order: u64,
}

/// A stream under way.
pub(super) struct Streaming {
    process: Child,
    output: Lines<BufReader<ChildStdout>>,
}

/// How a stream ended.
pub(super) struct Ended {
    status: ExitStatus,
    said: String,
}

impl Ended {
    /// Whether the command says that all went well.
    pub(super) fn is_success(&self) -> bool {
        self.status.success()
    }

    /// The last line that it said.
    pub(super) fn said(&self) -> &str {
        self.said.lines().last().unwrap_or("it said nothing")
    }
}

impl Agent {
    /// Makes the agent's wallet, sets its limits and gives it money.
    pub(super) async fn hire(stage: &Stage) -> Result<Self, Failure> {
        let home = stage.home(NAME);
        let mut agent = Self { home, payer: String::new(), account: None, tokens: 0, out_of_order: 0 };
        agent.run(&["wallet", "create", NAME]).await?;
        let limits = ["--total", LIMIT, "--per-payment", "0.01 USD", "--session-deposit", "0.2 USD"];
        let origin = ["--origin", stage.shop()];
        agent.run(&[&["policy", "set", "--wallet", NAME], &limits[..], &origin[..]].concat()).await?;
        let shown: Value = serde_json::from_str(&agent.run(&["wallet", "show", NAME, "--json"]).await?)
            .or_fail("the wallet is not shown as JSON")?;
        let did = shown.get("did").and_then(Value::as_str).unwrap_or_default().to_owned();
        agent.account = shown.get("address").and_then(Value::as_str).map(str::to_owned);
        agent.payer = match (stage.chain(), &agent.account) {
            (None, _) => {
                let admin = stage.admin().as_str();
                agent.run(&["balance", "grant", "--admin", admin, "--payer", &did, "--amount", BALANCE]).await?;
                did
            }
            (Some(chain), Some(account)) => {
                let account = account.parse().or_fail("the wallet's account is not an address")?;
                chain.fund(account, BALANCE_MILLIONTHS).await?;
                agent.run(&["wallet", "chain", "add", "devnet", "--rpc", chain.rpc()]).await?;
                chain.payer(account)
            }
            (Some(_), None) => return Err(Failure::new("the agent's wallet has no account on chains")),
        };
        Ok(agent)
    }

    /// The payer's name, as the seller's books have it.
    pub(super) fn payer(&self) -> &str {
        &self.payer
    }

    /// Its account on chains.
    pub(super) fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// How many tokens have arrived.
    pub(super) fn tokens(&self) -> u64 {
        self.tokens
    }

    /// Whether each token came once and in its place.
    pub(super) fn is_complete(&self) -> bool {
        self.tokens == TOKENS && self.out_of_order == 0
    }

    /// Starts a stream and reads it until so many tokens have arrived in all, or to its end.
    pub(super) async fn stream(&mut self, url: String, until: Option<u64>) -> Result<Streaming, Failure> {
        let mut process =
            self.command(&["pay", "--wallet", NAME, "--stream", &url])?.spawn().or_fail("the wallet does not start")?;
        let output = process.stdout.take().ok_or_else(|| Failure::new("the wallet has no output"))?;
        let mut streaming = Streaming { process, output: BufReader::new(output).lines() };
        while until.is_none_or(|until| self.tokens < until) {
            let Some(line) = streaming.output.next_line().await.or_fail("the wallet cannot be read")? else { break };
            self.count(&line);
        }
        Ok(streaming)
    }

    /// Reads a stream to its end.
    pub(super) async fn wait(&mut self, streaming: Streaming) -> Result<Ended, Failure> {
        let Streaming { process, mut output } = streaming;
        while let Some(line) = output.next_line().await.or_fail("the wallet cannot be read")? {
            self.count(&line);
        }
        let ended = process.wait_with_output().await.or_fail("the wallet does not end")?;
        Ok(Ended { status: ended.status, said: String::from_utf8_lossy(&ended.stderr).into_owned() })
    }

    /// Kills a stream as a power cut would; what it had printed has arrived.
    pub(super) async fn kill(&mut self, streaming: Streaming) -> Result<(), Failure> {
        if let Some(process) = streaming.process.id() {
            let killed = Command::new("kill").args(["-9", &process.to_string()]).status().await;
            killed.or_fail("the wallet cannot be killed")?;
        }
        self.wait(streaming).await.map(drop)
    }

    /// Closes what is open; says what the command said.
    pub(super) async fn close_sessions(&self) -> Result<String, Failure> {
        let said = self.run(&["sessions", "close", "--wallet", NAME, "--all"]).await?;
        Ok(said.lines().last().unwrap_or_default().to_owned())
    }

    /// The wallet as it shows itself.
    pub(super) async fn shown(&self) -> Result<Value, Failure> {
        serde_json::from_str(&self.run(&["wallet", "show", NAME, "--json"]).await?).or_fail("the wallet is not shown")
    }

    /// The sessions as the wallet shows them.
    pub(super) async fn sessions(&self) -> Result<Value, Failure> {
        let shown = self.run(&["sessions", "list", "--wallet", NAME, "--all", "--json"]).await?;
        serde_json::from_str(&shown).or_fail("the sessions are not shown as JSON")
    }

    fn count(&mut self, line: &str) {
        if let Ok(number) = line.trim().parse::<u64>() {
            self.tokens += 1;
            self.out_of_order += u64::from(number != self.tokens);
        }
    }

    fn command(&self, arguments: &[&str]) -> Result<Command, Failure> {
        let program = std::env::current_exe().or_fail("this program cannot be found")?;
        let mut command = Command::new(program);
        command.args(arguments).env("FARTHING_HOME", &self.home).env("FARTHING_PASSPHRASE", "play money");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        Ok(command)
    }

    async fn run(&self, arguments: &[&str]) -> Result<String, Failure> {
        let output = self.command(arguments)?.output().await.or_fail("this program does not start")?;
        if !output.status.success() {
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8_lossy(&said);
            return Err(Failure::new(format!("farthing {} failed: {}", arguments.join(" "), said.trim())));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}
