//! Every secret of a full run, at trace level, is searched for wherever it could have leaked.

use crate::support;

use std::path::Path;
use std::process::Command;

use support::FARTHING;
use support::buyer::Buyer;
use support::seller::{HONEST_RAIL, Seller, config};
use support::upstream::Upstream;

const BINDING: &str = "this binding secret is searched for everywhere";
const PASSPHRASE: &str = "this passphrase is searched for everywhere";

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_a_full_run_is_found_anywhere() {
    let directory = tempfile::tempdir().unwrap();
    let home = tempfile::tempdir().unwrap();
    let upstream = Upstream::start().await;
    let config = config(&upstream.url(), HONEST_RAIL)
        .replace("secret = \"a secret for tests that is long enough to bind\"", "secret = { env = \"BINDING\" }");
    let seller = Seller::start(directory.path(), &config, &[("BINDING", BINDING), ("RUST_LOG", "trace")]);
    let mut secrets = vec![BINDING.to_owned(), PASSPHRASE.to_owned()];

    let buyer = Buyer::new();
    seller.grant(&buyer.did, "1 USD").await;
    for (path, key) in [("/paid/a", Some("key-1")), ("/paid/b", None), ("/simulated/a", None)] {
        let url = format!("{}{path}", seller.listen);
        let credential = buyer.credential(&url).await;
        upstream.fail_next(u32::from(path == "/paid/b"));
        for _ in 0..3 {
            let mut request = buyer.get(&url, &credential);
            if let Some(key) = key {
                request = request.header("idempotency-key", key);
            }
            let answer = request.send().await.unwrap();
            if let Some(receipt) = answer.headers().get("payment-receipt") {
                secrets.push(receipt.to_str().unwrap().to_owned());
            }
        }
        secrets.push(credential.trim_start_matches("Payment ").to_owned());
    }

    let mut places = vec![("the gateway's log", seller.log())];
    for path in ["/metrics", "/admin/payments", "/admin/accounts"] {
        let text = reqwest::get(format!("{}{path}", seller.admin)).await.unwrap().text().await.unwrap();
        places.push((path, text));
    }
    let arguments = std::fs::read(format!("/proc/{}/cmdline", seller.process_id())).unwrap();
    places.push(("the gateway's arguments", String::from_utf8_lossy(&arguments).into_owned()));
    for output in wallet_run(home.path(), &seller).await {
        places.push(("the wallet's output", output));
    }
    for directory in [directory.path(), home.path()] {
        for (name, text) in files_under(directory) {
            places.push((name, text));
        }
    }
    for secret in &secrets {
        for (place, text) in &places {
            assert!(!text.contains(secret), "a secret is in {place}: {}...", &secret[..12.min(secret.len())]);
        }
    }
}

/// A whole purchase with the wallet, at trace level.
async fn wallet_run(home: &Path, seller: &Seller) -> Vec<String> {
    let run = |arguments: &[&str]| {
        let output = Command::new(FARTHING)
            .args(arguments)
            .env("FARTHING_HOME", home)
            .env("FARTHING_PASSPHRASE", PASSPHRASE)
            .env("RUST_LOG", "trace")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {text} {log}");
        (text, log)
    };
    let mut outputs = Vec::new();
    let mut keep = |(text, log): (String, String)| {
        outputs.push(text.clone());
        outputs.push(log);
        text
    };
    keep(run(&["wallet", "create", "agent"]));
    let shown = keep(run(&["wallet", "show", "agent", "--json"]));
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    seller.grant(shown["did"].as_str().unwrap(), "1 USD").await;
    keep(run(&[
        "policy",
        "set",
        "--wallet",
        "agent",
        "--total",
        "0.50 USD",
        "--per-payment",
        "0.01 USD",
        "--origin",
        &seller.listen,
    ]));
    keep(run(&["pay", "--wallet", "agent", &format!("{}/paid/w", seller.listen)]));
    outputs
}

fn files_under(directory: &Path) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_under(&path));
        } else {
            let name: &'static str = path.display().to_string().leak();
            found.push((name, String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned()));
        }
    }
    found
}
