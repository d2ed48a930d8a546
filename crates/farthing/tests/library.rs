//! The examples of `farthing-rails`, run as a newcomer runs them, against a real gateway.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code, the helpers of tests included")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::seller::{HONEST_RAIL, Seller, config};
use support::upstream::Upstream;

/// Builds the examples, as nothing else does that must have happened before this test, and says where they are.
fn examples() -> PathBuf {
    let built = Command::new(env!("CARGO")).args(["build", "--quiet", "-p", "farthing-rails", "--examples"]).output();
    let built = built.unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    // Beside the folder of this test: .../debug/deps.
    let here = std::env::current_exe().unwrap();
    let target = here.ancestors().find(|folder| folder.ends_with("deps")).and_then(Path::parent).unwrap();
    target.parent().unwrap().join("debug/examples")
}

fn run(example: &Path, words: &[&str]) -> String {
    let output = Command::new(example).args(words).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(output.status.success(), "{example:?}: {said} {}", String::from_utf8_lossy(&output.stderr));
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_pays_a_gateway_and_is_stopped_by_the_policy() {
    let (folder, home, upstream) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), Upstream::start().await);
    let dear = "[[route]]\nmatch = \"* /dear\"\nupstream = \"UPSTREAM\"\nprice = \"0.02 USD\"\naccept = [\"balance/charge\"]\n";
    let config = config(&upstream.url(), HONEST_RAIL) + &dear.replace("UPSTREAM", &upstream.url());
    let seller = Seller::start(folder.path(), &config, &[]);
    let (examples, home) = (examples(), home.path().join("home"));
    let home = home.to_str().unwrap();

    let did = run(&examples.join("wallet"), &[home]);
    seller.grant(&did, "1 USD").await;
    let url = |path: &str| format!("{}{path}", seller.listen);
    for (bought, example) in (1..).zip(["pay", "middleware", "tower"]) {
        let example = examples.join(example);
        let paid = run(&example, &[home, &url("/paid/page")]);
        assert!(paid.starts_with("paid 0.001 USD: content of"), "{example:?}: {paid}");
        let refused = run(&example, &[home, &url("/dear")]);
        assert!(refused.starts_with("not paid: ") && refused.contains("0.02 USD"), "{example:?}: {refused}");
        let free = run(&example, &[home, &url("/free/page")]);
        assert!(free.contains("content of") && !free.contains("USD"), "{example:?}: {free}");
        assert_eq!(upstream.hits(), 2 * bought);
    }
    assert_eq!(seller.charged(), 3_000);
}
