//! The hostile token and the moody wallet misbehave as told.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::{SolCall as _, sol};
use farthing_devnet::{Devnet, NodeError, TokenMood, WalletMood};
use serde_json::{Value, json};

use crate::interface::{TransferWithAuthorization, transferWithAuthorizationCall};
use crate::support::{
    LATER, PAYEE, PAYER, STRANGER, balances, base_sepolia, refused, send, sign, sign_digest, usdc_domain, word,
};

sol! {
    function transfer(address to, uint256 value) returns (bool);
    function isValidSignature(bytes32 digest, bytes signature) returns (bytes4);
}

const VALUE: U256 = U256::from_limbs([1_000, 0, 0, 0]);

/// Pays by an authorization that is new each time.
async fn pay(chain: &Devnet, from: Address, nonce: &str) -> Result<Value, NodeError> {
    let (to, value, nonce) = (PAYEE.address, VALUE, word(nonce));
    let what = TransferWithAuthorization { from, to, value, validAfter: U256::ZERO, validBefore: LATER, nonce };
    let signature = sign(PAYER, &what, &usdc_domain(chain));
    let (after, before) = (U256::ZERO, LATER);
    let call =
        transferWithAuthorizationCall { from, to, value, validAfter: after, validBefore: before, nonce, signature };
    send(chain, STRANGER, chain.token(), call).await
}

/// What the transfers in a receipt say that the payee got.
fn logged(receipt: &Value) -> Option<U256> {
    let transfer = keccak256("Transfer(address,address,uint256)").to_string();
    let payee = PAYEE.address.into_word().to_string();
    let logs = receipt["logs"].as_array().unwrap().iter();
    let found = logs.filter(|log| log["topics"][0] == transfer.as_str() && log["topics"][2] == payee.as_str());
    found.map(|log| log["data"].as_str().unwrap().parse::<U256>().unwrap()).next()
}

#[tokio::test]
async fn a_hostile_token_takes_the_honest_one_s_place_unnoticed() {
    let chain = base_sepolia().await;
    let before = balances(&chain).await;
    chain.turn_token_hostile().await.unwrap();
    assert_eq!(balances(&chain).await, before);
    assert_eq!(logged(&pay(&chain, PAYER.address, "honest").await.unwrap()), Some(VALUE));
    assert_eq!(balances(&chain).await, (before.0 - VALUE, before.1 + VALUE));
}

