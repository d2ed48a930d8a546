//! A payer who leaves by force.

use farthing_money::Amount;
use farthing_protocol::ProblemType;
use farthing_rail::Settler as _;
use farthing_rail_evm::session::VaultKind;

use super::stage::{Channel, Collected, DEPOSIT, GRACE, PAYER, Stage, UNIT};
use crate::support::{account, settled};

async fn opened(stage: &Stage) -> Channel {
    match stage.vault.kind {
        VaultKind::Evm => super::evm::opened(stage).await,
        _ => stage.opened(DEPOSIT, UNIT).await,
    }
}

async fn each(test: impl AsyncFn(Stage)) {
    test(Stage::reserve().await).await;
    test(Stage::stream().await).await;
    test(Stage::evm().await).await;
}

/// A payer collects nothing by asking to close after an old voucher was settled: the newest comes in time.
#[tokio::test(flavor = "multi_thread")]
async fn g_06_a_forced_close_is_answered_with_the_newest_voucher_in_time() {
    each(async |stage| {
        let channel = opened(&stage).await;
        let old = stage.voucher(&channel, 2 * UNIT).await;
        stage.collect(&channel, &Collected { voucher: Some(&old), settled: 0, capture: 2 * UNIT, closes: false }).await;
        let newest = stage.voucher(&channel, 20 * UNIT).await;
        assert_eq!(stage.standing(&channel).await.close_requested_at, None);

        stage.payer_sends(stage.vault.request_close(&channel.terms)).await;
        let standing = stage.standing(&channel).await;
        let (asked, until) = (standing.close_requested_at.unwrap(), standing.collect_until.unwrap());
        assert_eq!(until.unix_millis() - asked.unix_millis(), 900_000, "as the escrow says");
        assert!(!standing.closed);

        let close = Collected { voucher: Some(&newest), settled: 2 * UNIT, capture: 20 * UNIT, closes: true };
        let claim = stage.collecting(&channel, &close);
        settled(stage.rail.settle(&claim).await);
        assert!(stage.standing(&channel).await.closed);
        assert_eq!(stage.world.has(stage.vault.contract).await, 0);
        stage.world.devnet.warp(GRACE).await.unwrap();
        let withdraw = stage.vault.withdraw(&channel.terms);
        let refused = stage.world.devnet.node().send(account(PAYER).address(), Some(stage.vault.contract), withdraw);
        refused.await.expect_err("there is nothing left");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payer_who_waited_out_the_grace_has_closed_the_channel() {
    each(async |stage| {
        let channel = opened(&stage).await;
        let voucher = stage.voucher(&channel, 20 * UNIT).await;
        stage.payer_sends(stage.vault.request_close(&channel.terms)).await;
        stage.world.devnet.warp(GRACE).await.unwrap();
        stage.payer_sends(stage.vault.withdraw(&channel.terms)).await;
        assert!(stage.standing(&channel).await.closed);
        assert_eq!(stage.world.has(stage.vault.contract).await, 0);

        // Too late: what is left of the voucher is nothing, and the seller is told so.
        let close = Collected { voucher: Some(&voucher), settled: 0, capture: 20 * UNIT, closes: true };
        let refused = stage.rail.settle(&stage.collecting(&channel, &close)).await;
        let farthing_rail::Settlement::Rejected(refused) = refused else { panic!("not rejected: {refused:?}") };
        let gone = [ProblemType::SessionChannelNotFound, ProblemType::SessionChannelFinalized];
        assert!(gone.contains(&refused.refusal.problem), "{}", refused.reason);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_top_up_calls_a_close_off() {
    let stage = Stage::reserve().await;
    let channel = stage.opened(DEPOSIT, UNIT).await;
    stage.payer_sends(stage.vault.request_close(&channel.terms)).await;
    assert!(stage.standing(&channel).await.close_requested_at.is_some());
    super::stage::held(stage.deposit(&stage.addition(&channel, DEPOSIT, false).await).await);
    let standing = stage.standing(&channel).await;
    assert_eq!((standing.close_requested_at, standing.collect_until), (None, None));
    assert_eq!(standing.deposit, Amount::new(2 * DEPOSIT));
}
