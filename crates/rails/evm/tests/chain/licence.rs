//! A process that others may have taken for dead.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use farthing_rail::{Licence, Settlement, Settler as _};

use crate::support::{CENT, World, settled};

/// How a transaction is sent that was sent before.
const AGAIN: &str = "eth_sendRawTransaction";

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_or_written_down_while_another_may_send_from_the_account() {
    let world = World::evm_at_rest().await;
    let may_send = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&may_send);
    let seller = world.seller_while(Licence::while_(move || asked.load(Ordering::SeqCst)));
    let claim = world.claim(&world.authorization(1, CENT, 300).await);
    assert!(matches!(seller.settle(&claim).await, Settlement::Unknown(_)));
    assert_eq!(world.included().await, 0);

    may_send.store(true, Ordering::SeqCst);
    settled(seller.settle(&claim).await);
    assert_eq!(world.included().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_on_its_way_is_not_sent_again_while_another_may_send_from_the_account() {
    let world = World::evm_at_rest().await;
    world.devnet.set_instant(false).await.unwrap();
    let may_send = Arc::new(AtomicBool::new(true));
    let asked = Arc::clone(&may_send);
    let seller = world.seller_while(Licence::while_(move || asked.load(Ordering::SeqCst)));
    let claim = world.claim(&world.authorization(1, CENT, 300).await);
    assert!(matches!(seller.settle(&claim).await, Settlement::Unknown(_)), "no block comes");
    may_send.store(false, Ordering::SeqCst);
    // What was begun before ends.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let sent = world.faults.asked(AGAIN);
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(world.faults.asked(AGAIN), sent);
    may_send.store(true, Ordering::SeqCst);
    while world.faults.asked(AGAIN) == sent {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
