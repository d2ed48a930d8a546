//! A wallet with a sandbox's card and a gateway with a sandbox's acquirer, as real processes: paid once, said to be a
//! sandbox everywhere, and nothing of the card is left anywhere.

use crate::support;

use serde_json::Value;
use std::path::Path;
use support::agent::Agent;
use support::seller::Seller;
use support::upstream::Upstream;

fn config(upstream: &str) -> String {
    format!(
        r#"
[gateway]
listen = "127.0.0.1:0"
admin = "127.0.0.1:0"
realm = "shop.example"
secret = "a secret for tests that is long enough to bind"
store = "sqlite:farthing.db"
development = true

[rails.card]
enabler = "sandbox"
asset = "USD"
recipient = "M-1"
merchant_name = "Example Shop"
billing_required = true

[[route]]
match = "GET /v1/{{*rest}}"
upstream = "{upstream}"
price = "5 USD"
accept = ["card/charge"]
"#
    )
}

/// What stands in the files of a folder, the key of the sandbox left out.
fn files(folder: &Path) -> Vec<u8> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.is_file() && path.extension().is_none_or(|ending| ending != "der"));
    files.flat_map(|path| std::fs::read(path).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn n_17_a_sandbox_says_what_it_is_from_the_start_to_the_receipt() {
    let (directory, upstream) = (tempfile::tempdir().unwrap(), Upstream::start().await);
    let seller = Seller::start(directory.path(), &config(&upstream.url()), &[]);
    let agent = Agent::new();
    let url = format!("{}/v1/x", seller.listen);
    agent.must(&["wallet", "create", "agent"]).await;
    agent.must(&["policy", "set", "--total", "20 USD"]).await;
    assert!(agent.run(&["pay", &url]).await.code != 0, "a wallet without a card pays nothing by card");

    agent.must(&["wallet", "fund", "agent", "--sandbox-card"]).await;
    let receipt = directory.path().join("receipt.json");
    let paid = agent.must(&["pay", "--receipt", receipt.to_str().unwrap(), &url]).await;
    assert!(paid.starts_with("content of /v1/x"));
    let receipt: Value = serde_json::from_slice(&std::fs::read(receipt).unwrap()).unwrap();
    assert_eq!(receipt["sandbox"], true, "{receipt}");
    assert!(receipt["reference"].as_str().unwrap().starts_with("sandbox-"), "{receipt}");
    assert!(seller.log().contains("SANDBOX"), "{}", seller.log());
    assert_eq!(upstream.hits(), 1);
    seller.verify_books();

    let kept = String::from_utf8_lossy(&files(directory.path())).into_owned() + &seller.log();
    for secret in ["0000000000000001", "panLastFour", "line1", "encryptedPayload", "2099"] {
        assert!(!kept.contains(secret), "{secret} is kept");
    }
    agent.must(&["wallet", "fund", "agent", "--no-sandbox-card"]).await;
    assert!(agent.run(&["pay", &url]).await.code != 0);
}
