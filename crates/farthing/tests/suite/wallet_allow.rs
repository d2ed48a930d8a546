//! `farthing wallet allow`: an agent lets Permit2 move a little of its money, pays what is metered, and takes it
//! back; on a chain that poses as Base Sepolia.

use crate::support;

use std::net::SocketAddr;

use alloy_primitives::{Address, U256};
use axum::Router;
use farthing_devnet::{Devnet, Options, Source};
use serde_json::{Value, json};
use support::agent::{Agent, Said};
use support::seller::{HONEST_RAIL, Seller, config};
use tempfile::TempDir;

/// Who is paid, and does nothing else.
const RECIPIENT: usize = 5;
/// Who sends. Everybody knows this key: it is the development chain's second account's.
const SELLER_KEY: (&str, &str) = ("SELLER_KEY", "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d");
const COMMAND: &str = "farthing wallet allow agent --chain devnet --token USDC --amount \"0.005 USD\"";

/// A chain, and an agent that has money on it and allowed nothing.
struct Stage {
    directory: TempDir,
    chain: Devnet,
    agent: Agent,
    account: Address,
}

impl Stage {
    async fn new() -> Self {
        let chain = Devnet::start(Options::base_sepolia(Source::of_this_process().unwrap())).await.unwrap();
        let mut stage =
            Self { directory: tempfile::tempdir().unwrap(), chain, agent: Agent::new(), account: Address::ZERO };
        stage.agent.must("wallet create agent").await;
        stage.account =
            stage.agent.json("wallet show agent --json").await["address"].as_str().unwrap().parse().unwrap();
        stage.agent.must(&format!("wallet chain add devnet --chain 84532 --rpc {}", stage.chain.rpc())).await;
        stage.agent.must("policy set --total '1 USD' --per-payment '0.01 USD'").await;
        stage
    }

    /// With money, and a coin for gas.
    async fn funded() -> Self {
        let stage = Self::new().await;
        stage.agent.must("wallet fund agent --from-devnet '1 USD'").await;
        stage
    }

    /// One sentence, and the exit code.
    async fn refusal(&self, line: &str) -> (i32, String) {
        let Said { code, out, error } = self.agent.run(line).await;
        assert!(code != 0 && error.trim_end().lines().count() == 1, "{line}: {out}{error}");
        (code, error)
    }

    /// How many transactions the agent sent.
    async fn sent(&self) -> u64 {
        let count: U256 =
            self.chain.node().request("eth_getTransactionCount", json!([self.account, "latest"])).await.unwrap();
        count.to()
    }

    async fn allowed(&self) -> String {
        let listed = self.agent.json("wallet allow agent --token USDC --json").await;
        listed["allowances"][0]["allowed"].as_str().unwrap().to_owned()
    }

    /// What the recipient has, of which differences count: it wraps.
    async fn received(&self) -> u64 {
        self.chain.balance(self.chain.accounts()[RECIPIENT].address).await.unwrap().wrapping_to()
    }

    /// A gateway that takes at most half a cent, and what was used of it.
    async fn seller(&self) -> Seller {
        let upstream = metered().await;
        let extra = format!(
            "{HONEST_RAIL}\n[rails.base]\nmethod = \"evm\"\nrpc = \"{}\"\nchain = \"base-sepolia\"\nasset = \"USDC\"\n\
             accept = [\"authorization\", \"permit2\"]\nrecipient = \"{}\"\nsigner = {{ key = {{ env = \"SELLER_KEY\" }} }}\nconfirmations = 1\n\n[[route]]\n\
             match = \"GET /metered/{{*rest}}\"\nupstream = \"http://{upstream}\"\nprice = \"0.005 USD\"\n\
             accept = [\"x402/upto\"]\nmeter = {{ header = \"farthing-charge\" }}\n",
            self.chain.rpc(),
            self.chain.accounts()[RECIPIENT].address,
        );
        Seller::start(self.directory.path(), &config(&format!("http://{upstream}"), &extra), &[SELLER_KEY])
    }
}

