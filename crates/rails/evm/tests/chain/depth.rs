//! How deep is deep enough, and which chain it is.

use std::time::Duration;

use farthing_money::Amount;
use farthing_rail::{Settlement, Settler as _};
use farthing_rail_evm::settle::{Confirmations, Rules, Step};
use farthing_testing_rpc::faults::Fault;

use crate::support::{CENT, World, refusal, rules, settled};

#[tokio::test(flavor = "multi_thread")]
async fn a_larger_payment_waits_for_more_blocks() {
    let step = Step { below: Amount::new(CENT + 1), blocks: 1 };
    let confirmations = Confirmations::by_amount(vec![step], 4);
    let rules = Rules { confirmations, patience: Duration::from_millis(100), ..rules() };
    let world = World::evm_with(rules).await;
    settled(world.settle(&world.claim(&world.authorization(1, CENT, 300).await)).await);
    let large = world.claim(&world.authorization(1, 2 * CENT, 300).await);
    assert!(matches!(world.settle(&large).await, Settlement::Unknown(_)));
    world.devnet.mine(4).await.unwrap();
    settled(world.seller.lookup(&large).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_another_chain_is_never_written_to() {
    let world = World::evm_at_rest().await;
    let mut payment = world.authorization(1, CENT, 300).await;
    payment.chain = 1;
    let misled = world.seller_for_chain(1);
    let detail = misled.settle(&world.claim(&payment)).await;
    assert!(format!("{detail:?}").contains("on chain 8453, not 1"), "{detail:?}");
    assert!(refusal(detail).contains("nothing was taken"));
    assert_eq!(world.faults.asked("eth_sendRawTransactionSync"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inclusion_that_only_one_of_two_nodes_shows_is_not_believed_yet() {
    let world = World::evm().await.with_a_second_opinion();
    settled(world.settle(&world.claim(&world.authorization(1, CENT, 300).await)).await);
    let behind = Fault::Refused { code: -32000, message: "this node is behind".into() };
    world.faults.next("eth_getTransactionReceipt", 1000, behind);
    let claim = world.claim(&world.authorization(1, CENT, 300).await);
    assert!(matches!(world.settle(&claim).await, Settlement::Unknown(_)));
    assert!(matches!(world.seller.lookup(&claim).await, Settlement::Unknown(_)));
    world.faults.heal("eth_getTransactionReceipt");
    settled(world.resolve(&claim).await);
}
