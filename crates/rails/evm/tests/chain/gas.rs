//! What gas costs, and a signer that cannot pay it.

use std::time::Duration;

use alloy_primitives::U256;
use farthing_rail::Settlement;
use farthing_rail_evm::settle::journal::Purpose;
use serde_json::{Value, json};

use crate::support::{CENT, World, refusal, settled};

#[tokio::test(flavor = "multi_thread")]
async fn a_starved_signer_refuses_and_goes_on_when_it_is_fed() {
    let world = World::evm().await;
    world.devnet.set_gas(world.signer, U256::from(1)).await.unwrap();
    let claim = world.claim(&world.authorization(1, CENT, 300).await);
    assert!(refusal(world.settle(&claim).await).contains("nothing was taken"));
    let written = world.journal.of_purpose(8453, &Purpose::Settle(claim.payment)).await.unwrap();
    assert_eq!(written, []);
    world.devnet.set_gas(world.signer, U256::from(10_u128.pow(18))).await.unwrap();
    settled(world.settle(&world.claim(&world.authorization(1, CENT, 300).await)).await);
    assert_eq!(world.included().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_offers_too_little_is_replaced_under_its_nonce() {
    let world = World::evm_at_rest().await;
    world.devnet.set_instant(false).await.unwrap();
    let claim = world.claim(&world.authorization(1, CENT, 300).await);
    let dearer = async {
        while world.faults.asked("eth_sendRawTransactionSync") == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // Thirty gwei, ten times what was offered.
        let fee = json!(["0x6fc23ac00"]);
        world.devnet.node().request::<Value>("anvil_setNextBlockBaseFeePerGas", fee).await.unwrap();
        world.devnet.mine(1).await.unwrap();
    };
    let (settlement, ()) = tokio::join!(world.settle(&claim), dearer);
    assert!(matches!(settlement, Settlement::Unknown(_)), "{settlement:?}");
    assert_eq!(world.included().await, 0);
    let written = loop {
        let written = world.journal.of_purpose(8453, &Purpose::Settle(claim.payment)).await.unwrap();
        if written.len() > 1 {
            break written;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(written.iter().all(|submission| submission.nonce == Some(0)), "{written:?}");
    world.devnet.set_instant(true).await.unwrap();
    world.devnet.mine(1).await.unwrap();
    let settled = settled(world.resolve(&claim).await);
    assert_ne!(settled.reference, written[0].hash.to_string());
    assert_eq!(world.included().await, 1);
}
