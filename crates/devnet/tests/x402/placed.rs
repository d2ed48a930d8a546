//! The contracts are where they are expected, and are what their addresses promise.

use alloy_primitives::{B256, U256, b256};
use alloy_sol_types::sol;
use farthing_devnet::{MULTICALL3, PERMIT2, base_sepolia, contracts};

use crate::support::{base_sepolia, usdc_domain, view};

sol! {
    function name() returns (string);
    function version() returns (string);
    function decimals() returns (uint8);
    function DOMAIN_SEPARATOR() returns (bytes32);
    function PERMIT2() returns (address);
    function WITNESS_TYPEHASH() returns (bytes32);
    function WITNESS_TYPE_STRING() returns (string);
    function getChainId() returns (uint256);
}

/// What USDC answers on the real chain.
const SEPARATOR: B256 = b256!("71f17a3b2ff373b803d70a5a07c046c1a2bc8e89c09ef722fcb047abe94c9818");

#[tokio::test]
async fn usdc_is_where_it_is_known_and_everybody_has_some() {
    let chain = base_sepolia().await;
    assert_eq!((chain.chain_id(), chain.token()), (84_532, base_sepolia::USDC));
    assert_eq!(view(&chain, chain.token(), nameCall {}).await, "USDC");
    assert_eq!(view(&chain, chain.token(), versionCall {}).await, "2");
    assert_eq!(view(&chain, chain.token(), decimalsCall {}).await, 6);
    assert_eq!(view(&chain, chain.token(), DOMAIN_SEPARATORCall {}).await, SEPARATOR);
    assert_eq!(usdc_domain(&chain).hash_struct(), SEPARATOR);
    for account in chain.accounts() {
        assert_eq!(chain.balance(account.address).await.unwrap(), U256::from(1_000_000_000_000_u64));
    }
}

#[tokio::test]
async fn the_proxies_name_permit2_and_their_witness() {
    let chain = base_sepolia().await;
    let proxies = [
        (
            base_sepolia::EXACT_PROXY,
            b256!("d97b3239a7f32295517bd14cb074edfdd188dfe5eb42f802bb26d4fd1eb12c37"),
            "Witness(address to,uint256 validAfter)",
        ),
        (
            base_sepolia::UPTO_PROXY,
            b256!("d4171c445a74218b01d4fd8af34ff1106580ea1e36ff837e64484bfaa2253b75"),
            "Witness(address to,address facilitator,uint256 validAfter)",
        ),
    ];
    for (proxy, hash, witness) in proxies {
        assert_eq!(view(&chain, proxy, PERMIT2Call {}).await, PERMIT2);
        assert_eq!(view(&chain, proxy, WITNESS_TYPEHASHCall {}).await, hash);
        let string = view(&chain, proxy, WITNESS_TYPE_STRINGCall {}).await;
        assert_eq!(string, format!("Witness witness)TokenPermissions(address token,uint256 amount){witness}"));
    }
    assert_eq!(chain.permit2(), Some(PERMIT2));
    assert_eq!(view(&chain, MULTICALL3, getChainIdCall {}).await, U256::from(84_532));
}

#[tokio::test]
async fn code_is_exchanged_and_taken_away_as_told() {
    let chain = base_sepolia().await;
    let proxy = base_sepolia::EXACT_PROXY;
    chain.place(proxy, contracts::UPTO_PERMIT_PROXY).await.unwrap();
    let upto = contracts::UPTO_PERMIT_PROXY.runtime().unwrap();
    assert_eq!(chain.node().code(proxy).await.unwrap(), upto);
    chain.remove_code(proxy).await.unwrap();
    assert!(chain.node().code(proxy).await.unwrap().is_empty());
}

/// Placed code has never been constructed: what a constructor would write into it must not be missed.
#[tokio::test]
async fn what_is_placed_needs_no_constructor() {
    let chain = base_sepolia().await;
    let placed = [
        contracts::BASE_SEPOLIA_USDC,
        contracts::HOSTILE_USDC,
        contracts::EXACT_PERMIT_PROXY,
        contracts::UPTO_PERMIT_PROXY,
        contracts::SIGNATURE_VALIDATOR,
    ];
    for contract in placed {
        let constructed = chain.deploy(contract.creation().unwrap()).await.unwrap();
        assert_eq!(chain.node().code(constructed).await.unwrap(), contract.runtime().unwrap(), "{}", contract.name);
    }
    let wallet = chain.moody_wallet(chain.token()).await.unwrap();
    let runtime = contracts::MOODY_WALLET.runtime().unwrap();
    assert_ne!(chain.node().code(wallet).await.unwrap(), runtime, "its owner is written into its code");
}
