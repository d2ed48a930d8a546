//! What accounts have and what moved, on a chain that is really there.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code, helpers of the tests included")]

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::{SolCall as _, sol};
use farthing_devnet::{Devnet, Options, Source};
use farthing_money::Amount;
use farthing_rail_evm::buyer::{Allowance, AllowanceError, Chains, Extent, Funds as _, Purse, PurseError};
use farthing_rail_evm::evm::calldata::PERMIT2;
use serde_json::{Value, json};

sol! {
    function transfer(address to, uint256 value) returns (bool);
    function transferWithMemo(address to, uint256 value, bytes32 memo);
}

const SOMEBODY: Address = Address::repeat_byte(0x11);
const EVERYTHING: Extent = Extent { before: None, blocks: 10_000, most: 100 };

fn purse(chain: &Devnet, id: u64, token: &str) -> Purse {
    let text = format!("[chain.mine]\nchain = {id}\nrpc = \"{}\"\n{token}", chain.rpc());
    Purse::new(&Chains::parse(&text).unwrap(), &reqwest::Client::new()).unwrap()
}

fn units(amount: u128) -> Amount {
    Amount::new(amount)
}

#[tokio::test]
async fn on_an_evm_chain_a_token_and_the_coin_are_counted_and_movements_listed() {
    let chain = Devnet::start(Options::evm(31_337, Source::of_this_process().unwrap())).await.unwrap();
    let contract = chain.token();
    let token = format!("token = [{{ contract = \"{contract}\", code = \"TUSD\", decimals = 6, currency = \"USD\" }}]");
    let purse = purse(&chain, 31_337, &token);
    chain.set_gas(SOMEBODY, U256::from(9)).await.unwrap();
    chain.fund(SOMEBODY, U256::from(5_000_000)).await.unwrap();
    let holdings = purse.holdings(31_337, SOMEBODY).await.unwrap();
    let listed: Vec<_> = holdings.iter().map(|held| (held.asset.code(), held.amount, held.contract)).collect();
    assert_eq!(listed, [("TUSD", units(5_000_000), Some(contract)), ("coin", units(9), None)]);
    assert_eq!(purse.of_token(31_337, contract, SOMEBODY).await, Some(U256::from(5_000_000)));
    assert_eq!(purse.of_coin(31_337, SOMEBODY).await, Some(U256::from(9)));

    let payer = chain.accounts()[1].address;
    let call = transferCall { to: SOMEBODY, value: U256::from(7) }.abi_encode();
    chain.node().send(payer, Some(contract), call).await.unwrap();
    let page = purse.history(31_337, payer, EVERYTHING).await.unwrap();
    let newest = &page.moved[0];
    assert_eq!((newest.incoming, newest.other, newest.amount), (false, SOMEBODY, units(7)));
    assert!(newest.at.is_some() && page.moved[1].incoming, "it was minted to before");
    let theirs = purse.history(31_337, SOMEBODY, EVERYTHING).await.unwrap().moved;
    let amounts: Vec<_> = theirs.iter().map(|moved| (moved.incoming, moved.amount.units())).collect();
    assert_eq!(amounts, [(true, 7), (true, 5_000_000)]);
    let older = Extent { before: Some(theirs[0].block), ..EVERYTHING };
    let page = purse.history(31_337, SOMEBODY, older).await.unwrap();
    assert_eq!((page.moved.as_slice(), page.from_block), (&theirs[1..], 0));
}

