//! Transactions that payers say to have sent.

use alloy_primitives::{B256, U256};
use farthing_rail_evm::evm::calldata;
use farthing_rail_evm::{Payment, Way};

use crate::support::{CENT, World, account, refusal, seconds, settled};

#[tokio::test(flavor = "multi_thread")]
async fn only_a_payers_own_recent_transaction_counts() {
    let world = World::evm().await;
    let payer = account(1).address();
    let transfer = calldata::transfer(world.signer, U256::from(CENT));
    let receipt = world.devnet.node().send(payer, Some(world.token.contract), transfer).await.unwrap();
    let hash: B256 = receipt["transactionHash"].as_str().unwrap().parse().unwrap();
    let template = world.authorization(1, CENT, 300).await;
    let shown = |hash, not_before| Payment { way: Way::Shown { hash, not_before }, ..template.clone() };

    let outcome = settled(world.settle(&world.claim(&shown(hash, seconds() - 60))).await);
    assert_eq!(outcome.consumed[0].as_str(), format!("eip155:8453/tx/{hash}/0"));

    let old = refusal(world.settle(&world.claim(&shown(hash, seconds() + 60))).await);
    assert!(old.contains("older than the challenge"), "{old}");

    let of_another = Payment { payer: Some(account(2).address()), ..shown(hash, 0) };
    let of_another = refusal(world.settle(&world.claim(&of_another)).await);
    assert!(of_another.contains("does not come from"), "{of_another}");

    let unseen = refusal(world.settle(&world.claim(&shown(B256::repeat_byte(7), 0))).await);
    assert!(unseen.contains("does not show"), "{unseen}");

    let ours = settled(world.settle(&world.claim(&template)).await).reference.parse().unwrap();
    let ours = refusal(world.settle(&world.claim(&shown(ours, 0))).await);
    assert!(ours.contains("sent by the seller"), "{ours}");
}
