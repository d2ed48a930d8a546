//! The validator of signatures: keys, wallets, and wallets that are not there yet.

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::{SolCall as _, sol};
use farthing_devnet::{DevelopmentAccount, Devnet, base_sepolia, contracts, with_deployment};

use crate::support::{PAYER, STRANGER, base_sepolia, reverted, send, sign_digest, view, word};

sol! {
    function isValidSig(address signer, bytes32 hash, bytes signature) returns (bool);
    function isValidSigWithSideEffects(address signer, bytes32 hash, bytes signature) returns (bool);
    function addressOf(address owner, bytes32 salt) returns (address);
    function deploy(address owner, bytes32 salt) returns (address);
    function allowance(address owner, address spender) returns (uint256);
    function approve(address spender, uint256 value) returns (bool);

    error ERC6492DeployFailed(bytes error);
}

mod grabbing {
    alloy_sol_types::sol! {
        function deploy(address token, address thief);
    }
}

async fn is_valid(chain: &Devnet, signer: Address, hash: B256, signature: Bytes) -> bool {
    let with = isValidSigWithSideEffectsCall { signer, hash, signature: signature.clone() };
    let without = isValidSigCall { signer, hash, signature };
    let valid = view(chain, base_sepolia::SIGNATURE_VALIDATOR, with).await;
    assert_eq!(view(chain, base_sepolia::SIGNATURE_VALIDATOR, without).await, valid);
    valid
}

async fn wallet_to_be(chain: &Devnet, owner: DevelopmentAccount) -> (Address, Address, Vec<u8>) {
    let factory = chain.deploy(contracts::WALLET_FACTORY.creation().unwrap()).await.unwrap();
    let (owner, salt) = (owner.address, word("salt"));
    let wallet = view(chain, factory, addressOfCall { owner, salt }).await;
    (factory, wallet, deployCall { owner, salt }.abi_encode())
}

#[tokio::test]
async fn a_key_signs_for_its_account_only() {
    let chain = base_sepolia().await;
    let hash = word("digest");
    let signature = sign_digest(PAYER, hash);
    assert!(is_valid(&chain, PAYER.address, hash, signature.clone()).await);
    assert!(!is_valid(&chain, STRANGER.address, hash, signature).await);
}

#[tokio::test]
async fn a_wallet_signs_before_it_is_there_and_after() {
    let chain = base_sepolia().await;
    let (factory, wallet, call) = wallet_to_be(&chain, PAYER).await;
    let hash = word("digest");
    let ours = with_deployment(factory, &call, &sign_digest(PAYER, hash));
    let theirs = with_deployment(factory, &call, &sign_digest(STRANGER, hash));
    assert!(is_valid(&chain, wallet, hash, ours.clone()).await);
    assert!(!is_valid(&chain, wallet, hash, theirs).await);

    let validator = base_sepolia::SIGNATURE_VALIDATOR;
    let signature = ours.clone();
    send(&chain, STRANGER, validator, isValidSigCall { signer: wallet, hash, signature }).await.unwrap();
    assert!(chain.node().code(wallet).await.unwrap().is_empty(), "this question leaves nothing behind");
    let signature = ours.clone();
    let made = isValidSigWithSideEffectsCall { signer: wallet, hash, signature };
    send(&chain, STRANGER, validator, made).await.unwrap();
    assert!(!chain.node().code(wallet).await.unwrap().is_empty());
    assert!(is_valid(&chain, wallet, hash, ours).await);
    assert!(is_valid(&chain, wallet, hash, sign_digest(PAYER, hash)).await);
}

#[tokio::test]
async fn a_wallet_that_cannot_be_made_signs_nothing() {
    let chain = base_sepolia().await;
    let (_, wallet, _) = wallet_to_be(&chain, PAYER).await;
    let (hash, refusing) = (word("digest"), chain.token());
    let signature = with_deployment(refusing, b"no such call", &sign_digest(PAYER, hash));
    let call = isValidSigCall { signer: wallet, hash, signature };
    reverted::<ERC6492DeployFailed>(send(&chain, STRANGER, base_sepolia::SIGNATURE_VALIDATOR, call).await);
}

/// Whoever executes what these factories are asked for regrets it: the tests of those who must not rely on it.
#[tokio::test]
async fn the_hostile_factories_hurt_whoever_calls_them() {
    let chain = base_sepolia().await;
    let thief = Address::repeat_byte(0x66);
    let factory = chain.deploy(contracts::GRABBING_FACTORY.creation().unwrap()).await.unwrap();
    let before = chain.balance(STRANGER.address).await.unwrap();
    let approve = approveCall { spender: factory, value: U256::from(70) };
    send(&chain, STRANGER, chain.token(), approve).await.unwrap();
    send(&chain, STRANGER, factory, grabbing::deployCall { token: chain.token(), thief }).await.unwrap();
    assert_eq!(chain.balance(thief).await.unwrap(), U256::from(70));
    assert_eq!(chain.balance(STRANGER.address).await.unwrap(), before - U256::from(70));

    let burner = chain.deploy(contracts::BURNING_FACTORY.creation().unwrap()).await.unwrap();
    let receipt = chain.node().send(STRANGER.address, Some(burner), Bytes::from_static(b"anything")).await.unwrap();
    let gas: U256 = receipt["gasUsed"].as_str().unwrap().parse().unwrap();
    assert!(gas > U256::from(1_000_000), "{gas}");
}
