//! From opening to closing, with the payee and without.

use alloy_primitives::{Bytes, U256};
use alloy_sol_types::SolStruct as _;
use farthing_devnet::Kind;

use crate::interface::*;
use crate::stage::{DEPOSIT, GRACE, Stage};
use crate::support::{PAYEE, PAYER, STRANGER, balances, compact, evm, high_s_twin, reverted, tempo, view, word};

/// A channel's life is the same in both contracts, on either chain.
async fn a_life(stage: Stage) {
    let before = balances(&stage.chain).await;
    let channel_id = stage.channel;
    let digest =
        view(&stage.chain, stage.escrow, getVoucherDigestCall { channelId: channel_id, cumulativeAmount: 300 });
    let expected = Voucher { channelId: channel_id, cumulativeAmount: 300 }.eip712_signing_hash(&stage.domain);
    assert_eq!(digest.await, expected);

    reverted::<ChannelAlreadyExists>(stage.send(PAYER, stage.opening(word("salt"), 1)).await);
    reverted::<NotPayee>(stage.send(STRANGER, stage.settling(300, stage.voucher(300))).await);
    reverted::<InvalidSignature>(stage.send(PAYEE, stage.settling(300, stage.voucher_by(STRANGER, 300))).await);
    reverted::<InvalidSignature>(stage.send(PAYEE, stage.settling(300, high_s_twin(&stage.voucher(300)))).await);
    reverted::<AmountExceedsDeposit>(stage.send(PAYEE, stage.settling(1_001, stage.voucher(1_001))).await);
    stage.send(PAYEE, stage.settling(300, stage.voucher(300))).await.unwrap();
    reverted::<AmountNotIncreasing>(stage.send(PAYEE, stage.settling(300, stage.voucher(300))).await);
    stage.send(PAYEE, stage.closing(450, stage.voucher(450))).await.unwrap();

    let after = balances(&stage.chain).await;
    let fee_free = stage.chain.kind() != Kind::Tempo;
    if fee_free {
        assert_eq!(after, (before.0 + U256::from(DEPOSIT - 450), before.1 + U256::from(450)));
    }
    assert_eq!(stage.chain.balance(stage.escrow).await.unwrap(), U256::ZERO, "nothing stays in the escrow");
    let state = stage.state().await;
    assert!(state.finalized && state.settled == 450, "{state:?}");
    reverted::<ChannelFinalized>(stage.send(PAYEE, stage.closing(450, stage.voucher(450))).await);
    reverted::<ChannelAlreadyExists>(stage.send(PAYER, stage.opening(word("salt"), DEPOSIT)).await);
    let unknown = settleCall { channelId: word("none"), cumulativeAmount: 1, signature: Bytes::new() };
    reverted::<ChannelNotFound>(stage.send(PAYEE, unknown).await);
}

#[tokio::test]
async fn a_stream_channel_lives_on_tempo() {
    a_life(Stage::stream_on(tempo().await).await).await;
}

#[tokio::test]
async fn an_evm_channel_lives() {
    a_life(Stage::evm().await).await;
}

#[tokio::test]
async fn a_payer_gets_the_rest_back_without_the_payee() {
    let stage = Stage::stream_on(evm().await).await;
    let before = balances(&stage.chain).await;
    let channel = stage.channel;
    stage.send(PAYEE, stage.settling(100, compact(&stage.voucher(100)))).await.unwrap();
    reverted::<CloseNotReady>(stage.send(PAYER, withdrawCall { channelId: channel }).await);
    reverted::<NotPayer>(stage.send(STRANGER, requestCloseCall { channelId: channel }).await);
    stage.send(PAYER, requestCloseCall { channelId: channel }).await.unwrap();
    reverted::<CloseNotReady>(stage.send(PAYER, withdrawCall { channelId: channel }).await);

    // A top-up calls the close off.
    stage.send(PAYER, topUpCall { channelId: channel, additionalDeposit: U256::from(500) }).await.unwrap();
    stage.chain.warp(GRACE).await.unwrap();
    reverted::<CloseNotReady>(stage.send(PAYER, withdrawCall { channelId: channel }).await);

    // Meanwhile the payee may still settle.
    stage.send(PAYER, requestCloseCall { channelId: channel }).await.unwrap();
    stage.send(PAYEE, stage.settling(1_200, stage.voucher(1_200))).await.unwrap();
    stage.chain.warp(GRACE).await.unwrap();
    reverted::<NotPayer>(stage.send(PAYEE, withdrawCall { channelId: channel }).await);
    stage.send(PAYER, withdrawCall { channelId: channel }).await.unwrap();
    let paid = U256::from(1_200);
    assert_eq!(balances(&stage.chain).await, (before.0 + U256::from(DEPOSIT) - paid, before.1 + paid));
    reverted::<ChannelFinalized>(stage.send(PAYER, withdrawCall { channelId: channel }).await);
}

#[tokio::test]
async fn an_evm_channel_is_filled_by_its_payer_only() {
    let stage = Stage::evm().await;
    let more = narrow::topUpCall { channelId: stage.channel, additionalDeposit: 50 };
    reverted::<NotPayer>(stage.send(STRANGER, more.clone()).await);
    stage.send(PAYER, more).await.unwrap();
    assert_eq!(stage.state().await.deposit, DEPOSIT + 50);
    let nothing = narrow::topUpCall { channelId: stage.channel, additionalDeposit: 0 };
    reverted::<ZeroDeposit>(stage.send(PAYER, nothing).await);
}
