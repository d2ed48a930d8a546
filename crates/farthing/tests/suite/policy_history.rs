//! `farthing policy test` and `farthing policy explain`, over real processes: a policy is tried on what was paid,
//! and every level says what it says.

use crate::support;

use std::process::Command;

use serde_json::{Value, json};
use support::FARTHING;
use support::seller::{HONEST_RAIL, Seller, config};
use support::upstream::Upstream;

/// A seller, and a home with a wallet of the group `research`.
struct Scene {
    _upstream: Upstream,
    seller: Seller,
    home: tempfile::TempDir,
    directory: tempfile::TempDir,
}

impl Scene {
    async fn new() -> Self {
        let (directory, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let upstream = Upstream::start().await;
        let seller = Seller::start(directory.path(), &config(&upstream.url(), HONEST_RAIL), &[("RUST_LOG", "warn")]);
        let scene = Self { _upstream: upstream, seller, home, directory };
        scene.must(&["wallet", "create", "agent"]);
        scene.must(&["policy", "set", "--group", "research", "--total", "0.002 USD"]);
        scene.set("total = \"1 USD\"");
        let wallet: Value = serde_json::from_str(&scene.must(&["wallet", "show", "agent", "--json"])).unwrap();
        scene.seller.grant(wallet["did"].as_str().unwrap(), "1 USD").await;
        scene
    }

    /// Code and standard output.
    fn run(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = Command::new(FARTHING);
        command.args(arguments).env("FARTHING_HOME", self.home.path()).env("FARTHING_PASSPHRASE", "open sesame");
        let output = command.output().unwrap();
        (output.status.code().unwrap_or(-1), String::from_utf8(output.stdout).unwrap())
    }

    fn must(&self, arguments: &[&str]) -> String {
        let (code, out) = self.run(arguments);
        assert_eq!(code, 0, "{arguments:?}: {out}");
        out
    }

    /// A policy of the wallet, in the group.
    fn written(&self, policy: &str) -> String {
        let file = self.directory.path().join("tried.toml");
        std::fs::write(&file, format!("parent = \"research\"\n{policy}\n")).unwrap();
        file.to_str().unwrap().to_owned()
    }

    fn set(&self, policy: &str) {
        self.must(&["policy", "set", "--file", &self.written(policy)]);
    }

    fn pay(&self) -> i32 {
        self.run(&["pay", &format!("{}/paid/x", self.seller.listen)]).0
    }

    /// What a policy would change: the exit code and what is said.
    fn tried(&self, policy: &str, further: &[&str]) -> (i32, Value) {
        let file = self.written(policy);
        let (code, out) = self.run(&[&["policy", "test", &file, "--json"], further].concat());
        (code, serde_json::from_str(&out).unwrap())
    }

    fn explained(&self) -> Value {
        let url = format!("{}/paid/x", self.seller.listen);
        let (_, out) = self.run(&["policy", "explain", &url, "--json"]);
        serde_json::from_str::<Value>(&out).unwrap()["offers"][0].take()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_is_tried_on_what_was_paid_and_changes_nothing() {
    let scene = Scene::new().await;
    // The group has room for two of a thousandth.
    assert_eq!([(); 3].map(|()| scene.pay()), [0, 0, 3]);
    let head = scene.must(&["audit", "head"]);

    let (code, same) = scene.tried("total = \"1 USD\"", &["--since", "30d"]);
    assert_eq!((code, &same["differences"]), (0, &json!([])));
    assert_eq!(same["was"], json!({ "allowed": 2, "denied": 1, "asked": 0, "paid": ["0.002 USD"] }));
    assert_eq!(same["was"], same["would_be"]);

    let (code, tighter) = scene.tried("total = \"0.001 USD\"", &[]);
    assert_eq!((code, tighter["differences"].as_array().unwrap().len()), (1, 1), "{tighter}");
    let denied = &tighter["differences"][0];
    assert_eq!((&denied["was"]["answer"], &denied["would_be"]["answer"]), (&"allowed".into(), &"denied".into()));
    assert_eq!((&denied["would_be"]["level"], &denied["would_be"]["rule"]), (&"agent".into(), &"total".into()));
    assert!(denied["would_be"]["sentence"].as_str().unwrap().contains("0.001 USD"), "{denied}");
    assert_eq!(tighter["would_be"]["paid"], json!(["0.001 USD"]));

    // Outside the group the third would have been paid.
    let alone = scene.directory.path().join("alone.toml");
    std::fs::write(&alone, "total = \"1 USD\"").unwrap();
    let (code, looser) = scene.run(&["policy", "test", alone.to_str().unwrap()]);
    assert!(code == 1 && looser.contains("denied -> allowed, by total of group/research: it costs"), "{looser}");
    assert!(looser.contains("1 of 3 recorded payments"), "{looser}");

    assert_eq!(scene.tried("total = \"1 USD\"", &["--since", "2099-01-01T00:00:00Z"]).1["was"]["allowed"], 0);
    std::fs::write(&alone, "totl = \"1 USD\"").unwrap();
    assert_eq!(scene.run(&["policy", "test", alone.to_str().unwrap()]).0, 2);
    assert_eq!(scene.must(&["audit", "head"]), head, "nothing is written, least of all into the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_and_the_payment_that_its_answer_allowed_are_one() {
    let scene = Scene::new().await;
    let asks = "total = \"1 USD\"\n[ask]\nnew_payee = true";
    scene.set(asks);
    assert_eq!(scene.pay(), 6);
    let waiting: Value = serde_json::from_str(&scene.must(&["approvals", "list", "--json"])).unwrap();
    let waiting = waiting.get("approvals").unwrap_or(&waiting);
    scene.must(&["approvals", "allow", waiting[0]["id"].as_str().unwrap()]);
    assert_eq!(scene.pay(), 0);
    let (code, same) = scene.tried(asks, &[]);
    assert_eq!((code, &same["was"]["asked"]), (0, &1.into()), "{same}");
    let (code, unasked) = scene.tried("total = \"1 USD\"", &[]);
    let changed = &unasked["differences"][0];
    assert_eq!(
        (code, &changed["was"]["rule"], &changed["would_be"]["answer"]),
        (1, &"new-payee".into(), &"allowed".into())
    );
    assert_eq!(unasked["would_be"], json!({ "allowed": 1, "denied": 0, "asked": 0, "paid": ["0.001 USD"] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_level_says_what_it_says_and_the_one_that_decides_is_marked() {
    let scene = Scene::new().await;
    let said = |offer: &Value| {
        let levels = offer["levels"].as_array().unwrap().iter();
        let told = levels.map(|level| json!([level["level"], level["says"], level["rule"], level["decides"]]));
        told.collect::<Value>()
    };
    let all = json!([["agent", "allowed", null, true], ["group/research", "allowed", null, true]]);
    assert_eq!(said(&scene.explained()), all);
    assert_eq!([(); 2].map(|()| scene.pay()), [0, 0]);
    let full = scene.explained();
    assert_eq!(said(&full), json!([["agent", "allowed", null, false], ["group/research", "denied", "total", true]]));
    assert_eq!((&full["rule"], &full["sentence"]), (&"total".into(), &full["levels"][1]["sentence"]));
    scene.set("total = \"1 USD\"\n[ask]\nnew_payee = true");
    // A question is asked before anything is counted.
    let asked = scene.explained();
    assert_eq!(
        said(&asked),
        json!([["agent", "asks", "new-payee", true], ["group/research", "denied", "total", false]])
    );
    let url = format!("{}/paid/x", scene.seller.listen);
    let (code, text) = scene.run(&["policy", "explain", &url]);
    assert!(code == 3 && text.contains("  -> agent: asks by new-payee: "), "{text}");
    assert!(text.contains("     group/research: denied by total: "), "{text}");
}
