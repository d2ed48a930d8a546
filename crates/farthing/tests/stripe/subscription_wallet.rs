//! `farthing pay` by subscription: recurring authority has a limit of its own, and what is paid is not paid again.

use crate::subscription::Club;
use crate::support::seller::Seller;
use crate::wallet::{good, run};

/// A wallet with a card of the seller's account, and these limits besides the usual.
fn member(club: &Club, seller: &Seller, more: &[&str]) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let path = home.path();
    good(path, &["wallet", "create", "agent"]);
    let limits = ["--total", "20 USD", "--per-payment", "10 USD", "--origin", &seller.listen];
    good(path, &[&["policy", "set", "--wallet", "agent"], limits.as_slice(), more].concat());
    let card = ["--payment-method", "pm_card_visa", "--key-env", "AGENT_KEY", "--api-base", club.double.url()];
    good(path, &[&["wallet", "fund", "agent", "--stripe"], card.as_slice()].concat());
    home
}

#[tokio::test(flavor = "multi_thread")]
async fn s_68_without_a_limit_for_it_nothing_recurs() {
    let club = Club::new().await;
    let seller = club.open();
    let home = member(&club, &seller, &[]);
    let url = format!("{}/club/x", seller.listen);
    let refused = run(home.path(), &["pay", "--wallet", "agent", &url]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(3), "{said}");
    assert!(said.contains("recurring"), "{said}");
    assert!(club.double.desk().calls.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn s_68_a_wallet_subscribes_once_uses_it_and_cancels() {
    let club = Club::new().await;
    let seller = club.open();
    let home = member(&club, &seller, &["--recurring", "5 USD"]);
    let url = format!("{}/club/x", seller.listen);
    for _ in 0..3 {
        good(home.path(), &["pay", "--wallet", "agent", &url]);
    }
    assert_eq!(club.double.succeeded().len(), 1);
    assert_eq!(club.double.desk().billing.subscriptions.len(), 1);
    // Another one would take more a period than the owner allows.
    let other = format!("{}/other/x", seller.listen);
    assert_eq!(run(home.path(), &["pay", "--wallet", "agent", &other]).status.code(), Some(3));
    assert_eq!(club.double.desk().billing.subscriptions.len(), 1);

    let listed = run(home.path(), &["subscriptions", "list", "--wallet", "agent", "--json"]);
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    let id = listed[0]["id"].as_str().unwrap().to_owned();
    assert_eq!((&listed[0]["price"], &listed[0]["period"]), (&"5 USD".into(), &"1 day".into()));
    good(home.path(), &["subscriptions", "cancel", &id, "--wallet", "agent"]);
    let only = club.only();
    assert_eq!(club.double.desk().billing.subscriptions[&only]["cancel_at_period_end"], true);
    good(home.path(), &["pay", "--wallet", "agent", &url]);
    assert_eq!(club.double.succeeded().len(), 1, "what is paid is used to its end");
    good(home.path(), &["audit", "verify"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn s_68_a_frozen_wallet_uses_nothing() {
    let club = Club::new().await;
    let seller = club.open();
    let home = member(&club, &seller, &["--recurring", "5 USD"]);
    let url = format!("{}/club/x", seller.listen);
    good(home.path(), &["pay", "--wallet", "agent", &url]);
    good(home.path(), &["freeze", "--wallet", "agent"]);
    assert_ne!(run(home.path(), &["pay", "--wallet", "agent", &url]).status.code(), Some(0));
}
