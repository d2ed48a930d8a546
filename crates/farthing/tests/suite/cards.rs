//! Virtual cards: an agent that holds one token pays within the card's limits and the wallet's, and can do nothing
//! else; over real processes.

use crate::support;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use support::FARTHING;
use support::seller::{HONEST_RAIL, Seller, config};
use support::upstream::Upstream;
use tempfile::TempDir;

/// A seller, and the home of an owner who has a dollar at it.
struct Street {
    seller: Seller,
    home: TempDir,
    directory: TempDir,
    _upstream: Upstream,
}

impl Street {
    /// The wallet itself may spend a cent.
    async fn open() -> Self {
        let (directory, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let upstream = Upstream::start().await;
        let seller = Seller::start(directory.path(), &config(&upstream.url(), HONEST_RAIL), &[("RUST_LOG", "trace")]);
        let street = Self { seller, home, directory, _upstream: upstream };
        street.must(&["wallet", "create", "agent"]);
        let did = street.json(&["wallet", "show", "agent", "--json"])["did"].as_str().unwrap().to_owned();
        street.seller.grant(&did, "1 USD").await;
        street.must(&["policy", "set", "--total", "0.01 USD"]);
        street
    }

    fn url(&self) -> String {
        format!("{}/paid/page", self.seller.listen)
    }

    /// As the owner.
    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(FARTHING);
        command.args(arguments).env("FARTHING_HOME", self.home.path()).env_remove("FARTHING_CARD");
        command.env("FARTHING_PASSPHRASE", "open sesame").output().unwrap()
    }

    /// As an agent that has a card and not the passphrase.
    fn with_card(&self, token: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(FARTHING);
        command.args(arguments).env("FARTHING_HOME", self.home.path()).env("FARTHING_CARD", token);
        command.env("RUST_LOG", "trace").env_remove("FARTHING_PASSPHRASE").output().unwrap()
    }

    fn pay(&self, token: &str) -> Output {
        self.with_card(token, &["pay", &self.url()])
    }

