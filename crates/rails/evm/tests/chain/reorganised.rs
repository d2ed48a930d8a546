//! A chain that takes blocks back.

use std::time::Duration;

use farthing_rail::{Claim, Settled, Settler as _, Standing};

use crate::support::{CENT, World, settled};

/// Confirms until the standing is not provisional any more.
async fn outcome(world: &World, claim: &Claim, settled: &Settled) -> Standing {
    for _ in 0..100 {
        match world.seller.confirm(claim, settled).await {
            Standing::Provisional { .. } => tokio::time::sleep(Duration::from_millis(200)).await,
            standing => return standing,
        }
    }
    panic!("still provisional: {:?}", world.seller.lookup(claim).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_transaction_is_brought_back() {
    let world = World::evm().await;
    let before = world.has(world.signer).await;
    let snapshot = world.devnet.snapshot().await.unwrap();
    let claim = world.claim(&world.authorization(1, CENT, 300).await);
    let settled = settled(world.settle(&claim).await);
    world.devnet.revert(snapshot).await.unwrap();
    assert_eq!(world.has(world.signer).await, before);
    assert!(matches!(world.seller.confirm(&claim, &settled).await, Standing::Provisional { .. }));
    assert_eq!(outcome(&world, &claim, &settled).await, Standing::Final);
    assert_eq!(world.has(world.signer).await, before + CENT);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_never_come_back_is_reversed() {
    let world = World::evm().await;
    let before = world.has(world.signer).await;
    let snapshot = world.devnet.snapshot().await.unwrap();
    let claim = world.claim(&world.authorization(1, CENT, 60).await);
    let settled = settled(world.settle(&claim).await);
    world.devnet.revert(snapshot).await.unwrap();
    // The other branch is a long one: the authorization has expired in it before anybody can act.
    world.devnet.warp(Duration::from_secs(120)).await.unwrap();
    world.devnet.mine(5).await.unwrap();
    let standing = outcome(&world, &claim, &settled).await;
    assert!(matches!(standing, Standing::Reversed { .. }), "{standing:?}");
    assert_eq!(world.has(world.signer).await, before);
}
