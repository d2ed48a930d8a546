//! A policy that asks a person, the owner who answers, and an agent that cannot answer for them; over real processes.

use crate::support;

use std::process::{Command, Output};

use serde_json::Value;
use support::FARTHING;
use support::seller::{HONEST_RAIL, Seller, config};
use support::upstream::Upstream;
use tempfile::TempDir;

/// Every payment of more than half a thousandth is asked about.
const ASKS: &str = "total = \"0.5 USD\"\n\n[ask]\namount_above = \"0.0005 USD\"\ndeadline = \"10m\"\n";
/// Only who was never paid is asked about.
const ASKS_ONCE: &str = "total = \"0.5 USD\"\n\n[ask]\nnew_payee = true\ndeadline = \"10m\"\n";
const LOOSE: &str = "total = \"100 USD\"\n";

/// A seller, and an agent that has a dollar at it.
struct Street {
    seller: Seller,
    home: TempDir,
    directory: TempDir,
    _upstream: Upstream,
}

impl Street {
    async fn open(policy: &str) -> Self {
        let (directory, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let upstream = Upstream::start().await;
        let dearer = format!(
            "{HONEST_RAIL}\n[[route]]\nmatch = \"POST /paid/page\"\nupstream = \"{}\"\nprice = \"0.002 USD\"\n\
             accept = [\"balance/charge\"]\n",
            upstream.url()
        );
        let seller = Seller::start(directory.path(), &config(&upstream.url(), &dearer), &[]);
        let street = Self { seller, home, directory, _upstream: upstream };
        street.must(&["wallet", "create", "agent"]);
        let did = street.json(&["wallet", "show", "agent", "--json"])["did"].as_str().unwrap().to_owned();
        street.seller.grant(&did, "1 USD").await;
        street.set(policy);
        street
    }

    /// As the owner.
    fn set(&self, policy: &str) {
        let file = self.directory.path().join("policy.toml");
        std::fs::write(&file, policy).unwrap();
        self.must(&["policy", "set", "--file", file.to_str().unwrap()]);
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(FARTHING);
        command.args(arguments).env("FARTHING_HOME", self.home.path());
        command.env_remove("FARTHING_CARD").env_remove("FARTHING_OWNER_PASSPHRASE");
        command.env("FARTHING_PASSPHRASE", "open sesame");
        command
    }

    /// With the passphrase of the wallet, and no other.
    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn must(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.must(arguments)).unwrap()
    }

    fn url(&self, path: &str) -> String {
        format!("{}/paid/{path}", self.seller.listen)
    }

    fn pay(&self, path: &str) -> Output {
        self.run(&["pay", &self.url(path)])
    }

    /// That this is asked about, and the question's name, which the agent is told.
    #[track_caller]
    fn asks(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let sentence = said(&output);
        assert_eq!(output.status.code(), Some(6), "{sentence}");
        assert!(output.stdout.is_empty(), "nothing was delivered");
        let rest = sentence.split_once("farthing approvals allow ").unwrap().1;
        let id = rest.split(',').next().unwrap().to_owned();
        assert!(self.waiting().iter().any(|waiting| waiting["id"] == *id), "{id}");
        id
    }

    #[track_caller]
    fn pays(&self, path: &str) {
        let output = self.pay(path);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        assert_eq!(String::from_utf8_lossy(&output.stdout), format!("content of /paid/{path}"));
    }

    fn waiting(&self) -> Vec<Value> {
        self.json(&["approvals", "list", "--json"]).as_array().unwrap().clone()
    }

    /// The records of the log that are about this.
    fn logged(&self, event: &str) -> Vec<Value> {
        let listed = self.must(&["audit", "list", "--json"]);
        let records = listed.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        records.filter(|record| record["event"] == event).collect()
    }

