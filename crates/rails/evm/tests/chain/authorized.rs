//! EIP-3009 authorizations, moved by the seller's signer.

use alloy_primitives::{U256, keccak256};
use farthing_rail::{Settlement, Settler as _, Standing};
use farthing_rail_evm::evm::calldata;
use farthing_rail_evm::settle::{Confirmations, Rules};
use farthing_rail_evm::{Payment, Way};

use crate::support::{CENT, World, account, refusal, rules, settled};

#[tokio::test(flavor = "multi_thread")]
async fn an_authorization_moves_the_money_once_and_is_found_again() {
    let world = World::evm().await;
    let before = world.has(world.signer).await;
    let claim = world.claim(&world.authorization(1, CENT, 300).await);
    let first = settled(world.settle(&claim).await);
    assert_eq!(world.has(world.signer).await, before + CENT);
    assert!(first.consumed[0].as_str().starts_with(&format!("eip155:8453/tx/{}/", first.reference)));
    assert_eq!(settled(world.resolve(&claim).await), first);
    assert_eq!(world.included().await, 1);
    assert!(matches!(world.seller.confirm(&claim, &first).await, Standing::Provisional { .. }));
    world.devnet.mine(4).await.unwrap();
    assert_eq!(world.seller.confirm(&claim, &first).await, Standing::Final);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_authorization_in_two_payments_is_one_movement() {
    let world = World::evm().await;
    let payment = world.authorization(1, CENT, 300).await;
    // The payer's friend submits it too, and shows the hash.
    let call = calldata::submission(&payment).unwrap();
    let friend = account(2).address();
    let (ours, theirs) = (world.claim(&payment), world.devnet.node().send(friend, Some(call.to), call.data));
    let (ours_settled, theirs) = tokio::join!(world.settle(&ours), theirs);
    let ours_settled = match ours_settled {
        Settlement::Unknown(_) => world.resolve(&ours).await,
        settlement => settlement,
    };
    let ours_settled = settled(ours_settled);
    assert_eq!(world.has(account(1).address()).await, 1_000_000_000_000 - CENT);
    if let Ok(receipt) = theirs {
        let hash = receipt["transactionHash"].as_str().unwrap().parse().unwrap();
        let shown = Payment { way: Way::Shown { hash, not_before: 0 }, ..payment };
        let shown = settled(world.settle(&world.claim(&shown)).await);
        assert_eq!(shown.consumed, ours_settled.consumed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_authorization_is_refused_at_once_and_costs_nothing() {
    let world = World::evm_at_rest().await;
    let payment = world.authorization(1, CENT, 300).await;
    cancel(&world, &payment).await;
    let detail = refusal(world.settle(&world.claim(&payment)).await);
    assert!(detail.contains("cancelled"), "{detail}");
    assert_eq!(world.included().await, 0);
}

/// Where a payment needs more blocks, so does its refusal.
#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_counts_when_a_payment_would() {
    let rules = Rules { confirmations: Confirmations::always(3), finality: 50, ..rules() };
    let world = World::evm_at_rest_with(rules).await;
    let payment = world.authorization(1, CENT, 300).await;
    cancel(&world, &payment).await;
    let claim = world.claim(&payment);
    assert!(matches!(world.settle(&claim).await, Settlement::Unknown(_)));
    world.devnet.mine(1).await.unwrap();
    assert!(matches!(world.seller.lookup(&claim).await, Settlement::Unknown(_)));
    world.devnet.mine(1).await.unwrap();
    assert!(refusal(world.seller.lookup(&claim).await).contains("cancelled"));
    assert_eq!(world.included().await, 0);
}

/// The first account cancels its authorization.
async fn cancel(world: &World, payment: &Payment) {
    let Way::Authorization { from, nonce, .. } = payment.way else { panic!() };
    let typed = keccak256("CancelAuthorization(address authorizer,bytes32 nonce)");
    let signature = world.sign(1, typed, &[from.into_word(), nonce]).await;
    let selector = keccak256("cancelAuthorization(address,bytes32,uint8,bytes32,bytes32)");
    let v = U256::from(signature[64]).to_be_bytes::<32>();
    let data = [&selector[..4], from.into_word().as_slice(), nonce.as_slice(), &v, &signature[..64]].concat();
    world.devnet.node().send(from, Some(world.token.contract), data).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_balance_that_is_gone_is_refused_before_gas_is_spent() {
    let world = World::evm().await;
    let payment = world.authorization(1, 2_000_000_000_000, 300).await;
    let detail = refusal(world.settle(&world.claim(&payment)).await);
    assert!(detail.contains("want of balance"), "{detail}");
    assert_eq!(world.included().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_balance_drained_between_rehearsal_and_inclusion_delivers_nothing_and_sticks_nowhere() {
    let world = World::evm_at_rest().await;
    world.devnet.set_instant(false).await.unwrap();
    let poor = world.authorization(1, 900_000_000_000, 300).await;
    let claim = world.claim(&poor);
    // In the same block, and before ours: it pays more for gas.
    let drain = calldata::transfer(account(5).address(), U256::from(999_000_000_000_u64));
    let transaction = serde_json::json!([{
        "from": account(1).address(), "to": world.token.contract, "data": drain,
        "maxPriorityFeePerGas": "0x2540be400", "maxFeePerGas": "0x4a817c800", "gas": "0x186a0",
    }]);
    let settle = world.settle(&claim);
    let drain = async {
        while world.faults.asked("eth_sendRawTransactionSync") == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let sent: Result<String, _> = world.devnet.node().request("eth_sendTransaction", transaction).await;
        sent.unwrap();
        world.devnet.mine(1).await.unwrap();
    };
    let (settlement, ()) = tokio::join!(settle, drain);
    world.devnet.set_instant(true).await.unwrap();
    let settlement = match settlement {
        Settlement::Unknown(_) => {
            world.devnet.mine(4).await.unwrap();
            world.resolve(&claim).await
        }
        settlement => settlement,
    };
    let detail = refusal(settlement);
    assert!(detail.contains("nothing was taken"), "{detail}");
    let next = world.claim(&world.authorization(2, CENT, 300).await);
    settled(world.settle(&next).await);
    assert_eq!(world.included().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settlement_takes_no_more_than_two_round_trips() {
    let world = World::evm().await;
    settled(world.settle(&world.claim(&world.authorization(1, CENT, 300).await)).await);
    let before = world.faults.round_trips();
    settled(world.settle(&world.claim(&world.authorization(1, CENT, 300).await)).await);
    assert_eq!(world.faults.round_trips() - before, 2);
}
