//! Rails' statements and reversals, as an operator meets them.

use crate::support;

use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use support::FARTHING;
use support::buyer::Buyer;
use support::seller::{Seller, config};
use support::upstream::Upstream;

const RAIL: &str = "[rails.simulated]\nscript = [\"foreign-deposit\", \"reverse\"]\n";

async fn buy(seller: &Seller, path: &str) {
    let buyer = Buyer::new();
    let url = format!("{}/simulated/{path}", seller.listen);
    let credential = buyer.credential(&url).await;
    assert_eq!(buyer.get(&url, &credential).send().await.unwrap().status(), 200);
}

/// `books reconcile`, with its exit code and what it says.
fn reconcile(admin: &str, more: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(FARTHING).args(["books", "reconcile", "--admin", admin]).args(more).output().unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_what_nobody_paid_and_what_was_taken_back() {
    let directory = tempfile::tempdir().unwrap();
    let upstream = Upstream::start().await;
    let seller = Seller::start(directory.path(), &config(&upstream.url(), RAIL), &[]);
    buy(&seller, "a").await;
    buy(&seller, "b").await;

    let (code, said) = reconcile(&seller.admin, &["--json"]);
    let report: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &report["clean"]), (Some(1), &false.into()), "{report}");
    assert_eq!((&report["rails"][0]["matched"], &report["rails"][0]["suspended"]), (&1.into(), &1.into()), "{report}");
    let (code, said) = reconcile(&seller.admin, &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("0 matched, 0 unexplained"), "read once: {said}");
    assert!(said.contains("in suspense: 0.001 USD from an unknown payer over simulated, somebody else's"), "{said}");

    let payment = reversed(&seller).await;
    let shown = Command::new(FARTHING)
        .args(["books", "payment", &payment, "--json", "--data"])
        .arg(directory.path())
        .output()
        .unwrap();
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!((&shown["state"], &shown["status"]), (&"reversed".into(), &200.into()), "{shown}");
    let statement = seller.statement();
    let total = &statement["totals"][0];
    let figures = (&total["gross"], &total["reversed"], &total["net"]);
    assert_eq!(figures, (&"2000".into(), &"1000".into(), &"1000".into()), "{statement}");
    assert_eq!(statement["suspense"][0]["reference"], "somebody else's transfer", "{statement}");
    seller.verify_books();

    let admin = seller.admin.clone();
    drop(seller);
    let (code, said) = reconcile(&admin, &[]);
    assert_eq!(code, Some(1));
    assert!(said.contains("is it running"), "{said}");
}

async fn reversed(seller: &Seller) -> String {
    for _ in 0..100 {
        let listed = reqwest::get(format!("{}/admin/payments?state=reversed", seller.admin)).await.unwrap();
        let listed: Value = listed.json().await.unwrap();
        if let Some(id) = listed["payments"][0]["id"].as_str() {
            return id.to_owned();
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("no payment was reversed: {}", seller.log());
}