#[tokio::test]
async fn each_mood_moves_and_logs_what_it_says() {
    let chain = base_sepolia().await;
    chain.turn_token_hostile().await.unwrap();
    let part = U256::from(990);
    let moods = [
        (TokenMood::ReturnsNothing, VALUE, Some(VALUE)),
        (TokenMood::MovesNothing, U256::ZERO, None),
        (TokenMood::ClaimsToMove, U256::ZERO, Some(VALUE)),
        (TokenMood::TakesFee, part, Some(part)),
        (TokenMood::HidesFee, part, Some(VALUE)),
        (TokenMood::MovesSilently, VALUE, None),
        (TokenMood::BurnsGas, VALUE, Some(VALUE)),
    ];
    for (mood, moved, said) in moods {
        let before = balances(&chain).await;
        chain.set_token_mood(mood).await.unwrap();
        let receipt = pay(&chain, PAYER.address, &format!("{mood:?}")).await.unwrap();
        assert_eq!(logged(&receipt), said, "{mood:?}");
        assert_eq!(balances(&chain).await.1, before.1 + moved, "{mood:?}");
    }
    chain.set_token_mood(TokenMood::ReturnsNothing).await.unwrap();
    let transfer = transferCall { to: PAYEE.address, value: U256::ZERO }.abi_encode();
    assert!(chain.node().call(chain.token(), transfer).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_hostile_token_refuses_whom_it_is_told_to() {
    let chain = base_sepolia().await;
    chain.turn_token_hostile().await.unwrap();
    chain.pause_token(true).await.unwrap();
    refused(pay(&chain, PAYER.address, "paused").await, "paused");
    chain.pause_token(false).await.unwrap();
    for account in [PAYER.address, PAYEE.address] {
        chain.blacklist(account, true).await.unwrap();
        refused(pay(&chain, PAYER.address, "listed").await, "account is blacklisted");
        chain.blacklist(account, false).await.unwrap();
    }
    chain.refuse_payee(PAYEE.address, true).await.unwrap();
    refused(pay(&chain, PAYER.address, "refused").await, "payee is refused");
    chain.refuse_payee(PAYEE.address, false).await.unwrap();
    pay(&chain, PAYER.address, "at last").await.unwrap();
}

/// Whether the wallet owns to a signature in a call with these particulars.
async fn owns(chain: &Devnet, wallet: Address, particulars: Value) -> bool {
    let digest: B256 = word("digest");
    let call = isValidSignatureCall { digest, signature: sign_digest(PAYER, digest) };
    let mut transaction = particulars;
    transaction["to"] = json!(wallet);
    transaction["data"] = json!(Bytes::from(call.abi_encode()));
    let answer: Bytes = chain.node().request("eth_call", json!([transaction, "latest"])).await.unwrap();
    isValidSignatureCall::abi_decode_returns(&answer).unwrap().0 == isValidSignatureCall::SELECTOR
}

#[tokio::test]
async fn a_moody_wallet_owns_to_its_signature_while_its_mood_lasts() {
    let chain = base_sepolia().await;
    let wallet = chain.moody_wallet(PAYER.address).await.unwrap();
    let plain = json!({ "from": STRANGER.address });
    let dear = json!({ "from": STRANGER.address, "gasPrice": "0x77359400" });
    let tight = json!({ "from": STRANGER.address, "gas": "0x186a0" });
    let elsewhere = json!({ "from": PAYEE.address });
    let block: U256 = chain.node().request("eth_blockNumber", json!([])).await.unwrap();
    let long_ago = block.saturating_to::<u64>().saturating_sub(1);
    let cases = [
        (WalletMood::Honest, &plain, &plain, true),
        (WalletMood::Refuses, &plain, &plain, false),
        (WalletMood::CheapGas(0), &plain, &dear, false),
        (WalletMood::OtherOrigin(PAYEE.address), &plain, &elsewhere, false),
        (WalletMood::EarlyBlock(long_ago), &plain, &plain, false),
        (WalletMood::EarlyBlock(long_ago + 1_000), &plain, &plain, true),
        (WalletMood::AmpleGas(1_000_000), &plain, &tight, false),
        (WalletMood::BurnsGas(100_000), &plain, &plain, true),
    ];
    for (mood, before, after, lasts) in cases {
        chain.set_wallet_mood(wallet, mood).await.unwrap();
        assert!(before == after || owns(&chain, wallet, before.clone()).await, "{mood:?}");
        assert_eq!(owns(&chain, wallet, after.clone()).await, lasts, "{mood:?}");
    }
    chain.set_wallet_mood(wallet, WalletMood::OneCoinbase(Address::repeat_byte(0x77))).await.unwrap();
    assert!(!owns(&chain, wallet, plain).await);
}

#[tokio::test]
async fn a_call_may_promise_what_the_transaction_does_not_keep() {
    let chain = base_sepolia().await;
    let wallet = chain.moody_wallet(PAYER.address).await.unwrap();
    chain.fund(wallet, VALUE + VALUE).await.unwrap();
    pay(&chain, wallet, "honest").await.unwrap();
    chain.set_wallet_mood(wallet, WalletMood::CheapGas(0)).await.unwrap();
    let failed = pay(&chain, wallet, "moody").await.unwrap_err();
    assert!(matches!(failed, NodeError::Reverted { .. }), "the call before the transaction went well: {failed}");
    chain.set_wallet_mood(wallet, WalletMood::Refuses).await.unwrap();
    refused(pay(&chain, wallet, "refused").await, "invalid signature");
    assert_eq!(chain.balance(wallet).await.unwrap(), VALUE);
}
