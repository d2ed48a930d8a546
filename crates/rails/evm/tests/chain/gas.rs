//! What gas costs, and a signer that cannot pay it.

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
    let world = World::evm().await;
    world.devnet.set_instant(false).await.unwrap();
    let claim = world.claim(&world.authorization(1, CENT, 300).await);
    let costly = async {
        while world.faults.asked("eth_call") == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        // From here on each block costs more than the first offer, until it is raised.
        let fee = json!(["0x6fc23ac00"]);
        world.devnet.node().request::<Value>("anvil_setNextBlockBaseFeePerGas", fee).await.unwrap();
    };
    let (settlement, ()) = tokio::join!(world.settle(&claim), costly);
    assert!(!matches!(settlement, Settlement::Rejected(_)), "{settlement:?}");
    settled(world.resolve(&claim).await);
    let written = world.journal.of_purpose(8453, &Purpose::Settle(claim.payment)).await.unwrap();
    assert!(written.iter().all(|submission| submission.nonce == Some(0)), "{written:?}");
    assert_eq!(world.included().await, 1);
}
