//! Nodes that are away, gas that is short or dear, and the same payment asked for many times at once.

use std::time::Duration;

use alloy_primitives::U256;
use farthing_rail::{Hold, Method as _, Settlement, Settler as _, Standing};
use farthing_testing_rpc::faults::Fault as Trouble;
use futures_util::future::join_all;

use super::{SHOP, exact, fault, paid};
use crate::support::{CENT, World, account, settled};

fn refused() -> Trouble {
    Trouble::Refused { code: -32005, message: "rate limit".into() }
}

#[tokio::test(flavor = "multi_thread")]
async fn b_14_a_node_that_does_not_answer_is_no_word_about_the_payment() {
    let world = World::base_sepolia().await;
    let (claim, exact) = (paid(&world, 1, CENT).await, exact(&world));
    assert_eq!(exact.hold(&claim).await, Hold::Held);
    world.faults.next("eth_call", 1000, refused());
    assert!(matches!(exact.hold(&claim).await, Hold::Unknown(_)));
    world.faults.heal("eth_call");
    assert_eq!(exact.hold(&claim).await, Hold::Held);
}

#[tokio::test(flavor = "multi_thread")]
async fn b_09_a_payment_that_a_reorganisation_took_out_is_not_final() {
    let world = World::base_sepolia().await;
    let before = world.devnet.snapshot().await.unwrap();
    let (claim, exact) = (paid(&world, 1, CENT).await, exact(&world));
    let first = settled(exact.settle(&claim).await);
    world.devnet.revert(before).await.unwrap();
    assert!(!matches!(exact.confirm(&claim, &first).await, Standing::Final));
}

#[tokio::test(flavor = "multi_thread")]
async fn d_03_one_payment_settled_by_many_at_once_is_one_transaction() {
    let world = World::base_sepolia().await;
    let (claim, exact) = (paid(&world, 1, CENT).await, exact(&world));
    let outcomes = join_all((0..8).map(|_| exact.settle(&claim))).await;
    for outcome in outcomes {
        let outcome = match outcome {
            Settlement::Unknown(_) => exact.lookup(&claim).await,
            outcome => outcome,
        };
        settled(outcome);
    }
    assert_eq!((world.has(SHOP).await, world.included().await), (CENT, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn d_06_a_node_lost_after_the_broadcast_needs_nobodys_hand() {
    let world = World::base_sepolia().await;
    let (claim, exact) = (paid(&world, 1, CENT).await, exact(&world));
    world.faults.next("eth_sendRawTransactionSync", 1, Trouble::Swallowed);
    let outcome = exact.settle(&claim).await;
    assert!(!matches!(outcome, Settlement::Rejected(_)), "{outcome:?}");
    settled(world.resolve(&claim).await);
    settled(exact.settle(&paid(&world, 2, CENT).await).await);
    assert_eq!((world.has(SHOP).await, world.included().await), (2 * CENT, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn d_11_gas_dearer_than_allowed_sends_nothing() {
    let world = World::base_sepolia().await;
    let (claim, exact) = (paid(&world, 1, CENT).await, exact(&world));
    let dear = serde_json::json!([U256::from(600_000_000_000_u64)]);
    let _: serde_json::Value = world.devnet.node().request("anvil_setNextBlockBaseFeePerGas", dear).await.unwrap();
    world.devnet.mine(1).await.unwrap();
    let Settlement::Rejected(rejected) = exact.settle(&claim).await else { panic!() };
    assert!(rejected.reason.contains("gas costs"), "{}", rejected.reason);
    assert_eq!(world.included().await, 0);
}

/// The gas limit is a bound of ours, not what a node that lags behind estimates.
#[tokio::test(flavor = "multi_thread")]
async fn d_13_no_gas_is_estimated() {
    let world = World::base_sepolia().await;
    settled(exact(&world).settle(&paid(&world, 1, CENT).await).await);
    assert_eq!(world.faults.asked("eth_estimateGas"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn l_03_a_signer_without_gas_money_is_not_ready_until_it_has_some() {
    let world = World::base_sepolia().await;
    let exact = exact(&world);
    let ready_is = async |expected: bool| {
        for _ in 0..200 {
            if exact.readiness().is_ok() == expected {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("readiness stays {:?}", exact.readiness());
    };
    assert_eq!(exact.readiness(), Ok(()));
    world.devnet.set_gas(world.signer, U256::from(1)).await.unwrap();
    // A payment finds it out, and nobody pays for that.
    let Settlement::Rejected(rejected) = exact.settle(&paid(&world, 1, CENT).await).await else { panic!() };
    assert!(rejected.reason.contains("send it more"), "{}", rejected.reason);
    ready_is(false).await;
    assert!(exact.readiness().unwrap_err().0.contains(&world.signer.to_string()));
    world.devnet.set_gas(world.signer, U256::from(10).pow(U256::from(18))).await.unwrap();
    ready_is(true).await;
    settled(exact.settle(&paid(&world, 1, CENT).await).await);
    assert_eq!(
        fault(exact.settle(&paid(&world, 1, u128::from(u64::MAX)).await).await),
        Some(farthing_rail::Fault::Balance)
    );
    assert!(world.has(account(1).address()).await > 0);
}
