//! Somebody else submits what the payer signed for us.

use alloy_primitives::U256;
use alloy_sol_types::{SolCall as _, sol};
use farthing_rail::{Fault, Settlement, Settler as _, Standing};
use farthing_rail_evm::evm::calldata;
use farthing_rail_evm::x402::Proxy;
use farthing_rail_evm::{Payment, Way};

use super::{SHOP, exact, fault, paid, permitted, permitted_under};
use crate::support::{CENT, World, account, settled};

sol! {
    function invalidateUnorderedNonces(uint256 wordPos, uint256 mask);
}

/// A stranger submits it before we do.
async fn preempt(world: &World, claim: &farthing_rail::Claim) {
    let payment: Payment = serde_json::from_slice(&claim.proof.kept).unwrap();
    let call = calldata::submission(&payment).unwrap();
    world.devnet.node().send(account(7).address(), Some(call.to), call.data).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn b_13_an_authorization_that_somebody_else_submitted_is_paid_once() {
    let world = World::base_sepolia().await;
    let claim = paid(&world, 1, CENT).await;
    preempt(&world, &claim).await;
    let exact = exact(&world);
    let first = settled(exact.settle(&claim).await);
    assert_eq!(settled(exact.lookup(&claim).await), first);
    assert_eq!((world.has(SHOP).await, world.included().await), (CENT, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn d_04_a_permit_that_somebody_else_had_the_proxy_submit_is_paid_and_costs_no_gas() {
    let world = World::base_sepolia().await;
    world.devnet.approve_permit2(account(1).address()).await.unwrap();
    let (exact, first, second) =
        (exact(&world), permitted(&world, Proxy::Exact, 1, CENT).await, permitted(&world, Proxy::Exact, 1, CENT).await);
    // Of two alike, each is found by what its own submission was told.
    preempt(&world, &first).await;
    preempt(&world, &second).await;
    let (first_settled, second_settled) = (settled(exact.settle(&first).await), settled(exact.settle(&second).await));
    assert_ne!(first_settled.consumed, second_settled.consumed);
    assert!(matches!(exact.confirm(&first, &first_settled).await, Standing::Provisional { .. } | Standing::Final));
    assert_eq!((world.has(SHOP).await, world.included().await), (2 * CENT, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_08_a_transfer_for_something_else_is_not_taken_for_the_use_of_a_permit() {
    let world = World::base_sepolia().await;
    world.devnet.approve_permit2(account(1).address()).await.unwrap();
    // A payment that is none of ours, and was told a nonce of its own.
    let elsewhere = paid(&world, 1, CENT).await;
    preempt(&world, &elsewhere).await;
    let payment: Payment = serde_json::from_slice(&elsewhere.proof.kept).unwrap();
    let Way::Authorization { nonce, .. } = payment.way else { panic!() };
    // The payer permits the same again under that nonce, and takes it back.
    let claim = permitted_under(&world, Proxy::Exact, 1, CENT, nonce).await;
    let permit2 = alloy_primitives::address!("000000000022D473030F116dDEE9F6B43aC78BA3");
    let (word, bit) = (U256::from_be_bytes(nonce.0) >> 8, U256::from(1) << usize::from(nonce[31]));
    let call = invalidateUnorderedNoncesCall { wordPos: word, mask: bit }.abi_encode();
    world.devnet.node().send(account(1).address(), Some(permit2), call).await.unwrap();
    world.devnet.mine(64).await.unwrap();
    assert_eq!(fault(exact(&world).settle(&claim).await), Some(Fault::Used));
    assert_eq!(world.has(SHOP).await, CENT);
}

#[tokio::test(flavor = "multi_thread")]
async fn d_04_a_permit_preempted_between_our_look_and_our_transaction_is_paid() {
    let world = World::base_sepolia().await;
    world.devnet.approve_permit2(account(1).address()).await.unwrap();
    world.devnet.set_instant(false).await.unwrap();
    let (exact, claim) = (exact(&world), permitted(&world, Proxy::Exact, 1, CENT).await);
    let payment: Payment = serde_json::from_slice(&claim.proof.kept).unwrap();
    assert!(matches!(payment.way, Way::Proxied { .. }));
    let call = calldata::submission(&payment).unwrap();
    let transaction = serde_json::json!([{
        "from": account(7).address(), "to": call.to, "data": call.data,
        "maxPriorityFeePerGas": "0x2540be400", "maxFeePerGas": "0x4a817c800", "gas": "0x61a80",
    }]);
    let ahead = async {
        while world.faults.asked("eth_sendRawTransactionSync") == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let sent: Result<String, _> = world.devnet.node().request("eth_sendTransaction", transaction).await;
        sent.unwrap();
        world.devnet.mine(1).await.unwrap();
    };
    let (outcome, ()) = tokio::join!(exact.settle(&claim), ahead);
    world.devnet.set_instant(true).await.unwrap();
    let outcome = match outcome {
        Settlement::Unknown(_) => {
            world.devnet.mine(4).await.unwrap();
            exact.lookup(&claim).await
        }
        outcome => outcome,
    };
    settled(outcome);
    // Ours reverted: its gas is the bounded loss.
    assert_eq!((world.has(SHOP).await, world.included().await), (CENT, 1));
}
