//! An agent that holds no money spends a little of another account's, and no more than was granted.

use crate::support;

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

    /// As an agent that has a card of this home, and no passphrase.
    async fn with_card(&self, home: &str, token: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(FARTHING);
        command.args(arguments).env("FARTHING_HOME", self.home(home)).env("FARTHING_CARD", token);
        command.env_remove("FARTHING_PASSPHRASE").stdin(Stdio::null()).output().await.unwrap()
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

#[tokio::test(flavor = "multi_thread")]
async fn a_card_of_a_chain_is_a_key_that_the_chain_limits_and_forgets() {
    let stage = Stage::new().await;
    let upstream = Upstream::start().await;
    let seller = Seller::start(stage.directory.path(), &gateway(&stage.chain, &upstream.url()), &[]);
    stage.said("home", &["wallet", "create", "treasury"]).await;
    stage.add_chain("home").await;
    stage.said("home", &["wallet", "fund", "treasury", "--from-devnet", "10 USD"]).await;
    stage.said("home", &["policy", "set", "--wallet", "treasury", "--total", "100 USD"]).await;
    let create = ["card", "create", "--wallet", "treasury", "--amount", "0.5 USD", "--on-chain", "--json"];
    let made = stage.json("home", &create).await;
    let (token, id) = (made["token"].as_str().unwrap(), made["id"].as_str().unwrap());
    assert_eq!((&made["on_chain"], &made["policy"]["methods"]), (&true.into(), &serde_json::json!(["tempo"])));

    // Its key is not the wallet's, and what the chain lets it spend is counted as given away.
    let exposure = stage.json("home", &["exposure", "--wallet", "treasury", "--json"]).await;
    assert_eq!(exposure[0]["permissions"][0]["amount"], "0.5 USD", "{exposure}");
    let directory = stage.home("home").join("wallets/treasury");
    let keys =
        |file: PathBuf| serde_json::from_slice::<Value>(&std::fs::read(file).unwrap()).unwrap()["accounts"].clone();
    let card = directory.join("cards").join(id);
    assert_ne!(keys(card.join("wallet.json")), keys(directory.join("wallet.json")));

    let pay = ["pay", "--json", &format!("{}/goods", seller.listen)];
    let before = stage.units("home", "treasury").await;
    let paid = stage.with_card("home", token, &pay).await;
    assert!(paid.status.success(), "{}\n{}", String::from_utf8_lossy(&paid.stderr), seller.log());
    let spent = before - stage.units("home", "treasury").await;
    assert!((10_000..500_000).contains(&spent), "a cent, and the fee: {spent}");
    let shown = stage.json("home", &["wallet", "show", "treasury", "--json"]).await;
    assert_eq!(shown["recent"][0]["state"], "paid", "what a card pays, its wallet counts");

    let revoked = stage.run("home", &["card", "revoke", id]).await;
    assert!(revoked.status.success(), "{}", String::from_utf8_lossy(&revoked.stderr));
    let exposure = stage.json("home", &["exposure", "--wallet", "treasury", "--json"]).await;
    assert_eq!(exposure[0]["permissions"], serde_json::json!([]), "the chain forgot it");
    let refused = stage.with_card("home", token, &pay).await;
    assert!(String::from_utf8_lossy(&refused.stderr).contains("belongs to no card"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_that_its_chain_does_not_forget_is_frozen_until_it_does() {
    let stage = Stage::new().await;
    stage.said("home", &["wallet", "create", "agent"]).await;
    stage.add_chain("home").await;
    stage.said("home", &["wallet", "fund", "agent", "--from-devnet", "10 USD"]).await;
    stage.said("home", &["policy", "set", "--total", "100 USD"]).await;
    let made = stage.json("home", &["card", "create", "--amount", "0.5 USD", "--on-chain", "--json"]).await;
    let id = made["id"].as_str().unwrap();
    let nowhere = ["wallet", "chain", "add", "devnet", "--chain", "42431", "--rpc", "http://127.0.0.1:9"];
    stage.said("home", &nowhere).await;
    let stopped = stage.run("home", &["card", "revoke", id]).await;
    let said = String::from_utf8_lossy(&stopped.stderr).into_owned();
    assert_eq!(stopped.status.code(), Some(5), "{said}");
    assert!(said.contains("run the same command again"), "{said}");
    assert_eq!(stage.json("home", &["card", "show", id, "--json"]).await["state"], "frozen");
    stage.add_chain("home").await;
    assert!(stage.run("home", &["card", "revoke", id]).await.status.success());
    assert!(!stage.run("home", &["card", "show", id]).await.status.success());
}
