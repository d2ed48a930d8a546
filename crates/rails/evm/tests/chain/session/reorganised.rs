//! A chain that takes back the opening or the closing of a session.

use farthing_money::Amount;
use farthing_rail::{Escrow as _, Settler as _, Standing};

use super::stage::{Collected, DEPOSIT, Stage, UNIT, held};
use crate::support::settled;

async fn each(test: impl AsyncFn(Stage)) {
    test(Stage::reserve().await).await;
    test(Stage::stream().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opening_that_was_taken_back_is_brought_back() {
    each(async |stage| {
        let channel = stage.channel(DEPOSIT, UNIT, true).await;
        let before = stage.world.devnet.snapshot().await.unwrap();
        held(stage.deposit(&channel.claim()).await);
        stage.world.devnet.revert(before).await.unwrap();
        let standing = held(stage.resolve(&channel.claim()).await);
        assert_eq!(standing.deposit, Amount::new(DEPOSIT));
        assert!(!stage.standing(&channel).await.closed);
    })
    .await;
}

/// The contract of version 1 remembers what has ended, so that nothing is not the end.
#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_is_not_there_has_not_ended() {
    let stage = Stage::stream().await;
    let before = stage.world.devnet.snapshot().await.unwrap();
    let channel = stage.opened(DEPOSIT, UNIT).await;
    stage.world.devnet.revert(before).await.unwrap();
    let error = stage.rail.standing(&channel.opening.session_kept).await.unwrap_err();
    assert!(error.to_string().contains("behind") || error.to_string().contains("reorganisation"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_that_was_taken_back_is_sent_again() {
    each(async |stage| {
        let channel = stage.opened(DEPOSIT, UNIT).await;
        let voucher = stage.voucher(&channel, 10 * UNIT).await;
        let before = stage.world.devnet.snapshot().await.unwrap();
        let close = Collected { voucher: Some(&voucher), settled: 0, capture: 10 * UNIT, closes: true };
        let claim = stage.collecting(&channel, &close);
        let mut closed = settled(stage.rail.settle(&claim).await);
        stage.world.devnet.revert(before).await.unwrap();
        assert!(!stage.standing(&channel).await.closed);
        let mut standing = stage.rail.confirm(&claim, &closed).await;
        for _ in 0..100 {
            match standing {
                Standing::Provisional { .. } => tokio::time::sleep(std::time::Duration::from_millis(200)).await,
                Standing::Moved(anew) => closed = anew,
                Standing::Final | Standing::Reversed { .. } => break,
            }
            standing = stage.rail.confirm(&claim, &closed).await;
        }
        assert_eq!(standing, Standing::Final);
        assert!(stage.standing(&channel).await.closed);
    })
    .await;
}
