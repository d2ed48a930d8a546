//! A wallet's money on a chain: where it is, how it gets there on a development chain, what moved.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use farthing_devnet::{Devnet, Options, Source};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

const FARTHING: &str = env!("CARGO_BIN_EXE_farthing");

struct Home {
    _directory: TempDir,
    path: PathBuf,
}

impl Home {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("home");
        let home = Self { _directory: directory, path };
        home.json(&["wallet", "create", "agent", "--json"]).await;
        home
    }

    async fn run(&self, arguments: &[&str]) -> (bool, String, String) {
        let mut command = Command::new(FARTHING);
        command.args(arguments).env("FARTHING_HOME", &self.path).env("FARTHING_PASSPHRASE", "open sesame");
        let output = command.stdin(Stdio::null()).output().await.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.success(), text(output.stdout), text(output.stderr))
    }

    async fn json(&self, arguments: &[&str]) -> Value {
        let (succeeded, said, complained) = self.run(arguments).await;
        assert!(succeeded, "{arguments:?}: {complained}");
        serde_json::from_str(&said).unwrap()
    }

    async fn refusal(&self, arguments: &[&str]) -> String {
        let (succeeded, said, complained) = self.run(arguments).await;
        assert!(!succeeded, "{arguments:?}: {said}");
        assert_eq!(complained.trim_end().lines().count(), 1, "{complained}");
        complained
    }
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_wallet_is_funded_on_tempo_and_sees_what_it_has_and_what_moved() {
    let chain = Devnet::start(Options::tempo(Source::of_this_process().unwrap())).await.unwrap();
    let home = Home::new().await;
    assert!(home.refusal(&["wallet", "balance", "agent"]).await.contains("farthing wallet chain add"));
    let added = home.json(&["wallet", "chain", "add", "mine", "--rpc", chain.rpc(), "--json"]).await;
    assert_eq!((&added["chain"], &added["tokens"][0]["code"]), (&"eip155:42431".into(), &"pathUSD".into()));
    assert_eq!(mode(&home.path.join("chains.toml")), 0o600);
    let address = home.json(&["wallet", "show", "agent", "--json"]).await["address"].clone();
    let where_to = home.json(&["wallet", "fund", "agent", "--json"]).await;
    assert_eq!((&where_to["address"], &where_to["accepts"][0]["token"]), (&address, &"pathUSD".into()));
    let (_, said, _) = home.run(&["wallet", "fund", "agent"]).await;
    assert!(said.contains("--from-devnet"), "{said}");

    let given = home.json(&["wallet", "fund", "agent", "--from-devnet", "12.5 USD", "--json"]).await;
    assert_eq!(given["received"], "12.5 pathUSD");
    let balance = home.json(&["wallet", "balance", "agent", "--chain", "mine", "--json"]).await;
    let held = &balance["balances"][0];
    assert_eq!(
        (&held["token"], &held["amount"], &held["units"]),
        (&"pathUSD".into(), &"12.5".into(), &"12500000".into())
    );
    let history = home.json(&["wallet", "history", "agent", "--json"]).await;
    let moved = &history["chains"][0]["moved"][0];
    assert_eq!((&moved["direction"], &moved["amount"]), (&"in".into(), &"12.5".into()));
    assert_eq!(moved["transaction"], given["transaction"]);
    let (_, said, _) = home.run(&["wallet", "history", "agent"]).await;
    assert!(said.contains("+12.5 pathUSD"), "{said}");
}

#[tokio::test]
async fn on_an_evm_chain_a_token_of_one_s_own_and_a_coin_for_gas_arrive() {
    let chain = Devnet::start(Options::evm(31_337, Source::of_this_process().unwrap())).await.unwrap();
    let home = Home::new().await;
    let token = format!("{}:TUSD:6:USD:Test USDC:1", chain.token());
    let add =
        ["wallet", "chain", "add", "anvil", "--rpc", chain.rpc(), "--token", &token, "--native-price", "4000 USD"];
    assert!(home.run(&add).await.0);
    let listed = home.json(&["wallet", "chain", "list", "--json"]).await;
    assert_eq!((&listed[0]["native_price"], &listed[0]["tokens"][0]["code"]), (&"4000 USD".into(), &"TUSD".into()));
    assert!(home.run(&["wallet", "fund", "agent", "--from-devnet", "3 USD"]).await.0);
    let balance = home.json(&["wallet", "balance", "agent", "--json"]).await;
    let amounts: Vec<_> =
        balance["balances"].as_array().unwrap().iter().map(|held| held["amount"].as_str().unwrap()).collect();
    assert_eq!(amounts, ["3", "1"]);
    assert!(home.refusal(&["wallet", "fund", "agent", "--from-devnet", "3 EUR"]).await.contains("in USD"));
}

#[tokio::test]
async fn what_cannot_be_is_refused_in_one_sentence_with_the_remedy() {
    let chain = Devnet::start(Options::evm(31_337, Source::of_this_process().unwrap())).await.unwrap();
    let home = Home::new().await;
    let add = |name: &'static str, more: Vec<&'static str>| {
        let rpc = chain.rpc().to_owned();
        let home = &home;
        async move {
            let mut arguments = vec!["wallet", "chain", "add", name, "--rpc", &rpc];
            arguments.extend(more);
            home.refusal(&arguments).await
        }
    };
    assert!(add("base", vec![]).await.contains("is on chain 31337, not on 8453"));
    assert!(add("Mine", vec![]).await.contains("lower-case"));
    assert!(add("mine", vec!["--token", "NOPE"]).await.contains("no token \"NOPE\" is on file"));
    assert!(add("mine", vec!["--token", "a:b"]).await.contains("CONTRACT:CODE:DECIMALS:CURRENCY"));
    let unknown = ["wallet", "chain", "add", "mine", "--rpc", "http://127.0.0.1:1"];
    let (succeeded, _, said) = home.run(&unknown).await;
    assert!(!succeeded && said.contains("give its number"), "{said}");
    assert!(home.refusal(&["wallet", "chain", "remove", "mine"]).await.contains("farthing wallet chain list"));
    assert!(home.run(&["wallet", "chain", "add", "base", "--rpc", "https://rpc.invalid/secret-key"]).await.0);
    let (_, listed, _) = home.run(&["wallet", "chain", "list"]).await;
    assert!(listed.contains("https://rpc.invalid") && !listed.contains("secret-key"), "{listed}");
    let not_here = home.refusal(&["wallet", "fund", "agent", "--from-devnet", "1 USD"]).await;
    assert!(not_here.contains("farthing devnet"), "{not_here}");
    let (succeeded, _, said) = home.run(&["wallet", "balance", "agent"]).await;
    assert!(!succeeded && said.contains("base:") && !said.contains("secret-key"), "{said}");
}
