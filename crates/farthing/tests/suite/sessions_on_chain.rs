//! Sessions whose deposits lie in escrows: opened, drawn from, closed and settled by the program itself, on a
//! chain that is really there.

use crate::support;

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use farthing_devnet::{Devnet, EVM_ESCROW, Kind, Options, STREAM_ESCROW, Source};
use serde_json::Value;
use support::FARTHING;
use support::seller::Seller;
use support::upstream::Upstream;
use tempfile::TempDir;
use tokio::process::Command;

const PRICE: u128 = 1_000;
/// Who is paid, and settles.
const SELLER: usize = 3;

/// A chain, a seller by the request, and an agent with money.
struct Stage {
    directory: TempDir,
    chain: Devnet,
    seller: Seller,
    _upstream: Upstream,
}

/// How a seller takes sessions.
#[derive(Clone, Copy)]
struct Wanted {
    /// `session = "v1"`, or what else stands in the rail's table.
    rail: &'static str,
    /// Whether the token takes authorizations.
    authorized: bool,
}

impl Stage {
    async fn new(options: Options, wanted: Wanted) -> Self {
        let chain = Devnet::start(options.with_sessions()).await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let upstream = Upstream::start().await;
        let key = chain.accounts()[SELLER].publicly_known_key.to_string();
        let config = gateway(&chain, &upstream.url(), wanted);
        let seller = Seller::start(directory.path(), &config, &[("SELLER_KEY", &key)]);
        let stage = Self { directory, chain, seller, _upstream: upstream };
        stage.must(&["wallet", "create", "agent"]).await;
        stage.add_chain(wanted.authorized).await;
        stage.must(&["wallet", "fund", "agent", "--from-devnet", "5 USD"]).await;
        stage.must(&["policy", "set", "--total", "2 USD", "--per-payment", "0.5 USD"]).await;
        stage
    }

    /// Makes the chain and its escrows known to the agent.
    async fn add_chain(&self, authorized: bool) {
        let domain = if authorized { ":Test USDC:1" } else { "" };
        let (id, token) = (self.chain.chain_id().to_string(), format!("{}:USDC:6:USD{domain}", self.chain.token()));
        let escrow = if self.chain.kind() == Kind::Tempo { STREAM_ESCROW } else { EVM_ESCROW }.to_string();
        let mut words = vec!["wallet", "chain", "add", "devnet", "--chain", &id, "--rpc", self.chain.rpc()];
        words.extend(["--escrow", &escrow]);
        if self.chain.kind() != Kind::Tempo {
            words.extend(["--token", &token, "--native-price", "1 USD"]);
        }
        self.must(&words).await;
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(FARTHING);
        let home: &Path = &self.directory.path().join("home");
        command.args(arguments).env("FARTHING_HOME", home).env("FARTHING_PASSPHRASE", "open sesame");
        command.stdin(Stdio::null()).output().await.unwrap()
    }

    async fn must(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        let log = || self.seller.log().lines().rev().take(15).collect::<Vec<_>>().join("\n");
        assert!(output.status.success(), "{arguments:?}: {}\n{}", String::from_utf8_lossy(&output.stderr), log());
        String::from_utf8(output.stdout).unwrap()
    }

    async fn sessions(&self) -> Vec<Value> {
        let listed = self.must(&["sessions", "list", "--all", "--json"]).await;
        serde_json::from_str::<Value>(&listed).unwrap().as_array().unwrap().clone()
    }

    /// What the escrow pays out to the seller; what it sends itself on Tempo takes a fee of the same token.
    async fn seller_has(&self) -> u128 {
        self.chain.balance(self.chain.accounts()[SELLER].address).await.unwrap().to()
    }
}

fn gateway(chain: &Devnet, upstream: &str, wanted: Wanted) -> String {
    let domain = if wanted.authorized { ", domain = { name = \"Test USDC\", version = \"1\" }" } else { "" };
    let (method, asset) = match chain.kind() {
        Kind::Tempo => ("tempo", "\"pathUSD\"".to_owned()),
        _ => (
            "evm",
            format!(
                "{{ contract = \"{}\", code = \"USDC\", decimals = 6, currency = \"USD\"{domain} }}",
                chain.token()
            ),
        ),
    };
    let (rpc, id, recipient, rail) = (chain.rpc(), chain.chain_id(), chain.accounts()[SELLER].address, wanted.rail);
    format!(
        "[gateway]\nlisten = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\nrealm = \"test.example\"\n\
         secret = \"a secret for tests that is long enough to bind\"\nstore = \"sqlite:farthing.db\"\n\
         development = true\n[rails.{method}]\nrpc = \"{rpc}\"\nchain = {id}\nrecipient = \"{recipient}\"\n\
         asset = {asset}\nsigner = {{ key = {{ env = \"SELLER_KEY\" }} }}\n{rail}\n\
         [[route]]\nmatch = \"GET /{{*path}}\"\nupstream = \"{upstream}\"\nprice = \"0.001 USD\"\n\
         accept = [\"{method}/session\"]\n[route.session]\ndeposit = \"0.05 USD\"\n",
    )
}

