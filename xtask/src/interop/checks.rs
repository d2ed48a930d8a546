use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use super::paper::Paper;
use super::peer::{Peer, Reading};
use super::upstream::Upstream;
use super::{DESCRIPTION, PRICE_MILLIONTHS};
use crate::gateway::Gateway;

/// Who takes part in a check.
pub(crate) struct Scene<'a> {
    pub(crate) peer: &'a Peer,
    pub(crate) gateway: &'a Gateway,
    pub(crate) upstream: &'a Upstream,
    pub(crate) paper: &'a Paper,
}

type Check = fn(&Scene<'_>) -> anyhow::Result<()>;

/// What every SDK must manage, in this order.
pub(crate) const CHECKS: &[(&str, Check)] = &[
    ("reads the gateway's challenge", reads_the_challenge),
    ("reads a description beyond ASCII", reads_the_description),
    ("reads the digest of a POST's body", reads_the_digest),
    ("reads the problem document", reads_the_problem),
    ("is refused while it has no money", is_refused_without_money),
    ("pays for a GET", pays_for_a_get),
    ("pays for a POST with a body", pays_for_a_post),
    ("pays again with a fresh challenge", pays_for_a_get),
    ("reads several challenges, a line each", reads_several_lines),
    ("reads several challenges in one line", reads_one_list),
];

const BODY: &str = r#"{"city":"Zürich","note":"a \"quote\""}"#;

fn reads_the_challenge(scene: &Scene<'_>) -> anyhow::Result<()> {
    let reading = scene.peer.read(&scene.url("/forecast"), None)?;
    ensure!(reading.status == 402, "status {}", reading.status);
    let [challenge] = reading.challenges.as_slice() else { bail!("{} challenges", reading.challenges.len()) };
    expect(challenge, "/method", "balance")?;
    expect(challenge, "/intent", "charge")?;
    expect(challenge, "/request/amount", PRICE_MILLIONTHS)?;
    expect(challenge, "/request/currency", "usd.6")?;
    for present in ["/id", "/realm", "/expires", "/request/methodDetails/issuer"] {
        text(challenge, present)?;
    }
    Ok(())
}

/// SDKs differ in what they make of letters beyond ASCII; none may lose the challenge over them.
fn reads_the_description(scene: &Scene<'_>) -> anyhow::Result<()> {
    let reading = scene.peer.read(&scene.url("/described"), None)?;
    let [challenge] = reading.challenges.as_slice() else { bail!("{} challenges", reading.challenges.len()) };
    let read = text(challenge, "/description")?;
    ensure!(read.contains(r#"Weather for "Z"#) && read.contains("today"), "{read:?} instead of {DESCRIPTION:?}");
    Ok(())
}

fn reads_the_digest(scene: &Scene<'_>) -> anyhow::Result<()> {
    let reading = scene.peer.read(&scene.url("/forecast"), Some(BODY))?;
    let [challenge] = reading.challenges.as_slice() else { bail!("{} challenges", reading.challenges.len()) };
    ensure!(text(challenge, "/digest")?.starts_with("sha-256=:"), "the digest is {}", challenge["digest"]);
    Ok(())
}

fn reads_the_problem(scene: &Scene<'_>) -> anyhow::Result<()> {
    let Reading { problem, .. } = scene.peer.read(&scene.url("/forecast"), None)?;
    ensure!(text(&problem, "/type")?.ends_with("/payment-required"), "the problem is {problem}");
    ensure!(problem["status"] == 402, "the problem's status is {}", problem["status"]);
    text(&problem, "/title").map(drop)
}

fn is_refused_without_money(scene: &Scene<'_>) -> anyhow::Result<()> {
    let before = scene.upstream.served().len();
    let answer = scene.peer.pay(&scene.url("/forecast"), None);
    if let Ok(purchase) = answer {
        ensure!(purchase.status == 402, "status {} and body {}", purchase.status, purchase.body);
        ensure!(purchase.receipt.is_none(), "a receipt for nothing");
    }
    ensure!(scene.upstream.served().len() == before, "the upstream was reached without payment");
    scene.gateway.grant(&scene.peer.did()?, "1 USD")
}

fn pays_for_a_get(scene: &Scene<'_>) -> anyhow::Result<()> {
    scene.buys(None, "GET", "")
}

fn pays_for_a_post(scene: &Scene<'_>) -> anyhow::Result<()> {
    scene.buys(Some(BODY), "POST", BODY)
}

fn reads_several_lines(scene: &Scene<'_>) -> anyhow::Result<()> {
    scene.reads_paper("/lines")
}

fn reads_one_list(scene: &Scene<'_>) -> anyhow::Result<()> {
    scene.reads_paper("/list")
}

impl Scene<'_> {
    fn url(&self, path: &str) -> String {
        self.gateway.url(path)
    }

    /// One purchase: the upstream's answer, one hit, and a receipt.
    fn buys(&self, body: Option<&str>, method: &str, echoed: &str) -> anyhow::Result<()> {
        let before = self.upstream.served().len();
        let purchase = self.peer.pay(&self.url("/forecast?city=Bern"), body)?;
        ensure!(purchase.status == 200, "status {}: {}", purchase.status, purchase.body);
        let answer: Value = serde_json::from_str(&purchase.body)?;
        expect(&answer, "/method", method)?;
        expect(&answer, "/path", "/forecast?city=Bern")?;
        expect(&answer, "/body", echoed)?;
        let hits = self.upstream.served().len() - before;
        ensure!(hits == 1, "the upstream was reached {hits} times for one payment");
        let receipt = purchase.receipt.context("no receipt")?;
        expect(&receipt, "/method", "balance")?;
        expect(&receipt, "/status", "success")?;
        ensure!(!text(&receipt, "/reference")?.is_empty(), "the receipt has no reference");
        text(&receipt, "/timestamp").map(drop)
    }

    /// Reads what was written by hand, and finds all of it.
    fn reads_paper(&self, path: &str) -> anyhow::Result<()> {
        let found = self.peer.read(&self.paper.url(path), None)?.challenges;
        let written = self.paper.challenges();
        ensure!(found.len() == written.len(), "{} challenges of {}", found.len(), written.len());
        for (found, written) in found.iter().zip(written) {
            for name in ["id", "realm", "method", "intent", "request", "description", "expires", "digest"] {
                ensure!(found[name] == written[name], "{name} is {} instead of {}", found[name], written[name]);
            }
        }
        Ok(())
    }
}

/// The text at a JSON pointer.
fn text<'a>(value: &'a Value, pointer: &str) -> anyhow::Result<&'a str> {
    value.pointer(pointer).and_then(Value::as_str).with_context(|| format!("no text at {pointer} in {value}"))
}

fn expect(value: &Value, pointer: &str, wanted: &str) -> anyhow::Result<()> {
    let found = text(value, pointer)?;
    ensure!(found == wanted, "{pointer} is {found:?} instead of {wanted:?}");
    Ok(())
}
