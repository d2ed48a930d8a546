//! An assistant on the official SDK of MCP, the wallet's tools, and a seller of tools on mppx behind the bridge.

mod assistant;
mod desk;

use std::path::Path;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::gateway::Gateway;
use crate::tools;
use assistant::{Assistant, Heard};
use desk::Desk;

use super::upstream::Upstream;

/// What the bridge calls the seller, and so its origin for a policy.
const SHOP: &str = "shop";
const ORIGIN: &str = "https://shop.mcp.localhost";

/// Whatever a gateway sells the assistant.
struct Scene<'a> {
    binary: &'a Path,
    folder: &'a Path,
    gateway: &'a Gateway,
}

/// Something that must hold.
type Check = fn(&Scene<'_>) -> anyhow::Result<()>;

const CHECKS: &[(&str, Check)] = &[
    ("stdio: lists, previews, pays, is refused", over_pipes),
    ("stdio: a tool of another server is paid for", over_the_bridge),
    ("stdio: progress, a paid resource, a prompt: bridged", more_over_the_bridge),
    ("stdio: a person is asked by a form: yes, no, closed", by_form),
    ("stdio: without forms, a payment waits for approval", by_command),
    ("stdio: what the owner did not list is not reached", within_reach),
    ("streamable HTTP: the same tools, with the token", over_http),
];

/// Runs every check; returns what failed.
pub(super) fn run(binary: &Path) -> anyhow::Result<Vec<String>> {
    let folder = tools::npm("mcp", "@modelcontextprotocol/sdk")?;
    let upstream = Upstream::start()?;
    let gateway = Gateway::start(&[], binary, &super::routes(&upstream.url()))?;
    let scene = Scene { binary, folder: &folder, gateway: &gateway };
    let mut failures = Vec::new();
    for (name, check) in CHECKS {
        let outcome = check(&scene).inspect_err(|error| failures.push(format!("mcp: {name}: {error:#}")));
        super::print_row(name, [if outcome.is_ok() { "ok" } else { "FAILED" }].into_iter());
    }
    if let Err(error) = super::books_agree(binary, gateway, &upstream) {
        failures.push(format!("mcp: books: {error:#}"));
    }
    Ok(failures)
}

fn over_pipes(scene: &Scene<'_>) -> anyhow::Result<()> {
    let desk = Desk::with_limit(scene.binary, scene.gateway, "0.002 USD")?;
    let url = scene.gateway.url("/forecast");
    let fetch = ("fetch", json!({ "url": url }));
    let calls = [("preview", json!({ "url": url })), fetch.clone(), fetch.clone(), fetch, ("wallet", json!({}))];
    let heard = Assistant::new(scene.folder).over_pipes(&desk, &[]).call(&calls)?;
    for tool in ["fetch", "preview", "wallet", "history", "approvals"] {
        ensure!(heard.tools.iter().any(|name| name == tool), "there is no tool {tool}: {:?}", heard.tools);
    }
    must_say(&heard, 0, &json!({ "must_be_paid": true, "would_be_paid": true }))?;
    for paid in [1, 2] {
        must_say(&heard, paid, &json!({ "outcome": "paid", "paid": "0.001 USD" }))?;
    }
    must_say(&heard, 3, &json!({ "outcome": "refused" }))?;
    ensure!(heard.results[3]["isError"] == true, "a refusal is an error for the model");
    let left = &heard.results[4]["structuredContent"]["limits"]["total"]["left"];
    ensure!(left == "0 USD", "nothing is left: {left}");
    desk.kept_its_secrets(&heard)
}

fn over_the_bridge(scene: &Scene<'_>) -> anyhow::Result<()> {
    let desk = Desk::with_limit(scene.binary, scene.gateway, "0.002 USD")?;
    let bridge = shop(scene);
    let forecast = |city: &str| ("shop_forecast", json!({ "city": city }));
    let calls =
        [forecast("Bern"), forecast("Oslo"), forecast("Rome"), ("shop_taken", json!({})), ("history", json!({}))];
    let heard = Assistant::new(scene.folder).over_pipes(&desk, &["--bridge", &bridge]).call(&calls)?;
    ensure!(heard.text(0).contains("sunny in Bern"), "{}", heard.text(0));
    ensure!(heard.text(0).contains("0.001 USD") && heard.text(0).contains("transfer-"), "{}", heard.text(0));
    ensure!(heard.text(1).contains("sunny in Oslo"), "{}", heard.text(1));
    ensure!(heard.results[2]["isError"] == true && heard.text(2).contains("limit"), "{}", heard.text(2));
    ensure!(heard.text(3).starts_with('2'), "the seller took {}", heard.text(3));
    let last = &heard.results[4]["structuredContent"]["payments"][0];
    ensure!(last["origin"] == ORIGIN && last["state"] == "confirmed", "{last}");
    desk.kept_its_secrets(&heard)
}

fn more_over_the_bridge(scene: &Scene<'_>) -> anyhow::Result<()> {
    let desk = Desk::with_limit(scene.binary, scene.gateway, "0.001 USD")?;
    let today = "shop+file:///today";
    let calls = json!([
        { "name": "shop_survey" },
        { "kind": "resource", "name": today },
        { "kind": "prompt", "name": "shop_report", "arguments": { "city": "Bern" } },
        { "name": "history" },
    ]);
    let heard = Assistant::new(scene.folder).over_pipes(&desk, &["--bridge", &shop(scene)]).make(calls)?;
    ensure!(
        heard.resources == [today] && heard.prompts == ["shop_report"],
        "{:?} {:?}",
        heard.resources,
        heard.prompts
    );
    let steps = heard.results[0]["progress"].as_array().context("progress is told")?;
    let told: Vec<_> = steps.iter().map(|step| (step["progress"].as_u64(), step["message"].as_str())).collect();
    let parts = [(Some(1), Some("part 1")), (Some(2), Some("part 2")), (Some(3), Some("part 3"))];
    ensure!(told == parts && heard.text(0).contains("surveyed"), "{told:?} {}", heard.text(0));
    ensure!(heard.results[1]["contents"][0]["text"] == "rain at noon", "{}", heard.results[1]);
    ensure!(heard.results[2]["messages"][0]["content"]["text"] == "Report on Bern", "{}", heard.results[2]);
    let paid = &heard.results[3]["structuredContent"]["payments"];
    ensure!(paid.as_array().is_some_and(|paid| paid.len() == 1) && paid[0]["cost"] == "0.001 USD", "{paid}");
    desk.kept_its_secrets(&heard)
}

fn by_form(scene: &Scene<'_>) -> anyhow::Result<()> {
    let desk = Desk::that_asks(scene.binary, scene.gateway)?;
    let url = scene.gateway.url("/forecast");
    let fetch = |query: &str| ("fetch", json!({ "url": format!("{url}{query}") }));
    let answers = json!([
        { "action": "accept", "content": { "allow": true } },
        { "action": "decline" },
        { "action": "accept", "content": { "allow": false } },
        { "action": "cancel" },
    ]);
    let assistant = Assistant::new(scene.folder).over_pipes(&desk, &[]).answering(answers);
    let heard = assistant.call(&[fetch(""), fetch("?no"), fetch("?unchecked"), fetch("?closed"), fetch("?no")])?;
    must_say(&heard, 0, &json!({ "outcome": "paid", "paid": "0.001 USD" }))?;
    for refused in [1, 2, 4] {
        must_say(&heard, refused, &json!({ "outcome": "refused", "rule": "approval" }))?;
    }
    must_say(&heard, 3, &json!({ "outcome": "awaits_approval" }))?;
    // A denial stands, so the last call asks nobody.
    ensure!(heard.asked.len() == 4, "a person was asked {:?}", heard.asked);
    for question in &heard.asked {
        ensure!(question.contains("at most 0.001 USD") && question.contains("GET /forecast"), "{question}");
    }
    ensure!(desk.spent()? == "0.001 USD", "spent {}", desk.spent()?);
    desk.kept_its_secrets(&heard)
}

fn by_command(scene: &Scene<'_>) -> anyhow::Result<()> {
    let desk = Desk::that_asks(scene.binary, scene.gateway)?;
    let fetch = json!({ "url": scene.gateway.url("/forecast") });
    let calls = json!([
        { "name": "fetch", "arguments": fetch },
        { "name": "approvals" },
        { "name": "fetch", "arguments": fetch, "before": desk.allows() },
        { "name": "fetch", "arguments": fetch },
    ]);
    let heard = Assistant::new(scene.folder).over_pipes(&desk, &[]).make(calls)?;
    must_say(&heard, 0, &json!({ "outcome": "awaits_approval" }))?;
    let waits = &heard.results[1]["structuredContent"]["waiting"][0]["id"];
    ensure!(*waits == heard.results[0]["structuredContent"]["approval"], "{waits}");
    must_say(&heard, 2, &json!({ "outcome": "paid", "paid": "0.001 USD" }))?;
    must_say(&heard, 3, &json!({ "outcome": "awaits_approval" }))?;
    ensure!(heard.asked.is_empty() && desk.spent()? == "0.001 USD", "spent {}", desk.spent()?);
    desk.kept_its_secrets(&heard)
}

fn within_reach(scene: &Scene<'_>) -> anyhow::Result<()> {
    let desk = Desk::with_limit(scene.binary, scene.gateway, "0.002 USD")?;
    // The same server by another name, which is not listed.
    let elsewhere = scene.gateway.url("/forecast").replace("127.0.0.1", "localhost");
    let heard = Assistant::new(scene.folder).over_pipes(&desk, &[]).call(&[("fetch", json!({ "url": elsewhere }))])?;
    must_say(&heard, 0, &json!({ "outcome": "refused" }))?;
    ensure!(heard.text(0).contains("--allow-private"), "{}", heard.text(0));
    Ok(())
}

/// The seller of tools, behind a bridge.
fn shop(scene: &Scene<'_>) -> String {
    let terms = json!({ "secret": "0123456789abcdef0123456789abcdef", "amount": "1000", "origin": ORIGIN });
    format!("{SHOP}=node '{}' '{terms}'", scene.folder.join("seller.js").display())
}

fn over_http(scene: &Scene<'_>) -> anyhow::Result<()> {
    let desk = Desk::with_limit(scene.binary, scene.gateway, "0.001 USD")?;
    let served = desk.listen()?;
    let fetch = ("fetch", json!({ "url": scene.gateway.url("/forecast") }));
    let assistant = Assistant::new(scene.folder);
    let heard = assistant.over_http(&served.url("/mcp"), desk::TOKEN).call(&[fetch.clone(), fetch.clone()])?;
    must_say(&heard, 0, &json!({ "outcome": "paid" }))?;
    must_say(&heard, 1, &json!({ "outcome": "refused" }))?;
    let stranger = Assistant::new(scene.folder).over_http(&served.url("/mcp"), "another token").call(&[fetch]);
    ensure!(stranger.is_err(), "somebody without the token was answered");
    desk.kept_its_secrets(&heard)
}

/// That a result has these facts.
fn must_say(heard: &Heard, index: usize, facts: &Value) -> anyhow::Result<()> {
    let said = &heard.results[index]["structuredContent"];
    for (name, value) in facts.as_object().context("facts by name")? {
        ensure!(said[name] == *value, "call {index} says {name} = {}, not {value}: {said}", said[name]);
    }
    Ok(())
}
