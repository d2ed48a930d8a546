//! The README's first command, as a reader runs it.

use crate::support;

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use support::FARTHING;
use support::upstream::Upstream;

fn demo(arguments: &[&str]) -> Value {
    let started = Instant::now();
    let output = Command::new(FARTHING).args(["demo", "--json"]).args(arguments).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text} {}", String::from_utf8_lossy(&output.stderr));
    assert!(started.elapsed() < Duration::from_secs(60), "the demo takes more than a minute");
    serde_json::from_str(&text).unwrap()
}

#[test]
fn everything_happens_within_a_minute() {
    let report = demo(&[]);
    assert_eq!(report["ok"], true, "{report}");
    assert_eq!(report["expectations"].as_array().unwrap().len(), 8, "{report}");
    assert_eq!(report["statement"]["totals"][0]["count"], 1001, "{report}");
}

#[test]
fn a_balance_comes_by_bank_transfer_and_the_rest_goes_back() {
    let report = demo(&["--rail", "bank"]);
    assert_eq!(report["ok"], true, "{report}");
    assert_eq!(report["expectations"].as_array().unwrap().len(), 10, "{report}");
    assert_eq!(report["statement"]["totals"][0]["count"], 1001, "{report}");
}

#[test]
fn a_balance_is_topped_up_by_card_once_and_the_rest_goes_back_to_it() {
    let report = demo(&["--rail", "card"]);
    assert_eq!(report["ok"], true, "{report}");
    assert_eq!(report["expectations"].as_array().unwrap().len(), 10, "{report}");
    assert_eq!(report["statement"]["totals"][0]["count"], 1001, "{report}");
    let said = report["expectations"].to_string();
    assert!(said.contains("4 USD that was left of one top-up") && said.contains("simulated card processor"), "{said}");
}

#[test]
fn everything_happens_on_a_chain_too() {
    let report = demo(&["--rail", "tempo"]);
    assert_eq!(report["ok"], true, "{report}");
    assert_eq!(report["expectations"].as_array().unwrap().len(), 11, "{report}");
    assert_eq!(report["statement"]["totals"][0]["count"], 201, "{report}");
}

#[test]
fn a_stream_paid_by_the_token_survives_the_death_of_both_sides() {
    let report = demo(&["--sessions"]);
    assert_eq!(report["ok"], true, "{report}");
    assert_eq!(report["expectations"].as_array().unwrap().len(), 10, "{report}");
}

#[test]
fn a_stream_paid_by_the_token_is_settled_on_a_chain() {
    let report = demo(&["--sessions", "--rail", "tempo"]);
    assert_eq!(report["ok"], true, "{report}");
    assert_eq!(report["expectations"].as_array().unwrap().len(), 11, "{report}");
    let settlement = report["settlement"].as_str().unwrap();
    assert!(settlement.contains("transactions") && settlement.contains("gas a thousand"), "{settlement}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_the_reader_s_can_be_sold_too() {
    let upstream = Upstream::start().await;
    let url = format!("{}/own/page", upstream.url());
    let report = tokio::task::spawn_blocking(move || demo(&["--upstream", &url])).await.unwrap();
    assert_eq!(report["ok"], true, "{report}");
    assert_eq!(upstream.hits(), 1001);
}
