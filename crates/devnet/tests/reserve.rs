//! The stand-in for Tempo's channel reserve.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "test code")]

mod support;

use std::time::Duration;

use alloy_primitives::aliases::U96;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::{SolCall, SolStruct as _, SolValue, sol};
use farthing_devnet::{DevelopmentAccount, Devnet, NodeError, RESERVE};
use serde_json::Value;
use support::{PAYEE, PAYER, STRANGER, compact, domain, reverted, send, sign, tempo, view, word};

sol! {
    struct Voucher { bytes32 channelId; uint96 cumulativeAmount; }
    struct ChannelDescriptor {
        address payer; address payee; address operator; address token; bytes32 salt; address authorizedSigner;
        bytes32 expiringNonceHash;
    }
    #[derive(Debug, PartialEq)]
    struct ChannelState { uint96 settled; uint96 deposit; uint32 closeRequestedAt; }

    function open(
        address payee, address operator, address token, uint96 deposit, bytes32 salt, address authorizedSigner
    ) returns (bytes32);
    function settle(ChannelDescriptor descriptor, uint96 cumulativeAmount, bytes signature);
    function topUp(ChannelDescriptor descriptor, uint96 additionalDeposit);
    function close(
        ChannelDescriptor descriptor, uint96 cumulativeAmount, uint96 captureAmount, bytes signature
    );
    function requestClose(ChannelDescriptor descriptor);
    function withdraw(ChannelDescriptor descriptor);
    function getChannelState(bytes32 channelId) returns (ChannelState);

    error ExpiringNonceHashNotSet();
    error CaptureAmountInvalid();
    error ChannelNotFound();
    error CloseNotReady();
    error InvalidSignature();
    error NotPayeeOrOperator();
}

const GRACE: Duration = Duration::from_secs(901);
const FORTUNE: U256 = U256::from_limbs([1_000_000, 0, 0, 0]);

/// Somebody who neither pays fees nor is paid otherwise, so that balances are exact.
const SELLER: Address = Address::repeat_byte(0x51);

fn amount(units: u64) -> U96 {
    U96::from(units)
}

fn opening(chain: &Devnet) -> openCall {
    openCall {
        payee: SELLER,
        operator: PAYEE.address,
        token: chain.token(),
        deposit: amount(1_000),
        salt: word("salt"),
        authorizedSigner: Address::ZERO,
    }
}

fn descriptor(chain: &Devnet, hash: B256) -> ChannelDescriptor {
    ChannelDescriptor {
        payer: PAYER.address,
        payee: SELLER,
        operator: PAYEE.address,
        token: chain.token(),
        salt: word("salt"),
        authorizedSigner: Address::ZERO,
        expiringNonceHash: hash,
    }
}

fn id(chain: &Devnet, descriptor: &ChannelDescriptor) -> B256 {
    keccak256((descriptor.clone(), RESERVE, U256::from(chain.chain_id())).abi_encode())
}

fn voucher(chain: &Devnet, descriptor: &ChannelDescriptor, total: u64) -> Bytes {
    let voucher = Voucher { channelId: id(chain, descriptor), cumulativeAmount: amount(total) };
    sign(PAYER, &voucher, &domain("TIP20 Channel Reserve", chain, RESERVE))
}

async fn ask(chain: &Devnet, from: DevelopmentAccount, call: impl SolCall) -> Result<Value, NodeError> {
    send(chain, from, RESERVE, call).await
}

async fn open_one(chain: &Devnet, nonce_hash: B256) -> ChannelDescriptor {
    chain.prepare_open(PAYER.address, nonce_hash).await.unwrap();
    ask(chain, PAYER, opening(chain)).await.unwrap();
    descriptor(chain, nonce_hash)
}

async fn state(chain: &Devnet, descriptor: &ChannelDescriptor) -> ChannelState {
    view(chain, RESERVE, getChannelStateCall { channelId: id(chain, descriptor) }).await
}

async fn prepared() -> Devnet {
    let chain = tempo().await;
    chain.place_reserve().await.unwrap();
    chain.fund(SELLER, FORTUNE).await.unwrap();
    chain
}

#[tokio::test]
async fn a_channel_is_opened_settled_and_closed_with_a_part_of_the_voucher() {
    let chain = prepared().await;
    reverted::<ExpiringNonceHashNotSet>(ask(&chain, PAYER, opening(&chain)).await);
    let descriptor = open_one(&chain, word("transaction")).await;
    reverted::<ExpiringNonceHashNotSet>(ask(&chain, PAYER, opening(&chain)).await);

    let settle = |total: u64, signature: Bytes| settleCall {
        descriptor: descriptor.clone(),
        cumulativeAmount: amount(total),
        signature,
    };
    let voucher_of = |total| voucher(&chain, &descriptor, total);
    reverted::<NotPayeeOrOperator>(ask(&chain, STRANGER, settle(300, voucher_of(300))).await);
    reverted::<InvalidSignature>(ask(&chain, PAYEE, settle(301, voucher_of(300))).await);
    ask(&chain, PAYEE, settle(300, compact(&voucher_of(300)))).await.unwrap();
    let expected = ChannelState { settled: amount(300), deposit: amount(1_000), closeRequestedAt: 0 };
    assert_eq!(state(&chain, &descriptor).await, expected);

    // The voucher may go beyond the deposit; what is captured may not.
    let close = |capture: u64| closeCall {
        descriptor: descriptor.clone(),
        cumulativeAmount: amount(5_000),
        captureAmount: amount(capture),
        signature: voucher_of(5_000),
    };
    reverted::<CaptureAmountInvalid>(ask(&chain, PAYEE, close(299)).await);
    ask(&chain, PAYEE, close(450)).await.unwrap();
    assert_eq!(chain.balance(SELLER).await.unwrap(), FORTUNE + U256::from(450));
    assert_eq!(chain.balance(RESERVE).await.unwrap(), U256::ZERO, "the payer has the rest");
    assert_eq!(state(&chain, &descriptor).await.deposit, U96::ZERO, "the record is gone");
    reverted::<ChannelNotFound>(ask(&chain, PAYEE, close(450)).await);
}

#[tokio::test]
async fn the_payer_leaves_after_the_grace_period() {
    let chain = prepared().await;
    let descriptor = open_one(&chain, word("transaction")).await;
    let withdraw = withdrawCall { descriptor: descriptor.clone() };
    ask(&chain, PAYER, requestCloseCall { descriptor: descriptor.clone() }).await.unwrap();
    reverted::<CloseNotReady>(ask(&chain, PAYER, withdraw.clone()).await);
    let nothing_more = topUpCall { descriptor: descriptor.clone(), additionalDeposit: U96::ZERO };
    ask(&chain, PAYER, nothing_more).await.unwrap();
    assert_eq!(state(&chain, &descriptor).await.closeRequestedAt, 0, "a top-up of nothing calls the close off");
    ask(&chain, PAYER, requestCloseCall { descriptor: descriptor.clone() }).await.unwrap();
    chain.warp(GRACE).await.unwrap();
    ask(&chain, PAYER, withdraw).await.unwrap();
    assert_eq!(chain.balance(RESERVE).await.unwrap(), U256::ZERO);
    assert_eq!(state(&chain, &descriptor).await.deposit, U96::ZERO);
}

#[test]
fn the_voucher_is_that_of_the_draft() {
    assert_eq!(
        keccak256(Voucher::eip712_encode_type().as_bytes()).to_string(),
        "0x4730b4b2fe8de522475e80e010877c5b58ad10eb07fd0436615ee123f743bbe8"
    );
}
