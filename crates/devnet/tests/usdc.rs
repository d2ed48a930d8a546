//! The test USDC does what payments rely on.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "test code")]

mod support;

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::{SolValue, sol};
use farthing_devnet::{Devnet, contracts};
use support::{
    LATER, PAYEE, PAYER, STRANGER, balances, compact, domain, evm, high_s_twin, refused, send, sign, view, word,
};

sol! {
    struct TransferWithAuthorization {
        address from; address to; uint256 value; uint256 validAfter; uint256 validBefore; bytes32 nonce;
    }
    struct CancelAuthorization { address authorizer; bytes32 nonce; }
    struct Permit { address owner; address spender; uint256 value; uint256 nonce; uint256 deadline; }

    function transferWithAuthorization(
        address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce,
        bytes signature
    );
    function receiveWithAuthorization(
        address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce,
        bytes signature
    );
    function cancelAuthorization(address authorizer, bytes32 nonce, bytes signature);
    function permit(address owner, address spender, uint256 value, uint256 deadline, bytes signature);
    function transferFrom(address from, address to, uint256 value) returns (bool);
    function authorizationState(address authorizer, bytes32 nonce) returns (bool);
    function DOMAIN_SEPARATOR() returns (bytes32);
}

mod in_parts {
    alloy_sol_types::sol! {
        function transferWithAuthorization(
            address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce,
            uint8 v, bytes32 r, bytes32 s
        );
    }
}

const VALUE: U256 = U256::from_limbs([1_000, 0, 0, 0]);

fn authorization(nonce: B256) -> TransferWithAuthorization {
    TransferWithAuthorization {
        from: PAYER.address,
        to: PAYEE.address,
        value: VALUE,
        validAfter: U256::ZERO,
        validBefore: LATER,
        nonce,
    }
}

fn call(signed: &TransferWithAuthorization, signature: Bytes) -> transferWithAuthorizationCall {
    let TransferWithAuthorization { from, to, value, validAfter, validBefore, nonce } = *signed;
    transferWithAuthorizationCall { from, to, value, validAfter, validBefore, nonce, signature }
}

fn signed(chain: &Devnet, what: &TransferWithAuthorization) -> Bytes {
    sign(PAYER, what, &domain("Test USDC", chain, chain.token()))
}

#[tokio::test]
async fn an_authorization_moves_money_once() {
    let chain = evm().await;
    let before = balances(&chain).await;
    let authorization = authorization(word("once"));
    let signature = signed(&chain, &authorization);
    let twin = call(&authorization, high_s_twin(&signature));
    refused(send(&chain, STRANGER, chain.token(), twin).await, "invalid signature");
    let short = call(&authorization, compact(&signature));
    refused(send(&chain, STRANGER, chain.token(), short).await, "invalid signature");

    let call = call(&authorization, signature);
    send(&chain, STRANGER, chain.token(), call.clone()).await.unwrap();
    refused(send(&chain, STRANGER, chain.token(), call).await, "authorization is used or canceled");
    assert_eq!(balances(&chain).await, (before.0 - VALUE, before.1 + VALUE));
    let state = authorizationStateCall { authorizer: PAYER.address, nonce: word("once") };
    assert!(view(&chain, chain.token(), state).await);
}

#[tokio::test]
async fn a_signature_in_three_parts_is_the_same_authorization() {
    let chain = evm().await;
    let before = balances(&chain).await;
    let authorization = authorization(word("parts"));
    let signature = signed(&chain, &authorization);
    let TransferWithAuthorization { from, to, value, validAfter, validBefore, nonce } = authorization;
    let (r, s, v) = (B256::from_slice(&signature[..32]), B256::from_slice(&signature[32..64]), signature[64]);
    let parts = in_parts::transferWithAuthorizationCall { from, to, value, validAfter, validBefore, nonce, v, r, s };
    send(&chain, STRANGER, chain.token(), parts).await.unwrap();
    refused(
        send(&chain, STRANGER, chain.token(), call(&authorization, signature)).await,
        "authorization is used or canceled",
    );
    assert_eq!(balances(&chain).await, (before.0 - VALUE, before.1 + VALUE));
}

