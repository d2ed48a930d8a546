//! `farthing pay` by card: the policy first, then a token for exactly the price.

use std::path::Path;
use std::process::{Command, Output};

use farthing_testing_stripe::{AGENT_KEY, Trouble};

use crate::shop::Shop;
use crate::support::FARTHING;
use crate::support::seller::Seller;

const ISSUE: &str = "POST shared_payment/issued_tokens";

pub fn run(home: &Path, arguments: &[&str]) -> Output {
    let command = Command::new(FARTHING)
        .args(arguments)
        .env("FARTHING_HOME", home)
        .env("FARTHING_PASSPHRASE", "a passphrase for tests")
        .env("AGENT_KEY", AGENT_KEY)
        .env("RUST_LOG", "trace")
        .output();
    let output = command.unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!said.contains(AGENT_KEY) && !said.contains("spt_1"), "a secret was said by {arguments:?}");
    output
}

pub fn good(home: &Path, arguments: &[&str]) {
    let output = run(home, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A wallet with a card and these limits.
pub fn wallet(shop: &Shop, seller: &Seller, per_payment: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let path = home.path();
    good(path, &["wallet", "create", "agent"]);
    let limits = ["--total", "20 USD", "--per-payment", per_payment, "--origin", &seller.listen];
    good(path, &[&["policy", "set", "--wallet", "agent"], limits.as_slice()].concat());
    let card = ["--payment-method", "pm_card_visa", "--key-env", "AGENT_KEY", "--api-base", shop.double.url()];
    good(path, &[&["wallet", "fund", "agent", "--stripe"], card.as_slice()].concat());
    home
}

#[tokio::test(flavor = "multi_thread")]
async fn s_43_a_wallet_pays_by_card_within_its_limits() {
    let shop = Shop::new().await;
    let seller = shop.open();
    let home = wallet(&shop, &seller, "10 USD");
    let url = format!("{}/card/x", seller.listen);
    good(home.path(), &["pay", "--wallet", "agent", &url]);
    assert_eq!((shop.double.succeeded().len(), shop.upstream.hits()), (1, 1));
    // The answer of the charge is lost: the same token is presented again, and no other one is issued.
    shop.double.desk().expect("POST payment_intents", [Trouble::LostAfter]);
    good(home.path(), &["pay", "--wallet", "agent", &url]);
    assert_eq!((shop.double.succeeded().len(), shop.double.desk().count(ISSUE)), (2, 2));
    seller.verify_books();
}

#[tokio::test(flavor = "multi_thread")]
async fn s_44_what_the_policy_refuses_or_a_frozen_wallet_asks_for_is_never_issued() {
    let shop = Shop::new().await;
    let seller = shop.open();
    let url = format!("{}/card/x", seller.listen);
    let home = wallet(&shop, &seller, "4.99 USD");
    assert!(!run(home.path(), &["pay", "--wallet", "agent", &url]).status.success());
    let home = wallet(&shop, &seller, "10 USD");
    good(home.path(), &["wallet", "freeze", "agent"]);
    assert!(!run(home.path(), &["pay", "--wallet", "agent", &url]).status.success());
    good(home.path(), &["wallet", "thaw", "agent"]);
    good(home.path(), &["wallet", "fund", "agent", "--stripe", "--remove"]);
    assert!(!run(home.path(), &["pay", "--wallet", "agent", &url]).status.success());
    assert_eq!(shop.double.desk().count(ISSUE), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn s_45_a_token_whose_answer_is_lost_for_good_stays_counted() {
    let shop = Shop::new().await;
    let seller = shop.open();
    let home = wallet(&shop, &seller, "10 USD");
    let url = format!("{}/card/x", seller.listen);
    shop.double.desk().expect(ISSUE, [Trouble::LostAfter; 4]);
    assert!(!run(home.path(), &["pay", "--wallet", "agent", &url]).status.success());
    let shown = run(home.path(), &["wallet", "show", "agent", "--json"]);
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert!(shown.to_string().contains("5 USD"), "it is counted as reserved: {shown}");
    assert_eq!(shop.double.succeeded().len(), 0);
}
