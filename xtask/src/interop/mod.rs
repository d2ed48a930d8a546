//! The official SDKs against a running gateway: each reads our challenges and pays one, and the books still add up.
//!
//! [`peer`] starts an SDK's program, [`upstream`] is what the gateway sells, [`paper`] a server of challenges written by
//! hand, and [`checks`] says what must come out. [`tempo`] lets everybody buy of everybody on a chain, [`sessions`] by one
//! deposit and many vouchers, and [`x402`] in the words of x402, with facilitators between.
//! [`mcp`] has an assistant use the wallet's tools, and [`proxy`] programs buy that know nothing of payments. [`stripe`] is
//! cards, against a double; [`card`] is their encrypted tokens.

mod card;
mod chain_program;
mod chains;
mod checks;
mod key_file;
mod matrix;
mod mcp;
mod node;
mod ows;
mod paper;
mod peer;
mod proxy;
mod service;
mod sessions;
mod shop;
mod stripe;
mod tempo;
mod upstream;
mod wallet;
mod x402;

use std::path::Path;

use anyhow::bail;
use clap::{Args, ValueEnum};

use crate::farthing;
use crate::gateway::Gateway;
use checks::{CHECKS, Scene};
use paper::Paper;
use peer::Peer;
use upstream::Upstream;

/// What a request costs, in millionths: as a challenge of the balance method says it.
const PRICE_MILLIONTHS: &str = "1000";

/// A description that careless parsers stumble over, as a TOML literal and as it must be read.
const DESCRIPTION: &str = r#"Weather for "Zürich", today – 100 % paid"#;

fn routes(upstream: &str) -> String {
    let priced = format!("upstream = \"{upstream}\"\nprice = \"0.001 USD\"\naccept = [\"balance/charge\"]\n");
    format!(
        "[[route]]\nmatch = \"GET /forecast\"\n{priced}\n[[route]]\nmatch = \"POST /forecast\"\n{priced}\n\
         [[route]]\nmatch = \"GET /described\"\ndescription = '{DESCRIPTION}'\n{priced}"
    )
}

/// Which parts to run.
#[derive(Args)]
pub(crate) struct Selection {
    /// Run only this part.
    #[arg(long, value_name = "PART")]
    only: Option<Part>,
}

/// A part of the whole.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// What each SDK makes of our challenges and of a method it does not know.
    Balance,
    /// Everybody buys of everybody by MPP, on chains.
    Mpp,
    /// Everybody buys of everybody by sessions.
    Sessions,
    /// Everybody buys of everybody by x402, settled by every facilitator.
    X402,
    /// An assistant on the official SDK of MCP pays by the wallet's tools, and by tools of a seller's.
    Mcp,
    /// The reference library of the Open Wallet Standard over our vaults, and we over its.
    Ows,
    /// Programs that know nothing of payments buy through `farthing run`.
    Proxy,
    /// Everybody buys of everybody by card, against a double of Stripe.
    Stripe,
    /// Another implementation of JWE makes card tokens that ours opens, and opens ours.
    Card,
}

/// Runs every part; an error when anything came out otherwise than it should.
pub(crate) fn run_all() -> anyhow::Result<()> {
    run(&Selection { only: None })
}

/// Runs the selected parts; an error when anything came out otherwise than it should.
pub(crate) fn run(selection: &Selection) -> anyhow::Result<()> {
    let has = |part| selection.only.is_none_or(|only| only == part);
    let mut failures = Vec::new();
    if has(Part::Ows) {
        failures.extend(ows::run()?);
    }
    if has(Part::Card) {
        failures.extend(card::run()?);
    }
    if matches!(selection.only, Some(Part::Ows | Part::Card)) {
        return ended(&failures);
    }
    let binary = farthing::debug_binary()?;
    if has(Part::Balance) || has(Part::Mpp) {
        let peers = peer::all()?;
        if has(Part::Balance) {
            failures.extend(balance(&binary, &peers)?);
        }
        if has(Part::Mpp) {
            failures.extend(tempo::run(&binary, &peers)?);
        }
    }
    if has(Part::Sessions) {
        failures.extend(sessions::run(&binary)?);
    }
    if has(Part::X402) {
        failures.extend(x402::run(&binary)?);
    }
    if has(Part::Mcp) {
        failures.extend(mcp::run(&binary)?);
    }
    if has(Part::Proxy) {
        failures.extend(proxy::run(&binary)?);
    }
    if has(Part::Stripe) {
        failures.extend(stripe::run(&binary)?);
    }
    ended(&failures)
}

fn ended(failures: &[String]) -> anyhow::Result<()> {
    if failures.is_empty() {
        return Ok(());
    }
    bail!("{} interop checks failed:\n  {}", failures.len(), failures.join("\n  "))
}

/// Runs every check with every peer and prints a matrix. Returns what failed.
fn balance(binary: &Path, peers: &[Peer]) -> anyhow::Result<Vec<String>> {
    let upstream = Upstream::start()?;
    let gateway = Gateway::start(&[], binary, &routes(&upstream.url()))?;
    let paper = Paper::start(binary)?;
    let mut failures = Vec::new();
    print_row("", peers.iter().map(|peer| peer.name));
    for (name, check) in CHECKS {
        let outcomes = peers.iter().map(|peer| {
            let scene = Scene { peer, gateway: &gateway, upstream: &upstream, paper: &paper };
            check(&scene).inspect_err(|error| failures.push(format!("{}: {name}: {error:#}", peer.name))).is_ok()
        });
        let outcomes = outcomes.collect::<Vec<_>>();
        print_row(name, outcomes.into_iter().map(|passed| if passed { "ok" } else { "FAILED" }));
    }
    if let Err(error) = books_agree(binary, gateway, &upstream) {
        failures.push(format!("books: {error:#}"));
    }
    if failures.is_empty() {
        println!("the books verify, and no credential reached the upstream\n");
    }
    Ok(failures)
}

/// Stops the gateway and asks its books whether they add up, and the upstream whether it saw a credential.
fn books_agree(binary: &Path, gateway: Gateway, upstream: &Upstream) -> anyhow::Result<()> {
    let served = upstream.served();
    if served.is_empty() {
        bail!("the upstream served nothing");
    }
    if let Some(leak) = served.iter().find(|request| request.had_credential) {
        bail!("a credential reached the upstream with {} {}", leak.method, leak.path);
    }
    gateway.stop_and_verify(binary)
}

fn print_row<'a>(name: &str, cells: impl Iterator<Item = &'a str>) {
    let cells = cells.map(|cell| format!("{cell:<10}")).collect::<String>();
    println!("{name:<52}{cells}");
}
