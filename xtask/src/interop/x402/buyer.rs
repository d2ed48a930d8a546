use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::chain::Chain;
use super::offer::Offer;
use super::purchase::Purchase;
use super::sdk;
use crate::commands::Run as _;
use crate::interop::node::Account;
use crate::interop::peer;
use crate::interop::wallet::Wallet;

/// How long a purchase may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Somebody who pays out of one account.
pub(super) struct Buyer {
    pub(super) name: &'static str,
    pub(super) account: Account,
    program: Program,
}

enum Program {
    Own(Wallet),
    /// Reads URLs and writes what came of each.
    Lines(Lines),
    /// The other matrix's buyer on mppx, which is told of USDC.
    Mppx(Value),
}

/// A buyer's program; it ends when dropped.
struct Lines {
    process: Child,
    answers: Receiver<String>,
}

/// Ours and one on each SDK, each with an account of its own, from the first on.
pub(super) fn all(binary: &Path, chain: &Chain) -> anyhow::Result<Vec<Buyer>> {
    let lines = |name, command: Command, index| {
        let account = chain.account(index)?.clone();
        let program = Program::Lines(Lines::start(command, &account, chain)?);
        anyhow::Ok(Buyer { name, account, program })
    };
    let account = chain.account(0)?.clone();
    let wallet = Wallet::create(binary, &account)?;
    wallet.add_chain("base-sepolia", chain.node.rpc(), &[])?;
    Ok(vec![
        Buyer { name: "farthing", account, program: Program::Own(wallet) },
        lines("@x402/fetch", sdk::typescript("buyer.js")?, 1)?,
        lines("x402 (PyPI)", sdk::python()?, 2)?,
        lines("x402-reqwest", sdk::rust("buyer")?, 3)?,
        Buyer { name: "mppx", account: chain.account(4)?.clone(), program: Program::Mppx(chain.asset()) },
    ])
}

impl Buyer {
    /// What it is asked to buy.
    pub(super) fn offers(&self) -> &'static [Offer] {
        match self.program {
            Program::Own(_) => Offer::BOTH,
            Program::Lines(_) => Offer::X402,
            Program::Mppx(_) => &[Offer::Either],
        }
    }

    pub(super) fn buy(&mut self, url: &str) -> anyhow::Result<Purchase> {
        match &mut self.program {
            Program::Own(wallet) => {
                let peer::Purchase { status, body, receipt } = wallet.buy(url)?;
                Ok(Purchase { status, body, outcome: None, receipt })
            }
            Program::Lines(lines) => lines.buy(url),
            Program::Mppx(asset) => {
                let words = ["authorize", url, &self.account.key, &asset.to_string()];
                read(&sdk::mppx("peer.js")?.args(words).output_text()?)
            }
        }
    }
}

impl Lines {
    fn start(mut command: Command, account: &Account, chain: &Chain) -> anyhow::Result<Self> {
        let words = [account.key.as_str(), chain.node.rpc()];
        let mut process = command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let output = BufReader::new(process.stdout.take().context("no standard output")?);
        let (sender, answers) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self { process, answers })
    }

    fn buy(&mut self, url: &str) -> anyhow::Result<Purchase> {
        let input = self.process.stdin.as_mut().context("no standard input")?;
        writeln!(input, "{url}")?;
        let answer = self.answers.recv_timeout(PATIENCE);
        read(&answer.with_context(|| format!("the buyer said nothing of {url} within {PATIENCE:?}"))?)
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        // Both fail only when it is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn read(answer: &str) -> anyhow::Result<Purchase> {
    let answer: Value = serde_json::from_str(answer).with_context(|| format!("the buyer answered {answer:?}"))?;
    if let Some(error) = answer["error"].as_str() {
        bail!("{error}");
    }
    Ok(serde_json::from_value(answer)?)
}
