//! Both kinds of chain, started for real.

#![allow(clippy::unwrap_used, reason = "test code, the helpers of tests included")]

use std::time::Duration;

use alloy_primitives::{Address, U256};
use farthing_devnet::{Devnet, Kind, Node, NodeError, Options, Source};
use serde_json::{Value, json};

const SOMEBODY: Address = Address::repeat_byte(0x11);

async fn start(kind: Kind) -> Devnet {
    let source = Source::of_this_process().unwrap();
    let options = match kind {
        Kind::Tempo => Options::tempo(source),
        Kind::Evm { chain_id } => Options::evm(chain_id, source),
        Kind::BaseSepolia => Options::base_sepolia(source),
    };
    Devnet::start(options).await.unwrap()
}

async fn time_of_last_block(chain: &Devnet) -> u64 {
    let block: Value = chain.node().request("eth_getBlockByNumber", json!(["latest", false])).await.unwrap();
    u64::from_str_radix(block["timestamp"].as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
}

#[tokio::test]
async fn a_tempo_chain_has_money_and_gives_some() {
    let chain = start(Kind::Tempo).await;
    assert_eq!(chain.chain_id(), 42_431);
    for account in chain.accounts() {
        assert!(chain.balance(account.address).await.unwrap() > U256::from(1_000_000_000_000_u64));
    }
    chain.fund(SOMEBODY, U256::from(5_000_000)).await.unwrap();
    assert_eq!(chain.balance(SOMEBODY).await.unwrap(), U256::from(5_000_000));
    assert!(!chain.node().code(chain.permit2().unwrap()).await.unwrap().is_empty());
    assert!(time_of_last_block(&chain).await > 1_700_000_000, "the clock of the first call is a real one");
}

#[tokio::test]
async fn an_evm_chain_has_usdc_and_permit2() {
    let chain = start(Kind::Evm { chain_id: 8453 }).await;
    let first = chain.accounts()[0].address;
    assert_eq!(chain.balance(first).await.unwrap(), U256::from(1_000_000_000_000_u64));
    chain.fund(SOMEBODY, U256::from(7)).await.unwrap();
    chain.set_gas(SOMEBODY, U256::from(9)).await.unwrap();
    assert_eq!(chain.balance(SOMEBODY).await.unwrap(), U256::from(7));
    let gas: U256 = chain.node().request("eth_getBalance", json!([SOMEBODY, "latest"])).await.unwrap();
    assert_eq!(gas, U256::from(9));
    assert!(!chain.node().code(chain.permit2().unwrap()).await.unwrap().is_empty());
}

#[tokio::test]
async fn time_and_state_move_as_told() {
    let chain = start(Kind::Evm { chain_id: 31_337 }).await;
    let before = chain.snapshot().await.unwrap();
    chain.fund(SOMEBODY, U256::from(7)).await.unwrap();
    chain.revert(before.clone()).await.unwrap();
    assert_eq!(chain.balance(SOMEBODY).await.unwrap(), U256::ZERO);
    assert!(chain.revert(before).await.is_err(), "a snapshot is used up");

    let day = Duration::from_secs(86_400);
    let now = time_of_last_block(&chain).await;
    chain.warp(day).await.unwrap();
    assert!(time_of_last_block(&chain).await >= now + day.as_secs());
    chain.set_time(now + 3 * day.as_secs()).await.unwrap();
    assert!(time_of_last_block(&chain).await >= now + 3 * day.as_secs());
}

#[tokio::test]
async fn a_block_waits_where_it_should() {
    let source = Source::of_this_process().unwrap();
    let options = Options { instant: false, block_time: None, ..Options::tempo(source) };
    let chain = Devnet::start(options).await.unwrap();
    let number = async || -> U256 { chain.node().request("eth_blockNumber", json!([])).await.unwrap() };
    let before = number().await;
    chain.mine(3).await.unwrap();
    assert_eq!(number().await, before + U256::from(3));
    chain.fund(SOMEBODY, U256::from(1)).await.unwrap();
    assert_eq!(chain.balance(SOMEBODY).await.unwrap(), U256::from(1), "funding mines what it needs");
}

#[tokio::test]
async fn a_node_on_another_chain_is_not_touched() {
    let chain = start(Kind::Tempo).await;
    let mistaken = Node::at(chain.rpc(), 4217);
    let error = mistaken.control::<Value>("anvil_setBalance", json!([SOMEBODY, "0x1"])).await.unwrap_err();
    assert!(matches!(error, NodeError::AnotherChain { expected: 4217, found: 42_431, .. }), "{error}");
    let gas: U256 = chain.node().request("eth_getBalance", json!([SOMEBODY, "latest"])).await.unwrap();
    assert_eq!(gas, U256::ZERO);
}

#[tokio::test]
async fn a_taken_port_is_refused_with_anvil_s_words() {
    let chain = start(Kind::Tempo).await;
    let port = chain.rpc().rsplit_once(':').unwrap().1.parse().unwrap();
    let again = Devnet::start(Options::tempo(Source::of_this_process().unwrap()).port(port)).await.unwrap_err();
    assert!(again.to_string().contains("in use"), "{again}");
}

#[tokio::test]
async fn a_node_dies_with_its_devnet() {
    let chain = start(Kind::Tempo).await;
    let node = chain.node().clone();
    drop(chain);
    assert!(matches!(node.check_chain().await, Err(NodeError::NoAnswer { .. })));
}
