//! An agent that holds no money spends a little of another account's, and no more than was granted.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code, helpers of the tests included")]

mod support;

use std::path::PathBuf;
use std::process::{Output, Stdio};

use farthing_devnet::{Devnet, Options, Source};
use serde_json::Value;
use support::FARTHING;
use support::seller::Seller;
use support::upstream::Upstream;
use tempfile::TempDir;
use tokio::process::Command;

struct Stage {
    directory: TempDir,
    chain: Devnet,
}

impl Stage {
    async fn new() -> Self {
        let chain = Devnet::start(Options::tempo(Source::of_this_process().unwrap())).await.unwrap();
        Self { directory: tempfile::tempdir().unwrap(), chain }
    }

    fn home(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    async fn run(&self, home: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(FARTHING);
        command.args(arguments).env("FARTHING_HOME", self.home(home)).env("FARTHING_PASSPHRASE", "open sesame");
        command.stdin(Stdio::null()).output().await.unwrap()
    }

    async fn said(&self, home: &str, arguments: &[&str]) -> String {
        let output = self.run(home, arguments).await;
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    async fn json(&self, home: &str, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.said(home, arguments).await).unwrap()
    }

    /// What an account of a home has of the chain's token, in base units.
    async fn units(&self, home: &str, wallet: &str) -> u64 {
        let balance = self.json(home, &["wallet", "balance", wallet, "--json"]).await;
        balance["balances"][0]["units"].as_str().unwrap().parse().unwrap()
    }

    async fn add_chain(&self, home: &str) {
        self.said(home, &["wallet", "chain", "add", "devnet", "--chain", "42431", "--rpc", self.chain.rpc()]).await;
    }
}

fn gateway(chain: &Devnet, upstream: &str) -> String {
    format!(
        "[gateway]\nlisten = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\nrealm = \"test.example\"\n\
         secret = \"a secret for tests that is long enough to bind\"\nstore = \"sqlite:farthing.db\"\n\
         development = true\n[rails.tempo]\nrpc = \"{}\"\nchain = 42431\nrecipient = \"{}\"\nasset = \"pathUSD\"\n\
         [[route]]\nmatch = \"GET /{{*path}}\"\nupstream = \"{upstream}\"\nprice = \"0.01 USD\"\n\
         accept = [\"tempo/charge\"]\n",
        chain.rpc(),
        chain.accounts()[3].address
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_granted_key_pays_from_the_other_account_within_the_grant_only() {
    let stage = Stage::new().await;
    let upstream = Upstream::start().await;
    let seller = Seller::start(stage.directory.path(), &gateway(&stage.chain, &upstream.url()), &[]);
    // Two machines, in effect: the treasury's home and the agent's share nothing but a file.
    stage.said("vault", &["wallet", "create", "treasury"]).await;
    stage.said("edge", &["wallet", "create", "agent"]).await;
    stage.add_chain("vault").await;
    stage.add_chain("edge").await;
    stage.said("vault", &["wallet", "fund", "treasury", "--from-devnet", "10 USD"]).await;
    let agent =
        stage.json("edge", &["wallet", "show", "agent", "--json"]).await["address"].as_str().unwrap().to_owned();

    let grant = ["key", "grant", "--wallet", "treasury", "--to", &agent, "--limit", "0.5 USD", "--expires", "1h"];
    let file = stage.directory.path().join("grant.json");
    std::fs::write(&file, stage.said("vault", &grant).await).unwrap();
    let file = file.to_str().unwrap();
    let accepted = stage.json("edge", &["key", "accept", "--wallet", "agent", "--json", file]).await;
    assert_eq!(accepted["limits"][0], "0.5 pathUSD");
    stage.said("edge", &["policy", "set", "--wallet", "agent", "--total", "100 USD"]).await;
    let shown = stage.json("edge", &["wallet", "show", "agent", "--json"]).await;
    assert_eq!(shown["delegated"]["account"], accepted["account"]);

    let url = format!("{}/goods", seller.listen);
    let pay = ["pay", "--wallet", "agent", "--json", url.as_str()];
    let before = stage.units("vault", "treasury").await;
    for _ in 0..2 {
        let paid = stage.run("edge", &pay).await;
        assert!(paid.status.success(), "{}\n{}", String::from_utf8_lossy(&paid.stderr), seller.log());
    }
    let spent = before - stage.units("vault", "treasury").await;
    assert!((20_000..500_000).contains(&spent), "twice a cent, and fees: {spent}");
    assert_eq!(stage.units("edge", "agent").await, 0);

    // The agent's own policy would allow a hundred dollars.
    stage.said("edge", &["wallet", "create", "second"]).await;
    let second =
        stage.json("edge", &["wallet", "show", "second", "--json"]).await["address"].as_str().unwrap().to_owned();
    let little = ["key", "grant", "--wallet", "treasury", "--to", &second, "--limit", "0.005 USD", "--expires", "1h"];
    let little_file = stage.directory.path().join("little.json");
    std::fs::write(&little_file, stage.said("vault", &little).await).unwrap();
    stage.said("edge", &["key", "accept", "--wallet", "second", little_file.to_str().unwrap()]).await;
    stage.said("edge", &["policy", "set", "--wallet", "second", "--total", "100 USD"]).await;
    let before = stage.units("vault", "treasury").await;
    let refused = stage.run("edge", &["pay", "--wallet", "second", &url]).await;
    assert_eq!(refused.status.code(), Some(4));
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("the key is granted 0.005 pathUSD"), "{said}");
    assert_eq!(stage.units("vault", "treasury").await, before);

    let stranger = stage.said("vault", &["wallet", "create", "stranger"]).await;
    assert!(!stranger.is_empty());
    let refused = stage.run("vault", &["key", "accept", "--wallet", "stranger", file]).await;
    assert!(String::from_utf8_lossy(&refused.stderr).contains("the grant is for"));
    stage.said("edge", &["key", "accept", "--wallet", "agent", "--none"]).await;
    assert_eq!(stage.json("edge", &["wallet", "show", "agent", "--json"]).await["delegated"], Value::Null);
    let broke = stage.run("edge", &pay).await;
    assert_eq!(broke.status.code(), Some(4), "{}", String::from_utf8_lossy(&broke.stderr));
    assert!(String::from_utf8_lossy(&broke.stderr).contains("there is 0 pathUSD"));
}
