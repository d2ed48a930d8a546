//! A chain that takes blocks back.

use std::time::Duration;

use farthing_rail::{Claim, Settled, Settlement, Settler as _, Standing};
use farthing_rail_evm::evm::calldata;
use farthing_rail_evm::settle::journal::Purpose;
use farthing_testing_rpc::faults::Fault;
use serde_json::{Value, json};

use crate::support::{CENT, CHAIN, World, account, settled};

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

/// The chain that stays has the authorization in somebody else's transaction.
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_stands_by_the_transaction_that_used_its_authorization() {
    let world = World::evm_at_rest().await;
    let before = world.has(world.signer).await;
    let snapshot = world.devnet.snapshot().await.unwrap();
    let payment = world.authorization(1, CENT, 300).await;
    let claim = world.claim(&payment);
    let first = settled(world.settle(&claim).await);
    world.faults.next("eth_sendRawTransaction", 1000, Fault::Swallowed);
    world.devnet.revert(snapshot).await.unwrap();
    let call = calldata::submission(&payment).unwrap();
    let friend = account(2).address();
    let receipt = world.devnet.node().send(friend, Some(call.to), call.data).await.unwrap();
    world.faults.heal("eth_sendRawTransaction");
    stands_by(&world, &claim, &first, receipt["transactionHash"].as_str().unwrap()).await;
    assert_eq!(world.has(world.signer).await, before + CENT);
}

/// Two versions of our transaction are in the nodes' hands; the first is included, and the second in
/// the chain that stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_stands_by_the_replacement_that_a_reorganisation_brought() {
    let world = World::evm_at_rest().await;
    let before = world.has(world.signer).await;
    let cheap = || Fault::Refused { code: -32000, message: "replacement transaction underpriced".into() };
    world.faults.next("eth_sendRawTransactionSync", 1, cheap());
    // The second attempt is refused as well and replaced; the replacement is lost on its way.
    world.faults.next("eth_sendRawTransaction", 1, cheap());
    world.faults.next("eth_sendRawTransaction", 1000, Fault::Swallowed);
    let claim = world.claim(&world.authorization(1, CENT, 300).await);
    assert!(matches!(world.settle(&claim).await, Settlement::Unknown(_)));
    let versions = loop {
        let versions = world.journal.of_purpose(CHAIN, &Purpose::Settle(claim.payment)).await.unwrap();
        if versions.len() > 1 {
            break versions;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let snapshot = world.devnet.snapshot().await.unwrap();
    let raw = json!([versions[0].raw]);
    world.devnet.node().request::<Value>("eth_sendRawTransactionSync", raw).await.unwrap();
    let first = settled(world.resolve(&claim).await);
    assert_eq!(first.reference, versions[0].hash.to_string());
    world.devnet.revert(snapshot).await.unwrap();
    world.faults.heal("eth_sendRawTransaction");
    stands_by(&world, &claim, &first, &versions[1].hash.to_string()).await;
    assert_eq!(world.has(world.signer).await, before + CENT);
}

/// The payment moves to this transaction, and stands by it for good.
async fn stands_by(world: &World, claim: &Claim, first: &Settled, reference: &str) {
    let Standing::Moved(anew) = outcome(world, claim, first).await else { panic!("it did not move") };
    assert_eq!(anew.reference, reference);
    assert_ne!(anew.consumed, first.consumed);
    world.devnet.mine(5).await.unwrap();
    assert_eq!(world.seller.confirm(claim, &anew).await, Standing::Final);
}