    /// That the log is whole, and the seller took so many thousandths.
    #[track_caller]
    fn ends_well(&self, thousandths: u64) {
        let verified = self.json(&["audit", "verify", "--json"]);
        assert_eq!(verified["clean"], true, "{verified}");
        self.seller.verify_books();
        assert_eq!(self.seller.charged(), thousandths * 1_000);
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// That it ended with this code, and said this in one line.
#[track_caller]
fn refused(output: &Output, code: i32, words: &str) {
    let sentence = said(output);
    assert_eq!(output.status.code(), Some(code), "{sentence}");
    assert!(sentence.contains(words), "{sentence}");
    assert_eq!(sentence.trim().lines().count(), 1, "{sentence}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_allowed_is_paid_once_and_nothing_else_by_it() {
    let street = Street::open(ASKS).await;
    let page = street.url("page");
    let id = street.asks(&["pay", &page]);
    assert_eq!(street.asks(&["pay", &page]), id, "the same is not asked twice");
    let waiting = street.waiting();
    assert_eq!(waiting.len(), 1);
    for (name, value) in [
        ("wallet", "agent"),
        ("origin", &street.seller.listen),
        ("request", "GET /paid/page"),
        ("method", "balance/charge"),
        ("payee", "test.example"),
        ("asset", "USD.6@ledger"),
        ("cost", "0.001 USD"),
        ("state", "pending"),
        ("level", "agent"),
        ("rule", "amount-above"),
    ] {
        assert_eq!(waiting[0][name], *value, "{}", waiting[0]);
    }
    assert_eq!(waiting[0]["facts"].as_str().unwrap().len(), 64);
    assert_eq!(street.seller.charged(), 0);

    street.must(&["approvals", "allow", &id, "--yes"]);
    // Another path, another body and another amount are other questions.
    let others = [
        street.asks(&["pay", &street.url("other")]),
        street.asks(&["pay", "-X", "GET", "-d", "{}", &page]),
        street.asks(&["pay", "-X", "POST", &page]),
    ];
    assert!(!others.contains(&id));
    assert_eq!(street.waiting().len(), 3);
    assert!(street.waiting().iter().any(|waiting| waiting["cost"] == "0.002 USD"));

    street.pays("page");
    let again = street.asks(&["pay", &page]);
    assert_ne!(again, id, "a permission is used up");
    refused(&street.run(&["approvals", "allow", &id, "--yes"]), 1, "used already");

    street.must(&["approvals", "deny", &again, "--reason", "use the cheaper feed"]);
    refused(&street.pay("page"), 3, "it was denied: use the cheaper feed");
    refused(&street.run(&["approvals", "allow", &again, "--yes"]), 1, "denied already");
    assert_eq!(street.logged("asked").len(), 5);
    assert_eq!(street.logged("answered").len(), 2);
    let denials = street.logged("denied");
    assert_eq!(denials.len(), 1, "{denials:?}");
    assert!(street.must(&["audit", "list"]).contains("denied 0.001 USD"));
    street.ends_well(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_allowed_once_is_paid_by_rule_from_then_on() {
    let street = Street::open(ASKS_ONCE).await;
    let id = street.asks(&["pay", &street.url("page")]);
    assert_eq!(street.waiting()[0]["rule"], "new-payee");
    street.must(&["approvals", "allow", &id, "--yes"]);
    street.pays("page");
    street.pays("page");
    street.pays("other");
    street.ends_well(3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_without_the_owner_s_passphrase_changes_nothing() {
    let street = Street::open(ASKS).await;
    let secret = street.directory.path().join("owner-passphrase");
    farthing_keys::private_file::write(&secret, b"only mine\n").unwrap();
    let secret = secret.to_str().unwrap();
    street.must(&["owner", "protect", "--owner-passphrase-file", secret]);

    let id = street.asks(&["pay", &street.url("page")]);
    let remedy = "FARTHING_OWNER_PASSPHRASE";
    refused(&street.run(&["approvals", "allow", &id, "--yes"]), 1, remedy);
    refused(&street.run(&["policy", "set", "--total", "100 USD"]), 1, remedy);
    let mut guess = street.command(&["approvals", "allow", &id, "--yes"]);
    refused(&guess.env("FARTHING_OWNER_PASSPHRASE", "a guess").output().unwrap(), 1, remedy);
    assert_eq!(street.asks(&["pay", &street.url("page")]), id, "it still waits");

    let policy = street.home.path().join("wallets/agent/policy.toml");
    let signed = std::fs::read_to_string(&policy).unwrap();
    for edited in [signed.replace("0.5 USD", "100 USD"), LOOSE.to_owned()] {
        assert_ne!(edited, signed);
        std::fs::write(&policy, edited).unwrap();
        refused(&street.pay("page"), 3, "farthing policy sign");
        refused(&street.run(&["policy", "sign"]), 1, remedy);
    }
    assert_eq!(street.logged("denied").len(), 2, "what a policy nobody signed would have paid is in the log");
    street.must(&["policy", "sign", "--owner-passphrase-file", secret]);
    street.pays("page");

    // What the owner took back does not come back, not even before anything was paid by the newer one.
    let loose = std::fs::read(&policy).unwrap();
    street.must(&["policy", "set", "--total", "0.0015 USD", "--owner-passphrase-file", secret]);
    std::fs::write(&policy, loose).unwrap();
    refused(&street.pay("page"), 3, "was followed before");
    street.must(&["policy", "set", "--total", "0.0015 USD", "--owner-passphrase-file", secret]);
    refused(&street.pay("page"), 3, "0.0015 USD");
    street.ends_well(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_says_who_was_stopped_and_what_no_policy_allowed() {
    let street = Street::open(LOOSE).await;
    street.must(&["wallet", "create", "bare"]);
    refused(&street.run(&["pay", "--wallet", "bare", &street.url("page")]), 3, "has no policy");
    let denied = street.logged("denied");
    assert_eq!((denied.len(), &denied[0]["wallet"]), (1, &"bare".into()), "{denied:?}");
    assert_eq!(denied[0]["decided"]["outcome"]["rule"], "no-policy", "{denied:?}");

    let card = street.json(&["card", "create", "--json", "--amount", "0.01 USD"])["id"].as_str().unwrap().to_owned();
    street.must(&["card", "freeze", &card]);
    street.must(&["card", "thaw", &card]);
    street.must(&["wallet", "freeze", "agent"]);
    street.must(&["wallet", "thaw", "agent"]);
    street.must(&["freeze", "--card", &card]);
    street.must(&["card", "revoke", &card]);
    for (event, times) in [("frozen", 3), ("thawed", 2), ("revoked", 1)] {
        let logged = street.logged(event);
        assert_eq!(logged.len(), times, "{event}: {logged:?}");
        assert!(logged.iter().all(|record| record["wallet"] == "agent"), "{logged:?}");
    }
    assert!(street.must(&["audit", "list"]).contains(&format!("revoked the card {card} is revoked")));
    street.ends_well(0);
}