    fn must(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.must(arguments)).unwrap()
    }

    /// The token and the id of a card with these limits.
    fn card(&self, limits: &[&str]) -> (String, String) {
        let made = self.json(&[&["card", "create", "--json"], limits].concat());
        (made["token"].as_str().unwrap().to_owned(), made["id"].as_str().unwrap().to_owned())
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// That it ended with this code, and said this.
#[track_caller]
fn refused(output: &Output, code: i32, words: &str) {
    assert_eq!(output.status.code(), Some(code), "{}", said(output));
    assert!(said(output).contains(words), "{}", said(output));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_pays_until_its_own_limit_and_never_beyond_the_wallet_s() {
    let street = Street::open().await;
    let (token, id) = street.card(&["--amount", "0.002 USD", "--name", "errand"]);
    for _ in 0..2 {
        let paid = street.pay(&token);
        assert_eq!(paid.status.code(), Some(0), "{}", said(&paid));
        assert_eq!(String::from_utf8_lossy(&paid.stdout), "content of /paid/page");
    }
    refused(&street.pay(&token), 3, "0.002 USD");
    let shown = street.json(&["card", "show", &id[..8], "--json"]);
    assert_eq!(
        (&shown["spent"], &shown["name"], &shown["state"]),
        (&"0.002 USD".into(), &"errand".into(), &"ready".into())
    );
    // What the card pays, the wallet pays.
    let accounts = &street.json(&["wallet", "show", "agent", "--json"])["accounts"];
    assert_eq!(accounts[0]["spent"], "0.002 USD", "{accounts}");

    let (large, _) = street.card(&["--amount", "1 USD"]);
    let exposure = street.json(&["exposure", "--json"]);
    assert_eq!(exposure[0]["exposures"][0]["room"], "0.008 USD", "{exposure}");
    assert_eq!(exposure[0]["exposures"][0]["through_cards"], "0.008 USD", "{exposure}");
    for _ in 0..8 {
        assert_eq!(street.pay(&large).status.code(), Some(0));
    }
    refused(&street.pay(&large), 3, "0.01 USD");
    street.seller.verify_books();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_is_made_with_its_limits_in_one_command_or_not_at_all() {
    let street = Street::open().await;
    let origin = street.seller.listen.as_str();
    let made = ["wallet", "create", "job-7", "--template", "batch", "--origin", origin, "--total", "2 USD", "--json"];
    let made = street.json(&made);
    let policy = &made["policy"];
    assert_eq!((&policy["total"], &policy["per_payment"]), (&"2 USD".into(), &"5 USD".into()), "{policy}");
    assert_eq!(policy["origins"][0]["origin"], origin);
    for (arguments, words) in [
        (&["--template", "batch"][..], "--set origin=VALUE"),
        (&["--template", "careful", "--set", "totl=1 USD"], "it has: total"),
        (&["--template", "nowhere.toml"], "careful, research, batch"),
        (&["--per-payment", "1 USD"], "total"),
        (&["--origin", origin], "--total"),
    ] {
        refused(&street.run(&[&["wallet", "create", "other"], arguments].concat()), 2, words);
    }
    assert_eq!(street.json(&["wallet", "list", "--json"]).as_array().unwrap().len(), 2, "nothing is left behind");
    assert!(street.must(&["wallet", "templates"]).contains("research: For an agent"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_of_one_merchant_pays_nobody_else() {
    let street = Street::open().await;
    let (elsewhere, _) = street.card(&["--amount", "1 USD", "--origin", "https://api.example.com"]);
    refused(&street.pay(&elsewhere), 3, "is not on the list of origins");
    let (here, _) = street.card(&["--amount", "1 USD", "--origin", &street.seller.listen]);
    assert_eq!(street.pay(&here).status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_of_so_many_payments_makes_no_more() {
    let street = Street::open().await;
    let (once, _) = street.card(&["--amount", "1 USD", "--single-use"]);
    assert_eq!(street.pay(&once).status.code(), Some(0));
    refused(&street.pay(&once), 3, "payments");
    let (twice, _) = street.card(&["--amount", "1 USD", "--payments", "2"]);
    for code in [0, 0, 3] {
        assert_eq!(street.pay(&twice).status.code(), Some(code));
    }
    refused(&street.run(&["card", "create", "--amount", "1 USD", "--payments", "0"]), 1, "one payment");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_is_stopped_and_ended_at_once() {
    let street = Street::open().await;
    let (token, id) = street.card(&["--amount", "1 USD"]);
    street.must(&["card", "freeze", &id]);
    refused(&street.pay(&token), 3, "farthing card thaw");
    street.must(&["card", "thaw", &id]);
    assert_eq!(street.pay(&token).status.code(), Some(0));
    street.must(&["freeze", "--card", &id]);
    refused(&street.pay(&token), 3, "farthing card thaw");
    street.must(&["thaw", "--card", &id]);
    street.must(&["freeze", "--all", "--only"]);
    refused(&street.pay(&token), 3, "farthing thaw --all");
    street.must(&["thaw", "--all"]);
    street.must(&["card", "revoke", &id]);
    refused(&street.pay(&token), 1, "belongs to no card");
    assert_eq!(street.json(&["card", "list", "--json"]), serde_json::json!([]));

    let (last, _) = street.card(&["--amount", "1 USD"]);
    let frozen = street.json(&["freeze", "--all", "--json"]);
    assert_eq!((&frozen["over"], &frozen["steps"][0]["kind"]), (&true.into(), &"cards".into()), "{frozen}");
    refused(&street.pay(&last), 1, "belongs to no card");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_makes_no_cards_changes_no_limits_and_answers_no_approvals() {
    let street = Street::open().await;
    let (token, id) = street.card(&["--amount", "1 USD"]);
    for command in [
        &["card", "create", "--amount", "1 USD"][..],
        &["card", "thaw", &id],
        &["policy", "set", "--total", "100 USD"],
        &["approvals", "allow", "8f3a"],
        &["wallet", "export", "agent"],
        &["wallet", "thaw", "agent"],
        &["thaw", "--all"],
        &["key", "create"],
    ] {
        refused(&street.with_card(&token, command), 2, "unset FARTHING_CARD");
    }
    // Stopping is anybody's.
    assert!(street.with_card(&token, &["freeze", "--card", &id]).status.success());
    refused(&street.with_card(&token, &["pay", "--wallet", "other", &street.url()]), 2, "leave --wallet out");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_shown_once_and_found_nowhere() {
    let street = Street::open().await;
    let made = street.run(&["card", "create", "--amount", "1 USD"]);
    let token = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    assert_eq!(token.lines().count(), 1, "the token is all there is on standard output");
    let secret = token.trim_start_matches("ows_key_").to_owned();
    assert!(secret.len() == 64 && !String::from_utf8_lossy(&made.stderr).contains(&secret));
    let paid = street.pay(&token);
    let wrong = street.pay(&token.replace(&secret[..8], "00000000"));
    refused(&wrong, 1, "belongs to no card");
    refused(&street.pay("ows_key_1234"), 1, "copy it whole");
    let outputs = [paid, wrong].map(|output| said(&output));
    let mut places: Vec<String> = outputs.into_iter().collect();
    places.push(street.seller.log());
    places.extend(files_under(street.home.path()).into_iter().chain(files_under(street.directory.path())));
    assert!(places.iter().all(|text| !text.contains(&secret)));
}

/// A program that knows a proxy and nothing of cards pays with one as the proxy's password.
#[tokio::test(flavor = "multi_thread")]
async fn a_card_is_a_proxy_s_password() {
    let street = Street::open().await;
    let (token, id) = street.card(&["--amount", "0.001 USD"]);
    let mut command = Command::new(FARTHING);
    command.args(["proxy", "--listen", "127.0.0.1:0", "--json", "--allow-private", "127.0.0.1"]);
    command.env("FARTHING_HOME", street.home.path()).env_remove("FARTHING_PASSPHRASE");
    let mut proxy = Ended(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(proxy.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let listen = serde_json::from_str::<Value>(&line).unwrap()["listen"].as_str().unwrap().to_owned();
    let through = |password: &str| {
        let proxy = reqwest::Proxy::http(format!("http://{listen}")).unwrap().basic_auth("card", password);
        reqwest::Client::builder().proxy(proxy).build().unwrap()
    };
    let holder = through(&token);
    let paid = holder.get(street.url()).send().await.unwrap();
    assert_eq!(paid.status(), 200, "{}", paid.text().await.unwrap());
    let beyond = holder.get(street.url()).send().await.unwrap();
    assert!(!beyond.status().is_success(), "{}", beyond.status());
    street.must(&["card", "revoke", &id]);
    for password in [&token, &format!("ows_key_{}", "ab".repeat(32))] {
        let refused = through(password).get(street.url()).send().await.unwrap();
        assert!(!refused.status().is_success(), "{}", refused.status());
        assert!(!refused.text().await.unwrap().contains(&token));
    }
}

/// A process that ends with its test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn files_under(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => files_under(&path),
            false => vec![String::from_utf8_lossy(&std::fs::read(&path).unwrap_or_default()).into_owned()],
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_for_one_task_has_its_group_its_end_its_sources_and_its_purpose_from_one_command() {
    let street = Street::open().await;
    let create = |name: &'static str, source: &'static str| {
        let words = ["wallet", "create", name, "--total", "1 USD", "--parent", "research", "--expires", "1h"];
        [words.as_slice(), &["--for", "prices of\tflights", "--fund-from", source]].concat()
    };
    let refused = street.run(&create("scout", "balance"));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("farthing policy set --group research"));
    assert!(!street.run(&["wallet", "show", "scout"]).status.success(), "nothing was left behind");
    street.must(&["policy", "set", "--group", "research", "--total", "0.001 USD"]);
    street.must(&create("scout", "balance"));
    street.must(&create("abroad", "tempo"));
    let shown = street.json(&["wallet", "show", "scout", "--json"]);
    assert_eq!(shown["purpose"], "prices of\u{fffd}flights", "what could hide text is not shown");
    assert_eq!((&shown["policy"]["parent"], &shown["policy"]["methods"][0]), (&"research".into(), &"balance".into()));
    assert!(shown["policy"]["expires"].is_string());
    let pay = |wallet: &str| {
        let did = street.json(&["wallet", "show", wallet, "--json"])["did"].as_str().unwrap().to_owned();
        (did, ["pay", "--wallet", wallet, &street.url()].map(str::to_owned))
    };
    for (wallet, answer) in [("scout", "the total limit"), ("abroad", "pays out of tempo")] {
        let (did, words) = pay(wallet);
        street.seller.grant(&did, "1 USD").await;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut said = street.run(&words);
        if wallet == "scout" {
            assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
            said = street.run(&words);
        }
        let said = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(said.contains(answer), "{wallet}: {said}");
    }
}