/// Three requests on one deposit, closed by the payer, and what is left comes back.
async fn buys_on_one_deposit(stage: &Stage) {
    for path in ["a", "b", "c"] {
        let bought = stage.must(&["pay", &format!("{}/{path}", stage.seller.listen)]).await;
        assert_eq!(bought, format!("content of /{path}"));
    }
    let sessions = stage.sessions().await;
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    assert_eq!((&sessions[0]["state"], &sessions[0]["deposit"]), (&"open".into(), &"50000".into()));
    assert_eq!(sessions[0]["signed"], (3 * PRICE).to_string());
    let channel = sessions[0]["channel"].as_str().unwrap();
    stage.must(&["sessions", "sync", channel]).await;

    let before = stage.seller_has().await;
    let closed = stage.run(&["sessions", "close", channel, "--json"]).await;
    assert!(matches!(closed.status.code(), Some(0 | 5)), "{closed:?}\n{}", stage.seller.log());
    let ended = async {
        while stage.sessions().await[0]["state"] != "closed" {
            let synced = stage.run(&["sessions", "sync", channel]).await;
            assert!(matches!(synced.status.code(), Some(0 | 5)), "{synced:?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), ended).await.expect("the seller settles what is closed");
    if stage.chain.kind() != Kind::Tempo {
        assert_eq!(stage.seller_has().await, before + 3 * PRICE);
    }
    stage.seller.verify_books();
}

#[tokio::test(flavor = "multi_thread")]
async fn in_version_1_s_contract_on_tempo() {
    let rail = format!("session = \"v1\"\nescrow = \"{STREAM_ESCROW}\"");
    let wanted = Wanted { rail: rail.leak(), authorized: true };
    buys_on_one_deposit(&Stage::new(Options::tempo(Source::of_this_process().unwrap()), wanted).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_reserve_with_fees_paid_by_the_seller() {
    let wanted = Wanted { rail: "fee_payer = true", authorized: true };
    buys_on_one_deposit(&Stage::new(Options::tempo(Source::of_this_process().unwrap()), wanted).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_an_evm_chain_by_authorization() {
    let wanted = Wanted { rail: format!("escrow = \"{EVM_ESCROW}\"").leak(), authorized: true };
    buys_on_one_deposit(&Stage::new(Options::evm(31_337, Source::of_this_process().unwrap()), wanted).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_an_evm_chain_by_a_transaction_of_the_payer_s() {
    let wanted = Wanted { rail: format!("escrow = \"{EVM_ESCROW}\"").leak(), authorized: false };
    buys_on_one_deposit(&Stage::new(Options::evm(31_337, Source::of_this_process().unwrap()), wanted).await).await;
}

/// The payer asks the escrow for the whole deposit, as if nothing had been signed; the newest voucher comes first.
#[tokio::test(flavor = "multi_thread")]
async fn g_06_a_forced_close_is_answered_with_the_newest_voucher_in_time() {
    let wanted = Wanted { rail: format!("escrow = \"{EVM_ESCROW}\"").leak(), authorized: true };
    let stage = Stage::new(Options::evm(31_337, Source::of_this_process().unwrap()), wanted).await;
    for path in ["a", "b", "c"] {
        stage.must(&["pay", &format!("{}/{path}", stage.seller.listen)]).await;
    }
    let before = stage.seller_has().await;
    let channel = stage.sessions().await[0]["channel"].as_str().unwrap().to_owned();
    let asked = stage.run(&["sessions", "close", &channel, "--force"]).await;
    assert!(!asked.status.success(), "the rest can be taken only later: {asked:?}");

    let collected = async {
        while stage.seller_has().await == before {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    // The escrow is asked at least once a minute; its time to collect is fifteen.
    tokio::time::timeout(Duration::from_secs(200), collected).await.expect("the gateway notices and collects");
    assert_eq!(stage.seller_has().await, before + 3 * PRICE, "by the newest voucher, not by an older one");

    stage.chain.warp(Duration::from_secs(16 * 60)).await.unwrap();
    assert_eq!(stage.seller_has().await, before + 3 * PRICE, "and once");
    stage.seller.verify_books();
}
