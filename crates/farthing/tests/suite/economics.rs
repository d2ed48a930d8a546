//! What prices leave: the table at the start, the refusals, and what rails really cost out of the books.

use crate::support;

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use support::FARTHING;
use support::agent::Agent;
use support::seller::Seller;
use support::upstream::Upstream;

/// A shop that takes balances, and cards at thirty cents and 2.9 %.
fn config(price: &str, accept: &str, more: &str) -> String {
    format!(
        r#"
[gateway]
listen = "127.0.0.1:0"
admin = "127.0.0.1:0"
realm = "shop.example"
secret = "a secret for tests that is long enough to bind"
store = "sqlite:farthing.db"
development = true

[rails.balance]
asset = "USD"

[rails.stripe]
asset = "USD"
network_id = "profile_test_shop"
secret_key = {{ env = "STRIPE_KEY" }}
webhook_secret = {{ env = "STRIPE_WEBHOOK" }}
api_base = "http://127.0.0.1:9"
top_up = "5 USD"

[[route]]
match = "GET /v1/{{*rest}}"
upstream = "http://127.0.0.1:9"
price = "{price}"
accept = {accept}
{more}
"#
    )
}

fn check(directory: &Path, config: &str, arguments: &[&str]) -> Output {
    let file = directory.join("farthing.toml");
    std::fs::write(&file, config).unwrap();
    let mut command = Command::new(FARTHING);
    command.args(["gateway", "--check", "--config"]).arg(&file).args(arguments);
    command
        .env("STRIPE_KEY", "sk_test_SearchedForEverywhere")
        .env("STRIPE_WEBHOOK", "whsec_SearchedForEverywhere")
        .output()
        .unwrap()
}

#[test]
fn the_table_says_what_each_way_to_pay_leaves_of_a_price() {
    let directory = tempfile::tempdir().unwrap();
    let config = config("0.001 USD", r#"["balance/charge", "stripe/topup"]"#, "");
    let output = check(directory.path(), &config, &["--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let table: Value = serde_json::from_slice(&output.stdout).unwrap();
    let offers = table["offers"].as_array().unwrap();
    assert_eq!((offers[0]["expected_fee"].as_str(), offers[0]["verdict"].as_str()), (Some("0 USD"), Some("fine")));
    // Forty-five cents of five dollars: nine percent of what each request costs.
    assert_eq!((offers[1]["accept"].as_str(), offers[1]["spread"].as_str()), (Some("stripe/topup"), Some("5 USD")));
    assert_eq!(offers[1]["expected_net"], "0.00091 USD", "{table}");
    assert!(!directory.path().join("farthing.db").exists(), "a check opens no books");
    let shown = String::from_utf8(check(directory.path(), &config, &[]).stdout).unwrap();
    assert!(shown.contains("9.0 %") && shown.contains("of a top-up of 5 USD"), "{shown}");
}

#[test]
fn a_price_below_the_floor_is_refused_with_the_table_and_the_remedy() {
    let directory = tempfile::tempdir().unwrap();
    let output = check(directory.path(), &config("0.001 USD", r#"["balance/charge", "stripe/charge"]"#, ""), &[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    for part in
        ["below the 0.5 USD that stripe/charge moves at least", "stripe/topup", "expected net", "balance/charge"]
    {
        assert!(said.contains(part), "{part} is missing: {said}");
    }
}

#[test]
fn a_price_that_its_fee_eats_whole_is_refused_unless_the_route_allows_it() {
    let directory = tempfile::tempdir().unwrap();
    let dear = |more: &str| {
        let config = config("0.6 USD", r#"["stripe/charge"]"#, more);
        config.replace("top_up = \"5 USD\"", "fee = { percent = \"2.9\", fixed = \"0.70 USD\" }")
    };
    let output = check(directory.path(), &dear(""), &[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("stripe/charge is expected to cost") && said.contains("allow_loss = true"), "{said}");
    let output = check(directory.path(), &dear("allow_loss = true"), &["--json"]);
    let table: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (table["offers"][0]["verdict"].as_str(), &table["offers"][0]["expected_net"]),
        (Some("loss"), &Value::Null)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_rails_cost_is_in_the_books_and_a_top_up_sells_nothing() {
    let (directory, upstream) = (tempfile::tempdir().unwrap(), Upstream::start().await);
    let config = config("0.001 USD", r#"["balance/charge", "simulated/topup"]"#, "")
        .replace("http://127.0.0.1:9\"\nprice", &format!("{}\"\nprice", upstream.url()));
    let config = config.replace("[[route]]", "[rails.simulated]\ntop_up = \"5 USD\"\n\n[[route]]");
    let secrets = [("STRIPE_KEY", "sk_test_SearchedForEverywhere"), ("STRIPE_WEBHOOK", "whsec_SearchedForEverywhere")];
    let seller = Seller::start(directory.path(), &config, &secrets);
    let agent = Agent::new();
    agent.must(&["wallet", "create", "agent"]).await;
    agent.must(&["policy", "set", "--total", "1 USD", "--prepaid", "5 USD"]).await;
    for _ in 0..3 {
        agent.must(&["pay", &format!("{}/v1/x", seller.listen)]).await;
    }
    let output = Command::new(FARTHING).args(["books", "fees", "--json", "--data"]).arg(directory.path()).output();
    let output = output.unwrap();
    let fees: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let of = |rail: &str| fees["rails"].as_array().unwrap().iter().find(|line| line["rail"] == rail).cloned().unwrap();
    let (balance, simulated) = (of("balance"), of("simulated"));
    assert_eq!((balance["sold"].as_str(), balance["payments"].as_u64()), (Some("3000"), Some(3)), "{fees}");
    assert_eq!((balance["cost_per_unit"].as_str(), simulated["sold"].as_str()), (Some("0"), Some("0")), "{fees}");
    assert_eq!(
        (simulated["top_ups"]["brought"].as_str(), &simulated["cost_per_unit"]),
        (Some("5000000"), &Value::Null)
    );
    seller.verify_books();
}
