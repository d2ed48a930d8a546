//! A gateway in an operator's hands: mistakes in its file, reload, rotation, drain, a second owner.

use crate::support;

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use support::FARTHING;
use support::buyer::{Buyer, challenges_of};
use support::seller::{HONEST_RAIL, Seller, config};
use support::upstream::Upstream;

const SECRET: &str = "secret = \"a secret for tests that is long enough to bind\"";

fn start_with(directory: &Path, text: &str) -> Output {
    let file = directory.join("farthing.toml");
    std::fs::write(&file, text).unwrap();
    Command::new(FARTHING).args(["gateway", "--config"]).arg(&file).current_dir(directory).output().unwrap()
}

fn signal(seller: &Seller, name: &str) {
    let status = Command::new("kill").args([name, &seller.process_id().to_string()]).status().unwrap();
    assert!(status.success());
}

#[test]
fn a_mistake_is_named_with_its_line_and_the_remedy() {
    let directory = tempfile::tempdir().unwrap();
    let good = config("http://127.0.0.1:9", HONEST_RAIL);
    let mistakes = [
        ("realm = ", "relm = ", "relm"),
        ("price = \"0.001 USD\"", "price = \"0.0000001 USD\"", "millionth"),
        ("price = \"0.001 USD\"", "price = 1", "price"),
        ("price = \"0.001 USD\"", "price = \"0.001 EUR\"", "EUR"),
        ("accept = [\"balance/charge\"]", "accept = [\"tempo/charge\"]", "tempo"),
        ("match = \"* /free/{*rest}\"", "match = \"* /paid/{*rest}\"", "/paid/"),
        ("development = true", "development = false", "secret"),
        ("listen = \"127.0.0.1:0\"", "listen = \"somewhere\"", "listen"),
        (SECRET, "secret = \"short\"", "32"),
    ];
    for (right, wrong, named) in mistakes {
        assert!(good.contains(right), "{right}");
        let output = start_with(directory.path(), &good.replace(right, wrong));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{wrong}: {said}");
        assert!(said.contains("farthing.toml:"), "{wrong}: {said}");
        assert!(said.contains(named), "{wrong}: {said}");
        assert!(!said.contains("a secret for tests"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_loads_the_file_again_and_a_bad_file_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let upstream = Upstream::start().await;
    let text = config(&upstream.url(), HONEST_RAIL);
    let seller = Seller::start(directory.path(), &text, &[("RUST_LOG", "info")]);
    let buyer = Buyer::new();
    let url = format!("{}/paid/x", seller.listen);
    let amount = async || {
        let response = buyer.client.get(&url).send().await.unwrap();
        let request = challenges_of(&response)[0].request().decode().unwrap();
        request["amount"].as_str().unwrap().to_owned()
    };
    assert_eq!(amount().await, "1000");
    let dearer = text.replace("0.001 USD", "0.002 USD");
    std::fs::write(directory.path().join("farthing.toml"), &dearer).unwrap();
    signal(&seller, "-HUP");
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(amount().await, "2000");
    std::fs::write(directory.path().join("farthing.toml"), dearer.replace("price", "prise")).unwrap();
    signal(&seller, "-HUP");
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(amount().await, "2000");
    assert!(seller.log().contains("prise"), "the reason is logged: {}", seller.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_outlives_the_rotation_of_its_secret() {
    let directory = tempfile::tempdir().unwrap();
    let upstream = Upstream::start().await;
    let text = config(&upstream.url(), HONEST_RAIL);
    let buyer = Buyer::new();
    let before = Seller::start(directory.path(), &text, &[]);
    before.grant(&buyer.did, "1 USD").await;
    let credential = buyer.credential(&format!("{}/paid/x", before.listen)).await;
    drop(before);
    let next = "a fresh secret for tests that is long enough too";
    let rotated = text.replace(SECRET, &format!("secret = \"{next}\"\nprevious_{SECRET}"));
    let after = Seller::start(directory.path(), &rotated, &[]);
    let paid = buyer.get(&format!("{}/paid/x", after.listen), &credential).send().await.unwrap();
    assert_eq!(paid.status(), 200);
    let credential = buyer.credential(&format!("{}/paid/x", after.listen)).await;
    drop(after);
    let forgotten = Seller::start(directory.path(), &text, &[]);
    let refused = buyer.get(&format!("{}/paid/x", forgotten.listen), &credential).send().await.unwrap();
    assert_eq!(refused.status(), 402, "an unknown secret binds nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminated_gateway_finishes_what_it_began() {
    let directory = tempfile::tempdir().unwrap();
    let upstream = Upstream::start().await;
    let mut seller = Seller::start(directory.path(), &config(&upstream.url(), HONEST_RAIL), &[]);
    let buyer = Buyer::new();
    seller.grant(&buyer.did, "1 USD").await;
    let url = format!("{}/paid/x", seller.listen);
    let credential = buyer.credential(&url).await;
    upstream.delay(Duration::from_millis(1500));
    let request = buyer.get(&url, &credential).send();
    let (answer, ()) = tokio::join!(request, async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        signal(&seller, "-TERM");
    });
    assert_eq!(answer.unwrap().status(), 200);
    assert!(seller.wait_for_death().success());
    assert_eq!(seller.charged(), 1000);
    seller.verify_books();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_set_of_books_has_one_gateway() {
    let directory = tempfile::tempdir().unwrap();
    let upstream = Upstream::start().await;
    let text = config(&upstream.url(), HONEST_RAIL);
    let first = Seller::start(directory.path(), &text, &[]);
    let second = start_with(directory.path(), &text);
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(said.contains("farthing.db"), "{said}");
    first.verify_books();
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_see_payments_accounts_and_figures() {
    let directory = tempfile::tempdir().unwrap();
    let upstream = Upstream::start().await;
    let seller = Seller::start(directory.path(), &config(&upstream.url(), HONEST_RAIL), &[]);
    let buyer = Buyer::new();
    seller.grant(&buyer.did, "1 USD").await;
    let url = format!("{}/paid/x", seller.listen);
    let credential = buyer.credential(&url).await;
    assert_eq!(buyer.get(&url, &credential).send().await.unwrap().status(), 200);

    let read = async |path: &str| reqwest::get(format!("{}{path}", seller.admin)).await.unwrap();
    for path in ["/healthz", "/readyz"] {
        assert_eq!(read(path).await.status(), 200, "{path}");
    }
    let payments: serde_json::Value = read("/admin/payments").await.json().await.unwrap();
    let payment = &payments["payments"][0];
    assert_eq!(payment["amount"], "1000", "{payments}");
    let one = read(&format!("/admin/payments/{}", payment["id"].as_str().unwrap())).await;
    assert_eq!(one.status(), 200);
    let verified: serde_json::Value = read("/admin/ledger/verify").await.json().await.unwrap();
    assert_eq!(verified["clean"], true);
    let shown = Command::new(FARTHING)
        .args(["balance", "show", "--json", "--admin", &seller.admin, "--payer", &buyer.did])
        .output()
        .unwrap();
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(shown["accounts"][0]["balance"], "0.999 USD", "{shown}");
    let metrics = read("/metrics").await.text().await.unwrap();
    assert!(metrics.contains("farthing_"), "{metrics}");
    let document: serde_json::Value =
        reqwest::get(format!("{}/openapi.json", seller.listen)).await.unwrap().json().await.unwrap();
    assert_eq!(document["openapi"].as_str().unwrap().split('.').next(), Some("3"), "{document}");
}

/// `books refund`, with its exit code and what it says.
fn refund(seller: &Seller, payment: &str, more: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(FARTHING);
    command.args(["books", "refund", payment, "--admin", &seller.admin]).args(more);
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

async fn payment_in(seller: &Seller, state: &str) -> String {
    for _ in 0..200 {
        let listed = reqwest::get(format!("{}/admin/payments?state={state}", seller.admin)).await.unwrap();
        let listed: serde_json::Value = listed.json().await.unwrap();
        if let Some(id) = listed["payments"][0]["id"].as_str() {
            return id.to_owned();
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("no payment is {state}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivered_payment_is_refunded_once() {
    let directory = tempfile::tempdir().unwrap();
    let upstream = Upstream::start().await;
    let seller = Seller::start(directory.path(), &config(&upstream.url(), HONEST_RAIL), &[]);
    let buyer = Buyer::new();
    seller.grant(&buyer.did, "1 USD").await;
    let url = format!("{}/paid/x", seller.listen);
    let credential = buyer.credential(&url).await;
    upstream.delay(Duration::from_millis(1500));
    let request = buyer.get(&url, &credential).send();
    let (answer, ()) = tokio::join!(request, async {
        let payment = payment_in(&seller, "posted").await;
        let (code, said) = refund(&seller, &payment, &[]);
        assert_eq!(code, Some(1), "not while it is being delivered: {said}");
        assert!(said.contains("in flight"), "{said}");
    });
    assert_eq!(answer.unwrap().status(), 200);

    let payment = payment_in(&seller, "closed").await;
    let (code, said) = refund(&seller, &payment, &["--reason", "the answer was wrong"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("is paid back: 0.001 USD"), "{said}");
    let (code, said) = refund(&seller, &payment, &["--json"]);
    let again: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (code, &again["state"], &again["reason"]),
        (Some(0), &"refunded".into(), &"the answer was wrong".into())
    );
    let (code, said) = refund(&seller, "pay_00000000000000000000000000000000", &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("hold no payment"), "{said}");

    let total = &seller.statement()["totals"][0];
    assert_eq!((&total["gross"], &total["refunds"], &total["net"]), (&"1000".into(), &"1000".into(), &"0".into()));
    seller.verify_books();
}