#[tokio::test]
async fn on_tempo_a_transfer_with_a_memo_is_one_movement_and_there_is_no_coin() {
    let chain = Devnet::start(Options::tempo(Source::of_this_process().unwrap())).await.unwrap();
    let (id, purse) = (chain.chain_id(), purse(&chain, chain.chain_id(), ""));
    let (payer, memo) = (chain.accounts()[1].address, B256::repeat_byte(7));
    let call = transferWithMemoCall { to: SOMEBODY, value: U256::from(1_500), memo }.abi_encode();
    chain.node().send(payer, Some(chain.token()), call).await.unwrap();
    let holdings = purse.holdings(id, SOMEBODY).await.unwrap();
    let held: Vec<_> = holdings.iter().filter(|held| !held.amount.is_zero()).collect();
    assert_eq!((held[0].asset.code(), held[0].amount, held.len()), ("pathUSD", units(1_500), 1));
    assert!(holdings.iter().all(|held| held.contract.is_some()));
    assert_eq!(purse.of_coin(id, SOMEBODY).await, None);
    let moved = purse.history(id, SOMEBODY, EVERYTHING).await.unwrap().moved;
    assert_eq!((moved.len(), moved[0].memo, moved[0].other), (1, Some(memo), payer));
}

#[tokio::test]
async fn a_node_of_another_chain_or_none_is_not_believed() {
    let chain = Devnet::start(Options::evm(31_337, Source::of_this_process().unwrap())).await.unwrap();
    let wrong = purse(&chain, 8453, "");
    let refusal = wrong.holdings(8453, SOMEBODY).await.unwrap_err();
    assert!(matches!(refusal, PurseError::OtherChain { wanted: 8453, found: 31_337, .. }), "{refusal}");
    assert_eq!(wrong.of_coin(8453, SOMEBODY).await, None);
    assert_eq!(wrong.holdings(1, SOMEBODY).await, Err(PurseError::Unknown(1)));
    drop(chain);
    let gone =
        Purse::new(&Chains::parse("[chain.base]\nrpc = \"http://127.0.0.1:1\"").unwrap(), &reqwest::Client::new());
    assert!(matches!(gone.unwrap().holdings(8453, SOMEBODY).await, Err(PurseError::Rpc(_))));
}

#[tokio::test]
async fn a_tempo_chain_says_which_keys_it_knows() {
    let chain = Devnet::start(Options::tempo(Source::of_this_process().unwrap())).await.unwrap();
    let (id, purse) = (chain.chain_id(), purse(&chain, chain.chain_id(), ""));
    let account = chain.accounts()[1].address;
    assert_eq!(purse.has_access_key(id, account, SOMEBODY).await, Some(false));
    assert_eq!(purse.has_access_key(1, account, SOMEBODY).await, None);
}

#[tokio::test]
async fn an_allowance_that_would_be_lost_or_of_no_use_is_not_signed() {
    let chain = Devnet::start(Options::base_sepolia(Source::of_this_process().unwrap())).await.unwrap();
    let purse = purse(&chain, 84_532, "");
    let (spender, amount) = (PERMIT2, U256::from(7));
    let wanted = Allowance { chain: 84_532, token: chain.token(), spender, amount };
    let refusal = purse.change(SOMEBODY, &wanted).await.unwrap_err();
    assert!(matches!(refusal, AllowanceError::Gas { held: U256::ZERO, .. }), "{refusal}");
    chain.set_gas(SOMEBODY, U256::from(u64::MAX)).await.unwrap();
    assert_eq!(purse.change(SOMEBODY, &wanted).await.unwrap().before, U256::ZERO);
    let no_token = Allowance { token: SOMEBODY, ..wanted };
    assert_eq!(purse.change(SOMEBODY, &no_token).await, Err(AllowanceError::Refused(SOMEBODY)));
    chain.node().control::<Value>("anvil_setNextBlockBaseFeePerGas", json!(["0x174876e800"])).await.unwrap();
    chain.mine(1).await.unwrap();
    let refusal = purse.change(SOMEBODY, &wanted).await.unwrap_err();
    assert!(matches!(refusal, AllowanceError::Dear { chain: 84_532, .. }), "{refusal}");
    chain.node().control::<Value>("anvil_setNextBlockBaseFeePerGas", json!(["0x1"])).await.unwrap();
    chain.mine(1).await.unwrap();
    chain.node().control::<Value>("anvil_setCode", json!([PERMIT2, "0x"])).await.unwrap();
    assert_eq!(purse.change(SOMEBODY, &wanted).await, Err(AllowanceError::NoPermit2(84_532)));
}
