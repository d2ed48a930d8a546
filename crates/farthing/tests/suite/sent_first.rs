//! Sellers that take only what is sent already: the wallet sends, waits, and shows the hash. A wallet that
//! is killed in between pays once.

use crate::support;

use farthing_devnet::{Devnet, Kind, Options, Source};
use support::agent::Agent;
use support::seller::Seller;
use support::upstream::Upstream;
use tempfile::TempDir;

const PRICE: u64 = 10_000;
/// Who is paid, and does nothing else.
const RECIPIENT: usize = 3;

/// A chain, a seller that takes hashes only, and an agent with money.
struct Stage {
    _directory: TempDir,
    agent: Agent,
    chain: Devnet,
    seller: Seller,
}

impl Stage {
    async fn new(options: Options) -> Self {
        let (chain, directory) = (Devnet::start(options).await.unwrap(), tempfile::tempdir().unwrap());
        let upstream = Upstream::start().await;
        let seller = Seller::start(directory.path(), &gateway(&chain, &upstream.url()), &[]);
        let stage = Self { _directory: directory, agent: Agent::new(), chain, seller };
        stage.agent.must(&["wallet", "create", "agent"]).await;
        stage.add_chain().await;
        stage.agent.must(&["wallet", "fund", "agent", "--from-devnet", "5 USD"]).await;
        stage
    }

    /// Makes the chain one of the agent's.
    async fn add_chain(&self) {
        let (id, token) = (self.chain.chain_id().to_string(), format!("{}:USDC:6:USD:Test USDC:1", self.chain.token()));
        let mut words = vec!["wallet", "chain", "add", "devnet", "--chain", &id, "--rpc", self.chain.rpc()];
        if self.chain.kind() != Kind::Tempo {
            words.extend(["--token", &token, "--native-price", "1 USD"]);
        }
        self.agent.must(&words).await;
    }

    /// What the recipient has, of which differences count: it wraps.
    async fn received(&self) -> u64 {
        self.chain.balance(self.chain.accounts()[RECIPIENT].address).await.unwrap().wrapping_to()
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.seller.listen)
    }
}

fn gateway(chain: &Devnet, upstream: &str) -> String {
    let (method, asset) = match chain.kind() {
        Kind::Tempo => ("tempo", "\"pathUSD\"".to_owned()),
        _ => (
            "evm",
            format!(
                "{{ contract = \"{}\", code = \"USDC\", decimals = 6, currency = \"USD\", \
                 domain = {{ name = \"Test USDC\", version = \"1\" }} }}",
                chain.token()
            ),
        ),
    };
    let (rpc, id, recipient) = (chain.rpc(), chain.chain_id(), chain.accounts()[RECIPIENT].address);
    format!(
        "[gateway]\nlisten = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\nrealm = \"test.example\"\n\
         secret = \"a secret for tests that is long enough to bind\"\nstore = \"sqlite:farthing.db\"\n\
         development = true\n[rails.{method}]\nrpc = \"{rpc}\"\nchain = {id}\nrecipient = \"{recipient}\"\n\
         asset = {asset}\naccept = [\"hash\"]\n\
         [[route]]\nmatch = \"GET /{{*path}}\"\nupstream = \"{upstream}\"\nprice = \"0.01 USD\"\n\
         accept = [\"{method}/charge\"]\n",
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn on_tempo_a_payment_is_sent_and_its_hash_shown() {
    let stage = Stage::new(Options::tempo(Source::of_this_process().unwrap())).await;
    buys_once(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_an_evm_chain_a_payment_is_sent_and_its_hash_shown() {
    let stage = Stage::new(Options::evm(31_337, Source::of_this_process().unwrap())).await;
    buys_once(&stage).await;
}

async fn buys_once(stage: &Stage) {
    let (url, had) = (stage.url("x"), stage.received().await);
    stage.agent.must(&["policy", "set", "--total", "1 USD", "--per-payment", "0.5 USD"]).await;
    let explained = stage.agent.must(&["policy", "explain", &url]).await;
    assert!(explained.contains("the money moves before the seller agrees to anything"), "{explained}");
    assert_eq!(stage.received().await, had);
    assert_eq!(stage.agent.must(&["pay", &url]).await, "content of /x");
    assert_eq!(stage.received().await.wrapping_sub(had), PRICE);
    stage.seller.verify_books();
}

#[cfg(feature = "failpoints")]
#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_killed_between_sending_and_showing_pays_once() {
    let stage = Stage::new(Options::tempo(Source::of_this_process().unwrap())).await;
    // Enough for all four, and not for one more: each costs a cent and at most a cent of fee.
    stage.agent.must(&["policy", "set", "--total", "0.08 USD", "--per-payment", "0.5 USD"]).await;
    for step in ["wallet-after-keep", "wallet-after-first", "wallet-after-send", "wallet-before-confirm"] {
        let (url, had) = (stage.url(step), stage.received().await);
        assert!(stage.agent.run_until(&["pay", &url], Some(step)).await.code != 0, "{step}");
        let moved = stage.received().await.wrapping_sub(had);
        assert_eq!(moved, if step == "wallet-after-keep" { 0 } else { PRICE }, "{step}");
        let paid = stage.agent.run(&["pay", &url]).await;
        // What was delivered to the dead call is not delivered twice; it is not paid twice either.
        let delivered = matches!(step, "wallet-after-send" | "wallet-before-confirm");
        assert!(paid.code == 0 || delivered, "{step}: {}", paid.error);
        assert_eq!(stage.received().await.wrapping_sub(had), PRICE, "{step}");
    }
    let had = stage.received().await;
    let refused = stage.agent.run(&["pay", &stage.url("more")]).await;
    assert!(refused.code != 0, "the four are counted");
    assert_eq!(stage.received().await, had);
    stage.seller.verify_books();
}
