//! `mppx validate`, the official examination of a seller, on our gateway: with a payment by a wallet of its own.

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use serde_json::json;

use crate::commands::program;
use crate::gateway::Gateway;
use crate::interop::chains::Chains;
use crate::interop::node::Account;
use crate::tools;

/// What it found.
#[derive(Deserialize)]
struct Examination {
    discovery: Discovery,
    endpoints: Vec<Endpoint>,
}

#[derive(Deserialize)]
struct Discovery {
    checks: Vec<Point>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Endpoint {
    path: String,
    challenge: Vec<Point>,
    error_handling: Vec<Point>,
    payment: Vec<Point>,
}

#[derive(Deserialize)]
struct Point {
    label: String,
    #[serde(default)]
    detail: String,
    severity: String,
}

/// What it wonders at in every seller: that a proof, which moves nothing, has no transaction as its reference.
const WONDERED_AT: (&str, &str) = ("/proof", "Receipt reference format");

/// Requires that every point is passed, on every route.
pub(super) fn examine(gateway: &Gateway, chains: &Chains, payer: &Account) -> anyhow::Result<()> {
    let folder = tools::mppx()?;
    let preload = folder.join("local-chain.js");
    let output = program("node", ["--import"])
        .arg(preload)
        .arg(folder.join("node_modules/mppx/dist/bin.js"))
        .args(["validate", &gateway.url(""), "--yes", "--output-json"])
        .env("LOCAL_CHAIN", chains.shim())
        .env("MPPX_CONFIG", folder.join("judge.config.js"))
        .env("JUDGE", json!({ "key": payer.key, "asset": chains.asset() }).to_string())
        .output()
        .context("cannot start mppx")?;
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = || format!("mppx validate said {said:?} and {:?}", String::from_utf8_lossy(&output.stderr));
    let examination: Examination = serde_json::from_slice(&output.stdout).with_context(complaint)?;
    let mut passed = 0;
    let mut failed = Vec::new();
    for (place, point) in examination.points() {
        match point.severity.as_str() {
            "pass" => passed += 1,
            _ if (place, point.label.as_str()) == WONDERED_AT => {}
            severity => failed.push(format!("{place}: {severity}: {}: {}", point.label, point.detail)),
        }
    }
    ensure!(failed.is_empty(), "{}", failed.join("; "));
    let routes = examination.endpoints.len();
    println!("mppx validate: all {passed} points of discovery and of {routes} routes passed");
    Ok(())
}

impl Examination {
    /// Every point with where it was looked at.
    fn points(&self) -> impl Iterator<Item = (&str, &Point)> {
        let discovery = self.discovery.checks.iter().map(|point| ("discovery", point));
        let routes = self.endpoints.iter().flat_map(|endpoint| {
            let points = [&endpoint.challenge, &endpoint.error_handling, &endpoint.payment].into_iter().flatten();
            points.map(|point| (endpoint.path.as_str(), point))
        });
        discovery.chain(routes)
    }
}
