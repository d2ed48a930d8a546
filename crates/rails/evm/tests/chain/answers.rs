//! A node that answers late, twice, or not at all.

use std::time::Duration;

use alloy_primitives::U256;
use farthing_rail::{Settlement, Settler as _};
use farthing_rail_evm::evm::calldata;
use farthing_testing_rpc::faults::Fault;

use crate::support::{CENT, World, account, endpoints, refusal, settled};

const SEND: &str = "eth_sendRawTransactionSync";

/// Settles one payment through a fault; whatever is known at once, it moved the money once, under
/// one nonce.
async fn once_through(fault: Fault) {
    let world = World::evm().await;
    let before = world.has(world.signer).await;
    world.faults.next(SEND, 1, fault);
    let claim = world.claim(&world.authorization(1, CENT, 300).await);
    let settlement = world.settle(&claim).await;
    assert!(!matches!(settlement, Settlement::Rejected(_)), "{settlement:?}");
    let first = settled(world.resolve(&claim).await);
    if let Settlement::Settled(at_once) = settlement {
        assert_eq!(at_once, first);
    }
    let second = settled(world.settle(&world.claim(&world.authorization(2, CENT, 300).await)).await);
    assert_ne!(first.consumed, second.consumed);
    assert_eq!(world.has(world.signer).await, before + 2 * CENT);
    assert_eq!(world.included().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_answer() {
    once_through(Fault::Late(Duration::from_secs(4))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_arrives_twice() {
    once_through(Fault::Twice).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_lost_after_the_node_accepted() {
    once_through(Fault::Lost).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_lost_on_its_way_is_sent_again_under_its_nonce() {
    once_through(Fault::Swallowed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_the_node_cannot_take_just_now_is_sent_again() {
    once_through(Fault::Refused { code: -32000, message: "txpool is full".into() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_left_by_a_refused_transaction_is_closed_for_those_behind_it() {
    let world = World::evm().await;
    world.faults.next(SEND, 1, Fault::Refused { code: -32000, message: "no".into() });
    world.faults.next("eth_sendRawTransaction", 2, Fault::Refused { code: -32000, message: "no".into() });
    let doomed = world.claim(&world.authorization(1, CENT, 300).await);
    let behind = world.claim(&world.authorization(2, CENT, 300).await);
    let (first, second) = tokio::join!(world.settle(&doomed), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        world.settle(&behind).await
    });
    assert!(!matches!(second, Settlement::Rejected(_)), "{second:?}");
    settled(world.resolve(&behind).await);
    assert!(!matches!(first, Settlement::Rejected(_)), "nobody can know that yet: {first:?}");
    world.devnet.mine(5).await.unwrap();
    // Either the first was taken in the end or its place was filled; nothing is left in between.
    match world.resolve(&doomed).await {
        Settlement::Settled(_) => {}
        settlement => drop(refusal(settlement)),
    }
    assert_eq!(world.included().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_the_journal_and_the_broadcast_loses_nothing() {
    let world = World::evm().await;
    world.faults.next(SEND, 1, Fault::Swallowed);
    world.faults.next("eth_sendRawTransaction", 1000, Fault::Swallowed);
    let claim = world.claim(&world.authorization(1, CENT, 300).await);
    assert!(matches!(world.settle(&claim).await, Settlement::Unknown(_)));
    assert_eq!(world.included().await, 0);
    let world = world.restart().await;
    world.faults.heal("eth_sendRawTransaction");
    settled(world.resolve(&claim).await);
    settled(world.settle(&world.claim(&world.authorization(2, CENT, 300).await)).await);
    assert_eq!(world.included().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_written_down_was_never_sent() {
    let world = World::evm().await;
    let claim = world.claim(&world.authorization(1, CENT, 300).await);
    assert!(refusal(world.seller.lookup(&claim).await).contains("nothing was sent"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_of_another_chain_is_never_sent() {
    let world = World::evm().await;
    let mut payment = world.authorization(1, CENT, 300).await;
    payment.chain = 1;
    let detail = refusal(world.settle(&world.claim(&payment)).await);
    assert!(detail.contains("chain 1"), "{detail}");
    assert_eq!(world.faults.asked(SEND), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_disagree_are_not_believed() {
    let world = World::evm().await;
    let claim = world.claim(&world.authorization(1, CENT, 300).await);
    let hash = settled(world.settle(&claim).await).reference.parse().unwrap();
    let both = endpoints(&[world.devnet.rpc().to_owned(), world.faults.url()], 2);
    assert!(both.receipt(hash).await.unwrap().is_some());
    world.faults.next("eth_getTransactionReceipt", 1, Fault::Refused { code: -32000, message: "no".into() });
    let error = both.receipt(hash).await.unwrap_err().to_string();
    assert!(error.contains("only 1 say the same"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_goes_on_to_the_next_node() {
    let world = World::evm().await;
    let gone = "http://user:secret@127.0.0.1:9/key".to_owned();
    let two = endpoints(&[gone.clone(), world.devnet.rpc().to_owned()], 1);
    assert!(two.block(farthing_rail_evm::rpc::At::Latest).await.unwrap().is_some());
    let alone = endpoints(&[gone], 1);
    let error = alone.block(farthing_rail_evm::rpc::At::Latest).await.unwrap_err();
    assert!(!error.may_have_arrived());
    assert!(!format!("{error} {error:?} {alone:?}").contains("secret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signer_that_somebody_else_uses_too_finds_its_place_again() {
    let world = World::evm().await;
    settled(world.settle(&world.claim(&world.authorization(1, CENT, 300).await)).await);
    let transfer = calldata::transfer(account(5).address(), U256::from(1));
    world.devnet.node().send(world.signer, Some(world.token.contract), transfer).await.unwrap();
    let crossed = world.claim(&world.authorization(2, CENT, 300).await);
    let outcome = world.settle(&crossed).await;
    assert!(!matches!(outcome, Settlement::Rejected(_)), "nobody can know that yet: {outcome:?}");
    settled(world.settle(&world.claim(&world.authorization(3, CENT, 300).await)).await);
    world.devnet.mine(4).await.unwrap();
    assert!(refusal(world.resolve(&crossed).await).contains("nothing was taken"));
    assert_eq!(world.included().await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_the_waiting_method_is_asked_in_the_old_way() {
    let world = World::evm().await;
    world.faults.next(SEND, 1, Fault::Refused { code: -32601, message: "Method not found".into() });
    for _ in 0..2 {
        settled(world.settle(&world.claim(&world.authorization(1, CENT, 300).await)).await);
    }
    assert_eq!((world.faults.asked(SEND), world.faults.asked("eth_sendRawTransaction")), (1, 2));
}
