//! Programs that know nothing of payments, through `farthing run`: each buys, over plain HTTP and over TLS, and is refused
//! what the policy refuses.

mod seller;

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};
use serde_json::Value;
use tempfile::TempDir;

use self::seller::Seller;
use crate::commands::{Run as _, program};
use crate::{tools, workspace};

/// What each program says it got: what was asked for, the status, the body, and why it is not the seller's.
const BOUGHT: [&str; 4] = [
    "get 200 sold -",
    "post 200 sold for a question -",
    "stream 200 data: one|data: two -",
    "dear 402 per-payment policy",
];

/// A client that nobody changed.
struct Client {
    name: &'static str,
    command: Vec<std::ffi::OsString>,
}

/// Runs every client against both sellers and prints a matrix. Returns what failed.
pub(super) fn run(binary: &Path) -> anyhow::Result<Vec<String>> {
    let clients = clients()?;
    let (plain, secure) = (Seller::start(binary, false)?, Seller::start(binary, true)?);
    let mut failures = Vec::new();
    super::print_row("through farthing run", clients.iter().map(|client| client.name));
    for (name, seller) in [("plain HTTP", &plain), ("HTTPS", &secure)] {
        let outcomes = clients.iter().map(|client| {
            let bought = buy(binary, client, seller);
            bought.inspect_err(|error| failures.push(format!("{} over {name}: {error:#}", client.name))).is_ok()
        });
        let outcomes = outcomes.collect::<Vec<_>>();
        super::print_row(name, outcomes.into_iter().map(|passed| if passed { "ok" } else { "FAILED" }));
    }
    for seller in [plain, secure] {
        seller.stop_and_verify(binary)?;
    }
    Ok(failures)
}

fn clients() -> anyhow::Result<Vec<Client>> {
    let folder = workspace::root().join("interop/proxy");
    let file = |name: &str| folder.join(name).into_os_string();
    let node = tools::npm("proxy", "node")?.join("node_modules/node/bin/node").into_os_string();
    let python = tools::python("proxy")?.into_os_string();
    let client = |name, command| Client { name, command };
    Ok(vec![
        client("curl", vec!["sh".into(), file("buyer.sh")]),
        client("requests", vec![python, file("buyer.py")]),
        client("fetch", vec![node, file("buyer.js")]),
    ])
}

/// Has a client buy out of a wallet of its own, and compares what it got with what was spent.
fn buy(binary: &Path, client: &Client, seller: &Seller) -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    let farthing = |words: &[&str]| {
        let mut command = program(binary, words);
        command.env("FARTHING_HOME", home.path());
        command
    };
    farthing(&["wallet", "create", "agent"]).output_text()?;
    farthing(&["policy", "set", "--total", "1 USD", "--per-payment", "0.01 USD"]).output_text()?;
    let wallet: Value = serde_json::from_str(&farthing(&["wallet", "show", "agent", "--json"]).output_text()?)?;
    seller.grant(wallet["did"].as_str().context("the wallet has no did")?, "1 USD")?;
    let mut command = farthing(&["run", "--json", "--allow-private", seller.host()]);
    if let Some(authority) = seller.authority() {
        command.arg("--upstream-ca").arg(authority);
    }
    let output = command.arg("--").args(&client.command).arg(seller.url()).output()?;
    let (said, notes) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
    if said.lines().ne(BOUGHT) {
        bail!("it got\n{said}{notes}");
    }
    let summary = notes.lines().last().context("nothing was said of what was spent")?;
    let summary: Value = serde_json::from_str(summary).with_context(|| notes.clone())?;
    if summary["spent"][0]["payments"] != 3 || summary["spent"][0]["cost"] != "0.003 USD" || summary["exit"] != 0 {
        bail!("farthing run says {summary}");
    }
    Ok(())
}

/// A certificate for `localhost`, its key, and the authority that issued it, in a folder.
fn certificates() -> anyhow::Result<TempDir> {
    let folder = tempfile::tempdir()?;
    let mut trustme: Command = program(tools::python("proxy")?, ["-m", "trustme", "--quiet", "-i", "localhost", "-d"]);
    trustme.arg(folder.path()).output_text()?;
    Ok(folder)
}
