//! The scheme `exact`, honest payers.

use farthing_rail::{Fault, Hold, Settler as _};
use farthing_rail_evm::evm::calldata;
use farthing_rail_evm::x402::Proxy;

use super::{SHOP, doubted, exact, fault, paid, permitted};
use crate::support::{CENT, World, account, settled};

#[tokio::test(flavor = "multi_thread")]
async fn an_authorization_is_held_in_one_round_trip_and_settled_in_two() {
    let world = World::base_sepolia().await;
    settled(exact(&world).settle(&paid(&world, 1, CENT).await).await);
    let claim = paid(&world, 1, CENT).await;
    let before = world.faults.round_trips();
    assert_eq!(exact(&world).hold(&claim).await, Hold::Held);
    assert_eq!(world.faults.round_trips() - before, 1);
    assert_eq!(world.has(SHOP).await, CENT);
    let before = world.faults.round_trips();
    settled(exact(&world).settle(&claim).await);
    assert_eq!(world.faults.round_trips() - before, 2);
    assert_eq!(world.has(SHOP).await, 2 * CENT);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permit_pays_through_the_proxy_once_the_payer_allowed_permit2() {
    let world = World::base_sepolia().await;
    let exact = exact(&world);
    let claim = permitted(&world, Proxy::Exact, 1, CENT).await;
    assert_eq!(doubted(exact.hold(&claim).await), Some(Fault::Allowance));
    assert_eq!(fault(exact.settle(&claim).await), Some(Fault::Allowance));
    world.devnet.approve_permit2(account(1).address()).await.unwrap();
    assert_eq!(exact.hold(&claim).await, Hold::Held);
    let first = settled(exact.settle(&claim).await);
    assert_eq!((world.has(SHOP).await, first.captured), (CENT, None));
    assert_eq!(settled(exact.lookup(&claim).await), first);
    assert_eq!(doubted(exact.hold(&claim).await), Some(Fault::Used));
    assert_eq!(settled(exact.settle(&claim).await), first);
    assert_eq!(world.included().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn b_06_a_balance_drained_between_hold_and_settlement_delivers_nothing() {
    let world = World::base_sepolia().await;
    let exact = exact(&world);
    let all = world.has(account(1).address()).await;
    let claim = paid(&world, 1, all).await;
    assert_eq!(exact.hold(&claim).await, Hold::Held);
    let drain = calldata::transfer(account(5).address(), alloy_primitives::U256::from(1));
    world.devnet.node().send(account(1).address(), Some(world.token.contract), drain).await.unwrap();
    assert_eq!(doubted(exact.hold(&claim).await), Some(Fault::Balance));
    assert_eq!(fault(exact.settle(&claim).await), Some(Fault::Balance));
    assert_eq!((world.has(SHOP).await, world.included().await), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn f_07_what_is_settled_is_used_and_settles_once() {
    let world = World::base_sepolia().await;
    let exact = exact(&world);
    let claim = paid(&world, 1, CENT).await;
    let first = settled(exact.settle(&claim).await);
    assert_eq!(doubted(exact.hold(&claim).await), Some(Fault::Used));
    assert_eq!(settled(exact.settle(&claim).await), first);
    assert_eq!((world.has(SHOP).await, world.included().await), (CENT, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn b_08_several_permits_against_one_balance_never_move_more_than_there_is() {
    let world = World::base_sepolia().await;
    world.devnet.approve_permit2(account(1).address()).await.unwrap();
    let has = world.has(account(1).address()).await;
    let half = has / 2 + 1;
    let mut claims = Vec::new();
    for _ in 0..4 {
        claims.push(permitted(&world, Proxy::Exact, 1, half).await);
    }
    let exact = exact(&world);
    let outcomes = futures_util::future::join_all(claims.iter().map(|claim| exact.settle(claim))).await;
    let mut paid = 0;
    for (claim, outcome) in claims.iter().zip(outcomes) {
        let outcome = match outcome {
            farthing_rail::Settlement::Unknown(_) => {
                world.devnet.mine(5).await.unwrap();
                exact.lookup(claim).await
            }
            outcome => outcome,
        };
        paid += u128::from(matches!(outcome, farthing_rail::Settlement::Settled(_)));
    }
    assert_eq!((paid, world.has(SHOP).await), (1, half));
}