#[tokio::test]
async fn a_cancelled_late_early_or_uncovered_authorization_moves_nothing() {
    let chain = evm().await;
    let before = balances(&chain).await;
    let nonce = word("cancelled");
    let cancel = CancelAuthorization { authorizer: PAYER.address, nonce };
    let signature = sign(PAYER, &cancel, &domain("Test USDC", &chain, chain.token()));
    let cancel = cancelAuthorizationCall { authorizer: PAYER.address, nonce, signature };
    send(&chain, STRANGER, chain.token(), cancel).await.unwrap();
    let attempt = async |authorization: TransferWithAuthorization| {
        let signature = signed(&chain, &authorization);
        send(&chain, STRANGER, chain.token(), call(&authorization, signature)).await
    };
    refused(attempt(authorization(nonce)).await, "authorization is used or canceled");
    let late = TransferWithAuthorization { validBefore: U256::from(1), ..authorization(word("late")) };
    refused(attempt(late).await, "authorization is expired");
    let early = TransferWithAuthorization { validAfter: LATER, ..authorization(word("early")) };
    refused(attempt(early).await, "authorization is not yet valid");
    let uncovered = TransferWithAuthorization { value: before.0 + U256::from(1), ..authorization(word("much")) };
    refused(attempt(uncovered).await, "transfer amount exceeds balance");
    assert_eq!(balances(&chain).await, before);
}

#[tokio::test]
async fn only_the_payee_may_receive() {
    let chain = evm().await;
    let TransferWithAuthorization { from, to, value, validAfter, validBefore, nonce } = authorization(word("receive"));
    let signature = Bytes::new();
    let call = receiveWithAuthorizationCall { from, to, value, validAfter, validBefore, nonce, signature };
    refused(send(&chain, STRANGER, chain.token(), call.clone()).await, "caller must be the payee");
    refused(send(&chain, PAYEE, chain.token(), call).await, "invalid signature");
}

#[tokio::test]
async fn a_permit_is_an_allowance_once() {
    let chain = evm().await;
    let before = balances(&chain).await;
    let (owner, spender) = (PAYER.address, STRANGER.address);
    let permit = Permit { owner, spender, value: VALUE, nonce: U256::ZERO, deadline: LATER };
    let signature = sign(PAYER, &permit, &domain("Test USDC", &chain, chain.token()));
    let call = permitCall { owner, spender, value: VALUE, deadline: LATER, signature };
    send(&chain, STRANGER, chain.token(), call.clone()).await.unwrap();
    let take = transferFromCall { from: owner, to: PAYEE.address, value: VALUE };
    send(&chain, STRANGER, chain.token(), take).await.unwrap();
    refused(send(&chain, STRANGER, chain.token(), call).await, "invalid signature");
    assert_eq!(balances(&chain).await, (before.0 - VALUE, before.1 + VALUE));
}

#[tokio::test]
async fn a_wallet_that_is_a_contract_authorizes_by_its_owner() {
    let chain = evm().await;
    let code = [contracts::TEST_WALLET.creation().unwrap().to_vec(), PAYER.address.abi_encode()].concat();
    let wallet: Address = chain.deploy(code.into()).await.unwrap();
    chain.fund(wallet, VALUE).await.unwrap();
    let authorization = TransferWithAuthorization { from: wallet, ..authorization(word("wallet")) };
    let by_a_stranger = sign(STRANGER, &authorization, &domain("Test USDC", &chain, chain.token()));
    refused(send(&chain, STRANGER, chain.token(), call(&authorization, by_a_stranger)).await, "invalid signature");
    let signature = signed(&chain, &authorization);
    send(&chain, STRANGER, chain.token(), call(&authorization, signature)).await.unwrap();
    assert_eq!(chain.balance(wallet).await.unwrap(), U256::ZERO);
}

#[tokio::test]
async fn the_domain_is_what_its_name_says() {
    let chain = evm().await;
    let expected = domain("Test USDC", &chain, chain.token()).hash_struct();
    assert_eq!(view(&chain, chain.token(), DOMAIN_SEPARATORCall {}).await, expected);
}