/// A double: a service that used less than it might have.
async fn metered() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(|| async { ([("farthing-charge", "0.0042 USD")], "content") });
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_agent_is_told_what_to_allow_pays_what_was_used_and_takes_it_back() {
    let stage = Stage::funded().await;
    let seller = stage.seller().await;
    let (pay, had) = (format!("pay {}/metered/x", seller.listen), stage.received().await);
    let (code, refused) = stage.refusal(&pay).await;
    assert!(code == 4 && refused.contains(COMMAND) && refused.contains("may move 0 USDC"), "{refused}");
    let explained = stage.agent.run(&format!("{pay} --dry-run")).await;
    assert!(explained.code == 4 && explained.out.contains(COMMAND), "{}", explained.out);
    assert!(stage.agent.must("wallet allow agent").await.contains("may move nothing"));

    let told = stage.agent.must(COMMAND.strip_prefix("farthing ").unwrap()).await;
    assert!(told.contains("Permit2 may move 0.005 USDC") && told.contains("by transaction 0x"), "{told}");
    assert_eq!((stage.allowed().await, stage.sent().await), ("0.005".into(), 1));
    assert!(stage.agent.must("wallet allow agent").await.contains("0.005 USDC"));

    let paid = stage.agent.run(&pay).await;
    assert_eq!((paid.code, paid.out.as_str()), (0, "content"), "{}", paid.error);
    assert_eq!(stage.received().await.wrapping_sub(had), 4200, "what was used, and not the price");
    assert_eq!(stage.allowed().await, "0.0008");
    let (_, refused) = stage.refusal(&pay).await;
    assert!(refused.contains("may move 0.0008 USDC") && refused.contains(COMMAND), "{refused}");

    stage.agent.must("wallet allow agent --amount '1 USD'").await;
    assert_eq!(stage.agent.run(&pay).await.code, 0);
    let revoked = stage.agent.json("wallet allow agent --amount 0 --json").await;
    assert_eq!((&revoked["before"], &revoked["allowed"]), (&json!("0.9958"), &json!("0")));
    let (code, refused) = stage.refusal(&pay).await;
    assert!(code == 4 && refused.contains(COMMAND), "{refused}");
    assert_eq!(stage.received().await.wrapping_sub(had), 2 * 4200);
    seller.verify_books();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_allowance_may_be_larger_than_the_balance_and_is_sent_once() {
    let stage = Stage::funded().await;
    let rehearsed = stage.agent.must("wallet allow agent --amount '5000 USD' --dry-run").await;
    assert!(rehearsed.contains("it would let Permit2 move 5000 USDC") && rehearsed.contains("for gas"), "{rehearsed}");
    assert_eq!(stage.sent().await, 0);
    let first = stage.agent.json("wallet allow agent --amount '5000 USD' --json").await;
    assert_eq!((&first["before"], &first["allowed"]), (&json!("0"), &json!("5000")));
    assert_eq!(first["transaction"].as_str().unwrap().len(), 66);
    let second = stage.agent.json("wallet allow agent --amount '5000 USD' --json").await;
    assert_eq!((&second["allowed"], &second["transaction"], stage.sent().await), (&json!("5000"), &Value::Null, 1));
    let token = stage.chain.token();
    assert!(
        stage.agent.must(&format!("wallet allow agent --token {token} --unlimited --yes")).await.contains("any amount")
    );
    assert_eq!((stage.allowed().await, stage.sent().await), ("unlimited".into(), 2));
    assert!(stage.agent.must("wallet allow agent --amount 0").await.contains("may move 0 USDC"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_whose_outcome_is_not_known_is_sent_again_and_not_anew() {
    let stage = Stage::funded().await;
    stage.chain.set_instant(false).await.unwrap();
    stage.chain.node().control::<Value>("evm_setIntervalMining", json!([0])).await.unwrap();
    let (code, said) = stage.refusal("wallet allow agent --amount '1 USD'").await;
    assert!(code == 5 && said.contains("the same command again"), "{said}");
    stage.chain.set_instant(true).await.unwrap();
    stage.chain.mine(1).await.unwrap();
    let again = stage.agent.json("wallet allow agent --amount '1 USD' --json").await;
    assert!(said.contains(again["transaction"].as_str().unwrap()), "{said} {again}");
    assert_eq!((&again["allowed"], stage.sent().await), (&json!("1"), 1));
}

#[cfg(feature = "failpoints")]
#[tokio::test(flavor = "multi_thread")]
async fn a_command_killed_before_or_after_sending_changes_the_allowance_once() {
    let stage = Stage::funded().await;
    for (sent, step) in (1..).zip(["wallet-after-undertaking", "wallet-before-finish"]) {
        let line = format!("wallet allow agent --amount '{sent} USD' --json");
        assert_ne!(stage.agent.run_until(&line, Some(step)).await.code, 0, "{step}");
        assert_eq!(stage.agent.json(&line).await["allowed"], sent.to_string(), "{step}");
        assert_eq!(stage.sent().await, sent, "{step}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused_in_one_sentence_with_the_remedy() {
    let stage = Stage::new().await;
    stage.chain.fund(stage.account, U256::from(1_000_000)).await.unwrap();
    let allow = |rest: &str| format!("wallet allow agent {rest}");
    for (rest, code, words) in [
        ("--amount '1 USD'", 1, "0 of the coin that pays for gas on chain 84532, and this takes up to 0.00002"),
        ("--amount '1 USD' --dry-run", 1, "send it some there"),
        ("--amount '1 USD' --token EURC", 2, "no such token EURC is known on your EVM chains; run: farthing wallet"),
        ("--amount '1 EUR' --token USDC", 2, "give the amount in USD"),
        ("--amount '1 EUR'", 2, "no such token"),
        ("--amount '1 USD' --chain base", 1, "farthing wallet chain add base"),
    ] {
        let (exit, said) = stage.refusal(&allow(rest)).await;
        assert!(exit == code && said.contains(words), "{rest}: {exit} {said}");
    }
    assert_eq!(stage.agent.run(&allow("--amount 1")).await.code, 2);
    assert_eq!(stage.agent.run(&allow("--amount 0 --unlimited")).await.code, 2);
    assert_eq!(stage.agent.run(&allow("--amount 0 --spender 0x01")).await.code, 2);
    stage.chain.set_gas(stage.account, U256::from(10).pow(U256::from(18))).await.unwrap();
    let (_, said) = stage.refusal("wallet allow agent --chain devnet --token NOPE --amount 0").await;
    assert!(said.contains("no such token NOPE is known on devnet"), "{said}");
    stage.agent.must("wallet freeze agent").await;
    let (_, said) = stage.refusal(&allow("--amount '1 USD'")).await;
    assert!(said.contains("farthing wallet thaw agent"), "{said}");
    stage.agent.must("wallet thaw agent").await;
    stage.agent.must("wallet chain add base --rpc http://127.0.0.1:1").await;
    assert!(stage.refusal(&allow("--amount 0")).await.1.contains("say which with --chain NAME"));
    let shown = stage.agent.run("wallet allow agent").await;
    assert!(shown.code == 0 && shown.error.contains("base: ") && shown.out.contains("nothing"), "{}", shown.error);
    assert_eq!(stage.refusal(&allow("--chain base")).await.0, 1);
    assert_eq!(stage.sent().await, 0);
}
